"""What the admission rules say about a call, without one.

The rules are those of the agent files here; what they count is read from a deployment's record, and only if a rule has
to count. Nothing is written.
"""

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from cli import cloud, lookup
from cli.doctor.agents import agents_folder
from cli.errors import CliError, UsageError
from ringside import phone_numbers
from ringside.admission import policy, rules
from ringside.admission.decide import Admission
from ringside.agentfile import yaml_lines
from ringside.agentfile.agent import Agent
from ringside.agentfile.agents import Agents
from ringside.agentfile.loader import load_agents
from ringside.aws.counters import Counters
from ringside.aws.table import Table

if TYPE_CHECKING:
    from cli.options import Deployment


@dataclass(frozen=True)
class Asked:
    """A call that might come, or came. Numbers are E.164; `caller` None: anonymous."""

    caller: str | None
    dialled: str | None
    at: float  # Unix seconds
    call_id: str = "-"


@dataclass(frozen=True)
class Answer:
    """What the rules say about it. `counted`: whether the record was read."""

    asked: Asked
    agent: Agent | None
    decision: policy.Decision
    counted: bool


Then = dict[str, Any]
"""What was decided when the call came: agent, verdict, rule and sip_status."""


def asked(
    caller: str | None, dialled: str | None, at: str | None, folder: Path | None, deployment: "Deployment"
) -> Answer:
    """Decide about a call that might come. Raises `CliError`, `UsageError` for what is missing or malformed."""
    if not caller or not dialled:
        raise UsageError("give --from and --to, or --replay CALL_ID (see ringside decide --help)")
    agents = _agents(folder)
    number = _number(dialled, "--to")
    agent = agents.answering(number)
    who = None if caller == rules.ANONYMOUS else _number(caller, "--from")
    return _decide(agents, Asked(who, number, _moment(at, agent.time_zone if agent else "UTC")), deployment)


def replayed(text: str, more: str | None, folder: Path | None, deployment: "Deployment") -> tuple[Answer, Then]:
    """Decide about an earlier call again. `more`: what else was given, which the call itself says."""
    if more:
        raise UsageError("--replay takes caller, number and time from the call; omit --from, --to and --at")
    agents = _agents(folder)
    with cloud.find(deployment).record() as record:
        call, _ = lookup.whole_call(record, text)
    at = float(call["steps"]["created"])
    answer = _decide(agents, Asked(call.get("caller"), call.get("dialled"), at, str(call["call_id"])), deployment)
    return answer, {"agent": call.get("agent"), **policy.Decision.from_item(call["decision"]).as_item()}


def shape(answer: Answer, then: Then | None = None) -> dict[str, Any]:
    """As `--json` has it; with `then`, as a replayed decision."""
    asked, agent = answer.asked, answer.agent
    shown = {
        **answer.decision.as_item(),
        "agent": agent.name if agent else None,
        "caller": asked.caller,
        "dialled": asked.dialled,
        "at": datetime.fromtimestamp(asked.at, UTC).isoformat(timespec="seconds"),
        "open": agent.is_open(asked.at) if agent else None,
        "counted": answer.counted,
    }
    return shown if then is None else {**shown, "call_id": asked.call_id, "then": then}


def _agents(folder: Path | None) -> Agents:
    try:
        return load_agents(folder or agents_folder(os.environ))
    except yaml_lines.AgentFileError as error:
        raise CliError("; ".join(str(error).splitlines())) from None


def _decide(agents: Agents, asked: Asked, deployment: "Deployment") -> Answer:
    """What the rules say; the record is read only if one of them has to count."""
    agent = agents.answering(asked.dialled)
    if agent is None:
        return Answer(asked, None, policy.NO_AGENT, False)
    is_open = agent.is_open(asked.at)
    try:
        next(policy.decide(agent.admission, rules.Call(asked.caller, is_open)))
    except StopIteration as stop:
        return Answer(asked, agent, stop.value, False)
    where = cloud.find(deployment)
    counters = Counters(Table(where.dynamodb, where.table))
    decision = Admission(
        counters, agent.name, agent.admission, is_open, asked.call_id, asked.caller, asked.at, dry=True
    ).decide()
    return Answer(asked, agent, decision, True)


def _number(text: str, option: str) -> str:
    found = phone_numbers.number(text)
    if found is None:
        raise UsageError(f"{option}: {text} is not an international number (for example +14255550112)")
    return found


def _moment(text: str | None, zone: str) -> float:
    if text is None:
        return datetime.now(UTC).timestamp()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--at: {text} is not a time (for example 2026-12-24T20:00)") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))).timestamp()
