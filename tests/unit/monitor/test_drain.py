"""How a monitor lets its calls go: each to one who listens if there is one, and never faster than they are taken."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest

from ringside.aws.record import Ownership
from ringside.aws.table import Item
from ringside.monitor import drain as drain_module
from ringside.monitor.drain import MAX_UNANSWERED, MAX_UNTAKEN, OFFERED, RELEASED, UNHURRIED_SECONDS, Drain
from ringside.monitor.lease import Heartbeat, Lease
from ringside.monitor.owned_calls import OwnedCall, OwnedCalls
from ringside.monitor.supervision_state import SupervisionResult
from tests.unit.monitor.fakes import LEASE, THROTTLED, message
from tests.unit.monitor.world import World, settle


class Others:
    """Other monitors, which take one free call at every look, if there are any."""

    def __init__(self, *, take: bool = True, listen: bool = False) -> None:
        self.take = take
        self.listen = listen
        self.free: list[str] = []
        self.most = 0
        self.offered = 0
        self.most_offered = 0
        self.offers = 0
        self.asked = 0

    def release(self, call_id: str) -> None:
        self.free.append(call_id)
        self.most = max(self.most, len(self.free))

    def look(self) -> None:
        if self.take and self.free:
            self.free.pop(0)


class Supervised:
    """The supervision of a call. `broken`: what of it raises."""

    def __init__(self, call_id: str, others: Others, broken: str = "") -> None:
        self._call_id = call_id
        self._others = others
        self._broken = broken
        self._released = asyncio.Event()

    async def tools_done(self) -> None:
        self._break("tools_done")

    async def settled(self) -> None:
        self._break("settled")

    async def offer(self, show: Callable[[], Awaitable[None]], seconds: float) -> bool:
        self._break("offer")
        others = self._others
        others.offers += 1
        others.offered += 1
        others.most_offered = max(others.most_offered, others.offered)
        await show()
        others.offered -= 1
        return others.listen

    async def release(self) -> None:
        self._break("release")
        self._others.release(self._call_id)
        self._released.set()

    def _break(self, where: str) -> None:
        if self._broken == where:
            raise RuntimeError(where)

    async def run(self) -> SupervisionResult:
        await self._released.wait()
        return SupervisionResult.RELEASED


class Bench:
    """A monitor with so many calls that is to stop."""

    def __init__(self, calls: int, others: Others | None = None, broken: str = "") -> None:
        self.others = others or Others()
        self.world = World()
        self.world.clock.on_sleep = self.others.look
        self.owned = OwnedCalls("me", self.world.services, self.world.messages, self.world.agents, 0, LEASE)
        self.lease = Lease(LEASE, self.world.clock.monotonic)
        self.lease.proven(self.world.clock.now)
        clock = self.world.clock.time
        heartbeat = Heartbeat("me", self.lease, self.owned, self.world.record, self.world.metrics, clock)
        self.drain = Drain(self.owned, self.lease, heartbeat, self.world.services)
        self.world.record.call = self._call  # type: ignore[method-assign]
        for number in range(calls):
            self.add(f"rtc_{number}", broken if number == 0 else "")

    def add(self, call_id: str, broken: str = "") -> asyncio.Task[SupervisionResult]:
        supervised = Supervised(call_id, self.others, broken)
        task = asyncio.create_task(supervised.run())
        call = OwnedCall(Ownership(call_id, "me", 1), message(call_id, call_id), cast(Any, supervised), task)
        self.owned.add(call)
        return task

    async def _call(self, call_id: str) -> Item | None:
        self.others.asked += 1
        return {"status": "live"} if call_id in self.others.free else {"status": "live", "owner": "another"}

    @property
    def released(self) -> bool:
        return len(self.owned) == 0


async def test_calls_that_others_listen_to_are_released_without_looking_after_them() -> None:
    bench = Bench(40, Others(listen=True))
    await bench.drain.run()

    assert (bench.released, bench.others.offers, bench.others.asked) == (True, 40, 0)
    assert bench.others.most_offered <= OFFERED


async def test_of_very_many_calls_more_are_offered_at_the_same_time() -> None:
    bench = Bench(600, Others(listen=True))
    await bench.drain.run()

    assert (bench.released, bench.others.most_offered) == (True, 20)


async def test_calls_are_released_no_faster_than_others_take_them() -> None:
    bench = Bench(40)
    await bench.drain.run()

    assert bench.released
    assert 1 <= bench.others.most <= RELEASED


async def test_when_time_is_short_all_calls_are_left_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drain_module, "UNHURRIED_SECONDS", 0.0)
    bench = Bench(40, Others(take=False))
    await bench.drain.run()

    assert (len(bench.others.free), bench.others.asked, bench.others.offers) == (40, 0, 0)


async def test_where_no_other_monitor_is_it_soon_stops_offering_and_looking_after_each() -> None:
    bench = Bench(40, Others(take=False))
    await bench.drain.run()

    assert len(bench.others.free) == 40
    assert bench.others.offers < MAX_UNANSWERED + OFFERED
    looked = drain_module.TAKEN_SECONDS / drain_module.TAKEN_PAUSE + 1
    assert bench.others.asked <= (MAX_UNTAKEN + RELEASED) * looked


async def test_a_drain_that_could_not_be_announced_is_offered_to_none() -> None:
    bench = Bench(4, Others(listen=True))
    bench.world.record.failing = [THROTTLED]
    await bench.drain.run()

    assert (bench.others.offers, bench.released) == (0, True)


@pytest.mark.parametrize("broken", ["tools_done", "settled", "offer"])
async def test_a_call_that_cannot_be_offered_is_released_like_the_others(broken: str) -> None:
    bench = Bench(5, broken=broken)
    await bench.drain.run()

    assert bench.released


@pytest.mark.parametrize("all_at_once", [False, True])
async def test_a_call_that_cannot_even_be_released_is_no_reason_to_abandon_the_others(all_at_once: bool) -> None:
    bench = Bench(5, broken="release")
    await (bench.drain.release_all() if all_at_once else bench.drain.run())

    (abandoned,) = bench.owned
    assert abandoned.call_id == "rtc_0"
    abandoned.task.cancel()
    await asyncio.wait({abandoned.task})


async def test_a_monitor_whose_lease_is_renewed_no_more_is_done_with_its_offers_before_it_ends() -> None:
    hurried, unhurried = Bench(0), Bench(0)
    await hurried.drain.run(in_lease=True)
    await unhurried.drain.run()

    assert hurried.drain._hurry_at - hurried.world.clock.now < hurried.lease.remaining
    assert unhurried.drain._hurry_at - unhurried.world.clock.now == UNHURRIED_SECONDS


# --- waiting ---


async def test_a_monitor_waits_for_its_calls_and_for_those_that_are_being_taken() -> None:
    bench, gate = Bench(1), asyncio.Event()
    considered = asyncio.create_task(gate.wait())
    bench.drain.wait_at_most(60.0)
    waiting = asyncio.create_task(bench.drain.wait(lambda: set() if considered.done() else {considered}))
    gate.set()
    await considered
    await settle()
    assert not waiting.done()
    await bench.drain.release_all()
    await waiting


async def test_the_waiting_can_be_shortened_and_not_lengthened() -> None:
    bench = Bench(1)
    bench.drain.wait_at_most(0.0)
    bench.drain.wait_at_most(3600.0)

    await bench.drain.wait(set)
    assert not bench.released
    await bench.drain.release_all()
