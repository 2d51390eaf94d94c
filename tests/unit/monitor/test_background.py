"""A background task that dies is missed, and openly."""

import asyncio
import logging

import pytest

from ringside.monitor.background import BackgroundTasks, TaskDied
from tests.unit.monitor.world import settle


async def for_ever() -> None:
    await asyncio.Event().wait()


async def dies() -> None:
    raise ValueError("sk-secret")


async def returns() -> None: ...


class Bench:
    def __init__(self) -> None:
        self.deaths = 0
        self.tasks = BackgroundTasks(self._count)

    def _count(self) -> None:
        self.deaths += 1


async def test_one_that_dies_is_logged_with_its_name_and_where_it_came_from_and_not_with_its_text(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = Bench()
    bench.tasks.start("lease", dies)
    await settle()

    (record,) = caplog.records
    assert (record.message, vars(record)["task"]) == ("monitor.task_died", "lease")
    assert record.exc_info is not None  # of which a line has the type and the frames
    assert isinstance(record.exc_info[1], ValueError)
    assert bench.deaths == 1
    with pytest.raises(TaskDied, match=r"^lease$"):
        bench.tasks.raise_for_deaths()


async def test_one_that_returns_or_is_stopped_has_not_died() -> None:
    bench = Bench()
    bench.tasks.start("poller", returns)
    bench.tasks.start("lease", for_ever)
    await bench.tasks.done("poller")
    bench.tasks.stop()
    await bench.tasks.done("lease")

    bench.tasks.raise_for_deaths()
    assert (bench.deaths, bench.tasks.died) == (0, [])


async def test_a_death_is_acted_upon_even_if_it_cannot_be_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise OSError

    monkeypatch.setattr(logging.getLogger("ringside"), "handlers", [Broken()])
    monkeypatch.setattr(asyncio.get_running_loop(), "call_exception_handler", lambda context: None)
    bench = Bench()
    bench.tasks.start("lease", dies)
    await settle()

    assert (bench.deaths, bench.tasks.died) == (1, ["lease"])
