"""Keeping ECS from stopping a task while its monitor has calls."""

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from ringside.aws.ecs_task import EcsTask, EcsTaskError
from ringside.monitor.background import BackgroundTasks
from ringside.telemetry import Metrics

log = logging.getLogger(__name__)

SPARE_MINUTES = 10
"""That protection lasts longer than the waiting: to notice a deployment, to renew, and to hand over in the end."""

_NAME = "task protection"


class Worker(Protocol):
    """What the task is protected for: a monitor."""

    @property
    def calls(self) -> int: ...

    def stop(self, wait: float) -> None: ...


@dataclass(frozen=True)
class Pace:
    """How often what is done; all in seconds."""

    look: float = 5.0  # whether there are calls
    renew: float = 300.0  # the protection
    retry: float = 30.0  # after a failure
    ask: float = 60.0  # whether the task is replaced
    known: float = 300.0  # how long the last answer to that is good for


class TaskProtection:
    """Protects the task while its monitor has calls, and stops the monitor once the task is replaced.

    What fails is logged, counted (`KeepingsFailed`) and tried again. `minutes`: that calls get to end.
    """

    def __init__(
        self,
        task: EcsTask,
        monitor: Worker,
        metrics: Metrics,
        minutes: float,
        pace: Pace | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._task = task
        self._monitor = monitor
        self._metrics = metrics
        self._minutes = minutes
        self._pace = pace or Pace()
        self._clock = clock
        self._protected = False  # or may be: it was asked for
        self._set_at = math.inf  # when protection is to be set or taken away again
        self._replaced = False
        self._ask_at = -math.inf
        self._known_until = -math.inf

    async def keep(self, work: Callable[[], Awaitable[object]]) -> None:
        """Do the monitor's work, and protect the task meanwhile. Raises `TaskDied` if that could not go on."""
        background = BackgroundTasks(on_death=lambda: self._monitor.stop(0))
        background.start(_NAME, self._look_now_and_then)
        try:
            await work()
        finally:
            background.stop()
            await background.done(_NAME)
            if self._protected or self._set_at < math.inf:
                await self._did(self._task.unprotect)
        background.raise_for_deaths()

    async def _look_now_and_then(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(self._pace.look)

    async def look(self) -> None:
        """Do what is due."""
        if not self._replaced and self._clock() >= self._ask_at:
            await self._ask()
        busy = self._monitor.calls > 0
        if busy != self._protected or self._clock() >= self._set_at:
            await self._set(busy)

    async def _ask(self) -> None:
        self._ask_at = self._clock() + self._pace.ask
        if await self._did(self._find_out):
            self._known_until = self._clock() + self._pace.known
        if self._replaced:
            log.info("monitor.replaced", extra={"calls": self._monitor.calls, "minutes": self._minutes})
            self._monitor.stop(self._minutes * 60)

    def _find_out(self) -> None:
        self._replaced = self._task.is_replaced()

    async def _set(self, busy: bool) -> None:
        if busy and not self._replaced and self._clock() >= self._known_until:
            return
        self._protected = busy
        lasts = math.ceil(self._minutes) + SPARE_MINUTES
        done = await self._did(partial(self._task.protect, lasts) if busy else self._task.unprotect)
        again = self._pace.renew if busy else math.inf
        self._set_at = self._clock() + (again if done else self._pace.retry)

    async def _did(self, what: Callable[[], None]) -> bool:
        try:
            await asyncio.to_thread(what)
        except Exception as error:
            self._metrics.count("KeepingsFailed")
            detail = str(error) if isinstance(error, EcsTaskError) else type(error).__name__
            log.warning("task.not_kept", extra={"error": detail})
            return False
        return True
