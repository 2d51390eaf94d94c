"""Calls as they happen. `Follower` is pure: snapshots of a call in, what is new in it out."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from cli.errors import CliError
from ringside.aws.record import Record
from ringside.calls import Status
from ringside.records import shapes

INTERVAL = 1.0
"""Seconds between two looks at the record."""

FOLLOWED = 50
"""Calls that are read word by word at a time; of more, the newest. A look costs one query for each."""

REMEMBERED = 1000
"""Calls that are known to have ended. An index lags by less than a second, as a rule."""


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
    """What has been shown of one call."""

    begun: bool = False
    ended: bool = False
    shown: dict[str, tuple[Any, ...]] = field(default_factory=dict)

    def news(self, call: Mapping[str, Any], items: Sequence[Mapping[str, Any]]) -> list[News]:
        """What is new since the last snapshot. Words come when they are whole, and once more if they change."""
        found = [] if self.begun else [News("begin", call)]
        self.begun = True
        over = Status(str(call["status"])).is_final
        for entry in items:
            if entry.get("state") == "pending" and not over:
                continue
            key, seen = str(entry.get("item_id") or entry.get("sk")), _essence(entry)
            if self.shown.get(key) != seen:
                found.append(News("entry", call, entry, changed=key in self.shown))
                self.shown[key] = seen
        if over and not self.ended:
            found.append(News("end", call))
            self.ended = True
        return found


def _essence(entry: Mapping[str, Any]) -> tuple[Any, ...]:
    """What is shown again when it changes."""
    return tuple(entry.get(name) for name in ("text", "state", "outcome", "output", "ended_at"))


def follow(record: Record, call_id: str, pause: Callable[[float], None]) -> Iterator[News]:
    """One call, from its beginning until it is over. Raises `CliError` if there is none."""
    follower = Follower()
    while not follower.ended:
        found = record.whole_call(call_id)
        if found is None:
            raise CliError(f"there is no call {call_id} in the record")
        yield from follower.news(*found)
        if not follower.ended:
            pause(INTERVAL)


def follow_all(record: Record, pause: Callable[[float], None]) -> Iterator[News]:
    """All calls that are not over, each from its beginning, for ever."""
    followers: dict[str, Follower] = {}
    over: deque[str] = deque(maxlen=REMEMBERED)
    while True:
        # The index may step back, and show calls as open that have ended.
        open_calls = [call_id for call in record.open_calls() if (call_id := str(call["call_id"])) not in over]
        gone = [call_id for call_id in followers if call_id not in open_calls]
        for call_id in [*open_calls[:FOLLOWED], *gone]:
            follower = followers.setdefault(call_id, Follower())
            yield from _look(record, call_id, follower)
            if follower.ended:
                del followers[call_id]
                over.append(call_id)
        pause(INTERVAL)


def _look(record: Record, call_id: str, follower: Follower) -> list[News]:
    found = record.whole_call(call_id)
    if found is None:  # its time to live has passed
        follower.ended = True
        return []
    return follower.news(*found)
