"""What the admission rules say about a call, without one.

The rules are those of the agent files here; what they count is read from a deployment's record, and only if a rule has
to count. Nothing is written.
"""

import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from cli import cloud, headers, lookup
from cli.doctor.agents import agents_folder
from cli.errors import CliError, UsageError
from ringside.admission import policy
from ringside.agentfile import yaml_lines
from ringside.agentfile.agents import Agents
from ringside.agentfile.loader import load_agents
from ringside.aws.counters import Counters
from ringside.aws.table import Table
from ringside.calls import ANONYMOUS
from ringside.records import dry_run
from ringside.records.dry_run import Answer, Asked, Then
from ringside.sip.trunk import Trunk

if TYPE_CHECKING:
    from cli.options import Deployment


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
    asked = dry_run.from_headers(rows, agents, headers.trunk_of(deployment) if texts else Trunk(), who)
    return _decide(replace(asked, at=moment(at, asked.agent.time_zone if asked.agent else "UTC")), deployment)


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
        asked = dry_run.from_headers(rows, agents, headers.trunk(where.variables), withheld)
    else:  # of a version that kept none
        agent = agents.answering(call.get("dialled"))
        asked = Asked(call.get("caller") or ANONYMOUS, call.get("dialled"), "none", agent, 0)
    attested = call.get("attested") or asked.attested
    asked = replace(asked, at=float(call["steps"]["created"]), call_id=str(call["call_id"]), attested=attested)
    then = {"agent": call.get("agent"), **policy.Decision.from_item(call["decision"]).as_item()}
    return _decide(asked, deployment), then


def _agents(folder: Path | None) -> Agents:
    try:
        return load_agents(folder or agents_folder(os.environ))
    except yaml_lines.AgentFileError as error:
        raise CliError("; ".join(str(error).splitlines())) from None


def _decide(asked: Asked, deployment: "Deployment") -> Answer:
    """What the rules say; a deployment is looked for only if one of them has to count."""

    def counters() -> Counters:
        where = cloud.find(deployment)
        return Counters(Table(where.dynamodb, where.table))

    return dry_run.decide(asked, counters)


def moment(text: str | None, zone: str) -> float:
    """`--at` in Unix seconds; without a zone of its own it is in that one, and None is now."""
    if text is None:
        return datetime.now(UTC).timestamp()
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--at: {text} is not a time (for example 2026-12-24T20:00)") from None
    return (found if found.tzinfo else found.replace(tzinfo=ZoneInfo(zone))).timestamp()
