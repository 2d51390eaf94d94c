"""What an agent file says and hardly means: valid, but without effect, or not with the expected one. Pure."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from ringside.agentfile import models, templates
from ringside.agentfile.agent import Agent
from ringside.agentfile.yaml_lines import FieldPath
from ringside.conversation import builtin_tools


@dataclass(frozen=True)
class Advice:
    """`is_wrong`: it cannot work as it is written; otherwise it may be meant."""

    path: FieldPath
    text: str
    is_wrong: bool = False


@dataclass(frozen=True)
class Known:
    """What is known of OpenAI: the models that have a price (prices.yaml), and those that a key may use, if known."""

    priced: Collection[str]
    priced_transcription: Collection[str]
    listed: Collection[str] = ()


def advise(agent: Agent, known: Known) -> Iterator[Advice]:
    """Everything that is worth a second look, by field."""
    yield from _models(agent, known)
    yield from _money(agent, known)
    yield from _mcp_servers(agent)
    yield from _tools(agent)
    yield from _instructions(agent)
    yield from _admission(agent)
    limits, detection = agent.limits, agent.turn_detection
    if "warning" in limits.model_fields_set and limits.warning >= limits.max_duration:
        yield Advice(("limits", "warning"), "is not before max_duration: the model is asked to come to a close at once")
    idle = detection.idle_timeout_ms
    if idle is not None and not 5000 <= idle <= 30_000:
        yield Advice(
            ("turn_detection", "idle_timeout_ms"),
            f"{idle} is outside of the documented 5000 to 30000; smaller values are reported to work, "
            "but OpenAI may refuse the session",
        )
    if detection.create_response is False:
        yield Advice(
            ("turn_detection", "create_response"),
            "the agent does not answer what the caller says; it speaks when it greets, after tools and silences",
        )
    used = {name.casefold() for name in templates.placeholders(agent.instructions)}
    for index, header in enumerate(agent.headers):
        if f"header.{header}".casefold() not in used:
            yield Advice(("headers", index), f"{header} is not used in the instructions: {{{{header.{header}}}}}")


def _models(agent: Agent, known: Known) -> Iterator[Advice]:
    if doubt := models.doubt(agent.model, "Realtime sessions", models.REALTIME, known.listed):
        yield Advice(("model",), doubt.text, doubt.is_sure)
    if agent.transcription is not None:
        model = agent.transcription.model
        if doubt := models.doubt(model, "transcription", models.TRANSCRIPTION, known.listed):
            yield Advice(("transcription", "model"), doubt.text, doubt.is_sure)


def _money(agent: Agent, known: Known) -> Iterator[Advice]:
    without = [agent.model] if agent.model not in known.priced else []
    if agent.transcription and agent.transcription.model not in known.priced_transcription:
        without.append(agent.transcription.model)
    if not without:
        return
    what = f"never holds, as {' and '.join(without)} has no price in functions/ringside/prices.yaml"
    if agent.limits.max_cost is not None:
        yield Advice(("limits", "max_cost"), what, True)
    for index, rule in enumerate(agent.admission):
        if rule.spent_today is not None:
            yield Advice(("admission", index, "spent_today"), what, True)


def _mcp_servers(agent: Agent) -> Iterator[Advice]:
    for index, server in enumerate(agent.mcp_servers):
        if not server.approve:
            yield Advice(
                ("mcp_servers", index),
                f"{server.server_label} has no approve, so all calls of its tools are refused; list the tools that may "
                "run, or write approve: all",
            )


def _tools(agent: Agent) -> Iterator[Advice]:
    if agent.transfer and builtin_tools.TRANSFER not in agent.tools:
        yield Advice(("transfer",), "has no effect: tools does not list transfer")
    has_tools = bool(agent.tools or agent.lambda_tools or agent.mcp_servers)
    if agent.tool_choice == "none" and has_tools:
        yield Advice(("tool_choice",), "none: the model never uses the tools of this agent")
    if agent.tool_choice == "required":
        yield Advice(("tool_choice",), "required: the model calls a tool in every response, the greeting included")
    number = len(agent.tools) + len(agent.lambda_tools)
    if number > 128:
        yield Advice(("tools",), f"{number} tools; OpenAI's function calling takes 128")
    if agent.parallel_tool_calls is not None and not has_tools:
        yield Advice(("parallel_tool_calls",), "has no effect: this agent has no tools")


_SNAKE = re.compile(r"(?<![\w{.@/-])[a-z]+(?:_[a-z0-9]+)+(?![\w}@/-]|\.\w)")
_BY_NAME = re.compile(rf"\b(?:call|tool) ({'|'.join(sorted(builtin_tools.NAMES))})\b")


def _instructions(agent: Agent) -> Iterator[Advice]:
    """Tools that the instructions name, and the model does not have: it would make something up."""
    remote = {name for server in agent.mcp_servers for name in server.approved_tools}
    if agent.mcp_servers and not remote:
        return  # whatever those servers have
    known = {*agent.tools, *(tool.name for tool in agent.lambda_tools), *remote}
    named = dict.fromkeys([*_SNAKE.findall(agent.instructions), *_BY_NAME.findall(agent.instructions)])
    for name in named:
        if name not in known:
            yield Advice(("instructions",), f"name {name}, and tools does not list a tool of that name")


def _admission(agent: Agent) -> Iterator[Advice]:
    if agent.opening_hours is not None and not any(rule.outside_hours for rule in agent.admission):
        yield Advice(("opening_hours",), "has no effect: no rule of admission has outside_hours: true")
    for index, rule in enumerate(agent.admission[:-1]):
        unconditional = not (rule.questions or rule.callers or rule.countries or rule.attested or rule.outside_hours)
        if unconditional:
            yield Advice(("admission", index + 1), f"is never reached: {rule.name}, before it, applies to every call")
            break
