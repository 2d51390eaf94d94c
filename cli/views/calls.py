"""A list of calls, a line each. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from cli.terminal import safe
from cli.views.words import Clock, Item, duration, money, number, span, status

SHORTEST = 12
"""Characters of an id that are shown at least: `rtc_` and some that tell calls apart."""


SUMMARY = 80
"""Characters of a summary in a line; `calls show` and `--json` have all of it."""


@dataclass(frozen=True)
class Column:
    """One column: its title, what it says of a call, and how soon it goes where there is no room (0: never)."""

    title: str
    text: Callable[[Item, Clock], Text]
    right: bool = False
    dispensable: int = 0


def _started(call: Item, clock: Clock) -> Text:
    at = datetime.fromisoformat(str(call["started_at"])).astimezone(clock.zone)
    return Text(at.strftime("%Y-%m-%d %H:%M:%S"))


def _duration(call: Item, clock: Clock) -> Text:
    seconds = duration(call, clock.now)
    return Text("" if seconds is None else span(seconds))


def _cost(call: Item, clock: Clock) -> Text:
    """Of a call that is not over the cost is not known yet; of one that was never answered it does not matter."""
    if call.get("cost") is None and call.get("status") not in ("ended", "failed"):
        return Text()
    return Text(money(call.get("cost")))


def _analysed(call: Item) -> Item:
    found: Item = call.get("analysis") or {}
    return {name: found[name] for name in ("outcome", "summary") if found.get(name)}


def _outcome(call: Item, clock: Clock) -> Text:
    return Text(safe(_analysed(call).get("outcome", "")))


def _summary(call: Item, clock: Clock) -> Text:
    text = safe(" ".join(str(_analysed(call).get("summary", "")).split()))
    return Text(text if len(text) <= SUMMARY else f"{text[: SUMMARY - 1]}…")


def _columns(ids: dict[str, str]) -> tuple[Column, ...]:
    return (
        Column("STARTED", _started),
        Column("CALL", lambda call, clock: Text(safe(ids[str(call.get("call_id"))]), "bold")),
        Column("STATUS", lambda call, clock: status(call)),
        Column("AGENT", lambda call, clock: Text(safe(call.get("agent") or "-")), dispensable=3),
        Column("FROM", lambda call, clock: Text(number(call.get("caller"), "anonymous"))),
        Column("TO", lambda call, clock: Text(number(call.get("dialled"), "-")), dispensable=2),
        Column("DURATION", _duration, right=True, dispensable=4),
        Column("COST", _cost, right=True, dispensable=5),
        Column("OUTCOME", _outcome, dispensable=6),
        Column("SUMMARY", _summary, dispensable=1),
    )


def table(calls: Sequence[Item], clock: Clock, width: int | None = None) -> Table:
    """The list under its titles. `width`: shorten the ids and leave columns out rather than be wider than that."""
    ids = [str(call.get("call_id")) for call in calls]
    names = dict(zip(ids, ids if width is None else shortened(ids), strict=True))
    columns = _columns(names) if any(map(_analysed, calls)) else _columns(names)[:-2]
    shown = [(column, [column.text(call, clock) for call in calls]) for column in columns]
    while width is not None and _width(shown) > width:
        ranks = [column.dispensable for column, _ in shown if column.dispensable]
        if not ranks:
            break
        shown = [entry for entry in shown if entry[0].dispensable != min(ranks)]
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim", width=_width(shown))
    for column, _ in shown:
        made.add_column(column.title, justify="right" if column.right else "left", no_wrap=True)
    for row in zip(*(texts for _, texts in shown), strict=True):
        made.add_row(*row)
    return made


def _width(shown: Sequence[tuple[Column, list[Text]]]) -> int:
    widths = (max(cell_len(column.title), *(text.cell_len for text in texts)) for column, texts in shown)
    return sum(widths) + 2 * (len(shown) - 1)


def shortened(ids: Sequence[str]) -> list[str]:
    """Each id's shortest beginning that none of the others has."""
    others = sorted(set(ids))
    return [_beginning(call_id, others) for call_id in ids]


def _beginning(call_id: str, others: Sequence[str]) -> str:
    for length in range(SHORTEST, len(call_id)):
        if not any(other != call_id and other.startswith(call_id[:length]) for other in others):
            return call_id[:length]
    return call_id
