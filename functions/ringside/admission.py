"""Who is let in, decided and counted: the policy's questions, answered from the record, exactly.

A place is a member of a set, taken by one conditional write, so a limit of 20 never lets 21 in. A call
that ends gives its places back. One that crashed on the way to that is found out by the sweeper, and mostly
before, by whoever finds the set full.

What is limited is counted for every call: also one that an earlier rule let in has its place.
"""

import random
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from ringside import policy
from ringside.agents import Agent, Agents
from ringside.counting import Counting

LIVE = "live#"

LOOKED_AT = 4
"""Calls of a full set that are looked up to find one that is over: a caller who is rejected shall not wait for more."""

STACK = f"{LIVE}stack"


def _live(agent: Agent) -> str:
    return f"{LIVE}agent#{agent.name}"


def needs_counting(agent: Agent, agents: Agents) -> bool:
    """Whether a call of this agent has to be counted to be decided, or for the limits of the others."""
    return policy.needs_counting(agent.admission) or agents.count_the_stack


@dataclass
class Admission:
    """The decision on one call. `places`: where it has taken one; a rejected call has given them back."""

    counting: Counting
    agent: Agent
    call_id: str
    caller: str | None
    at: float  # Unix seconds: when the call began
    count_the_stack: bool = False  # some agent limits the calls of the whole deployment
    dry: bool = False  # only look, take nothing
    places: list[str] = field(default_factory=list)

    def decide(self) -> policy.Decision:
        """Run the agent's rules, counting where they ask for it."""
        call = policy.Call(self.caller, self.agent.is_open(self.at))
        deciding = policy.decide(self.agent.admission, call)
        try:
            question = next(deciding)
            while True:
                question = deciding.send(self._is_reached(question))
        except StopIteration as stop:
            decision: policy.Decision = stop.value
        if self.dry:
            return decision
        if decision.verdict == "reject":
            give_back(self.counting, self.call_id, self.places)
            self.places = []
        else:
            self._join()
        return decision

    def _join(self) -> None:
        """An accepted call is a live call, whichever rule let it in: the limits that others meet include it."""
        wanted = [_live(self.agent)] if policy.counts(self.agent.admission, "agent") else []
        wanted += [STACK] if self.count_the_stack else []
        for key in wanted:
            if key not in self.places:
                self.counting.join(key, self.call_id, self.at)
                self.places.append(key)

    def _is_reached(self, question: policy.Question) -> bool:
        match question.about:
            case "monitors":
                return self.counting.free_slots(self.at) <= 0
            case "spent":
                return self.counting.spent(self.agent.name, self.at) >= question.most
            case "caller":
                since = self.at - question.seconds
                # A set for each span: what is too old for a short one still counts for a long one.
                key = f"caller#{self.agent.name}#{question.seconds:.0f}#{self.caller or policy.ANONYMOUS}"
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
        return self.counting.finished(set(random.sample(sorted(call_ids), looked_at)))

    def _is_full(self, key: str, member: str, most: float, stale: Callable[[set[str]], set[str]]) -> bool:
        if self.dry or key in self.places:  # it has its place by an earlier, more generous rule
            others = self.counting.places(key) - {member}
            return len(others) >= most and len(others - stale(others)) >= most
        if not self.counting.take_place(key, member, int(most), stale, self.at):
            return True
        self.places.append(key)
        return False


def give_back(counting: Counting, call_id: str, places: list[str]) -> None:
    """The call is over, or was not let in: others may have its places. That its caller has called stays true."""
    counting.give_back([key for key in places if key.startswith(LIVE)], call_id)


def give_back_lost(counting: Counting, agents: Agents, open_calls: Collection[str]) -> int:
    """Give back the places of calls that are over, and whose monitor did not live to do it; returns how many.

    `open_calls`: those that are known not to be over, so that they need not be looked up.
    """
    lost = 0
    for key in (STACK, *(_live(agent) for agent in agents)):
        gone = counting.finished(counting.places(key) - set(open_calls))
        counting.drop(key, gone)
        lost += len(gone)
    return lost
