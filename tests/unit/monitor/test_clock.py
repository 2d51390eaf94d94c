"""A call's time and its alarm."""

import asyncio

import pytest

from ringside.monitor.clock import Alarm, CallClock, Time
from tests.unit.monitor.fakes import NOON, Clock


class Bench:
    """An alarm, and when it rang."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.call_clock = CallClock(self.clock.time)
        self.rang_at: list[float] = []
        self.alarm = Alarm(self.call_clock, lambda: self.rang_at.append(self.call_clock.now()))


def test_a_wall_clock_that_jumps_leaves_a_calls_time_alone() -> None:
    bench = Bench()
    bench.clock.jumped = 3600.0
    bench.clock.advance(2.0)

    assert bench.call_clock.now() == NOON + 2.0


@pytest.mark.parametrize("moments", [[NOON + 5], [NOON + 60, NOON + 5], [NOON + 1, NOON + 5], [NOON + 5, NOON + 5]])
def test_an_alarm_rings_once_at_the_moment_it_was_last_set_to(moments: list[float]) -> None:
    bench = Bench()
    for moment in moments:
        bench.alarm.set(moment)
    bench.clock.advance(100.0)

    assert bench.rang_at == [NOON + 5]


def test_an_alarm_that_was_called_off_does_not_ring() -> None:
    bench = Bench()
    bench.alarm.set(NOON + 1)
    bench.alarm.set(None)
    bench.alarm.set(NOON + 1)
    bench.alarm.cancel()
    bench.clock.advance(100.0)

    assert bench.rang_at == []


def test_an_alarm_set_to_a_moment_that_is_past_rings_at_once() -> None:
    bench = Bench()
    bench.alarm.set(NOON - 5)
    bench.clock.advance(0.0)

    assert bench.rang_at == [NOON]


def test_an_alarm_may_be_set_to_the_same_moment_again_once_it_has_rung() -> None:
    bench = Bench()
    for _ in range(2):
        bench.alarm.set(NOON)
        bench.clock.advance(0.0)

    assert bench.rang_at == [NOON, NOON]


async def test_in_a_process_it_rings_in_the_event_loop() -> None:
    rung, clock = asyncio.Event(), CallClock(Time())
    Alarm(clock, rung.set).set(clock.now())

    await asyncio.wait_for(rung.wait(), 10)
