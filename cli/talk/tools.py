"""The agent's real tools, run in this process: whoever writes one wants its print, its debugger and its traceback."""

import logging
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from ringside.agentfile.agent import Agent
from ringside.agentfile.tool_keys import visible
from ringside.conversation import builtin_tools
from ringside.conversation.events import ToolFinished
from ringside.tools import lambda_tools, runner
from ringside.tools.definition import CallContext, Tool


class OwnTools:
    """The functions of the agent's files, and its Lambda functions with the credentials of this terminal.

    `lambda_client`: made when an agent that has Lambda tools uses one.
    """

    def __init__(self, agent: Agent, tools: Mapping[str, Tool], lambda_client: Callable[[], Any]) -> None:
        self._agent = agent
        own = visible(agent.name, tools)
        self._functions = {name: own[name] for name in agent.tools if name in own}
        self._lambda_client = lambda_client

    def is_repeatable(self, agent: Agent, name: str) -> bool:
        tool = self._functions.get(name)
        return tool is not None and tool.options.repeatable

    async def run(self, agent: Agent, name: str, arguments: str, context: CallContext) -> ToolFinished:
        tools = self._functions
        if any(entry.name == name for entry in agent.lambda_tools):
            tools = self._lambda_tools
        others = {*self._functions, *(entry.name for entry in agent.lambda_tools)}
        others |= builtin_tools.NAMES.intersection(agent.tools)
        return await runner.run(
            tools, context.tool_call_id, name, arguments, agent.limits.tool_seconds, context, others
        )

    def close(self) -> None:
        """Nothing of ours goes on."""

    @cached_property
    def _lambda_tools(self) -> dict[str, Tool]:
        made = lambda_tools.tools(self._lambda_client(), [self._agent])
        return {name: tool for (_, name), tool in made.items()}


class _Tracebacks(logging.Handler):
    def __init__(self, show: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._show = show

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            self._show("".join(traceback.format_exception(error)))


@contextmanager
def tracebacks(show: Callable[[str], None]) -> Iterator[None]:
    """Show what goes wrong in a tool in full: here it is its author who reads."""
    log, handler = logging.getLogger(runner.__name__), _Tracebacks(show)
    propagates, log.propagate = log.propagate, False
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.propagate = propagates
