"""What a monitor may believe of itself, and what keeps it so."""

import asyncio
import contextlib
import logging

import pytest

from ringside.monitor.clock import Time
from ringside.monitor.lease import BEATS_PER_LEASE, MARGIN, MAX_UNANSWERED, RENEWALS_PER_LEASE, Heartbeat, Lease
from tests.unit.monitor.fakes import LEASE, NOON, THROTTLED
from tests.unit.monitor.world import World, settle

RENEWAL = LEASE / RENEWALS_PER_LEASE
STEPS = 10  # in which time passes while somebody sleeps


class Calls:
    """Some calls under the lease."""

    def __init__(self, count: int = 2) -> None:
        self.slots = 5
        self.count = count
        self.lost = 0
        self.extended = 0
        self.failing: list[Exception] = []

    def __len__(self) -> int:
        return self.count

    async def extend(self) -> None:
        if self.failing:
            raise self.failing.pop(0)
        self.extended += 1

    def lose(self) -> None:
        self.lost += 1


class Bench:
    def __init__(self, count: int = 2) -> None:
        self.world = World()
        self.calls = Calls(count)
        self.lease = Lease(LEASE, self.world.clock.monotonic)
        self.heartbeat = Heartbeat(
            "me", self.lease, self.calls, self.world.record, self.world.metrics, self.world.clock.time
        )

    async def begin(self) -> None:
        """The first beat; the calls come after it."""
        count, self.calls.count = self.calls.count, 0
        await self.heartbeat.beat()
        self.calls.count = count

    async def keep(self, seconds: float) -> None:
        """Keep the lease for so long."""
        world, until = self.world, self.world.clock.now + seconds

        class Enough(Exception):
            pass

        async def sleep(seconds: float) -> None:
            if world.clock.now >= until:
                raise Enough
            await settle(5)
            for _ in range(STEPS):
                await world.clock.sleep(seconds / STEPS)
                await settle(5)

        self.heartbeat._time = Time(world.clock.wall, world.clock.monotonic, sleep)
        with contextlib.suppress(Enough):
            await self.heartbeat.keep()

    def answer_beats_after(self, seconds: float) -> None:
        """From now on the table answers a beat so late."""
        clock, waiting = self.world.clock, list[tuple[float, asyncio.Event]]()

        async def wait() -> None:
            answered = asyncio.Event()
            waiting.append((clock.now + seconds, answered))
            await answered.wait()

        def pass_time() -> None:
            for due, answered in waiting:
                if due <= clock.now:
                    answered.set()

        self.world.record.before_answer, clock.on_sleep = wait, pass_time


# --- the lease ---


def test_a_monitor_that_never_beat_holds_nothing() -> None:
    lease = Lease(LEASE, lambda: 0.0)

    assert (lease.holds(), lease.remaining) == (False, 0.0)


def test_a_monitor_holds_its_calls_for_less_than_a_lease_from_before_its_beat_was_sent() -> None:
    now = 1000.0
    lease = Lease(LEASE, lambda: now)
    lease.proven(now)
    usable = LEASE * (1 - MARGIN)
    held = []
    for moment in (1000.0, 1000.0 + usable - 0.01, 1000.0 + usable, 1000.0 + 3600):
        now = moment
        held.append(lease.holds())

    assert held == [True, True, False, False]


def test_a_beat_whose_answer_came_late_proves_no_less_than_one_before_it() -> None:
    lease = Lease(LEASE, lambda: 1000.0)
    lease.proven(1000.0)
    lease.proven(990.0)

    assert lease.remaining == pytest.approx(LEASE * (1 - MARGIN))


# --- the heartbeat ---


async def test_a_beat_says_what_the_monitor_has_and_counts_up() -> None:
    bench = Bench()
    await bench.begin()
    assert await bench.heartbeat.announce_drain()

    assert bench.world.record.of("beat") == [(NOON + LEASE, 0, 5, 1, False), (NOON + LEASE, 2, 5, 2, True)]


async def test_a_beat_counts_from_before_it_was_sent() -> None:
    bench = Bench(count=0)

    def slow() -> None:
        bench.world.clock.now += 3.0

    bench.world.record.before_answer = slow
    await bench.heartbeat.beat()

    assert bench.lease.remaining == pytest.approx(LEASE * (1 - MARGIN) - 3.0)


async def test_the_lease_is_renewed_and_the_messages_extended_three_times_in_its_span() -> None:
    bench = Bench()
    await bench.begin()
    await bench.keep(RENEWAL * 11.5)

    assert (bench.calls.extended, bench.calls.lost, bench.lease.holds()) == (11, 0, True)


async def test_a_monitor_without_calls_beats_no_more_often_than_it_must() -> None:
    bench = Bench(count=0)
    await bench.begin()
    await bench.keep(LEASE * 10)

    assert len(bench.world.record.of("beat")) == 1 + 10 * RENEWALS_PER_LEASE
    assert bench.lease.holds()


@pytest.mark.parametrize("seconds", [LEASE * 0.1, LEASE * 0.4, 8.0, 8.4])
async def test_beats_that_are_answered_late_hold_the_lease_of_every_call(seconds: float) -> None:
    """Most of a lease for each answer, for two minutes: no moment in which the lease is not held."""
    bench, gaps = Bench(count=12), list[float]()
    await bench.begin()
    bench.answer_beats_after(seconds)
    passing = bench.world.clock.on_sleep

    def pass_time() -> None:
        if not bench.lease.holds():
            gaps.append(bench.world.clock.now)
        passing()

    bench.world.clock.on_sleep = pass_time
    await bench.keep(120)

    assert (bench.calls.lost, gaps) == (0, [])
    assert len(bench.world.record.of("beat")) <= 120 / LEASE * BEATS_PER_LEASE + MAX_UNANSWERED


async def test_a_beat_that_is_answered_after_its_lease_proves_nothing() -> None:
    bench = Bench()
    await bench.begin()
    bench.answer_beats_after(LEASE)
    await bench.keep(LEASE * 3)

    assert (bench.calls.lost > 0, bench.lease.holds()) == (True, False)


async def test_no_more_beats_are_under_way_than_there_are_threads_for_them() -> None:
    bench = Bench()
    await bench.begin()
    bench.answer_beats_after(1e9)
    await bench.keep(LEASE * 5)

    assert len(bench.world.record.of("beat")) == 1 + MAX_UNANSWERED


async def test_a_beat_that_fails_is_tried_again_and_costs_no_call() -> None:
    bench = Bench()
    await bench.begin()
    bench.world.record.failing = [THROTTLED]
    await bench.keep(RENEWAL * 4)

    assert (bench.calls.lost, bench.lease.holds()) == (0, True)


async def test_a_lease_that_ran_out_is_lost_for_its_calls_even_if_the_next_beat_succeeds() -> None:
    bench = Bench()
    await bench.begin()
    bench.world.clock.now += LEASE
    await bench.heartbeat.beat()

    assert (bench.calls.lost, bench.lease.holds()) == (1, True)


async def test_a_lease_that_cannot_be_renewed_is_found_to_be_lost() -> None:
    bench = Bench()
    await bench.begin()
    bench.world.record.failing = [THROTTLED] * 100
    await bench.keep(LEASE)

    assert (bench.calls.lost > 0, bench.lease.holds()) == (True, False)


async def test_messages_that_cannot_be_extended_do_not_stop_the_beats() -> None:
    bench = Bench()
    await bench.begin()
    bench.calls.failing = [THROTTLED] * 2
    await bench.keep(RENEWAL * 5.5)

    assert (bench.lease.holds(), bench.calls.extended) == (True, 3)


async def test_a_beat_that_hangs_does_not_keep_the_next_one_from_being_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()
    bench.lease.seconds = 0.03
    hanging = asyncio.Event()

    async def hang() -> None:
        await hanging.wait()

    bench.world.record.before_answer = hang
    await bench.keep(bench.lease.seconds)

    assert len(bench.world.record.of("beat")) >= 3


async def test_a_drain_that_cannot_be_announced_is_not_announced() -> None:
    bench = Bench()
    bench.world.record.failing = [THROTTLED]

    assert not await bench.heartbeat.announce_drain()


# --- telemetry ---


class Broken(logging.Handler):
    """A log that cannot be written."""

    def emit(self, record: logging.LogRecord) -> None:
        raise OSError("no space left on device")


@pytest.fixture
def unwritable(monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A monitor that can write neither logs nor metrics."""
    monkeypatch.setattr(logging.getLogger("ringside"), "handlers", [Broken()])
    bench = Bench()
    bench.world.metrics.broken = True
    return bench


async def test_a_log_and_metrics_that_cannot_be_written_do_not_cost_the_lease(unwritable: Bench) -> None:
    bench = unwritable
    await bench.begin()
    bench.world.record.failing = [THROTTLED]
    await bench.keep(LEASE * 2)

    assert (len(bench.world.record.of("beat")) >= 6, bench.calls.lost) == (True, 0)
    assert bench.lease.holds()


async def test_calls_are_lost_with_the_lease_whether_that_can_be_logged_or_not(unwritable: Bench) -> None:
    bench = unwritable
    await bench.begin()
    bench.world.clock.now += LEASE
    await bench.heartbeat.beat()

    assert bench.calls.lost == 1
