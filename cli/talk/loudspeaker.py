"""What the agent says on its way to the loudspeaker, and how much of it was heard. Pure, and fed by two threads.

The session sends faster than it speaks, and over a WebSocket the client owns the playback (guide, "Realtime API with
WebSocket"): whoever plays it knows when it began, when it ended, and where it was cut short.
"""

from collections import deque
from dataclasses import dataclass
from threading import Lock
from typing import Literal

BYTES_PER_MS = 48
"""PCM of 24 kHz, 16 bit, mono: the session's `audio/pcm`."""


@dataclass(frozen=True)
class Playback:
    """Something that the session of a call would have told."""

    kind: Literal["started", "stopped"]
    response_id: str


@dataclass(frozen=True)
class Cut:
    """An item that was not played to its end."""

    response_id: str
    item_id: str
    heard_ms: int


@dataclass
class _Item:
    response_id: str
    item_id: str
    waiting: bytearray
    played: int = 0  # bytes


class Loudspeaker:
    """One response after the other. `take` is the sound card's, the rest the session's."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._items: deque[_Item] = deque()
        self._complete: set[str] = set()  # responses of which nothing more comes
        self._playing: str | None = None
        self._happened: list[Playback] = []

    @property
    def is_audible(self) -> bool:
        with self._lock:
            return bool(self._items)

    def add(self, response_id: str, item_id: str, pcm: bytes) -> None:
        with self._lock:
            last = self._items[-1] if self._items else None
            if last is None or last.item_id != item_id:
                last = _Item(response_id, item_id, bytearray())
                self._items.append(last)
            last.waiting += pcm

    def complete(self, response_id: str) -> None:
        """Nothing more comes of this response: once it is played, it has been heard."""
        with self._lock:
            self._complete.add(response_id)
            self._advance()

    def take(self, count: int) -> bytes:
        """The next so many bytes to play; silence where there is nothing."""
        taken = bytearray()
        with self._lock:
            while self._items and len(taken) < count:
                item = self._items[0]
                if item.waiting and self._playing != item.response_id:
                    self._playing = item.response_id
                    self._happened.append(Playback("started", item.response_id))
                piece = bytes(item.waiting[: count - len(taken)])
                del item.waiting[: len(piece)]
                item.played += len(piece)
                taken += piece
                if not self._advance() and not piece:
                    break  # it is still on its way
        return bytes(taken).ljust(count, b"\0")

    def _advance(self) -> bool:
        """Leave what is played to its end. Returns whether anything was left."""
        left = False
        while self._items and not self._items[0].waiting:
            item = self._items[0]
            is_last = len(self._items) == 1
            if is_last and item.response_id not in self._complete:
                break
            self._items.popleft()
            left = True
            if not self._items or self._items[0].response_id != item.response_id:
                self._stopped(item.response_id)
        return left

    def _stopped(self, response_id: str) -> None:
        if self._playing == response_id:
            self._happened.append(Playback("stopped", response_id))
            self._playing = None

    def cut(self) -> list[Cut]:
        """Play nothing of it any more."""
        with self._lock:
            cuts = [Cut(item.response_id, item.item_id, item.played // BYTES_PER_MS) for item in self._items]
            self._items.clear()
            self._playing = None
            return cuts

    def happened(self) -> list[Playback]:
        """What has begun and ended since this was last asked."""
        with self._lock:
            happened, self._happened = self._happened, []
            return happened
