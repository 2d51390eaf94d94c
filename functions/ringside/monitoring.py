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
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import ParamSpec, TypeVar

from ringside.agents import Agent, Agents
from ringside.callqueue import BATCH, CallQueue, Message
from ringside.calls import End, EndReason, Status, Step
from ringside.record import Conflict, Fenced, Item, Ownership, Record
from ringside.supervisor import Neighbours, Supervisor, Verdict
from ringside.telemetry import Metrics

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

POLLERS = 3
"""Long polls that stand open at any time: one poll asks all of SQS's servers, several shorten the wait."""

MOST_TAKING = 32  # calls that are being taken at the same time
MARGIN = 0.2  # of the lease: a monitor stops acting that much before others may think it dead
HANDING_OVER = 4  # calls that are released at the same time: no faster than others can take them
UNHURRIED_SECONDS = 60.0  # after that, all that are left are released at once: a task has 120 s from SIGTERM
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
        # What must not wait for anything else has threads of its own: beats above all, then the messages.
        self._threads = ThreadPoolExecutor(64, "record")
        self._beating = ThreadPoolExecutor(4, "beat")
        self._queueing = ThreadPoolExecutor(8, "queue")
        self._polling = ThreadPoolExecutor(POLLERS, "poll")
        self._near = near(self._threads, self.holds)
        self._cases: dict[str, _Case] = {}
        self._taking: set[str] = set()
        self._considering: set[asyncio.Task[None]] = set()
        self._proven_until = 0.0  # monotonic
        self._beats = 0
        self._extending = asyncio.Lock()
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
            if self._considering:
                await asyncio.wait(set(self._considering))
            await self._hand_over()  # what arrived with the last polls
        finally:
            beating.cancel()
            for poller in pollers:
                poller.cancel()
            for threads in (self._threads, self._beating, self._queueing, self._polling, self._near.asking):
                threads.shutdown(wait=False, cancel_futures=True)
        log.info("monitor.stopped", extra={"owner": self.owner})

    # --- taking ---

    async def _take_calls(self) -> None:
        """Poll. One message at a time spreads calls over the monitors; more only while they keep coming at once."""
        most = 1
        while not self._stopping.is_set():
            if self._is_full or len(self._considering) >= MOST_TAKING or not self.holds():
                await asyncio.sleep(0.05)
                continue
            started = time.monotonic()
            try:
                messages = await self._run_in(self._polling, self._queue.receive, self._lease, self._poll, most)
            except Exception as error:
                log.warning("queue.poll_failed", extra={"error": type(error).__name__})
                await asyncio.sleep(1.0)
                continue
            at_once = len(messages) == most and time.monotonic() - started < self._poll / 10
            most = min(most * 2, BATCH) if at_once else 1
            for message in messages:
                task = asyncio.create_task(self._consider_safely(message), name=f"message {message.id}")
                self._considering.add(task)
                task.add_done_callback(self._considering.discard)

    @property
    def _is_full(self) -> bool:
        return len(self._cases) + len(self._taking) >= self._slots

    async def _consider_safely(self, message: Message) -> None:
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
            await self._queued(self._queue.delete, message.receipt)
            return
        if call_id in self._cases or call_id in self._taking:
            await self._receive_again(call_id, message)
            return
        if self._stopping.is_set() or self._is_full:  # it arrived a moment too late
            await self._queued(self._queue.extend, [message.receipt], 0)
            return
        self._taking.add(call_id)
        try:
            taken = await self._take(call_id, message)
            if taken is not None and int(taken[0]["epoch"]) > MOST_OWNERS:
                mine = Ownership(call_id, self.owner, int(taken[0]["epoch"]))
                await self._give_up(mine, message.receipt, f"it went through {mine.epoch} owners")
            elif taken is not None:
                self._supervise(*taken, message)
        finally:
            self._taking.discard(call_id)

    async def _receive_again(self, call_id: str, message: Message) -> None:
        """A call of our own: the same message with a newer receipt, or one too many."""
        case = self._cases.get(call_id)
        if case is not None and case.message.id == message.id:
            case.message = message
        elif case is not None:
            await self._queued(self._queue.delete, message.receipt)

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
            await self._queued(self._queue.delete, message.receipt)
            return None
        owner = found.get("owner")
        # Ours, and nobody here supervises it: the answer to an earlier take was lost, or the lease was for a while.
        ours = owner == self.owner
        alive_until = 0.0 if ours or owner is None else await self._blocking(self._record.alive_until, owner)
        if alive_until > now:
            if found.get("message_id") == message.id:  # delivered twice: its owner keeps it
                await self._queued(self._queue.extend, [message.receipt], self._lease)
            else:
                await self._queued(self._queue.delete, message.receipt)
            return None
        try:
            call = await self._blocking(self._record.take, call_id, self.owner, message.id, steps, found)
        except Conflict:
            return None  # another monitor was faster
        if ours:
            return call, now - self._lease if Step.ATTACHED in call["steps"] else None
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
                await self._queued(self._queue.delete, receipt)
            elif verdict is Verdict.RELEASED:
                async with self._extending:  # an extension under way would hide the message again
                    await self._queued(self._queue.extend, [receipt], 0)
            elif error is not None:
                await self._fail(case)
            else:
                await self._let_go(case)
        except Exception as failed:  # it comes back by itself, and the record says what it is
            log.warning("queue.message_not_settled", extra={"call_id": call_id, "error": type(failed).__name__})

    async def _let_go(self, case: _Case) -> None:
        """Supervision had to stop. If the record still says that the call is ours, nobody else would ever take it."""
        while True:
            try:
                # Since when nobody listened is not known exactly: certainly not before the lease began to run out.
                await self._blocking(self._record.release, case.mine, self._clock() - self._lease)
            except Fenced:
                return  # somebody else has it, as it should be
            except Exception as error:
                log.warning("call.not_released", extra={"call_id": case.mine.call_id, "error": type(error).__name__})
                if self._stopping.is_set():
                    return  # this process will not look alive for long
                await asyncio.sleep(self._lease / 3)
            else:
                await self._queued(self._queue.extend, [case.message.receipt], 0)
                return

    async def _fail(self, case: _Case) -> None:
        """Supervision broke: let it be tried again after a pause, but not for ever."""
        failures = await self._blocking(self._record.count_failure, case.mine)
        if failures >= MOST_FAILURES:
            await self._give_up(case.mine, case.message.receipt, f"supervision failed {failures} times")
            return
        await self._blocking(self._record.release, case.mine, self._clock())
        await self._queued(self._queue.extend, [case.message.receipt], 2**failures)

    async def _give_up(self, mine: Ownership, receipt: str, why: str) -> None:
        """Nobody can supervise this call: end it, and say so."""
        self._metrics.count("CallsLost")
        log.error("call.given_up", extra={"call_id": mine.call_id, "why": why})
        await self._near.openai(self._near.control.hang_up, mine.call_id)
        end = End(Status.FAILED, EndReason.SUPERVISION_LOST, self._clock(), f"{why}; hung up")
        await self._blocking(self._record.end, mine, end, {})
        await self._queued(self._queue.delete, receipt)

    async def _wait_for_calls(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while self._cases and time.monotonic() < until:
            await asyncio.wait({case.task for case in self._cases.values()}, timeout=until - time.monotonic())

    async def _hand_over(self) -> None:
        """Release every call, some at a time so that each is without an owner only for a moment."""
        free = asyncio.Semaphore(HANDING_OVER)
        hurry = time.monotonic() + UNHURRIED_SECONDS

        async def release(case: _Case) -> None:
            await case.supervisor.tools_done()
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, hurry - time.monotonic())):
                    await free.acquire()
            try:
                await case.supervisor.release()
                await asyncio.wait({case.task})
            finally:
                free.release()

        await asyncio.gather(*(release(case) for case in list(self._cases.values())))
        while self._finishing:
            await asyncio.wait(set(self._finishing))

    # --- the lease ---

    async def _keep_leases(self) -> None:
        while True:
            await asyncio.sleep(self._lease / 3)
            self._check_lease()
            try:
                # A request that hangs must not keep the next beat from being tried.
                async with asyncio.timeout(self._lease / 3):
                    await asyncio.gather(self._beat(), self._extend())
            except Exception as error:
                self._metrics.count("RenewalsFailed")
                log.warning("lease.not_renewed", extra={"error": type(error).__name__})
            self._metrics.gauge("LiveCalls", self.calls)
            self._metrics.gauge("FreeSlots", max(0, self._slots - self.calls))
            self._metrics.flush()

    def _check_lease(self) -> None:
        """A lease that ran out is lost for the calls that stood under it, even if the next beat succeeds."""
        if not self.holds() and self._cases:
            log.error("lease.lost", extra={"calls": self.calls})
            for case in list(self._cases.values()):
                case.supervisor.lose()

    async def _beat(self) -> None:
        asked = time.monotonic()
        until = self._clock() + self._lease
        self._beats += 1
        await self._run_in(
            self._beating, self._record.beat, self.owner, until, self.calls, self._slots, number=self._beats
        )
        self._check_lease()
        self._proven_until = max(self._proven_until, asked + self._lease * (1 - MARGIN))

    async def _extend(self) -> None:
        async with self._extending:
            receipts = [case.message.receipt for case in self._cases.values()]
            batches = [receipts[start : start + BATCH] for start in range(0, len(receipts), BATCH)]
            requests = (self._queued(self._queue.extend, batch, self._lease) for batch in batches)
            for failed in await asyncio.gather(*requests):
                if failed:
                    self._metrics.count("ExtensionsFailed", len(failed))

    # --- threads ---

    async def _blocking(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._run_in(self._threads, function, *args, **kwargs)

    async def _queued(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._run_in(self._queueing, function, *args, **kwargs)

    async def _run_in(self, threads: Executor, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.get_running_loop().run_in_executor(threads, partial(function, *args, **kwargs))
