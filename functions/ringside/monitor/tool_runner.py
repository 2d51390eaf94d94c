"""Who runs the agents' tools for the monitor."""

from collections.abc import Mapping
from typing import Protocol

from ringside.agentfile.agent import Agent
from ringside.conversation import builtin_tools
from ringside.conversation.events import ToolFinished
from ringside.tools import runner
from ringside.tools.definition import CallContext, Tool


class ToolRunner(Protocol):
    def is_repeatable(self, agent: Agent, name: str) -> bool:
        """Whether the tool may be run again when it is not known whether it was run."""
        ...

    async def run(self, agent: Agent, name: str, arguments: str, context: CallContext) -> ToolFinished:
        """Run a tool of this agent within its limit. Never raises; `arguments` are JSON as the model wrote it."""
        ...


class InProcessTools:
    """Runs tools in threads of this process. `tools` by name; `lambda_tools` by the agent's and the tool's name."""

    def __init__(self, tools: Mapping[str, Tool], lambda_tools: Mapping[tuple[str, str], Tool]) -> None:
        self._tools = tools
        self._lambda_tools = lambda_tools

    def is_repeatable(self, agent: Agent, name: str) -> bool:
        tool = self._tools_of(agent).get(name)
        return tool is not None and tool.options.repeatable

    async def run(self, agent: Agent, name: str, arguments: str, context: CallContext) -> ToolFinished:
        tools, limit = self._tools_of(agent), agent.limits.tool_seconds
        others = builtin_tools.NAMES.intersection(agent.tools)
        return await runner.run(tools, context.tool_call_id, name, arguments, limit, context, others)

    def _tools_of(self, agent: Agent) -> dict[str, Tool]:
        """What this agent may use: a function that it does not name does not exist for it."""
        own = {entry.name: self._lambda_tools[agent.name, entry.name] for entry in agent.lambda_tools}
        return own | {name: tool for name, tool in self._tools.items() if name in agent.tools}
