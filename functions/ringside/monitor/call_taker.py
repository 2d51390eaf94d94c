"""How a monitor comes to its calls: it polls the queue, and becomes the owner of what needs one."""

import asyncio
import logging
from collections.abc import Mapping

from ringside.aws.call_queue import BATCH, Message
from ringside.aws.receipts import LeftReceipt
from ringside.aws.record import Beat
from ringside.aws.table import Conflict, Item
from ringside.calls import Status, Step, answered_at
from ringside.monitor.async_queue import AsyncQueue
from ringside.monitor.async_record import UNAVAILABLE
from ringside.monitor.handover import Takeover, attach_early
from ringside.monitor.lease import Lease
from ringside.monitor.owned_calls import OwnedCalls
from ringside.monitor.services import Services

log = logging.getLogger(__name__)

MAX_TAKING = 32  # calls that are being taken at the same time
IDLE_SECONDS = 0.05  # between two looks whether there is room for another call
POLL_PAUSE = 1.0  # after a poll that failed
TAKEOVER_SECONDS = 6.0  # that the next owner waits for the former one to leave
FIRST_PAUSE, MAX_PAUSE = 0.1, 0.3  # between two looks whether it has


class CallTaker:
    def __init__(
        self, owned: OwnedCalls, lease: Lease, services: Services, queue: AsyncQueue, poll_seconds: float
    ) -> None:
        self._owned = owned
        self._owner = owned.owner
        self._lease = lease
        self._services = services
        self._record = services.record
        self._queue = queue
        self._poll_seconds = poll_seconds
        self._time = services.time
        self._taking: set[str] = set()
        self._considering: set[asyncio.Task[None]] = set()
        self._leaving: dict[str, Beat] = {}  # owners that said they want to leave: they do not take that back
        self._stopping = False

    @property
    def considering(self) -> set[asyncio.Task[None]]:
        """The messages under consideration, which may become calls of ours."""
        return set(self._considering)

    def stop(self) -> None:
        """Begin no other poll, and take no more calls."""
        self._stopping = True

    # --- polling ---

    async def poll(self) -> None:
        """Take calls until stopped.

        One message at a time spreads calls over the monitors; more only while they keep coming at once.
        """
        most = 1
        while not self._stopping:
            if self._is_full or len(self._considering) >= MAX_TAKING or not self._lease.holds():
                await self._time.sleep(IDLE_SECONDS)
                continue
            started = self._time.monotonic()
            try:
                messages = await self._queue.receive(self._lease.seconds, self._poll_seconds, most)
            except Exception as error:
                log.warning("queue.poll_failed", extra={"error": type(error).__name__})
                await self._time.sleep(POLL_PAUSE)
                continue
            at_once = len(messages) == most and self._time.monotonic() - started < self._poll_seconds / 10
            most = min(most * 2, BATCH) if at_once else 1
            for message in messages:
                task = asyncio.create_task(self._consider_safely(message), name=f"message {message.id}")
                self._considering.add(task)
                task.add_done_callback(self._considering.discard)

    @property
    def _is_full(self) -> bool:
        return len(self._owned) + len(self._taking) >= self._owned.slots

    async def _consider_safely(self, message: Message) -> None:
        try:
            await self.consider(message)
        except Exception as error:  # the message comes again when its visibility has run out
            self._services.metrics.count("TakesFailed")
            log.error("call.not_taken", extra={"call_id": message.call_id, "error": type(error).__name__})

    # --- one message ---

    async def consider(self, message: Message) -> None:
        """Take the call that the message stands for, or find out why not."""
        call_id = message.call_id
        if call_id is None:
            log.warning("queue.unusable_message", extra={"message_id": message.id})
            await self._queue.delete(message.receipt)
            return
        if call_id in self._owned or call_id in self._taking:
            await self._owned.received_again(call_id, message)
            return
        if self._stopping or self._is_full:  # it arrived a moment too late
            await self._queue.show(message.receipt)
            return
        self._taking.add(call_id)
        try:
            takeover = await self._take(call_id, message)
            if takeover is not None:
                await self._owned.start(takeover, message)
        finally:
            self._taking.discard(call_id)

    async def _take(self, call_id: str, message: Message) -> Takeover | None:
        now = self._time.wall()
        steps = {Step.QUEUED: message.sent_at, Step.TAKEN: now}
        try:
            call = await self._record.take(call_id, self._owner, message.id, steps, None)
            return Takeover(call, _unheard_since(call))
        except Conflict as conflict:
            found = conflict.found
        if not found or Status(found["status"]).is_final:
            await self._queue.delete(message.receipt)
            return None
        owner = found.get("owner")
        # Ours, and not supervised here: the answer to an earlier take was lost, or the lease was for a while.
        ours = owner == self._owner
        beat = Beat(0.0) if ours or owner is None else await self._last_beat(owner, now)
        is_silent = beat.until > now and not beat.draining and await self._is_silent(owner, beat, message)
        if beat.until > now and not is_silent:
            return await self._leave_to_owner(found, beat, message, steps)
        if ours:
            last_sign = now - self._lease.seconds
        else:  # its last beat is the last sign of the former owner; a sweeper has none
            last_sign = beat.until - self._lease.seconds if beat.until else float(found["steps"].get(Step.TAKEN, now))
        if is_silent:  # its clock was ahead: it was silent for a lease before the message first came, and for one since
            last_sign = min(last_sign, now - 2 * self._lease.seconds)
        never_attached = ours and Step.ATTACHED not in found["steps"]  # the answer to our first take was lost
        unheard_since = found.get("unheard_since") if never_attached else await self._unheard_by(found, last_sign)
        try:
            call = await self._record.take(call_id, self._owner, message.id, steps, found, unheard_since)
        except Conflict:
            return None  # another monitor was faster
        return Takeover(call, unheard_since)

    async def _unheard_by(self, found: Item, last_sign: float) -> float:
        """Since when nobody has listened to a call whose owner gave its last sign then: it may never have listened.

        Who greeted did. Later owners begin with the gap that they found, which is among what they wrote, or they died
        before they could listen.
        """
        if Step.ATTACHED not in found["steps"]:
            return min(last_sign, answered_at(found))
        since = found.get("unheard_since")
        if since is None or float(since) >= last_sign:
            return last_sign
        history = await self._record.history(str(found["call_id"]))
        listened = any(item.get("kind") == "gap" and item.get("epoch") == found["epoch"] for _, item in history)
        return last_sign if listened else float(since)

    async def _is_silent(self, owner: str | None, beat: Beat, message: Message) -> bool:
        """Whether the owner has not beaten since its message was last delivered, which hid it for a whole lease.

        So it is dead, whatever its beat says: its clock may be ahead of ours. No clock is asked.
        """
        if owner is None or message.call_id is None or message.deliveries < 2:
            return False
        left = await self._record.receipt_left(owner, message.call_id)
        return (
            left is not None
            and (left.message_id, left.beats) == (message.id, beat.number)
            and left.deliveries < message.deliveries
        )

    async def _leave_to_owner(
        self, found: Item, beat: Beat, message: Message, steps: Mapping[Step, float]
    ) -> Takeover | None:
        """The call has an owner that lives; take over from it only if it wants to leave."""
        if found.get("message_id") != message.id:
            await self._queue.delete(message.receipt)
        elif beat.draining:
            return await self._take_over(found, message, steps)
        else:  # its owner keeps it, but SQS honours only the newest receipt, which is this one
            await self._queue.hide([message.receipt], self._lease.seconds)
            left = LeftReceipt(str(found["call_id"]), message.id, message.receipt, message.deliveries, beat.number)
            await self._record.leave_receipt(found["owner"], left, self._time.wall())
        return None

    async def _last_beat(self, owner: str, now: float) -> Beat:
        """The owner's last beat; that of one which leaves is asked for once, not for each of its calls."""
        known = self._leaving.pop(owner, None)
        beat = known if known and known.until > now else await self._record.last_beat(owner)
        if beat.draining:
            self._leaving[owner] = beat
        return beat

    async def _take_over(self, found: Item, message: Message, steps: Mapping[Step, float]) -> Takeover | None:
        """Listen beside the owner, which wants to leave, and take the call when it has."""
        call_id, former = str(found["call_id"]), found["owner"]
        sideband = await attach_early(self._services, call_id, int(found["epoch"]) + 1)
        call, pause, until = None, FIRST_PAUSE, self._time.monotonic() + TAKEOVER_SECONDS
        try:
            while call is None and self._time.monotonic() < until:
                try:
                    seen = await self._record.call(call_id) or {}
                    if "owner" not in seen:
                        call = await self._record.take(call_id, self._owner, message.id, steps, None)
                    elif seen["owner"] != former:
                        break
                except Conflict:
                    break  # it is over, or another monitor's: the message tells which, when it comes again
                except UNAVAILABLE as error:
                    log.warning("call.not_taken_yet", extra={"call_id": call_id, "error": type(error).__name__})
                if call is None:
                    await self._time.sleep(pause)
                    pause = min(pause * 1.5, MAX_PAUSE)
        finally:
            if call is None and sideband is not None:
                await sideband.connection.close()
        if call is None:
            await self._queue.show(message.receipt)
            return None
        return Takeover(call, _unheard_since(call) if sideband is None else call.get("unheard_since"), sideband)


def _unheard_since(call: Item) -> float | None:
    """Since when no monitor has listened to a call that was let go; None if it never had an owner."""
    since = call.get("unheard_since", call.get("released_at"))
    return None if since is None else float(since)
