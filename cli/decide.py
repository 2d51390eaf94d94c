"""`ringside decide`: who would be let in, and by which rule, without a call.

The rules are those of the agent files here; what they count is read from a deployment's record, and only
if a rule asks for it. Nothing is written.
"""

import argparse
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from cli import cloud, shapes
from cli.doctor import agents_folder
from cli.errors import CliError, UsageError
from cli.terminal import safe
from ringside import phone_numbers
from ringside.admission import policy, rules
from ringside.admission.decide import Admission
from ringside.agentfile import yaml_lines
from ringside.agentfile.agent import Agent
from ringside.agentfile.agents import Agents
from ringside.agentfile.loader import load_agents
from ringside.aws.counters import Counters
from ringside.aws.table import Table


@dataclass(frozen=True)
class Asked:
    """A call that might come, or came. Numbers are E.164; `caller` None: anonymous."""

    caller: str | None
    dialled: str | None
    at: float  # Unix seconds
    call_id: str = "-"


@dataclass(frozen=True)
class Answer:
    asked: Asked
    agent: Agent | None
    decision: policy.Decision
    counted: bool

    def shape(self) -> dict[str, Any]:
        """As `--json` has it."""
        return {
            **self.decision.as_item(),
            "agent": self.agent.name if self.agent else None,
            "caller": self.asked.caller,
            "dialled": self.asked.dialled,
            "at": datetime.fromtimestamp(self.asked.at, UTC).isoformat(timespec="seconds"),
            "open": self.agent.is_open(self.asked.at) if self.agent else None,
            "counted": self.counted,
        }


def add_to(commands: "argparse._SubParsersAction[Any]") -> None:
    parser = commands.add_parser(
        "decide", parents=[cloud.options()], help="who would be let in, and by which rule: without a call"
    )
    parser.add_argument("--from", dest="caller", metavar="+NUMBER", help='the caller, or "anonymous"')
    parser.add_argument("--to", dest="dialled", metavar="+NUMBER", help="the number that is dialled")
    parser.add_argument("--at", metavar="TIME", help="2026-12-24T20:00, in the agent's time zone; else now")
    parser.add_argument("--replay", metavar="CALL_ID", help="an earlier call: what today's rules say about it")
    parser.add_argument("--agents", type=Path, metavar="DIR", help="the agent files; else RINGSIDE_AGENTS, or our own")
    parser.add_argument("--json", action="store_true", help="for programs; docs/cli.md has the fields")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Decide, and show it."""
    try:
        found = load_agents(args.agents or agents_folder(os.environ))
    except yaml_lines.AgentFileError as error:
        raise CliError("; ".join(str(error).splitlines())) from None
    if args.replay:
        return _replay(args, found)
    answer = decide(found, _asked(args, found), args)
    print(shapes.dumps(answer.shape()) if args.json else "\n".join(lines(answer)))
    return 0


def decide(found: Agents, asked: Asked, args: argparse.Namespace) -> Answer:
    """What the rules say; the record is looked into only if one of them has to count."""
    agent = found.answering(asked.dialled)
    if agent is None:
        return Answer(asked, None, policy.NO_AGENT, False)
    try:
        next(policy.decide(agent.admission, rules.Call(asked.caller, agent.is_open(asked.at))))
    except StopIteration as stop:
        return Answer(asked, agent, stop.value, False)
    where = cloud.find(args)
    counters = Counters(Table(where.dynamodb, where.table))
    decision = Admission(
        counters, agent.name, agent.admission, agent.is_open(asked.at), asked.call_id, asked.caller, asked.at, dry=True
    ).decide()
    return Answer(asked, agent, decision, True)


def lines(answer: Answer) -> list[str]:
    """For people. Pure."""
    decision, asked, agent = answer.decision, answer.asked, answer.agent
    with_status = f" with SIP {decision.sip_status}" if decision.sip_status else ""
    zone = agent.time_zone if agent else "UTC"
    moment = datetime.fromtimestamp(asked.at, ZoneInfo(zone))
    shown = [
        f"{decision.verdict}{with_status}: {safe(decision.rule)}",
        f"  agent  {agent.name if agent else '-'}",
        f"  from   {asked.caller or rules.ANONYMOUS}",
        f"  to     {asked.dialled or '-'}",
        f"  at     {moment:%a %Y-%m-%d %H:%M} ({zone})",
    ]
    if agent is not None and agent.opening_hours is not None:
        shown[-1] += ", open" if agent.is_open(asked.at) else ", closed"
    if answer.counted:
        shown.append("  live calls are counted as they are now")
    return shown


def _asked(args: argparse.Namespace, found: Agents) -> Asked:
    if not args.caller or not args.dialled:
        raise UsageError("give --from and --to, or --replay CALL_ID (see ringside decide --help)")
    dialled = _number(args.dialled, "--to")
    agent = found.answering(dialled)
    caller = None if args.caller == rules.ANONYMOUS else _number(args.caller, "--from")
    return Asked(caller, dialled, _moment(args.at, agent.time_zone if agent else "UTC"))


def _number(text: str, option: str) -> str:
    found = phone_numbers.number(text)
    if found is None:
        raise UsageError(f'{option}: {text} is no international number such as "+14255550112"')
    return found


def _moment(text: str | None, zone: str) -> float:
    if text is None:
        return datetime.now(UTC).timestamp()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--at: {text} is no time such as 2026-12-24T20:00") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))).timestamp()


def _replay(args: argparse.Namespace, found: Agents) -> int:
    if args.caller or args.dialled or args.at:
        raise UsageError("--replay takes caller, number and time from the call: leave --from, --to and --at away")
    where = cloud.find(args)
    with where.record() as record:
        call = record.call(args.replay)
    if call is None:
        raise CliError(f"there is no call {args.replay} in the record")
    at = float(call["steps"]["created"])
    answer = decide(found, Asked(call.get("caller"), call.get("dialled"), at, args.replay), args)
    then = {"agent": call.get("agent"), **policy.Decision.from_item(call["decision"]).as_item()}
    if args.json:
        print(shapes.dumps({**answer.shape(), "call_id": args.replay, "then": then}))
        return 0
    status = f" with SIP {then['sip_status']}" if then["sip_status"] else ""
    shown = lines(answer)
    shown.append(f"then: {then['verdict']}{status}: {safe(str(then['rule']))}")
    print("\n".join([*shown, _compared(answer, then)]))
    return 0


def _compared(answer: Answer, then: dict[str, Any]) -> str:
    now = answer.shape()
    different = [name for name in ("verdict", "sip_status", "rule", "agent") if now[name] != then[name]]
    return f"different: {', '.join(different)}" if different else "the same"
