"""What a monitor may believe of itself and of others, and how fast it lets its calls go."""

import asyncio
import time
from concurrent.futures import Executor
from typing import Any, cast

import pytest

from ringside.aws.call_queue import Message
from ringside.aws.record import Beat, Ownership
from ringside.aws.table import Item
from ringside.monitor import monitor
from ringside.monitor.monitor import MARGIN, RELEASED, Monitor, _Case
from ringside.monitor.supervisor import Verdict
from ringside.telemetry import Metrics

NOON = 1795348800.0  # 2026-11-22 12:00 UTC
LEASE = 12.0


class Beats:
    """A record that knows of monitors and nothing else."""

    def __init__(self, draining: bool = False) -> None:
        self.draining = draining
        self.asked: list[str] = []

    def last_beat(self, owner: str) -> Beat:
        self.asked.append(owner)
        return Beat(NOON + LEASE, self.draining)

    def beat(
        self, owner: str, until: float, calls: int, slots: int, number: int = 0, *, draining: bool = False
    ) -> None:
        pass


def a_monitor(record: "Beats | Others") -> Monitor:
    def services(threads: Executor, holds: Any) -> Any:
        return None

    nobody = cast(Any, None)
    return Monitor("m", cast(Any, record), nobody, nobody, Metrics("monitor"), services, slots=1, lease=LEASE, poll=1)


def test_a_monitor_that_never_beat_holds_nothing() -> None:
    assert not a_monitor(Beats()).holds()


def test_a_monitor_holds_its_calls_for_less_than_a_lease_after_its_last_beat(monkeypatch: pytest.MonkeyPatch) -> None:
    monitor = a_monitor(Beats())
    began = time.monotonic()
    asyncio.run(monitor._beat())
    ended = time.monotonic()

    held = []
    for moment in (ended, began + LEASE * (1 - MARGIN) - 0.01, ended + LEASE * (1 - MARGIN), ended + 3600):
        with monkeypatch.context() as patched:
            patched.setattr(time, "monotonic", lambda moment=moment: moment)
            held.append(monitor.holds())

    assert held == [True, True, False, False]


@pytest.mark.parametrize(("draining", "times"), [(True, 1), (False, 3)])
def test_an_owner_that_leaves_is_looked_up_once_and_one_that_stays_for_each_of_its_calls(
    draining: bool, times: int
) -> None:
    record = Beats(draining)
    monitor = a_monitor(record)

    for _ in range(3):
        assert asyncio.run(monitor._last_beat("former", NOON)).draining is draining

    assert record.asked == ["former"] * times


def test_a_leaving_owner_that_died_on_the_way_is_looked_up_again() -> None:
    record = Beats(draining=True)
    monitor = a_monitor(record)

    for now in (NOON, NOON + LEASE):
        asyncio.run(monitor._last_beat("former", now))

    assert record.asked == ["former"] * 2


# --- letting go, where nobody can listen ahead ---


class Others:
    """A record in which other monitors take one free call after the other, if there are any."""

    def __init__(self) -> None:
        self.free: list[str] = []
        self.most = 0
        self.asked = 0

    def release(self, call_id: str) -> None:
        self.free.append(call_id)
        self.most = max(self.most, len(self.free))

    async def take(self) -> None:
        while True:
            await asyncio.sleep(0.01)
            if self.free:
                self.free.pop(0)

    def call(self, call_id: str) -> Item:
        self.asked += 1
        return {"status": "live"} if call_id in self.free else {"status": "live", "owner": "another"}

    def beat(self, *args: object, **more: object) -> None: ...


class Alone:
    """The supervision of a call whose session lets nobody listen beside it."""

    def __init__(self, call_id: str, others: Others) -> None:
        self._call_id = call_id
        self._others = others
        self._released = asyncio.Event()

    async def tools_done(self) -> None: ...

    async def settled(self) -> None: ...

    async def offer(self, show: object, seconds: float) -> bool:
        return False

    async def release(self) -> None:
        self._others.release(self._call_id)
        self._released.set()

    async def run(self) -> Verdict:
        await self._released.wait()
        return Verdict.RELEASED


async def hand_over(calls: int, others: Others, *, taken: bool) -> float:
    """Let a monitor with so many calls hand them over; returns how long that took, in seconds."""
    monitor = a_monitor(others)
    for number in range(calls):
        call_id = f"rtc_{number}"
        alone, message = Alone(call_id, others), Message(call_id, call_id, call_id, NOON, 1)
        task = asyncio.create_task(alone.run())
        case = _Case(Ownership(call_id, monitor.owner, 1), message, cast(Any, alone), task)
        monitor._cases[call_id] = case
    taking = asyncio.create_task(others.take()) if taken else None
    started = time.monotonic()
    await monitor._hand_over()
    if taking is not None:
        taking.cancel()
    return time.monotonic() - started


def test_calls_are_released_no_faster_than_others_take_them() -> None:
    others = Others()

    asyncio.run(hand_over(40, others, taken=True))

    assert 1 <= others.most <= RELEASED


def test_when_time_is_short_all_calls_are_left_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitor, "UNHURRIED_SECONDS", 0.0)
    others = Others()

    asyncio.run(hand_over(40, others, taken=False))

    assert (len(others.free), others.asked) == (40, 0)


def test_where_nobody_takes_a_call_a_monitor_soon_stops_looking_after_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitor, "TAKEN_SECONDS", 0.3)
    others = Others()

    took = asyncio.run(hand_over(40, others, taken=False))

    assert len(others.free) == 40
    assert took < 40 / RELEASED * monitor.TAKEN_SECONDS / 2
