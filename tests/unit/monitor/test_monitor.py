"""A monitor as a whole: it works until it is stopped, and stops when a part of it dies."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from ringside.monitor import drain
from ringside.monitor.background import TaskDied
from ringside.monitor.clock import Time
from ringside.monitor.monitor import Monitor
from ringside.monitor.services import Services
from ringside.monitor.threads import Threads
from tests.unit.monitor.fakes import CALL, LEASE, Sideband, message
from tests.unit.monitor.world import World, call_item


class Bench:
    """A monitor with one call."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(drain, "OFFER_SECONDS", 0.01)
        self.world = World(Sideband())
        self.world.record.calls[CALL] = call_item(epoch=0)
        self.world.queue.messages = [[message()]]
        clock = self.world.clock

        async def sleep(seconds: float) -> None:  # many beats a second, but not all the time
            clock.now += seconds
            await asyncio.sleep(0.001)

        time = Time(clock.wall, clock.monotonic, sleep)
        self.monitor = Monitor(
            "m", self.world.queue, self.world.agents, self._services, slots=5, lease=LEASE, poll=1, time=time
        )

    def _services(self, threads: Threads, holds: Callable[[], bool], time: Time) -> Services:
        services = self.world.services
        services.holds = holds
        return services

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator["asyncio.Task[None]"]:
        working = asyncio.create_task(self.monitor.run())
        async with asyncio.timeout(10):
            while not self.monitor.calls and not working.done():
                await asyncio.sleep(0.001)
            yield working
            await asyncio.wait({working})


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(monkeypatch)


async def test_a_monitor_that_is_stopped_has_given_its_calls_back(bench: Bench) -> None:
    async with bench.at_work() as working:
        assert bench.monitor.calls == 1
        bench.monitor.stop()

    assert working.exception() is None
    assert len(bench.world.record.of("release")) == 1
    assert ("show", "receipt") in bench.world.queue.done


async def broken(*args: Any) -> None:
    raise RuntimeError("broken")


async def nothing(*args: Any) -> None: ...


def break_lease(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench.monitor._heartbeat, "_report", lambda: 1 / 0)


def break_poller(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench.world.queue, "receive", nothing)


def break_drain(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench.monitor._drain, "run", broken)
    bench.monitor.stop()


@pytest.mark.parametrize(("breaks", "name"), [(break_lease, "lease"), (break_poller, "poller"), (break_drain, "drain")])
async def test_a_monitor_of_which_a_part_dies_gives_its_calls_back_and_says_which(
    bench: Bench,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    breaks: Callable[[Bench, pytest.MonkeyPatch], None],
    name: str,
) -> None:
    async with bench.at_work() as working:
        breaks(bench, monkeypatch)

    error = working.exception()
    assert isinstance(error, TaskDied)
    assert str(error).startswith(name)
    assert len(bench.world.record.of("release")) == 1
    died = [record for record in caplog.records if record.message == "monitor.task_died"]
    assert {vars(record)["task"].split()[0] for record in died} == {name}
    assert all(record.exc_info for record in died)


async def test_a_lease_that_dies_while_calls_are_waited_for_ends_the_waiting(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with bench.at_work() as working:
        bench.monitor.stop(wait=1e9)
        break_lease(bench, monkeypatch)

    assert isinstance(working.exception(), TaskDied)
    assert len(bench.world.record.of("release")) == 1
