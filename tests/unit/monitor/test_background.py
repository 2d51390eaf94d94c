"""A background task that dies is missed, and openly."""

import asyncio
import json
import logging

import pytest

from ringside import telemetry
from ringside.monitor.background import BackgroundTasks, TaskDied
from tests.unit.monitor.fakes import settle


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


async def test_one_that_dies_is_logged_with_its_name_type_and_frames_and_without_its_text(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    logger = logging.getLogger("ringside")
    for name in ("handlers", "propagate", "level"):
        monkeypatch.setattr(logger, name, getattr(logger, name))
    telemetry.log_as_json("monitor")
    bench = Bench()
    bench.tasks.start("lease", dies)
    await settle()

    written = capsys.readouterr().out
    line = json.loads(written)
    assert (line["message"], line["task"], line["exception"]) == ("monitor.task_died", "lease", "ValueError")
    assert any("test_background.py" in frame for frame in line["stack"])
    assert "sk-secret" not in written
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
