"""How far an export is: a line at the bottom of a terminal, and one at the end."""

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rich.status import Status

from cli.export.reading import Day
from cli.terminal import console, safe

EVERY = 0.25  # seconds between two changes of the line


class Progress:
    """On standard error: what is exported may go to standard output."""

    def __init__(self) -> None:
        out = console(stderr=True)
        self._status = Status("", console=out) if out.is_terminal and out.is_interactive else None
        self._began = time.monotonic()
        self._shown = 0.0
        self.days = 0
        self.skipped = 0
        self.calls = 0
        self.items = 0

    def of(self, day: Day, calls: Iterator[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
        """The calls of a day, as they come."""
        self.days += 1
        for call in calls:
            self.calls += 1
            self.items += len(call["items"])
            now = time.monotonic()
            if self._status is not None and now - self._shown > EVERY:
                self._shown = now
                rate = self.calls / max(0.001, now - self._began)
                self._status.update(f"{day.day}: {self.calls:,} calls, {rate:,.0f} a second")
            yield call

    def summary(self, output: Path | None) -> str:
        """What was done, in one line."""
        calls = f"{self.calls:,} call{'' if self.calls == 1 else 's'}"
        days = f"{self.days} day{'' if self.days == 1 else 's'}"
        where = f" to {safe(output)}" if output else ""
        skipped = f"; {self.skipped} days were there already" if self.skipped > 1 else ""
        skipped = skipped or ("; 1 day was there already" if self.skipped else "")
        return f"exported {calls} of {days}{where}{skipped}"

    def __enter__(self) -> Self:
        if self._status is not None:
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status is not None:
            self._status.stop()
