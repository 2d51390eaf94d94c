"""When something is due, by name. Pure."""

from collections.abc import Iterator
from typing import Literal, get_args

from ringside.conversation import snapshot

Name = Literal[
    "asked",
    "collecting",
    "digits",
    "farewell",
    "greeting",
    "max_duration",
    "pause",
    "silence",
    "slow",
    "stalled",
    "unheard",
    "verdict",
    "warning",
]

NAMES: frozenset[str] = frozenset(get_args(Name))


class Timers:
    """One for each name. Times are Unix seconds, so that they mean the same to every owner of a call."""

    def __init__(self) -> None:
        self._at: dict[str, float] = {}

    @property
    def next(self) -> float | None:
        """When the first one is due."""
        return min(self._at.values(), default=None)

    def at(self, name: Name) -> float | None:
        """When it is due, if it runs."""
        return self._at.get(name)

    def set(self, name: Name, at: float) -> None:
        self._at[name] = at

    def set_once(self, name: Name, at: float) -> None:
        """Set it, unless it runs."""
        self._at.setdefault(name, at)

    def set_within(self, name: Name, at: float) -> None:
        """Set it, unless it is due before that."""
        self._at[name] = min(self._at.get(name, at), at)

    def cancel(self, name: Name) -> None:
        self._at.pop(name, None)

    def clear(self) -> None:
        self._at.clear()

    def is_set(self, name: Name) -> bool:
        return name in self._at

    def due(self, now: float) -> Iterator[str]:
        """Those that are due, in the order of their times; one that is cancelled meanwhile is left out."""
        for _, name in sorted((at, name) for name, at in self._at.items() if at <= now):
            if self._at.get(name, now + 1) <= now:
                del self._at[name]
                yield name

    def snapshot(self) -> dict[str, float]:
        return dict(self._at)

    def restore(self, value: object) -> None:
        """Take over the former owner's timers. The parts set those of their own that are missing."""
        if isinstance(value, dict):
            self._at = {name: at for name in NAMES if (at := snapshot.number(value.get(name))) is not None}
