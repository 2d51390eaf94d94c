"""Who is let in, decided and counted: the policy's questions, answered from the record, exactly.

A reservation and the count of its kind are written in one transaction, so a limit of 20 never lets 21 in. The write
that ends a call gives its reservations back. Those of a call that crashed before its end could be written are found by
the sweeper, and perhaps earlier, by a call that finds no place.

Whatever has a limit is counted for every call, including those that an earlier rule let in.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from ringside.admission import policy
from ringside.admission.rules import Call, Question, Rule
from ringside.aws.counters import Counters
from ringside.aws.reservations import LIVE, is_live
from ringside.calls import ANONYMOUS
from ringside.sip.attestation import Attested

MAX_LOOKUPS = 4
"""Calls that hold a reservation and are looked up to find one that is over: a rejected caller must not wait longer."""

STACK = f"{LIVE}stack"


def _live(agent: str) -> str:
    return f"{LIVE}agent#{agent}"


def needs_counting(rules: Iterable[Rule], count_the_stack: bool) -> bool:
    """Whether a call under these rules has to be counted, for its own decision or for the limits of other agents."""
    return policy.needs_counting(rules) or count_the_stack


@dataclass
class Admission:
    """The decision on one call. `reservations`: the keys under which it holds one; none once it is rejected."""

    counters: Counters
    agent: str  # its name
    rules: Sequence[Rule]
    is_open: bool  # by the agent's opening hours, when the call began
    call_id: str
    caller: str | None
    at: float  # Unix seconds: when the call began
    count_the_stack: bool = False  # some agent limits the calls of the whole deployment
    dry: bool = False  # only look, reserve nothing
    attested: Attested = "none"  # of the caller's number
    reservations: list[str] = field(default_factory=list)

    def decide(self) -> policy.Decision:
        """Run the agent's rules, counting where they ask for it."""
        call = Call(self.caller, self.is_open, self.attested)
        deciding = policy.decide(self.rules, call)
        try:
            question = next(deciding)
            while True:
                question = deciding.send(self._is_reached(question))
        except StopIteration as stop:
            decision: policy.Decision = stop.value
        if self.dry:
            return decision
        if decision.verdict == "reject":
            for key in filter(is_live, self.reservations):  # that its caller has called stays counted
                self.counters.give_back(key, self.call_id)
            self.reservations = []
        else:
            self._reserve_for_others()
        return decision

    def _reserve_for_others(self) -> None:
        """An accepted call is a live call, whichever rule let it in: it counts for the limits that others meet."""
        wanted = [_live(self.agent)] if policy.counts(self.rules, "agent") else []
        wanted += [STACK] if self.count_the_stack else []
        for key in wanted:
            if key not in self.reservations:
                self.counters.reserve_live(key, self.call_id, None, self.at)
                self.reservations.append(key)

    def _is_reached(self, question: Question) -> bool:
        match question.about:
            case "monitors":
                return self.counters.free_slots(self.at) <= 0
            case "spent":
                return self.counters.spent(self.agent, self.at) >= question.limit
            case "caller":
                return self._has_called_too_often(question)
            case about:
                return self._is_full(STACK if about == "stack" else _live(self.agent), int(question.limit))

    def _has_called_too_often(self, question: Question) -> bool:
        since = self.at - question.seconds
        # A set for each span: what is too old for a short one still counts for a long one.
        key = f"caller#{self.agent}#{question.seconds:.0f}#{self.caller or ANONYMOUS}"
        member, limit = f"{self.at:.3f}#{self.call_id}", int(question.limit)

        def outdated(members: set[str]) -> set[str]:
            times = {other: float(other.partition("#")[0]) for other in members}
            # When looking at the past, calls that came later do not count either.
            return {other for other, at in times.items() if at <= since or (self.dry and at > self.at)}

        if self.dry or key in self.reservations:  # counted for an earlier, more generous rule
            others = self.counters.callers_calls(key) - {member}
            return len(others - outdated(others)) >= limit
        if not self.counters.count_caller(key, member, limit, outdated, self.at):
            return True
        self.reservations.append(key)
        return False

    def _is_full(self, key: str, limit: int) -> bool:
        if self.dry or key in self.reservations:  # reserved for an earlier, more generous rule
            others = self.counters.held(key) - self.counters.holds(key, self.call_id)
            return others >= limit and others - len(self._finished(key, None if self.dry else MAX_LOOKUPS)) >= limit
        if not self.counters.reserve_live(key, self.call_id, limit, self.at):
            gone = self._finished(key, MAX_LOOKUPS) if limit > 0 else set()
            for other in gone:
                self.counters.give_back(key, other)
            if not gone or not self.counters.reserve_live(key, self.call_id, limit, self.at):
                return True
        self.reservations.append(key)
        return False

    def _finished(self, key: str, most: int | None) -> set[str]:
        """Calls that hold a reservation though they are over, among so many that are looked up."""
        return self.counters.finished(self.counters.holders(key, most) - {self.call_id})


def release_orphaned_reservations(counters: Counters, agents: Iterable[str], open_calls: Collection[str]) -> int:
    """Give back the reservations of calls whose monitor died before it could; returns how many.

    `open_calls`: those known not to be over, so that they need no lookup.
    """
    orphaned = 0
    for key in (STACK, *(_live(agent) for agent in agents)):
        gone = counters.finished(counters.holders(key) - set(open_calls))
        for call_id in gone:
            counters.give_back(key, call_id)
        orphaned += len(gone)
    return orphaned
