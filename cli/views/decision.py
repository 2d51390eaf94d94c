"""A decision without a call, and beside it what was decided then. Pure."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from cli.terminal import safe
from ringside.records.dry_run import Answer, shape

COMPARED = ("verdict", "sip_status", "rule", "agent")


def decision(answer: Answer, then: dict[str, Any] | None = None) -> RenderableType:
    """The verdict, what it was about, and how it differs from `then`."""
    asked, agent = answer.asked, answer.agent
    zone = agent.time_zone if agent else "UTC"
    at = f"{datetime.fromtimestamp(asked.at, ZoneInfo(zone)):%a %Y-%m-%d %H:%M} ({zone})"
    if agent is not None and agent.opening_hours is not None:
        at += ", open" if agent.is_open(asked.at) else ", closed"
    table = Table.grid(padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(min_width=5, style="dim")
    table.add_column(overflow="fold")
    table.add_row("agent", Text(safe(agent.name if agent else "-")))
    table.add_row("from", Text(safe(asked.caller)))
    table.add_row("to", Text(safe(asked.dialled or "-")))
    if asked.attested != "none":
        table.add_row("attested", Text(asked.attested))
    table.add_row("at", Text(safe(at)))
    if answer.counted:
        table.add_row("", Text("live calls are counted as they are now"))
    shown: list[RenderableType] = [_verdict(answer.decision.as_item()), Padding(table, (0, 0, 0, 2))]
    if then is not None:
        now = shape(answer)
        different = [name for name in COMPARED if now[name] != then[name]]
        shown.append(Text("then: ") + _verdict(then))
        shown.append(Text(f"different: {', '.join(different)}" if different else "the same"))
    return Group(*shown)


def _verdict(decided: dict[str, Any]) -> Text:
    with_status = f" with SIP {safe(decided['sip_status'])}" if decided["sip_status"] else ""
    style = "green" if decided["verdict"] == "accept" else "yellow"
    return Text.assemble((safe(decided["verdict"]), style), f"{with_status}: {safe(decided['rule'])}")
