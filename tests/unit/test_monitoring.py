"""What a monitor may believe of itself."""

import asyncio
import time
from concurrent.futures import Executor
from typing import Any, cast

import pytest

from ringside.monitoring import MARGIN, Monitor
from ringside.record import Beat
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


def a_monitor(record: Beats) -> Monitor:
    def near(threads: Executor, holds: Any) -> Any:
        return None

    nobody = cast(Any, None)
    return Monitor("m", cast(Any, record), nobody, nobody, Metrics("monitor"), near, slots=1, lease=LEASE, poll=1)


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
