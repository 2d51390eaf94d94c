"""Who is let in, decided and counted: the policy's questions, answered from the record, exactly.

A reservation is a member of a set, added by one conditional write, so a limit of 20 never lets 21 in. A call
that ends releases its reservations. Those of a call that crashed before it could are found by the sweeper, and
usually earlier, by the next call that finds the set full.

Whatever has a limit is counted for every call, including those that an earlier rule let in.
"""

import random
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field

from ringside.admission import policy
from ringside.admission.rules import Call, Question, Rule
from ringside.aws.counters import Counters
from ringside.calls import ANONYMOUS
from ringside.sip.attestation import Attested

LIVE = "live#"

MAX_LOOKUPS = 4
"""Calls of a full set that are looked up to find one that is over: a rejected caller must not wait longer."""

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
            release_reservations(self.counters, self.call_id, self.reservations)
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
                self.counters.reserve_beyond_limit(key, self.call_id, self.at)
                self.reservations.append(key)

    def _is_reached(self, question: Question) -> bool:
        match question.about:
            case "monitors":
                return self.counters.free_slots(self.at) <= 0
            case "spent":
                return self.counters.spent(self.agent, self.at) >= question.limit
            case "caller":
                since = self.at - question.seconds
                # A set for each span: what is too old for a short one still counts for a long one.
                key = f"caller#{self.agent}#{question.seconds:.0f}#{self.caller or ANONYMOUS}"
                member = f"{self.at:.3f}#{self.call_id}"

                def outdated(members: set[str]) -> set[str]:
                    times = {other: float(other.partition("#")[0]) for other in members}
                    # When looking at the past, calls that came later do not count either.
                    return {other for other, at in times.items() if at <= since or (self.dry and at > self.at)}

                return self._is_full(key, member, question.limit, outdated)
            case about:
                key = STACK if about == "stack" else _live(self.agent)
                return self._is_full(key, self.call_id, question.limit, self._finished)

    def _finished(self, call_ids: set[str]) -> set[str]:
        """Some of these calls that are over."""
        lookups = len(call_ids) if self.dry else min(len(call_ids), MAX_LOOKUPS)
        return self.counters.finished(set(random.sample(sorted(call_ids), lookups)))

    def _is_full(self, key: str, member: str, limit: float, stale: Callable[[set[str]], set[str]]) -> bool:
        if self.dry or key in self.reservations:  # reserved for an earlier, more generous rule
            others = self.counters.reservations(key) - {member}
            return len(others) >= limit and len(others - stale(others)) >= limit
        if not self.counters.reserve(key, member, int(limit), stale, self.at):
            return True
        self.reservations.append(key)
        return False


def release_reservations(counters: Counters, call_id: str, reservations: Iterable[str]) -> None:
    """The call is over, or was not let in: its slots are free again. That its caller has called stays counted."""
    for key in reservations:
        if key.startswith(LIVE):
            counters.release(key, {call_id})


def release_orphaned_reservations(counters: Counters, agents: Iterable[str], open_calls: Collection[str]) -> int:
    """Release the reservations of calls whose monitor died before it could; returns how many.

    `open_calls`: those known not to be over, so that they need no lookup.
    """
    orphaned = 0
    for key in (STACK, *(_live(agent) for agent in agents)):
        gone = counters.finished(counters.reservations(key) - set(open_calls))
        counters.release(key, gone)
        orphaned += len(gone)
    return orphaned
