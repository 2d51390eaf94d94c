"""The calls that a monitor owns, each with the message that stands for it in the queue."""

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ringside.agentfile.agent import Agent
from ringside.agentfile.agents import Agents
from ringside.aws.call_queue import Message
from ringside.aws.record import Fenced, Ownership
from ringside.aws.table import Item
from ringside.calls import End, EndReason, Status, answered_at
from ringside.monitor.async_queue import AsyncQueue
from ringside.monitor.handover import Takeover
from ringside.monitor.services import Services
from ringside.monitor.supervision_state import SupervisionResult
from ringside.monitor.supervisor import Supervisor

log = logging.getLogger(__name__)

MAX_FAILURES = 5  # of one call's supervision, before it is given up
MAX_OWNERS = 40  # of one call: fewer than the queue's maxReceiveCount, so that the record gets to say so


@dataclass
class OwnedCall:
    ownership: Ownership
    message: Message
    supervisor: Supervisor
    task: asyncio.Task[SupervisionResult]
    offered: bool = False  # its message is for the next owner, and no longer ours to extend

    @property
    def call_id(self) -> str:
        return self.ownership.call_id


class OwnedCalls:
    """Starts supervision of a call, and settles its message when supervision has ended."""

    def __init__(
        self, owner: str, services: Services, queue: AsyncQueue, agents: Agents, slots: int, lease_seconds: float
    ) -> None:
        self.owner = owner
        self.slots = slots
        """How many calls this monitor is willing to own; 0 once it is to stop."""
        self._services = services
        self._queue = queue
        self._agents = agents
        self._lease_seconds = lease_seconds
        self._calls: dict[str, OwnedCall] = {}
        self._settling: set[asyncio.Task[None]] = set()
        self._extending = asyncio.Lock()

    def __len__(self) -> int:
        return len(self._calls)

    def __contains__(self, call_id: str) -> bool:
        return call_id in self._calls

    def get(self, call_id: str) -> OwnedCall | None:
        """The call, if this monitor owns it."""
        return self._calls.get(call_id)

    def __iter__(self) -> Iterator[OwnedCall]:
        return iter(list(self._calls.values()))

    def lose(self) -> None:
        """The lease is lost: stop acting on every call."""
        for call in self:
            call.supervisor.lose()

    async def settled(self) -> None:
        """Wait until the messages of all calls that are no longer ours are settled."""
        while self._settling:
            await asyncio.wait(set(self._settling))

    # --- taking over ---

    async def start(self, takeover: Takeover, message: Message) -> None:
        """Supervise a call that this monitor has become the owner of, or give it up."""
        call_id, epoch = str(takeover.call["call_id"]), int(takeover.call["epoch"])
        ownership = Ownership(call_id, self.owner, epoch)
        if epoch > MAX_OWNERS:
            await self._give_up(ownership, message, f"it went through {epoch} owners")
            return
        try:
            self._supervise(ownership, takeover, message)
        except Exception:
            self._services.metrics.count("SupervisionsFailed")
            log.exception("call.supervision_failed", extra={"call_id": call_id})
            if takeover.sideband is not None:
                await takeover.sideband.connection.close()
            await self._fail(ownership, message)

    def _supervise(self, ownership: Ownership, takeover: Takeover, message: Message) -> None:
        call, call_id = takeover.call, ownership.call_id
        agent = self._agent_of(call)
        supervisor = Supervisor(takeover, ownership, agent, self._services)
        task = asyncio.create_task(supervisor.run(), name=f"call {call_id}")
        self.add(OwnedCall(ownership, message, supervisor, task))
        log.info("call.taken", extra={"call_id": call_id, "agent": agent.name, "epoch": ownership.epoch})
        now, metrics = self._services.time.wall(), self._services.metrics
        if ownership.epoch == 1:
            metrics.milliseconds("HandoffMs", (now - message.sent_at) * 1000)
        elif "released_at" in call:
            metrics.milliseconds("WithoutOwnerMs", (now - float(call["released_at"])) * 1000)

    def add(self, call: OwnedCall) -> None:
        """Own a call until its supervision has ended."""
        self._calls[call.call_id] = call
        call.task.add_done_callback(lambda _: self._supervision_ended(call))

    def _agent_of(self, call: Item) -> Agent:
        """The agent that accepted the call, or, if a deployment removed it meanwhile, any that would answer."""
        agent = self._agents.named(call.get("agent") or "") or self._agents.answering(call.get("dialled"))
        return agent or next(iter(self._agents))

    # --- messages ---

    async def received_again(self, call_id: str, message: Message) -> None:
        """A message for a call of ours: the same with a newer receipt, or one too many."""
        call = self._calls.get(call_id)
        if call is None:
            return  # it is being taken
        if call.message.id != message.id:
            await self._queue.delete(message.receipt)
            return
        call.message = message
        if call.offered:  # a poll that was still open has caught it
            await self._queue.show(message.receipt)

    async def extend(self) -> None:
        """Keep the messages away from other monitors for another lease, but for calls that others are to take."""
        async with self._extending:
            receipts = [call.message.receipt for call in self if not (call.offered or call.supervisor.is_lost)]
            failed = await self._queue.hide(receipts, self._lease_seconds)
            if failed:
                self._services.metrics.count("ExtensionsFailed", failed)
        await self._take_receipts()

    async def _take_receipts(self) -> None:
        """SQS honours only a message's newest receipt: whoever it was delivered to meanwhile has left it here."""
        if not self._calls:
            return
        try:
            left_by_others = await self._services.record.receipts_left(self.owner)
        except Exception as error:  # the messages are extended all the same, and the next time is soon
            log.warning("queue.receipts_unread", extra={"error": type(error).__name__})
            return
        for left in left_by_others:
            call = self._calls.get(left.call_id)
            if call is not None and call.message.id == left.message_id and call.message.deliveries < left.deliveries:
                call.message = replace(call.message, receipt=left.receipt, deliveries=left.deliveries)

    async def offer(self, call: OwnedCall) -> None:
        """Let other monitors have the call's message."""
        call.offered = True
        try:
            async with self._extending:  # an extension under way would hide the message again
                await self._queue.show(call.message.receipt)
        except BaseException:
            call.offered = False
            raise

    # --- letting go ---

    def _supervision_ended(self, call: OwnedCall) -> None:
        if self._calls.get(call.call_id) is call:
            del self._calls[call.call_id]
        task = asyncio.create_task(self._settle(call), name=f"message {call.call_id}")
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)

    async def _settle(self, call: OwnedCall) -> None:
        error = None if call.task.cancelled() else call.task.exception()
        result = SupervisionResult.LOST if call.task.cancelled() or error else call.task.result()
        try:
            if error is not None:
                self._services.metrics.count("SupervisionsFailed")
                log.error("call.supervision_failed", extra={"call_id": call.call_id}, exc_info=error)
                await self._fail(call.ownership, call.message)
            elif result is SupervisionResult.OVER:
                await self._queue.delete(call.message.receipt)
            elif result is SupervisionResult.LOST:
                await self._let_go(call)
            elif not call.offered:
                await self.offer(call)
        except Exception as failed:  # it comes back by itself, and the record says what it is
            about = {"call_id": call.call_id, "error": type(failed).__name__}
            log.warning("queue.message_not_settled", extra=about)

    async def _let_go(self, call: OwnedCall) -> None:
        """Supervision had to stop. If the record still says that the call is ours, no other monitor would take it."""
        unheard_since = call.supervisor.unheard_since()
        while True:
            try:
                now = self._services.time.wall()
                await self._services.record.release(call.ownership, now, unheard_since)
            except Fenced:
                return  # another monitor has it, as it should be
            except Exception as error:
                log.warning("call.not_released", extra={"call_id": call.call_id, "error": type(error).__name__})
                if self.slots == 0:
                    return  # this process will not look alive for long
                await self._services.time.sleep(self._lease_seconds / 3)
            else:
                await self._queue.show(call.message.receipt)
                return

    async def _fail(self, ownership: Ownership, message: Message) -> None:
        """Supervision broke: let it be tried again after a pause, but not for ever."""
        failures = await self._services.record.count_failure(ownership)
        if failures >= MAX_FAILURES:
            await self._give_up(ownership, message, f"supervision failed {failures} times")
            return
        now = self._services.time.wall()
        await self._services.record.release(ownership, now, now)
        await self._queue.hide([message.receipt], 2**failures)

    async def _give_up(self, ownership: Ownership, message: Message, why: str) -> None:
        """No monitor can supervise this call: end it, and say so."""
        call_id, record = ownership.call_id, self._services.record
        self._services.metrics.count("CallsLost")
        log.error("call.given_up", extra={"call_id": call_id, "why": why})
        await self._services.hang_up(call_id)
        end = End(Status.FAILED, EndReason.SUPERVISION_LOST, self._services.time.wall(), f"{why}; hung up")
        call = await record.call(call_id) or {}
        await record.end(ownership, end, {"duration": round(end.at - answered_at(call), 3)}, call)
        await self._queue.delete(message.receipt)
