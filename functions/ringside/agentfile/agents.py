"""All agents of a deployment, found by name or by the number that was dialled. Pure."""

from collections.abc import Iterator, Mapping

from ringside.admission import policy
from ringside.agentfile.agent import DEFAULT, Agent


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
