"""A list of calls, a line each. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cli import show
from cli.show import View
from cli.terminal import cells, padded, safe

Item = Mapping[str, Any]


@dataclass(frozen=True)
class Column:
    """One column: its title, what it says of a call, and how soon it goes where there is no room (0: never)."""

    title: str
    text: Callable[[Item, View], str]
    right: bool = False
    dispensable: int = 0


def _began(call: Item, view: View) -> str:
    at = datetime.fromisoformat(str(call["started_at"])).astimezone(view.zone)
    return at.strftime("%Y-%m-%d %H:%M:%S")


def _state(call: Item, view: View) -> str:
    reason = call.get("end_reason")
    return safe(call.get("status")) + (f": {safe(reason)}" if reason else "")


def _lasted(call: Item, view: View) -> str:
    seconds = show.duration(call, view.now)
    return "" if seconds is None else show.span(seconds)


COLUMNS = (
    Column("BEGAN", _began),
    Column("CALL", lambda call, view: safe(call.get("call_id"))),
    Column("STATUS", _state),
    Column("AGENT", lambda call, view: safe(call.get("agent") or "-"), dispensable=2),
    Column("FROM", lambda call, view: show.number(call.get("caller"), "anonymous")),
    Column("TO", lambda call, view: show.number(call.get("dialled"), "-"), dispensable=1),
    Column("LASTED", _lasted, right=True, dispensable=4),
    Column("COST", lambda call, view: _cost(call), right=True, dispensable=3),
)


def _cost(call: Item) -> str:
    """A call that is not over costs nobody knows what; of one that was never answered it does not matter."""
    if call.get("cost") is None and call.get("status") not in ("ended", "failed"):
        return ""
    return show.money(call.get("cost"))


def lines(calls: Sequence[Item], view: View, fit: bool = False) -> list[str]:
    """The list under its titles. `fit`: leave columns out rather than be wider than the view."""
    table = [(column, [column.title, *(column.text(call, view) for call in calls)]) for column in COLUMNS]
    while fit and _width(table) > view.width:
        ranks = [column.dispensable for column, _ in table if column.dispensable]
        if not ranks:
            break
        table = [entry for entry in table if entry[0].dispensable != min(ranks)]
    widths = [max(map(cells, texts)) for _, texts in table]
    rows = [
        "  ".join(
            padded(texts[row], width, column.right) for (column, texts), width in zip(table, widths, strict=True)
        ).rstrip()
        for row in range(len(calls) + 1)
    ]
    return [view.style.dim(rows[0]), *rows[1:]]


def _width(table: Sequence[tuple[Column, list[str]]]) -> int:
    return sum(max(map(cells, texts)) for _, texts in table) + 2 * (len(table) - 1)
