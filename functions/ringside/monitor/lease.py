"""A monitor's lease on its calls, and the heartbeat that renews it.

Every monitor beats (one item in the record) and extends its messages' visibility, both for `seconds`, three times in
that span. The queue brings a call to another monitor when its message was not extended; the record's `owner` and
`epoch` say whose it is. A monitor that could not beat for a whole lease no longer acts on any call.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from ringside.monitor.async_record import AsyncRecord
from ringside.monitor.clock import Time
from ringside.telemetry import Metrics

log = logging.getLogger(__name__)

BEATS_PER_LEASE = 3
MARGIN = 0.2  # of the lease: a monitor stops acting that much before others may think it dead


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
        while True:
            await self._time.sleep(self._lease.seconds / BEATS_PER_LEASE)
            self._check()
            try:
                # A request that hangs must not keep the next beat from being tried.
                async with asyncio.timeout(self._lease.seconds / BEATS_PER_LEASE):
                    await asyncio.gather(self.beat(), self._calls.extend())
            except Exception as error:
                self._could_not_renew(error)
            self._report()

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
            self._metrics.gauge("LiveCalls", len(self._calls))
            self._metrics.gauge("FreeSlots", max(0, self._calls.slots - len(self._calls)))
            self._metrics.flush()
