"""Work that is done in order, in the background, for one call."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

log = logging.getLogger(__name__)


class SerialQueue:
    """An ordered queue with a worker that exists only while there is work.

    A monitor has two for each of its calls, mostly empty ones: a deque or an event for each would take more memory than
    what is queued.

    `is_crowded` says that work comes faster than it gets done: the one who adds should wait for `room`.
    """

    def __init__(self, name: str, limit: int = 256) -> None:
        self._name = name
        self._limit = limit
        self._todo: list[Callable[[], Awaitable[None]]] = []
        self._worker: asyncio.Task[None] | None = None
        self._closed = False
        self._moved: asyncio.Event | None = None  # while somebody waits for room

    @property
    def is_crowded(self) -> bool:
        return len(self._todo) >= self._limit

    def add(self, work: Callable[[], Awaitable[None]]) -> None:
        """Queue some work. If it fails, it is logged and dropped: never done twice, never in the way of the rest."""
        if self._closed:
            return
        self._todo.append(work)
        if self._worker is None:
            self._worker = asyncio.create_task(self._run(), name=self._name)

    async def room(self) -> None:
        while self.is_crowded:
            if self._moved is None:
                self._moved = asyncio.Event()
            await self._moved.wait()

    async def done(self) -> None:
        """Wait until everything that was added is done."""
        while self._worker is not None:
            await asyncio.wait((self._worker,))

    async def stop(self) -> None:
        """Drop what is not done."""
        self._closed = True
        self._todo.clear()
        self._has_moved()
        if self._worker is not None and self._worker is not asyncio.current_task():
            self._worker.cancel()
            await asyncio.wait((self._worker,))

    async def _run(self) -> None:
        try:
            while self._todo:
                try:
                    await self._todo[0]()
                except Exception:
                    log.exception("work.failed", extra={"queue": self._name})
                if self._todo:
                    self._todo.pop(0)
                self._has_moved()
        finally:
            self._worker = None

    def _has_moved(self) -> None:
        if self._moved is not None:
            self._moved.set()
            self._moved = None
