"""A call's time and its alarm."""

import asyncio

from ringside.monitor.clock import Alarm, CallClock, Time
from tests.unit.monitor.fakes import NOON, Clock


async def rung(alarm_in: list[float | None]) -> int:
    """How often an alarm rings that was set to these moments, in seconds from now, one after the other."""
    rings: list[None] = []
    clock = CallClock(Time())
    alarm = Alarm(clock, lambda: rings.append(None))
    for seconds in alarm_in:
        alarm.set(None if seconds is None else clock.now() + seconds)
    await asyncio.sleep(0.05)
    alarm.cancel()
    return len(rings)


def test_a_wall_clock_that_jumps_leaves_a_calls_time_alone() -> None:
    clock = Clock()
    call_clock = CallClock(clock.time)

    clock.jumped = 3600.0
    clock.now += 2.0

    assert call_clock.now() == NOON + 2.0


async def test_an_alarm_rings_at_the_moment_it_was_last_set_to() -> None:
    assert await rung([0.0]) == 1
    assert await rung([60.0, 0.01]) == 1


async def test_an_alarm_that_was_called_off_or_put_off_does_not_ring() -> None:
    assert await rung([0.0, None]) == 0
    assert await rung([0.0, 60.0]) == 0


async def test_an_alarm_set_to_a_moment_that_is_past_rings_at_once() -> None:
    assert await rung([-5.0]) == 1


async def test_an_alarm_may_be_set_again_while_it_rings() -> None:
    rings: list[None] = []
    clock = CallClock(Time())

    def ring() -> None:
        rings.append(None)
        if len(rings) < 3:
            alarm.set(clock.now())

    alarm = Alarm(clock, ring)
    alarm.set(clock.now())
    await asyncio.sleep(0.05)
    assert len(rings) == 3
