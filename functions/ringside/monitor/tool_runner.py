"""Who runs the agents' tools for the monitor."""

from collections.abc import Mapping
from typing import Protocol

from ringside.agentfile.agent import Agent
from ringside.agentfile.tool_keys import key, visible
from ringside.conversation import builtin_tools
from ringside.conversation.events import ToolFinished
from ringside.monitor.tool_workers import ToolWorkers
from ringside.tools import runner
from ringside.tools.definition import CallContext, Options, Tool


class ToolRunner(Protocol):
    def is_repeatable(self, agent: Agent, name: str) -> bool:
        """Whether the tool may be run again when it is not known whether it was run."""
        ...

    async def run(self, agent: Agent, name: str, arguments: str, context: CallContext) -> ToolFinished:
        """Run a tool of this agent within its limit. Never raises; `arguments` are JSON as the model wrote it."""
        ...

    def close(self) -> None:
        """Nothing is run any more."""
        ...


class AgentTools:
    """Runs the agents' functions in a process beside this one, and Lambda functions from threads of this one.

    `options`: how each of the former is run, by its key; `lambda_tools` by the agent's and the tool's name.
    """

    def __init__(
        self,
        options: Mapping[str, Options],
        workers: ToolWorkers,
        lambda_tools: Mapping[tuple[str, str], Tool],
    ) -> None:
        self._options = options
        self._workers = workers
        self._lambda_tools = lambda_tools

    def is_repeatable(self, agent: Agent, name: str) -> bool:
        tool = self._lambda_tools.get((agent.name, name))
        options = tool.options if tool is not None else self._options.get(self._key(agent, name))
        return options is not None and options.repeatable

    async def run(self, agent: Agent, name: str, arguments: str, context: CallContext) -> ToolFinished:
        limit = agent.limits.tool_seconds
        known = self._key(agent, name)
        if known in self._options:
            return await self._workers.run(known, self._options[known], arguments, limit, context)
        own = {tool: function for (owner, tool), function in self._lambda_tools.items() if owner == agent.name}
        others = (visible(agent.name, self._options).keys() | builtin_tools.NAMES).intersection(agent.tools)
        return await runner.run(own, context.tool_call_id, name, arguments, limit, context, others)

    def close(self) -> None:
        self._workers.close()

    def _key(self, agent: Agent, name: str) -> str:
        """Of a function that this agent may use: one that it does not name does not exist for it."""
        if name not in agent.tools:
            return ""
        own = key(agent.name, name)
        return own if own in self._options else name
