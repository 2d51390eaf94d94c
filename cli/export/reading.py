"""The calls of a day, whole, in the order of their beginning; several are read at a time."""

import time
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ringside.aws.record import Record
from ringside.calls import Status
from ringside.records import shapes
from ringside.records.query import outcome_of

THREADS = 8
AHEAD = 32
"""Calls that are read before they are wanted."""

SETTLED_SECONDS = 120.0
"""After its end a call may still get its last words, and the index its last attributes."""


@contextmanager
def threads() -> Iterator[ThreadPoolExecutor]:
    """Those that read. After an error or Ctrl-C nobody waits for what has not begun."""
    pool = ThreadPoolExecutor(THREADS, "export")
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@dataclass(frozen=True)
class Wanted:
    """Which calls of a day: those that an agent answered, and whose analysis found an outcome; None: all."""

    agent: str | None = None
    outcome: str | None = None


@dataclass
class Day:
    """One day's calls. `is_settled`, once they were read: whether reading them again would give the same."""

    day: str  # ISO date, UTC
    is_settled: bool = True
    calls: int = 0
    items: int = 0
    _now: float = field(default_factory=time.time)

    def read(self, record: Record, pool: ThreadPoolExecutor, wanted: Wanted) -> Iterator[Mapping[str, Any]]:
        """Each of them, as `shapes.whole` has it. A call that is erased meanwhile is left out."""
        yesterday_at_least = self.day < datetime.fromtimestamp(self._now - SETTLED_SECONDS, UTC).date().isoformat()
        self.is_settled = yesterday_at_least
        calls = record.each_of_day(self.day)
        ids = [str(call["call_id"]) for call in calls if wanted.agent in (None, call.get("agent"))]
        under_way: deque[Future[Any]] = deque()
        for call_id in reversed(ids):
            under_way.append(pool.submit(record.whole_call, call_id))
            if len(under_way) > AHEAD:
                yield from self._next(under_way, wanted)
        while under_way:
            yield from self._next(under_way, wanted)

    def _next(self, under_way: deque[Future[Any]], wanted: Wanted) -> Iterator[Mapping[str, Any]]:
        found = under_way.popleft().result()
        if found is None:
            return
        call, items = found
        self.is_settled = self.is_settled and self._is_over(call)
        if wanted.outcome not in (None, outcome_of(call)):
            return
        self.calls += 1
        self.items += len(items)
        yield shapes.whole(call, items)

    def _is_over(self, call: Mapping[str, Any]) -> bool:
        if not Status(str(call["status"])).is_final:
            return False
        last = max(map(float, (call.get("steps") or {}).values()), default=0.0)
        return self._now - last > SETTLED_SECONDS
