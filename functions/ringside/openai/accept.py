"""The body of accept: the whole session of an agent. Pure."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ringside.agentfile.tool_keys import visible
from ringside.conversation import builtin_tools

if TYPE_CHECKING:
    from ringside.agentfile.agent import Agent
    from ringside.tools.definition import Tool


def session(
    agent: "Agent", tools: Mapping[str, "Tool"], instructions: str, credentials: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The body of accept: the whole session, so that nothing has to be changed once the call runs.

    `tools`: all agents', by their keys. `credentials`: of MCP servers, by name; a server without its own is left out.
    """
    own = visible(agent.name, tools)
    targets = {name: target.description for name, target in agent.transfer.items()}
    functions = [
        {"type": "function", "name": tool.name, "description": tool.description, "parameters": tool.schema}
        for name in agent.tools
        if (tool := own.get(name)) is not None
    ]
    functions += [
        {"type": "function", "name": tool.name, "description": tool.description, "parameters": tool.parameters}
        for tool in agent.lambda_tools
    ]
    functions += builtin_tools.functions(frozenset(agent.tools), targets)
    return agent.as_body(instructions, functions, credentials or {})
