"""How a monitor that is to stop lets its calls go: it waits for them to end, and hands over the rest."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import Any

from ringside.calls import Status
from ringside.monitor.async_record import UNAVAILABLE
from ringside.monitor.handover import OFFER_SECONDS
from ringside.monitor.lease import Heartbeat, Lease
from ringside.monitor.owned_calls import OwnedCall, OwnedCalls
from ringside.monitor.services import Services

log = logging.getLogger(__name__)

OFFERED = 8  # calls that wait for their next owner at the same time, while this one still acts; more, where many do
OFFER_ROUNDS = 30  # in which all are offered: a hand-over takes up to a second, mostly to open the sideband
RELEASED = 4  # calls that are left alone at the same time: no faster than others can take them
MAX_UNANSWERED = 3  # offers in a row that come to nothing: no other monitor is there, or a session takes only one
MAX_UNTAKEN = 3  # released calls in a row that are not taken: no other monitor is there
TAKEN_SECONDS = 3.0  # that we look after a released call until another monitor has taken it
TAKEN_PAUSE = 0.05  # between two looks whether one has
LOOK_SECONDS = 1.0  # after which a monitor that waits for its calls to end sees that it is to wait no longer
UNHURRIED_SECONDS = 60.0  # after that, all that remain are released at once: a task has 120 s from SIGTERM


class Drain:
    def __init__(self, owned: OwnedCalls, lease: Lease, heartbeat: Heartbeat, services: Services) -> None:
        self._owned = owned
        self._lease = lease
        self._heartbeat = heartbeat
        self._record = services.record
        self._time = services.time
        self._waiting_until = float("inf")  # monotonic, like the other moments here
        self._offers = asyncio.Semaphore(OFFERED)
        self._releases = asyncio.Semaphore(RELEASED)
        self._hurry_at = 0.0
        self._unanswered = 0
        self._untaken = 0

    def wait_at_most(self, seconds: float) -> None:
        """Let calls end for so long from now. Said again, it can only shorten the waiting."""
        self._waiting_until = min(self._waiting_until, self._time.monotonic() + seconds)

    async def wait(self, others: Callable[[], Iterable[asyncio.Task[Any]]]) -> None:
        """Wait until all calls have ended, or for as long as was said. `others` may become calls."""
        while (remaining := self._waiting_until - self._time.monotonic()) > 0:
            under_way = {*(call.task for call in self._owned), *others()}
            if not under_way:
                return
            await asyncio.wait(under_way, timeout=min(remaining, LOOK_SECONDS))

    async def run(self, *, in_lease: bool = False) -> None:
        """Let every call go to its next owner: one that listens already, if possible.

        Some at a time, so that each is without an owner only for a moment; after a while, all that remain. `in_lease`:
        nothing renews the lease any more, so that while must be over before it is.
        """
        calls = len(self._owned)
        announced = await self._heartbeat.announce_drain()
        seconds = min(UNHURRIED_SECONDS, self._lease.remaining / 2) if in_lease else UNHURRIED_SECONDS
        self._hurry_at = self._time.monotonic() + seconds
        self._offers = asyncio.Semaphore(max(OFFERED, calls // OFFER_ROUNDS))
        self._releases = asyncio.Semaphore(RELEASED)
        self._unanswered, self._untaken = 0 if announced else MAX_UNANSWERED, 0
        await asyncio.gather(*(self._leave(call) for call in self._owned))
        await self._owned.settled()

    async def release_all(self) -> None:
        """Let all calls go at once, without looking for their next owners."""
        await asyncio.gather(*(self._release(call) for call in self._owned))
        await self._owned.settled()

    @property
    def _in_hurry(self) -> bool:
        return self._time.monotonic() >= self._hurry_at

    async def _leave(self, call: OwnedCall) -> None:
        answered = await self._offer(call)
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, self._hurry_at - self._time.monotonic())):
                await self._releases.acquire()
        try:
            await self._release(call)
            if not answered and self._untaken < MAX_UNTAKEN and not self._in_hurry:
                self._untaken = 0 if await self._is_taken(call.call_id) else self._untaken + 1
        finally:
            self._releases.release()

    async def _offer(self, call: OwnedCall) -> bool:
        """Whether another monitor listens. What goes wrong with one call is no reason to abandon it, or the others."""
        try:
            await call.supervisor.tools_done()
            async with self._offers:
                await call.supervisor.settled()
                if self._unanswered >= MAX_UNANSWERED or self._in_hurry or call.task.done():
                    return False
                answered = await call.supervisor.offer(partial(self._owned.offer, call), OFFER_SECONDS)
                self._unanswered = 0 if answered else self._unanswered + 1
                return answered
        except Exception as error:  # its message is shown when it is released
            log.warning("call.not_offered", extra={"call_id": call.call_id, "error": type(error).__name__})
            return False

    async def _release(self, call: OwnedCall) -> None:
        try:
            await call.supervisor.release()
            await asyncio.wait({call.task})
        except Exception as error:  # it comes to another monitor when the lease has run out
            log.warning("call.not_released", extra={"call_id": call.call_id, "error": type(error).__name__})

    async def _is_taken(self, call_id: str) -> bool:
        """Whether a call that we released soon has an owner again, or needs none."""
        until, owner = self._time.monotonic() + TAKEN_SECONDS, self._owned.owner
        while self._time.monotonic() < until:
            await self._time.sleep(TAKEN_PAUSE)
            try:
                seen = await self._record.call(call_id) or {}
            except UNAVAILABLE:
                return False
            if not seen or Status(seen["status"]).is_final or seen.get("owner", owner) != owner:
                return True
        return False
