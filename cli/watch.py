"""Calls as they happen. `Follower` is pure: snapshots of a call in, what is new in it out."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from cli import shapes, show
from cli.errors import CliError
from cli.show import View
from cli.terminal import safe
from ringside.aws.record import Record
from ringside.aws.table import Item
from ringside.calls import Status

INTERVAL = 1.0
"""Seconds between two looks at the record."""

FOLLOWED = 50
"""Calls that are read word by word at a time; of more, the newest. A look costs one query for each."""


@dataclass(frozen=True)
class News:
    """Something that happened in a call: it began, an entry is new or has changed, or it ended."""

    what: Literal["begin", "entry", "end"]
    call: Mapping[str, Any]
    entry: Mapping[str, Any] | None = None
    changed: bool = False

    def as_json(self) -> dict[str, Any]:
        """`event`, `call_id`, and the entry or the call, in the shapes of `calls show --json`."""
        shown: dict[str, Any] = {"event": self.what, "call_id": self.call.get("call_id")}
        if self.entry is not None:
            return {**shown, "item": shapes.item(self.entry)}
        return {**shown, "call": shapes.listed(self.call)}


@dataclass
class Follower:
    """What has been told of one call."""

    begun: bool = False
    ended: bool = False
    told: dict[str, tuple[Any, ...]] = field(default_factory=dict)

    def news(self, call: Mapping[str, Any], items: Sequence[Mapping[str, Any]]) -> list[News]:
        """What is new since the last snapshot. Words come when they are whole, and once more if they change."""
        found = [] if self.begun else [News("begin", call)]
        self.begun = True
        over = Status(str(call["status"])).is_final
        for entry in items:
            if entry.get("state") == "pending" and not over:
                continue
            key, seen = str(entry.get("item_id") or entry.get("sk")), _essence(entry)
            if self.told.get(key) != seen:
                found.append(News("entry", call, entry, changed=key in self.told))
                self.told[key] = seen
        if over and not self.ended:
            found.append(News("end", call))
            self.ended = True
        return found


def _essence(entry: Mapping[str, Any]) -> tuple[Any, ...]:
    """What a listener would want to be told of again."""
    return tuple(entry.get(name) for name in ("text", "state", "outcome", "output", "ended_at"))


def follow(record: Record, call_id: str, pause: Callable[[float], None]) -> Iterator[News]:
    """One call from where it is until it is over. Raises `CliError` if there is none."""
    follower = Follower()
    while not follower.ended:
        found = record.whole_call(call_id)
        if found is None:
            raise CliError(f"there is no call {call_id} in the record")
        yield from follower.news(*found)
        if not follower.ended:
            pause(INTERVAL)


def follow_all(record: Record, pause: Callable[[float], None]) -> Iterator[News]:
    """All calls that are not over, for ever. Of those that have begun before, what is said from now on."""
    followers: dict[str, Follower] = {}
    for call in record.open_calls()[:FOLLOWED]:
        follower = followers[str(call["call_id"])] = Follower()
        yield from (news for news in _look(record, str(call["call_id"]), follower) if news.what != "entry")
    while True:
        open_calls = {str(call["call_id"]): call for call in record.open_calls()}
        gone = [call_id for call_id in followers if call_id not in open_calls]
        for call_id in [*list(open_calls)[:FOLLOWED], *gone]:
            yield from _look(record, call_id, followers.setdefault(call_id, Follower()))
        for call_id in gone:
            if followers[call_id].ended:
                del followers[call_id]
        pause(INTERVAL)


def _look(record: Record, call_id: str, follower: Follower) -> list[News]:
    found = record.whole_call(call_id)
    if found is None:  # its time to live has passed
        follower.ended = True
        return []
    return follower.news(*found)


def lines(news: News, view: View, name_call: bool = False) -> list[str]:
    """One piece of news for a person. `name_call`: say of which call, where there are several."""
    call: Item = dict(news.call)
    style = view.style
    prefix = f"{style.dim(safe(call.get('call_id')))}  " if name_call else ""
    match news.what:
        case "begin":
            return [f"{prefix}{show.parties(call)}  {show.outcome(call, style)}"]
        case "end":
            lasted = show.duration(call, view.now)
            how_long = "" if lasted is None else f", {show.span(lasted)}"
            return [f"{prefix}{show.outcome(call, style)}{how_long}, {show.money(call.get('cost'))}"]
    entry = show.entry_lines(news.entry or {}, show.answered_at(call), view)
    if news.changed:
        entry[0] = f"{entry[0]} {style.dim('(changed)')}"
    return [f"{prefix}{line}" for line in entry]
