"""A monitor: takes calls from the queue while it has free slots, keeps them, and gives them back.

The lease: every monitor beats (one item in the record) and extends its messages' visibility, both
for `lease` seconds, three times in that span. The queue brings a call to another monitor when its
message was not extended; the record's `owner` and `epoch` say whose it is. A monitor that could not
beat for a whole lease no longer acts on any call.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from ringside.agents import Agent, Agents
from ringside.callqueue import BATCH, CallQueue, Message
from ringside.calls import End, EndReason, Status, Step
from ringside.record import Conflict, Item, Ownership, Record
from ringside.supervisor import Neighbours, Supervisor, Verdict
from ringside.telemetry import Metrics

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

POLLERS = 3
"""Long polls that stand open at any time: one poll asks all of SQS's servers, several shorten the wait."""

MARGIN = 0.2  # of the lease: a monitor stops acting that much before others may think it dead
HANDING_OVER = 32  # calls that are released at the same time
MOST_FAILURES = 5  # of one call's supervision, before it is given up
MOST_OWNERS = 40  # of one call: fewer than the queue's maxReceiveCount, so that the record gets to say so


@dataclass
class _Case:
    """A call that this monitor owns, and the message that stands for it."""

    mine: Ownership
    message: Message
    supervisor: Supervisor
    task: asyncio.Task[Verdict]


class Monitor:
    """Owns many calls in one asyncio process."""

    def __init__(
        self,
        name: str,
        record: Record,
        queue: CallQueue,
        agents: Agents,
        metrics: Metrics,
        near: Callable[[Executor, Callable[[], bool]], Neighbours],
        *,
        slots: int,
        lease: float,
        poll: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.owner = f"{name}-{secrets.token_hex(4)}"  # a restarted process is another owner
        self._record = record
        self._queue = queue
        self._agents = agents
        self._metrics = metrics
        self._slots = slots
        self._lease = lease
        self._poll = poll
        self._clock = clock
        self._threads = ThreadPoolExecutor(64, "blocking")
        self._polling = ThreadPoolExecutor(POLLERS, "poll")
        self._near = near(self._threads, self.holds)
        self._cases: dict[str, _Case] = {}
        self._taking: set[str] = set()
        self._proven_until = 0.0  # monotonic
        self._stopping = asyncio.Event()
        self._finishing: set[asyncio.Task[None]] = set()

    def holds(self) -> bool:
        """Whether this monitor's calls are surely still its own."""
        return time.monotonic() < self._proven_until

    @property
    def calls(self) -> int:
        return len(self._cases)

    def stop(self) -> None:
        """Take no more calls, hand over those that are here, and let `run` return."""
        self._stopping.set()

    async def run(self, drain_wait: float = 0) -> None:
        """Work until `stop` is called; `drain_wait`: seconds that calls get to end by themselves then."""
        await self._beat()
        beating = asyncio.create_task(self._keep_leases(), name="leases")
        pollers = [asyncio.create_task(self._take_calls(), name=f"poller {n}") for n in range(POLLERS)]
        log.info("monitor.ready", extra={"owner": self.owner, "slots": self._slots})
        try:
            await self._stopping.wait()
            log.info("monitor.draining", extra={"calls": self.calls})
            await self._wait_for_calls(drain_wait)
            await self._hand_over()
            await asyncio.wait(pollers)
            await self._hand_over()  # what arrived with the last polls
        finally:
            beating.cancel()
            for poller in pollers:
                poller.cancel()
            self._threads.shutdown(wait=False, cancel_futures=True)
            self._polling.shutdown(wait=False, cancel_futures=True)
        log.info("monitor.stopped", extra={"owner": self.owner})

    # --- taking ---

    async def _take_calls(self) -> None:
        loop = asyncio.get_running_loop()
        while not self._stopping.is_set():
            if len(self._cases) + len(self._taking) >= self._slots or not self.holds():
                await asyncio.sleep(0.2)
                continue
            try:
                messages = await loop.run_in_executor(self._polling, self._queue.receive, self._lease, self._poll)
            except Exception as error:
                log.warning("queue.poll_failed", extra={"error": type(error).__name__})
                await asyncio.sleep(1.0)
                continue
            for message in messages:
                try:
                    await self._consider(message)
                except Exception as error:  # the message comes again when its visibility has run out
                    self._metrics.count("TakesFailed")
                    log.error("call.not_taken", extra={"call_id": message.call_id, "error": type(error).__name__})

    async def _consider(self, message: Message) -> None:
        """Take the call that the message stands for, or find out why not."""
        call_id = message.call_id
        if call_id is None:
            log.warning("queue.unusable_message", extra={"message_id": message.id})
            await self._blocking(self._queue.delete, message.receipt)
            return
        if self._stopping.is_set():
            await self._blocking(self._queue.extend, [message.receipt], 0)
            return
        if call_id in self._cases or call_id in self._taking:
            await self._receive_again(call_id, message)
            return
        self._taking.add(call_id)
        try:
            taken = await self._take(call_id, message)
            if taken is not None:
                self._supervise(*taken, message)
        finally:
            self._taking.discard(call_id)

    async def _receive_again(self, call_id: str, message: Message) -> None:
        """A call of our own: the same message with a newer receipt, or one too many."""
        case = self._cases.get(call_id)
        if case is not None and case.message.id == message.id:
            case.message = message
        elif case is not None:
            await self._blocking(self._queue.delete, message.receipt)

    async def _take(self, call_id: str, message: Message) -> tuple[Item, float | None] | None:
        """The call item, and since when its former owner, if it had one, may have been gone."""
        now = self._clock()
        steps = {Step.QUEUED: message.sent_at, Step.TAKEN: now}
        try:
            call = await self._blocking(self._record.take, call_id, self.owner, message.id, steps, None)
            return call, float(call["released_at"]) if "released_at" in call else None
        except Conflict as conflict:
            found = conflict.found
        if not found or Status(found["status"]).is_final:
            await self._blocking(self._queue.delete, message.receipt)
            return None
        owner = found.get("owner")
        alive_until = await self._blocking(self._record.alive_until, owner) if owner is not None else 0.0
        if alive_until > now:
            if found.get("message_id") == message.id:  # delivered twice: its owner keeps it
                await self._blocking(self._queue.extend, [message.receipt], self._lease)
            else:
                await self._blocking(self._queue.delete, message.receipt)
            return None
        try:
            call = await self._blocking(self._record.take, call_id, self.owner, message.id, steps, found)
        except Conflict:
            return None  # another monitor was faster
        # Its last beat is the last sign of the former owner; a sweeper has none.
        return call, alive_until - self._lease if alive_until else float(found["steps"].get(Step.TAKEN, now))

    def _supervise(self, call: Item, unattended_since: float | None, message: Message) -> None:
        call_id = str(call["call_id"])
        agent = self._agent_of(call)
        mine = Ownership(call_id, self.owner, int(call["epoch"]))
        supervisor = Supervisor(call, mine, agent, self._near, unattended_since)
        task = asyncio.create_task(supervisor.run(), name=f"call {call_id}")
        case = self._cases[call_id] = _Case(mine, message, supervisor, task)
        log.info("call.taken", extra={"call_id": call_id, "agent": agent.name, "epoch": mine.epoch})
        self._metrics.milliseconds("HandoffMs", (self._clock() - message.sent_at) * 1000)
        task.add_done_callback(lambda _: self._finish(call_id, case))

    def _agent_of(self, call: Item) -> Agent:
        """The agent that accepted the call, or, if a deployment removed it meanwhile, any that would answer."""
        agent = self._agents.named(call.get("agent") or "") or self._agents.answering(call.get("dialled"))
        return agent or next(iter(self._agents))

    # --- letting go ---

    def _finish(self, call_id: str, case: _Case) -> None:
        if self._cases.get(call_id) is case:
            del self._cases[call_id]
        task = asyncio.create_task(self._settle_message(call_id, case), name=f"message {call_id}")
        self._finishing.add(task)
        task.add_done_callback(self._finishing.discard)

    async def _settle_message(self, call_id: str, case: _Case) -> None:
        receipt = case.message.receipt
        error = None if case.task.cancelled() else case.task.exception()
        verdict = Verdict.LOST if case.task.cancelled() or error else case.task.result()
        if error is not None:
            self._metrics.count("SupervisionsFailed")
            log.error("call.supervision_failed", extra={"call_id": call_id}, exc_info=error)
        try:
            if verdict is Verdict.OVER:
                await self._blocking(self._queue.delete, receipt)
            elif verdict is Verdict.RELEASED:
                await self._blocking(self._queue.extend, [receipt], 0)
            elif error is not None:
                await self._fail(case)
        except Exception as failed:  # it comes back by itself, and the record says what it is
            log.warning("queue.message_not_settled", extra={"call_id": call_id, "error": type(failed).__name__})

    async def _fail(self, case: _Case) -> None:
        """Supervision broke: let it be tried again after a pause, but not for ever."""
        failures = await self._blocking(self._record.count_failure, case.mine)
        if failures < MOST_FAILURES and case.mine.epoch < MOST_OWNERS:
            await self._blocking(self._record.release, case.mine, self._clock())
            await self._blocking(self._queue.extend, [case.message.receipt], 2**failures)
            return
        self._metrics.count("CallsLost")
        log.error("call.given_up", extra={"call_id": case.mine.call_id, "failures": failures})
        await self._blocking(self._near.control.hang_up, case.mine.call_id)
        detail = f"supervision failed {failures} times; hung up"
        end = End(Status.FAILED, EndReason.SUPERVISION_LOST, self._clock(), detail)
        await self._blocking(self._record.end, case.mine, end, {})
        await self._blocking(self._queue.delete, case.message.receipt)

    async def _wait_for_calls(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while self._cases and time.monotonic() < until:
            await asyncio.wait({case.task for case in self._cases.values()}, timeout=until - time.monotonic())

    async def _hand_over(self) -> None:
        """Release every call, some at a time so that each is without an owner only for a moment."""
        free = asyncio.Semaphore(HANDING_OVER)

        async def release(case: _Case) -> None:
            async with free:
                await case.supervisor.release()
                await asyncio.wait({case.task})

        await asyncio.gather(*(release(case) for case in list(self._cases.values())))
        while self._finishing:
            await asyncio.wait(set(self._finishing))

    # --- the lease ---

    async def _keep_leases(self) -> None:
        while True:
            await asyncio.sleep(self._lease / 3)
            try:
                await asyncio.gather(self._beat(), self._extend())
            except Exception as error:
                self._metrics.count("RenewalsFailed")
                log.warning("lease.not_renewed", extra={"error": type(error).__name__})
            if not self.holds() and self._cases:
                log.error("lease.lost", extra={"calls": self.calls})
                await asyncio.gather(*(case.supervisor.abandon() for case in list(self._cases.values())))
            self._metrics.gauge("LiveCalls", self.calls)
            self._metrics.gauge("FreeSlots", max(0, self._slots - self.calls))
            self._metrics.flush()

    async def _beat(self) -> None:
        asked = time.monotonic()
        until = self._clock() + self._lease
        await self._blocking(self._record.beat, self.owner, until, self.calls, self._slots)
        self._proven_until = asked + self._lease * (1 - MARGIN)

    async def _extend(self) -> None:
        receipts = [case.message.receipt for case in self._cases.values()]
        batches = [receipts[start : start + BATCH] for start in range(0, len(receipts), BATCH)]
        for failed in await asyncio.gather(
            *(self._blocking(self._queue.extend, batch, self._lease) for batch in batches)
        ):
            if failed:
                self._metrics.count("ExtensionsFailed", len(failed))

    async def _blocking(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._near.blocking(function, *args, **kwargs)
