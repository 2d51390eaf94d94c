"""All agents of a deployment, found by name or by the number that was dialled. Pure."""

from collections.abc import Iterator, Mapping, Sequence

from ringside import phone_numbers
from ringside.admission import policy
from ringside.agentfile.agent import DEFAULT, Agent
from ringside.sip.parties import Dialled


class Agents:
    """All agents of a deployment."""

    def __init__(self, agents: Mapping[str, Agent]) -> None:
        self._by_name = dict(agents)
        self._by_number = {number: agent for agent in agents.values() for number in agent.answers}
        self.count_the_stack = any(policy.counts(agent.admission, "stack") for agent in agents.values())
        """Whether any agent limits the calls of the whole deployment: then every agent's calls are counted."""

    def __iter__(self) -> Iterator[Agent]:
        return iter(self._by_name.values())

    def named(self, name: str) -> Agent | None:
        return self._by_name.get(name)

    def answering(self, dialled: str | None) -> Agent | None:
        """The agent for this number, else the one that answers "default", else None."""
        return self._by_number.get(dialled or "") or self._by_number.get(DEFAULT)

    def answers(self, number: str) -> bool:
        """Whether an agent names this number."""
        return number in self._by_number

    def route(self, candidates: Sequence[Dialled]) -> tuple[Agent | None, str | None]:
        """The agent and the number that was dialled: the first candidate that an agent answers.

        Else the agent that answers "default", and the first candidate that is a number; both None where nothing is.
        Plain digits are a number that an agent answers if it is written so without its plus, or in its country.
        """
        for candidate in candidates:
            number = candidate.e164 or self._written_as(candidate.digits)
            if number in self._by_number and number is not None:
                return self._by_number[number], number
        first = next((candidate.e164 for candidate in candidates if candidate.e164), None)
        return self._by_number.get(DEFAULT), first

    def _written_as(self, digits: str) -> str | None:
        answers = (number for number in self._by_number if number != DEFAULT)
        return next((number for number in answers if phone_numbers.is_same(digits, number)), None)
