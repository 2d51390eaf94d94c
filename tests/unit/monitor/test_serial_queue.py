"""A lane does one thing after the other, and nothing is held up for good."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial

import pytest

from ringside.monitor.serial_queue import SerialQueue


class Gate:
    """Work that is done when the test says so."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self._open = asyncio.Event()

    def work(self, name: str) -> Callable[[], Awaitable[None]]:
        return partial(self._pass, name)

    async def _pass(self, name: str) -> None:
        await self._open.wait()
        self.done.append(name)

    def open(self) -> None:
        self._open.set()


def workers(name: str) -> int:
    return sum(task.get_name() == name for task in asyncio.all_tasks())


async def test_work_is_done_in_the_order_it_was_added_however_long_each_takes() -> None:
    lane, done = SerialQueue("a lane"), []

    async def work(number: int) -> None:
        for _ in range(5 - number):
            await asyncio.sleep(0)
        done.append(number)

    for number in range(5):
        lane.add(partial(work, number))
    await lane.done()
    assert done == [0, 1, 2, 3, 4]


async def test_a_worker_exists_only_while_there_is_work() -> None:
    lane, gate = SerialQueue("a lane"), Gate()
    assert workers("a lane") == 0
    lane.add(gate.work("first"))
    lane.add(gate.work("second"))
    assert workers("a lane") == 1
    gate.open()
    await lane.done()
    assert workers("a lane") == 0
    lane.add(gate.work("third"))
    await lane.done()
    assert gate.done == ["first", "second", "third"]


async def test_work_may_add_work() -> None:
    lane, gate = SerialQueue("a lane"), Gate()
    gate.open()

    async def more() -> None:
        gate.done.append("first")
        lane.add(gate.work("second"))

    lane.add(more)
    await lane.done()
    assert gate.done == ["first", "second"]


async def test_done_returns_at_once_when_there_is_nothing_to_do() -> None:
    await SerialQueue("a lane").done()


async def test_it_is_crowded_at_its_limit_and_makes_whoever_asks_wait_for_room() -> None:
    lane, gate = SerialQueue("a lane", limit=2), Gate()
    await lane.room()
    lane.add(gate.work("first"))
    assert not lane.crowded
    lane.add(gate.work("second"))
    assert lane.crowded
    waiting = [asyncio.create_task(lane.room()) for _ in range(2)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not any(task.done() for task in waiting)
    gate.open()
    await asyncio.gather(*waiting)
    assert not lane.crowded


async def test_stopping_drops_what_is_not_done_and_takes_nothing_more() -> None:
    lane, gate = SerialQueue("a lane"), Gate()
    lane.add(gate.work("running"))
    lane.add(gate.work("waiting"))
    await asyncio.sleep(0)
    await lane.stop()
    lane.add(gate.work("too late"))
    gate.open()
    await lane.done()
    assert gate.done == []
    assert workers("a lane") == 0


async def test_stopping_lets_those_go_who_wait_for_room() -> None:
    lane, gate = SerialQueue("a lane", limit=1), Gate()
    lane.add(gate.work("running"))
    waiting = asyncio.create_task(lane.room())
    await asyncio.sleep(0)
    await lane.stop()
    await waiting


async def test_work_may_stop_its_own_lane() -> None:
    lane, gate = SerialQueue("a lane"), Gate()
    gate.open()

    async def stop() -> None:
        await lane.stop()
        gate.done.append("stopped")

    lane.add(stop)
    lane.add(gate.work("never"))
    await lane.done()
    assert gate.done == ["stopped"]


async def test_work_that_fails_is_logged_and_neither_repeated_nor_in_the_way(caplog: pytest.LogCaptureFixture) -> None:
    lane, gate, attempts = SerialQueue("a lane"), Gate(), []
    gate.open()

    async def fail() -> None:
        attempts.append(1)
        raise RuntimeError("no")

    lane.add(gate.work("before"))
    lane.add(fail)
    lane.add(gate.work("after"))
    with caplog.at_level(logging.ERROR, "ringside"):
        await lane.done()
    assert gate.done == ["before", "after"]
    assert attempts == [1]
    assert [record.message for record in caplog.records] == ["lane.failed"]


async def test_work_that_fails_makes_room_like_any_other() -> None:
    lane = SerialQueue("a lane", limit=1)

    async def fail() -> None:
        raise RuntimeError("no")

    lane.add(fail)
    await lane.room()
    assert not lane.crowded
