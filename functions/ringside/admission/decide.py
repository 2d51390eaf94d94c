"""Who is let in, decided and counted: the policy's questions, answered from the record, exactly.

A place is a member of a set, taken by one conditional write, so a limit of 20 never lets 21 in. A call
that ends gives its places back. One that crashed on the way to that is found out by the sweeper, and mostly
before, by whoever finds the set full.

What is limited is counted for every call: also one that an earlier rule let in has its place.
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

LOOKED_AT = 4
"""Calls of a full set that are looked up to find one that is over: a caller who is rejected shall not wait for more."""

STACK = f"{LIVE}stack"


def _live(agent: str) -> str:
    return f"{LIVE}agent#{agent}"


def needs_counting(rules: Iterable[Rule], count_the_stack: bool) -> bool:
    """Whether a call under these rules has to be counted to be decided, or for the limits of other agents."""
    return policy.needs_counting(rules) or count_the_stack


@dataclass
class Admission:
    """The decision on one call. `places`: where it has taken one; a rejected call has given them back."""

    counters: Counters
    agent: str  # its name
    rules: Sequence[Rule]
    is_open: bool  # by the agent's opening hours, when the call began
    call_id: str
    caller: str | None
    at: float  # Unix seconds: when the call began
    count_the_stack: bool = False  # some agent limits the calls of the whole deployment
    dry: bool = False  # only look, take nothing
    attested: Attested = "none"  # of the caller's number
    places: list[str] = field(default_factory=list)

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
            give_back(self.counters, self.call_id, self.places)
            self.places = []
        else:
            self._join()
        return decision

    def _join(self) -> None:
        """An accepted call is a live call, whichever rule let it in: the limits that others meet include it."""
        wanted = [_live(self.agent)] if policy.counts(self.rules, "agent") else []
        wanted += [STACK] if self.count_the_stack else []
        for key in wanted:
            if key not in self.places:
                self.counters.join(key, self.call_id, self.at)
                self.places.append(key)

    def _is_reached(self, question: Question) -> bool:
        match question.about:
            case "monitors":
                return self.counters.free_slots(self.at) <= 0
            case "spent":
                return self.counters.spent(self.agent, self.at) >= question.most
            case "caller":
                since = self.at - question.seconds
                # A set for each span: what is too old for a short one still counts for a long one.
                key = f"caller#{self.agent}#{question.seconds:.0f}#{self.caller or ANONYMOUS}"
                member = f"{self.at:.3f}#{self.call_id}"

                def outdated(members: set[str]) -> set[str]:
                    times = {other: float(other.partition("#")[0]) for other in members}
                    # Looking back, what came afterwards does not count either.
                    return {other for other, at in times.items() if at <= since or (self.dry and at > self.at)}

                return self._is_full(key, member, question.most, outdated)
            case about:
                key = STACK if about == "stack" else _live(self.agent)
                return self._is_full(key, self.call_id, question.most, self._finished)

    def _finished(self, call_ids: set[str]) -> set[str]:
        """Calls that are over, among some of these."""
        looked_at = len(call_ids) if self.dry else min(len(call_ids), LOOKED_AT)
        return self.counters.finished(set(random.sample(sorted(call_ids), looked_at)))

    def _is_full(self, key: str, member: str, most: float, stale: Callable[[set[str]], set[str]]) -> bool:
        if self.dry or key in self.places:  # it has its place by an earlier, more generous rule
            others = self.counters.places(key) - {member}
            return len(others) >= most and len(others - stale(others)) >= most
        if not self.counters.take_place(key, member, int(most), stale, self.at):
            return True
        self.places.append(key)
        return False


def give_back(counters: Counters, call_id: str, places: list[str]) -> None:
    """The call is over, or was not let in: others may have its places. That its caller has called stays true."""
    counters.give_back([key for key in places if key.startswith(LIVE)], call_id)


def give_back_lost(counters: Counters, agents: Iterable[str], open_calls: Collection[str]) -> int:
    """Give back the places of calls that are over, and whose monitor did not live to do it; returns how many.

    `open_calls`: those that are known not to be over, so that they need not be looked up.
    """
    lost = 0
    for key in (STACK, *(_live(agent) for agent in agents)):
        gone = counters.finished(counters.places(key) - set(open_calls))
        counters.drop(key, gone)
        lost += len(gone)
    return lost
