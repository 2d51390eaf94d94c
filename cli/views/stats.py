"""The numbers of some days. Pure."""

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from cli.terminal import safe
from cli.views.words import money, span

SPREADS = (("pick_up", "answered after"), ("first_word", "first word after"), ("length", "length"))
COUNTS = (("end_reasons", "ended"), ("rejected_by", "rejected by"), ("agents", "agent"), ("numbers", "number"))
DAY_COLUMNS = ("calls", "answered", "rejected", "missed", "failed")


def stats(found: Mapping[str, Any]) -> RenderableType:
    """Counts, then spans with their percentiles, then what they were counted by, then a line for each day."""
    days = found["from"] if found["from"] == found["to"] else f"{found['from']} to {found['to']}"
    parts: list[RenderableType] = [Text(f"{days} (UTC)", "bold"), _counts(found)]
    if found["answered"]:
        parts.append(_spreads(found))
    parts += [_counted(label, found[name]) for name, label in COUNTS if found[name]]
    if len(found["days"]) > 1:
        parts.append(_days(found))
    return Group(*(Padding(part, (0 if index == 0 else 1, 0, 0, 0)) for index, part in enumerate(parts)))


def _table(*titles: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim", show_header=bool(titles))
    for index, title in enumerate(titles):
        table.add_column(title, justify="right" if index else "left")
    return table


def _counts(found: Mapping[str, Any]) -> RenderableType:
    table = Table.grid(padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(style="dim")
    table.add_column(justify="right")
    for name in ("calls", "answered", "open", "rejected", "missed", "failed"):
        table.add_row(name, str(found[name]))
    unknown = f" (not known of {found['cost_unknown']})" if found["cost_unknown"] else ""
    table.add_row("cost", money(found["cost"]) + unknown)
    return table


def _spreads(found: Mapping[str, Any]) -> RenderableType:
    table = _table("", "p50", "p95", "p99", "max", "calls")
    for name, label in SPREADS:
        spread = found[name]
        table.add_row(label, *(_span(spread[rank]) for rank in ("p50", "p95", "p99", "max")), str(spread["count"]))
    spread = found["cost_per_call"]
    costs = ("-" if spread[rank] is None else money(spread[rank]) for rank in ("p50", "p95", "p99", "max"))
    table.add_row("cost of a call", *costs, str(spread["count"]))
    return table


def _span(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.2f} s" if seconds < 10 else span(seconds)


def _counted(label: str, counts: Mapping[str, int]) -> RenderableType:
    table = _table(label, "calls")
    for name, count in counts.items():
        table.add_row(Text(safe(name)), str(count))
    return table


def _days(found: Mapping[str, Any]) -> RenderableType:
    table = _table("day", *DAY_COLUMNS, "cost")
    for line in found["days"]:
        table.add_row(line["day"], *(str(line[name]) for name in DAY_COLUMNS), money(line["cost"]))
    return table
