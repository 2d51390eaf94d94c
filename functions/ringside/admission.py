"""Who is let in, decided and counted: the policy's questions, answered from the record, exactly.

A place is a member of a set, taken by one conditional write, so a limit of 20 never lets 21 in. A call
that ends gives its places back; one that crashed on the way is found out when the set is full.

What is limited is counted for every call: also one that an earlier rule let in has its place.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from ringside import policy
from ringside.agents import Agent, Agents
from ringside.counting import Counting

LIVE = "live#"


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
        wanted = [self._live("agent")] if policy.counts(self.agent.admission, "agent") else []
        wanted += [self._live("stack")] if self.count_the_stack else []
        for key in wanted:
            if key not in self.places:
                self.counting.join(key, self.call_id, self.at)
                self.places.append(key)

    def _live(self, about: str) -> str:
        return f"{LIVE}agent#{self.agent.name}" if about == "agent" else f"{LIVE}stack"

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
                return self._is_full(self._live(about), self.call_id, question.most, self.counting.finished)

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
