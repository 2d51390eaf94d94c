"""A scenario's script as the emulator plays it. Pure."""

import math
from typing import Any

from infra.scenarios.lines import AgentLine, HangUpLine
from infra.scenarios.model import Scenario
from ringside.agentfile.agent import Agent
from ringside.calls import ANONYMOUS, UNKNOWN

HANG_UP_AFTER = 5.0
"""Seconds that the caller stays on the line after the last line, in which the agent may hang up."""

REFER = {"stays": {"body": "no-effect"}, "refused": {"status": 500}}
"""The emulator's faults for how a transfer turns out; `left` is what it does by itself."""


def script(scenario: Scenario, name: str) -> dict[str, Any]:
    """For the emulator, a line for each line."""
    lines = []
    for line in scenario.script or ():
        if isinstance(line, AgentLine):
            tools = [{"name": call.name, "arguments": call.arguments} for call in line.calls]
            lines.append({"agent": line.agent, "tools": tools})
        else:
            lines.append(line.model_dump(exclude={"then"}, exclude_defaults=True, exclude_none=True))
    return {"name": name, "lines": lines, "then": "hang_up", "hang_up_after_s": HANG_UP_AFTER}


def ends_with_caller(scenario: Scenario, index: int) -> bool:
    """Whether the caller hangs up in this line, so that the call is over before the line is."""
    line = (scenario.script or ())[index]
    return isinstance(line, HangUpLine) or bool(getattr(line, "hangs_up", False))


def faults(scenario: Scenario, agent: Agent | None, created_in: float) -> dict[str, Any]:
    """For the emulator: how transfers turn out, and that the call comes in so many seconds from now."""
    found: dict[str, Any] = {"webhook": {"created_at_offset_s": math.ceil(created_in)}}
    if agent is not None:
        found["refer_to"] = {
            agent.transfer[target].uri: REFER[outcome]
            for target, outcome in scenario.transfers.items()
            if outcome in REFER
        }
    return found


def headers(scenario: Scenario, dialled: str) -> list[dict[str, str]]:
    """The INVITE's headers, as a carrier sends them."""
    caller = scenario.call.from_
    shown = {
        ANONYMOUS: '"Anonymous" <sip:anonymous@anonymous.invalid>',
        UNKNOWN: "<sip:unknown@sip.example.com>",
    }.get(caller, f"<sip:{caller.removeprefix('ext:')}@sip.example.com>")
    given = {"From": f"{shown};tag=1", "To": f"<sip:{dialled}@sip.example.com>", **scenario.call.headers}
    return [{"name": name, "value": value} for name, value in given.items()]
