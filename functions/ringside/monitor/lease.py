"""A monitor's lease on its calls, and the heartbeat that renews it.

Every monitor beats (one item in the record) and extends its messages' visibility, both for `seconds`. The queue brings
a call to another monitor when its message was not extended; the record's `owner` and `epoch` say whose it is. A monitor
that could not beat for a whole lease no longer acts on any call.

A beat counts from when it was sent, however late its answer comes. While there are calls, beats follow each other so
closely, and beside each other, that a table which takes 70 % of the lease for each answer costs none.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Protocol

from ringside.monitor.async_record import AsyncRecord
from ringside.monitor.clock import Time
from ringside.telemetry import Metrics

log = logging.getLogger(__name__)

RENEWALS_PER_LEASE = 3  # extensions, reports, and beats of a monitor without calls
BEATS_PER_LEASE = 12  # of a monitor with calls
MARGIN = 0.2  # of the lease: a monitor stops acting that much before others may think it dead
MAX_UNANSWERED = 10  # beats under way at the same time


class Lease:
    """What a monitor may believe of itself. Measured with a monotonic clock, from before a beat was sent."""

    def __init__(self, seconds: float, monotonic: Callable[[], float]) -> None:
        self.seconds = seconds
        self._monotonic = monotonic
        self._proven_until = float("-inf")

    def holds(self) -> bool:
        """Whether this monitor's calls are surely still its own."""
        return self._monotonic() < self._proven_until

    @property
    def remaining(self) -> float:
        """Seconds for which it holds if no beat comes any more."""
        return max(0.0, self._proven_until - self._monotonic())

    def proven(self, asked: float) -> None:
        """A beat that was sent at this moment (monotonic) has arrived."""
        self._proven_until = max(self._proven_until, asked + self.seconds * (1 - MARGIN))


class LeasedCalls(Protocol):
    """The calls that are held under the lease."""

    slots: int

    def __len__(self) -> int: ...

    async def extend(self) -> None:
        """Keep their messages away from others for another lease."""
        ...

    def lose(self) -> None:
        """Stop acting on all of them."""
        ...


class Heartbeat:
    def __init__(
        self, owner: str, lease: Lease, calls: LeasedCalls, record: AsyncRecord, metrics: Metrics, time: Time
    ) -> None:
        self._owner = owner
        self._lease = lease
        self._calls = calls
        self._record = record
        self._metrics = metrics
        self._time = time
        self._beats = 0
        self._draining = False
        self._under_way: set[asyncio.Task[None]] = set()
        self._extending: set[asyncio.Task[None]] = set()

    async def beat(self) -> None:
        """Say that this monitor lives."""
        asked = self._time.monotonic()
        until = self._time.wall() + self._lease.seconds
        self._beats += 1
        calls = self._calls
        await self._record.beat(
            self._owner, until, len(calls), calls.slots, number=self._beats, draining=self._draining
        )
        self._check()
        self._lease.proven(asked)

    async def keep(self) -> None:
        """Renew the lease for ever. What cannot be renewed, logged or counted is tried again with the next beat."""
        usual, often = self._lease.seconds / RENEWALS_PER_LEASE, self._lease.seconds / BEATS_PER_LEASE
        renewed = self._time.monotonic()
        try:
            while True:
                await self._time.sleep(often)
                self._check()
                is_time = self._time.monotonic() - renewed >= usual * 0.99
                if is_time or len(self._calls):
                    self._begin_beat()
                if is_time:
                    # So often on average: an alarm counts the reports.
                    renewed = max(renewed + usual, self._time.monotonic() - usual)
                    self._begin_extension()
                    self._report()
        finally:
            for task in self._under_way | self._extending:
                task.cancel()

    # --- each in a task of its own, so that a slow one does not hold up the next ---

    def _begin_beat(self) -> None:
        if len(self._under_way) < MAX_UNANSWERED:  # what is answered later than this proves nothing
            self._begin(self._under_way, self.beat, self._lease.seconds * (1 - MARGIN))

    def _begin_extension(self) -> None:
        if not self._extending:
            self._begin(self._extending, self._calls.extend, self._lease.seconds / RENEWALS_PER_LEASE * 0.9)

    def _begin(self, under_way: set[asyncio.Task[None]], renew: Callable[[], Awaitable[None]], seconds: float) -> None:
        task = asyncio.create_task(self._tried(renew, seconds), name="renewal")
        under_way.add(task)
        task.add_done_callback(under_way.discard)

    async def _tried(self, renew: Callable[[], Awaitable[None]], seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await renew()
        except Exception as error:
            self._could_not_renew(error)

    async def announce_drain(self) -> bool:
        """Say that others may have our calls; False if that could not be said."""
        self._draining = True
        try:
            await self.beat()
        except Exception as error:
            log.warning("drain.not_announced", extra={"error": type(error).__name__})
            return False
        return True

    def _check(self) -> None:
        """A lease that ran out is lost for the calls that were held under it, even if the next beat succeeds."""
        if not self._lease.holds() and len(self._calls):
            self._calls.lose()
            with suppress(Exception):
                log.error("lease.lost", extra={"calls": len(self._calls)})

    # --- telemetry: a log or a metric that cannot be written must not cost the lease ---

    def _could_not_renew(self, error: Exception) -> None:
        with suppress(Exception):
            self._metrics.count("RenewalsFailed")
            log.warning("lease.not_renewed", extra={"error": type(error).__name__})

    def _report(self) -> None:
        with suppress(Exception):
            # Its sum over a minute tells how many monitors hold their lease: an alarm compares it with ECS's tasks.
            self._metrics.gauge("LeasesHeld", int(self._lease.holds()))
            self._metrics.gauge("LiveCalls", len(self._calls))
            self._metrics.gauge("FreeSlots", max(0, self._calls.slots - len(self._calls)))
            self._metrics.flush()
