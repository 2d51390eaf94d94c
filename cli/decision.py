"""What the admission rules say about a call, without one.

The rules are those of the agent files here; what they count is read from a deployment's record, and only if a rule has
to count. Nothing is written.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from cli import cloud, headers, lookup
from cli.doctor.agents import agents_folder
from cli.errors import CliError, UsageError
from ringside.admission import policy, rules
from ringside.admission.decide import Admission
from ringside.agentfile import yaml_lines
from ringside.agentfile.agent import Agent
from ringside.agentfile.agents import Agents
from ringside.agentfile.loader import load_agents
from ringside.aws.counters import Counters
from ringside.aws.table import Table
from ringside.calls import ANONYMOUS
from ringside.sip import parties
from ringside.sip.attestation import Attested
from ringside.sip.invite import read
from ringside.sip.trunk import Trunk

if TYPE_CHECKING:
    from cli.options import Deployment


@dataclass(frozen=True)
class Asked:
    """A call that might come, or came. `caller`: E.164, an extension, `anonymous` or `unknown`; `dialled`: E.164."""

    caller: str
    dialled: str | None
    attested: Attested
    agent: Agent | None
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
    caller: str | None,
    dialled: str | None,
    at: str | None,
    texts: Sequence[str],
    folder: Path | None,
    deployment: "Deployment",
) -> Answer:
    """Decide about a call that might come. `texts`: SIP headers, which are read as the webhook reads them; `caller` and
    `dialled` stand for From and To. Raises `CliError`, `UsageError` for what is missing or malformed."""
    if not texts and not (caller and dialled):
        raise UsageError("give --from and --to, or --replay CALL_ID, or --header (see ringside decide --help)")
    agents = _agents(folder)
    who = headers.caller(caller, "--from") if caller else None
    number = headers.number(dialled, "--to") if dialled else None
    rows = headers.rows(texts)
    if number:
        rows.append({"name": "To", "value": f"<sip:{number}@sip.example.com>"})
    asked = _read(rows, agents, headers.trunk_of(deployment) if texts else Trunk(), who)
    return _decide(replace(asked, at=_moment(at, asked.agent.time_zone if asked.agent else "UTC")), deployment)


def replayed(text: str, more: object, folder: Path | None, deployment: "Deployment") -> tuple[Answer, Then]:
    """Decide about an earlier call again, whose headers are read again. `more`: what else was given, which the call
    itself says."""
    if more:
        raise UsageError("--replay takes caller, number and time from the call; omit --from, --to, --at and --header")
    agents = _agents(folder)
    where = cloud.find(deployment)
    with where.record() as record:
        call, _ = lookup.whole_call(record, text)
    rows = [{"name": str(row["name"]), "value": str(row["value"])} for row in call.get("sip_headers") or ()]
    if rows:
        # Who was anonymous still is: the record has no headers that would tell.
        withheld = ANONYMOUS if call.get("caller") == ANONYMOUS else None
        asked = _read(rows, agents, headers.trunk(where.variables), withheld)
    else:  # of a version that kept none
        agent = agents.answering(call.get("dialled"))
        asked = Asked(call.get("caller") or ANONYMOUS, call.get("dialled"), "none", agent, 0)
    attested = call.get("attested") or asked.attested
    asked = replace(asked, at=float(call["steps"]["created"]), call_id=str(call["call_id"]), attested=attested)
    then = {"agent": call.get("agent"), **policy.Decision.from_item(call["decision"]).as_item()}
    return _decide(asked, deployment), then


def shape(answer: Answer, then: Then | None = None) -> dict[str, Any]:
    """As `--json` has it; with `then`, as a replayed decision."""
    asked, agent = answer.asked, answer.agent
    shown: dict[str, Any] = {
        **answer.decision.as_item(),
        "agent": agent.name if agent else None,
        "caller": asked.caller,
        "dialled": asked.dialled,
        "attested": asked.attested,
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


def _read(rows: list[dict[str, str]], agents: Agents, trunk: Trunk, caller: str | None) -> Asked:
    """What the headers say. `caller`: who calls, where that is known without them."""
    agent, dialled = agents.route(parties.dialled(rows, trunk))
    invite = read(rows, trunk, dialled, agent.placeholders if agent else ())
    return Asked(caller or invite.caller.name, dialled, invite.attested, agent, 0)


def _decide(asked: Asked, deployment: "Deployment") -> Answer:
    """What the rules say; the record is read only if one of them has to count."""
    agent = asked.agent
    if agent is None:
        return Answer(asked, None, policy.NO_AGENT, False)
    is_open = agent.is_open(asked.at)
    try:
        next(policy.decide(agent.admission, rules.Call(asked.caller, is_open, asked.attested)))
    except StopIteration as stop:
        return Answer(asked, agent, stop.value, False)
    where = cloud.find(deployment)
    counters = Counters(Table(where.dynamodb, where.table))
    decision = Admission(
        counters,
        agent.name,
        agent.admission,
        is_open,
        asked.call_id,
        asked.caller,
        asked.at,
        dry=True,
        attested=asked.attested,
    ).decide()
    return Answer(asked, agent, decision, True)


def _moment(text: str | None, zone: str) -> float:
    if text is None:
        return datetime.now(UTC).timestamp()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--at: {text} is not a time (for example 2026-12-24T20:00)") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))).timestamp()
