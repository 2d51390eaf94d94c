"""The processes in which tools run: one that takes runs, replaced when a tool has spoilt it."""

import asyncio
import contextlib
import logging
from collections.abc import Coroutine
from functools import partial
from typing import Any

from ringside.conversation.events import ToolFinished
from ringside.monitor.tool_worker import ToolWorker, WorkerSettings
from ringside.telemetry import Metrics
from ringside.tools.definition import CallContext, Options, ToolError
from ringside.tools.runner import apology

log = logging.getLogger(__name__)

AT_ONCE = 64
"""Tools that run at the same time. Others wait, and their limit begins when they do."""

QUEUE_SECONDS = 20.0
"""That a tool waits for others to end before it is given up unrun."""

LEAVE_SECONDS = 30.0
"""For what runs in a replaced worker beside the tool that spoilt it, before the process is ended all the same."""

MAX_LEAVING = 2
"""Replaced workers that may still be running: each is an interpreter's memory, and may hold a processor."""

START_PAUSE, MAX_START_PAUSE = 0.5, 10.0

UNKNOWN = '{"error": "It is not known whether this was done. Tell the caller so; do not try again."}'


class ToolWorkers:
    """Runs tools in a process beside this one. `first`, if given, has been started already."""

    def __init__(self, settings: WorkerSettings, metrics: Metrics, first: ToolWorker | None = None) -> None:
        self._settings = settings
        self._metrics = metrics
        self._first = first
        self._current: asyncio.Task[ToolWorker] | None = None
        self._workers: list[ToolWorker] = []
        """Those that are alive, oldest first."""
        self._leaving: set[ToolWorker] = set()
        """Those of them that have been replaced."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._running = 0
        self._closed = False

    async def run(
        self, name: str, options: Options, arguments: str, limit: float, context: CallContext
    ) -> ToolFinished:
        """Run a tool; never raises. One that went down with its worker is run again if it is repeatable."""

        def error(why: str) -> ToolFinished:
            return ToolFinished(context.tool_call_id, "error", apology(why))

        try:
            async with asyncio.timeout(QUEUE_SECONDS):
                await self._slots.acquire()
        except TimeoutError:
            log.error("tool.not_run", extra={"tool": name, "running": self._running})
            return error("too much is being done at the moment")
        self._count(+1)
        try:
            for _ in range(2 if options.repeatable else 1):
                try:
                    async with asyncio.timeout(QUEUE_SECONDS):
                        worker = await self._ready()
                except TimeoutError:
                    return error("it could not be started")
                if (finished := await worker.run(name, arguments, limit, context)) is not None:
                    return finished
            return ToolFinished(context.tool_call_id, "unknown", UNKNOWN)
        finally:
            self._count(-1)
            self._slots.release()

    def close(self) -> None:
        """End every process."""
        self._closed = True
        for task in [*self._tasks, *([self._current] if self._current else [])]:
            task.cancel()
        for worker in [*self._workers, *([self._first] if self._first else [])]:
            worker.reap()
        self._first = None

    # --- inside ---

    def _count(self, change: int) -> None:
        self._running += change
        with contextlib.suppress(Exception):
            self._metrics.gauge("ToolsRunning", self._running)

    async def _ready(self) -> ToolWorker:
        """The worker that takes runs, which may have to be started."""
        if self._current is None or self._is_gone(self._current):
            self._current = asyncio.create_task(self._start(), name="start of a tool worker")
        return await asyncio.shield(self._current)

    async def _start(self) -> ToolWorker:
        pause, loop = START_PAUSE, asyncio.get_running_loop()
        while True:
            first, self._first = self._first, None
            try:
                worker = first if first is not None else await loop.run_in_executor(None, self._start_blocking)
                await worker.connect()
            except (ToolError, OSError) as error:  # it did start when the monitor did
                self._metrics.count("ToolWorkersFailed")
                log.error("tool_worker.not_started", extra={"error": type(error).__name__})
                await asyncio.sleep(pause)
                pause = min(pause * 2, MAX_START_PAUSE)
            else:
                worker.hung = partial(self._replace, worker)
                self._workers.append(worker)
                self._begin(self._attend(worker))
                return worker

    def _start_blocking(self) -> ToolWorker:
        worker = ToolWorker.start(self._settings)
        if self._closed:
            worker.reap()
        return worker

    async def _attend(self, worker: ToolWorker) -> None:
        await worker.attend()
        self._workers.remove(worker)
        if worker not in self._leaving:
            self._metrics.count("ToolWorkersReplaced")
            log.error("tool_worker.died", extra={"status": worker.status, "tools": worker.went_down})
        self._leaving.discard(worker)

    @staticmethod
    def _is_gone(start: "asyncio.Task[ToolWorker]") -> bool:
        return start.done() and start.result().is_gone

    def _replace(self, worker: ToolWorker, tool: str) -> None:
        """A tool will not end: what else runs there may end in peace, but nothing more is begun."""
        if worker in self._leaving or worker.is_gone:
            return
        self._metrics.count("ToolWorkersReplaced")
        log.error("tool_worker.replaced", extra={"tool": tool})
        self._leaving.add(worker)
        leaving = [each for each in self._workers if each in self._leaving]
        for each in leaving[: max(0, len(leaving) - MAX_LEAVING)]:
            each.kill()
        self._begin(self._let_end(worker))
        # Begun before it is asked for: to import the tools takes a moment.
        self._current = asyncio.create_task(self._start(), name="start of a tool worker")

    async def _let_end(self, worker: ToolWorker) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LEAVE_SECONDS):
                await worker.idle()
        worker.kill()

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
