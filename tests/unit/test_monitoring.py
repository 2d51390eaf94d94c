"""What a monitor may believe of itself."""

import asyncio
import time
from concurrent.futures import Executor
from typing import Any, cast

import pytest

from ringside.monitoring import MARGIN, Monitor
from ringside.telemetry import Metrics

LEASE = 12.0


class Beats:
    """A record that takes beats and nothing else."""

    def beat(
        self, owner: str, until: float, calls: int, slots: int, number: int = 0, *, draining: bool = False
    ) -> None:
        pass


def a_monitor() -> Monitor:
    def near(threads: Executor, holds: Any) -> Any:
        return None

    nobody = cast(Any, None)
    record = cast(Any, Beats())
    return Monitor("m", record, nobody, nobody, Metrics("monitor"), near, slots=1, lease=LEASE, poll=1)


def test_a_monitor_that_never_beat_holds_nothing() -> None:
    assert not a_monitor().holds()


def test_a_monitor_holds_its_calls_for_less_than_a_lease_after_its_last_beat(monkeypatch: pytest.MonkeyPatch) -> None:
    monitor = a_monitor()
    began = time.monotonic()
    asyncio.run(monitor._beat())
    ended = time.monotonic()

    held = []
    for moment in (ended, began + LEASE * (1 - MARGIN) - 0.01, ended + LEASE * (1 - MARGIN), ended + 3600):
        with monkeypatch.context() as patched:
            patched.setattr(time, "monotonic", lambda moment=moment: moment)
            held.append(monitor.holds())

    assert held == [True, True, False, False]
