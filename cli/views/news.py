"""News of calls, as they happen. Pure, but for the names that calls get."""

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from cli.follow import News
from cli.terminal import safe
from cli.views.call import entry
from cli.views.calls import SHORTEST
from cli.views.words import Clock, answered_at, duration, money, parties, span, status


class ShortNames:
    """Short names for calls that are followed together; a call keeps the name that it got first."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._taken: set[str] = set()

    def of(self, call_id: str) -> str:
        if call_id not in self._names:
            lengths = range(min(SHORTEST, len(call_id)), len(call_id) + 1)
            name = next((call_id[:length] for length in lengths if call_id[:length] not in self._taken), call_id)
            self._names[call_id] = name
            self._taken.add(name)
        return self._names[call_id]


def line(news: News, clock: Clock, names: ShortNames | None = None) -> RenderableType:
    """One piece of news. `names`: say of which call it is, where there are several. The whole id comes once."""
    call_id = str(news.call.get("call_id"))
    name = names.of(call_id) if names else ""
    told = _told(news, clock, "" if name == call_id else call_id)
    if not name:
        return told
    table = Table.grid(padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(style="dim", min_width=min(SHORTEST, len(call_id)), no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row(Text(safe(name)), told)
    return table


def _told(news: News, clock: Clock, call_id: str) -> RenderableType:
    call = news.call
    match news.what:
        case "begin":
            return Text.assemble(parties(call), "  ", status(call), f"  {safe(call_id)}" if call_id else "")
        case "end":
            seconds = duration(call, clock.now)
            how_long = "" if seconds is None else f", {span(seconds)}"
            return Text.assemble(status(call), f"{how_long}, {money(call.get('cost'))}")
    return entry(news.entry or {}, answered_at(call), "(changed)" if news.changed else "")
