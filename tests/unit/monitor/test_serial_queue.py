"""A serial queue does its work in order, and nothing is held up for good."""

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
    queue, done = SerialQueue("a queue"), []

    async def work(number: int) -> None:
        for _ in range(5 - number):
            await asyncio.sleep(0)
        done.append(number)

    for number in range(5):
        queue.add(partial(work, number))
    await queue.done()
    assert done == [0, 1, 2, 3, 4]


async def test_a_worker_exists_only_while_there_is_work() -> None:
    queue, gate = SerialQueue("a queue"), Gate()
    assert workers("a queue") == 0
    queue.add(gate.work("first"))
    queue.add(gate.work("second"))
    assert workers("a queue") == 1
    gate.open()
    await queue.done()
    assert workers("a queue") == 0
    queue.add(gate.work("third"))
    await queue.done()
    assert gate.done == ["first", "second", "third"]


async def test_work_may_add_work() -> None:
    queue, gate = SerialQueue("a queue"), Gate()
    gate.open()

    async def more() -> None:
        gate.done.append("first")
        queue.add(gate.work("second"))

    queue.add(more)
    await queue.done()
    assert gate.done == ["first", "second"]


async def test_done_returns_at_once_when_there_is_nothing_to_do() -> None:
    await SerialQueue("a queue").done()


async def test_it_is_crowded_at_its_limit_and_makes_those_who_ask_wait_for_room() -> None:
    queue, gate = SerialQueue("a queue", limit=2), Gate()
    await queue.room()
    queue.add(gate.work("first"))
    assert not queue.is_crowded
    queue.add(gate.work("second"))
    assert queue.is_crowded
    waiting = [asyncio.create_task(queue.room()) for _ in range(2)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not any(task.done() for task in waiting)
    gate.open()
    await asyncio.gather(*waiting)
    assert not queue.is_crowded


async def test_stopping_drops_what_is_not_done_and_takes_nothing_more() -> None:
    queue, gate = SerialQueue("a queue"), Gate()
    queue.add(gate.work("running"))
    queue.add(gate.work("waiting"))
    await asyncio.sleep(0)
    await queue.stop()
    queue.add(gate.work("too late"))
    gate.open()
    await queue.done()
    assert gate.done == []
    assert workers("a queue") == 0


async def test_stopping_lets_those_go_who_wait_for_room() -> None:
    queue, gate = SerialQueue("a queue", limit=1), Gate()
    queue.add(gate.work("running"))
    waiting = asyncio.create_task(queue.room())
    await asyncio.sleep(0)
    await queue.stop()
    await waiting


async def test_work_may_stop_its_own_queue() -> None:
    queue, gate = SerialQueue("a queue"), Gate()
    gate.open()

    async def stop() -> None:
        await queue.stop()
        gate.done.append("stopped")

    queue.add(stop)
    queue.add(gate.work("never"))
    await queue.done()
    assert gate.done == ["stopped"]


async def test_work_that_fails_is_logged_and_neither_repeated_nor_in_the_way(caplog: pytest.LogCaptureFixture) -> None:
    queue, gate, attempts = SerialQueue("a queue"), Gate(), []
    gate.open()

    async def fail() -> None:
        attempts.append(1)
        raise RuntimeError("no")

    queue.add(gate.work("before"))
    queue.add(fail)
    queue.add(gate.work("after"))
    with caplog.at_level(logging.ERROR, "ringside"):
        await queue.done()
    assert gate.done == ["before", "after"]
    assert attempts == [1]
    assert [record.message for record in caplog.records] == ["work.failed"]


async def test_work_that_fails_makes_room_like_any_other() -> None:
    queue = SerialQueue("a queue", limit=1)

    async def fail() -> None:
        raise RuntimeError("no")

    queue.add(fail)
    await queue.room()
    assert not queue.is_crowded
