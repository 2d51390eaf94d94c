"""Tasks that work for as long as their process does. One that dies is not missed silently."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from ringside.errors import ProcessError

log = logging.getLogger(__name__)


class TaskDied(ProcessError):
    """A background task has died, which was logged with its type and frames. The message is the task's name."""


class BackgroundTasks:
    """Runs tasks until they return or are stopped. When one raises, that is logged and `on_death` is called."""

    def __init__(self, on_death: Callable[[], None]) -> None:
        self._on_death = on_death
        self._tasks: dict[asyncio.Task[None], str] = {}
        self.died: list[str] = []
        """The names of the tasks that died, in that order."""

    def start(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        task = asyncio.create_task(_awaited(work), name=name)
        self._tasks[task] = name
        task.add_done_callback(self._ended)

    async def done(self, *names: str) -> None:
        """Wait until these have returned or died."""
        tasks = [task for task, name in self._tasks.items() if name in names]
        if tasks:
            await asyncio.wait(tasks)

    def stop(self) -> None:
        for task in self._tasks:
            task.cancel()

    def report(self, name: str, error: BaseException) -> None:
        """Something of this name has died, be it one of these tasks or not."""
        self.died.append(name)
        # The type and the frames: what others write into their errors is not ours to know.
        log.error("monitor.task_died", extra={"task": name}, exc_info=error)

    def raise_for_deaths(self) -> None:
        """Raise `TaskDied` if one has died."""
        if self.died:
            raise TaskDied(self.died[0])

    def _ended(self, task: asyncio.Task[None]) -> None:
        name = self._tasks.pop(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            try:
                self.report(name, error)
            finally:  # also where the log cannot be written
                self._on_death()


async def _awaited(work: Callable[[], Awaitable[None]]) -> None:
    await work()
