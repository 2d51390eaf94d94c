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
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import ParamSpec, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from ringside.admission.decide import release_reservations
from ringside.agentfile.agent import Agent
from ringside.agentfile.agents import Agents
from ringside.aws.call_queue import BATCH, CallQueue, Message
from ringside.aws.record import Beat, Fenced, Ownership, Record
from ringside.aws.table import Conflict, Item
from ringside.calls import End, EndReason, Status, Step, answered_at
from ringside.monitor.handover import OFFER_SECONDS, Ahead
from ringside.monitor.supervisor import Services, Supervisor, Verdict
from ringside.telemetry import Metrics

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

POLLERS = 3
"""Long polls that stand open at any time: one poll asks all of SQS's servers, several shorten the wait."""

MOST_TAKING = 32  # calls that are being taken at the same time
MARGIN = 0.2  # of the lease: a monitor stops acting that much before others may think it dead
OFFERED = 8  # calls that wait for their next owner at the same time, while this one still acts; more, where many do
OFFER_ALL_IN = 30  # rounds of offers: a hand-over takes up to a second, mostly to open the sideband
RELEASED = 4  # calls that are left alone at the same time: no faster than others can take them
MOST_UNANSWERED = 3  # offers in a row that come to nothing: nobody else is there, or a session has room for one only
MOST_UNTAKEN = 3  # released calls in a row that nobody takes: nobody else is there
TAKEN_SECONDS = 3.0  # that we look after a released call until somebody has taken it
TAKEN_PAUSE = 0.05  # between two looks whether somebody has
SUCCESSION_SECONDS = 6.0  # that the next owner waits for the former one to leave
MOST_SUCCESSION_PAUSE = 0.3  # between two looks whether it has
LOOK_SECONDS = 1.0  # after which a monitor that waits for its calls to end sees that it is to wait no longer
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
    offered: bool = False  # its message is for the next owner, and no longer ours to extend


@dataclass
class _Taken:
    """A call that this monitor has just become the owner of. `unheard_since`, `ahead`: see `Supervisor`."""

    call: Item
    unheard_since: float | None
    ahead: Ahead | None = None


class Monitor:
    """Owns many calls in one asyncio process."""

    def __init__(
        self,
        name: str,
        record: Record,
        queue: CallQueue,
        agents: Agents,
        metrics: Metrics,
        services: Callable[[Executor, Callable[[], bool]], Services],
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
        self._services = services(self._threads, self.holds)
        self._cases: dict[str, _Case] = {}
        self._taking: set[str] = set()
        self._considering: set[asyncio.Task[None]] = set()
        self._proven_until = 0.0  # monotonic
        self._beats = 0
        self._leaving: dict[str, Beat] = {}  # owners that said they want to leave: they do not take that back
        self._extending = asyncio.Lock()
        self._stopping = asyncio.Event()
        self._waiting_until = float("inf")  # monotonic
        self._draining = False
        self._finishing: set[asyncio.Task[None]] = set()

    def holds(self) -> bool:
        """Whether this monitor's calls are surely still its own."""
        return time.monotonic() < self._proven_until

    @property
    def calls(self) -> int:
        return len(self._cases)

    def stop(self, wait: float = 0) -> None:
        """Take no more calls, let those that are here end for `wait` seconds, hand over the rest, let `run` return.

        Said again, it can only shorten the waiting.
        """
        self._waiting_until = min(self._waiting_until, time.monotonic() + wait)
        self._slots = 0  # neither admission nor scaling is to count on them
        self._stopping.set()

    async def run(self) -> None:
        """Work until `stop` is called, and leave no call behind."""
        await self._beat()
        beating = asyncio.create_task(self._keep_leases(), name="leases")
        pollers = [asyncio.create_task(self._take_calls(), name=f"poller {n}") for n in range(POLLERS)]
        log.info("monitor.ready", extra={"owner": self.owner, "slots": self._slots})
        try:
            await self._stopping.wait()
            log.info("monitor.draining", extra={"calls": self.calls})
            await self._wait_for_calls()
            await self._hand_over()
            await asyncio.wait(pollers)
            if self._considering:
                await asyncio.wait(set(self._considering))
            await self._hand_over()  # what arrived with the last polls
        finally:
            beating.cancel()
            for poller in pollers:
                poller.cancel()
            for threads in (self._threads, self._beating, self._queueing, self._polling, self._services.asking):
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
            await self._show(message)
            return
        self._taking.add(call_id)
        try:
            taken = await self._take(call_id, message)
            if taken is not None:
                await self._begin(taken, message)
        finally:
            self._taking.discard(call_id)

    async def _begin(self, taken: _Taken, message: Message) -> None:
        mine = Ownership(str(taken.call["call_id"]), self.owner, int(taken.call["epoch"]))
        if mine.epoch > MOST_OWNERS:
            await self._give_up(mine, message, f"it went through {mine.epoch} owners")
            return
        try:
            self._supervise(mine, taken, message)
        except Exception:
            self._metrics.count("SupervisionsFailed")
            log.exception("call.supervision_failed", extra={"call_id": mine.call_id})
            if taken.ahead is not None:
                await taken.ahead.connection.close()
            await self._fail(mine, message)

    async def _show(self, message: Message) -> None:
        """Let another monitor have the message at once."""
        await self._queued(self._queue.extend, [message.receipt], 0)

    async def _receive_again(self, call_id: str, message: Message) -> None:
        """A call of our own: the same message with a newer receipt, or one too many."""
        case = self._cases.get(call_id)
        if case is not None and case.message.id == message.id:
            case.message = message
            if case.offered:  # a poll that was still open has caught it
                await self._show(message)
        elif case is not None:
            await self._queued(self._queue.delete, message.receipt)

    async def _take(self, call_id: str, message: Message) -> _Taken | None:
        now = self._clock()
        steps = {Step.QUEUED: message.sent_at, Step.TAKEN: now}
        try:
            call = await self._blocking(self._record.take, call_id, self.owner, message.id, steps, None)
            return _Taken(call, _released(call))
        except Conflict as conflict:
            found = conflict.found
        if not found or Status(found["status"]).is_final:
            await self._queued(self._queue.delete, message.receipt)
            return None
        owner = found.get("owner")
        # Ours, and nobody here supervises it: the answer to an earlier take was lost, or the lease was for a while.
        ours = owner == self.owner
        beat = Beat(0.0) if ours or owner is None else await self._last_beat(owner, now)
        if beat.until > now:
            if found.get("message_id") != message.id:
                await self._queued(self._queue.delete, message.receipt)
            elif beat.draining:
                return await self._succeed(found, message, steps)
            else:  # delivered twice: its owner keeps it
                await self._queued(self._queue.extend, [message.receipt], self._lease)
            return None
        try:
            call = await self._blocking(self._record.take, call_id, self.owner, message.id, steps, found)
        except Conflict:
            return None  # another monitor was faster
        if ours:
            return _Taken(call, now - self._lease if Step.ATTACHED in call["steps"] else None)
        # Its last beat is the last sign of the former owner; a sweeper has none.
        return _Taken(call, beat.until - self._lease if beat.until else float(found["steps"].get(Step.TAKEN, now)))

    async def _last_beat(self, owner: str, now: float) -> Beat:
        """The owner's last beat; that of one which leaves is asked for once, not for each of its calls."""
        known = self._leaving.pop(owner, None)
        beat = known if known and known.until > now else await self._blocking(self._record.last_beat, owner)
        if beat.draining:
            self._leaving[owner] = beat
        return beat

    async def _succeed(self, found: Item, message: Message, steps: Mapping[Step, float]) -> _Taken | None:
        """Listen beside the owner, which wants to leave, and take the call when it has."""
        call_id, former = str(found["call_id"]), found["owner"]
        ahead = await self._services.listen_ahead(call_id, int(found["epoch"]) + 1)
        taken, pause, until = None, 0.1, time.monotonic() + SUCCESSION_SECONDS
        try:
            while taken is None and time.monotonic() < until:
                try:
                    seen = await self._blocking(self._record.call, call_id) or {}
                    if "owner" not in seen:
                        call = await self._blocking(self._record.take, call_id, self.owner, message.id, steps, None)
                        taken = _Taken(call, _released(call) if ahead is None else call.get("unheard_since"), ahead)
                    elif seen["owner"] != former:
                        break
                except Conflict:
                    break  # it is over, or somebody else's: the message tells which, when it comes again
                except (ClientError, BotoCoreError) as error:
                    log.warning("call.not_taken_yet", extra={"call_id": call_id, "error": type(error).__name__})
                if taken is None:
                    await asyncio.sleep(pause)
                    pause = min(pause * 1.5, MOST_SUCCESSION_PAUSE)
        finally:
            if taken is None and ahead is not None:
                await ahead.connection.close()
        if taken is None:
            await self._show(message)
        return taken

    def _supervise(self, mine: Ownership, taken: _Taken, message: Message) -> None:
        call, call_id = taken.call, mine.call_id
        agent = self._agent_of(call)
        supervisor = Supervisor(call, mine, agent, self._services, taken.unheard_since, taken.ahead)
        task = asyncio.create_task(supervisor.run(), name=f"call {call_id}")
        case = self._cases[call_id] = _Case(mine, message, supervisor, task)
        log.info("call.taken", extra={"call_id": call_id, "agent": agent.name, "epoch": mine.epoch})
        if mine.epoch == 1:
            self._metrics.milliseconds("HandoffMs", (self._clock() - message.sent_at) * 1000)
        elif "released_at" in call:
            self._metrics.milliseconds("WithoutOwnerMs", (self._clock() - float(call["released_at"])) * 1000)
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
                if not case.offered:
                    await self._offer(case)
            elif error is not None:
                await self._fail(case.mine, case.message)
            else:
                await self._let_go(case)
        except Exception as failed:  # it comes back by itself, and the record says what it is
            log.warning("queue.message_not_settled", extra={"call_id": call_id, "error": type(failed).__name__})

    async def _let_go(self, case: _Case) -> None:
        """Supervision had to stop. If the record still says that the call is ours, nobody else would ever take it."""
        while True:
            try:
                # Since when nobody listened is not known exactly: certainly not before the lease began to run out.
                now = self._clock()
                await self._blocking(self._record.release, case.mine, now, now - self._lease)
            except Fenced:
                return  # somebody else has it, as it should be
            except Exception as error:
                log.warning("call.not_released", extra={"call_id": case.mine.call_id, "error": type(error).__name__})
                if self._stopping.is_set():
                    return  # this process will not look alive for long
                await asyncio.sleep(self._lease / 3)
            else:
                await self._show(case.message)
                return

    async def _fail(self, mine: Ownership, message: Message) -> None:
        """Supervision broke: let it be tried again after a pause, but not for ever."""
        failures = await self._blocking(self._record.count_failure, mine)
        if failures >= MOST_FAILURES:
            await self._give_up(mine, message, f"supervision failed {failures} times")
            return
        now = self._clock()
        await self._blocking(self._record.release, mine, now, now)
        await self._queued(self._queue.extend, [message.receipt], 2**failures)

    async def _give_up(self, mine: Ownership, message: Message, why: str) -> None:
        """Nobody can supervise this call: end it, and say so."""
        self._metrics.count("CallsLost")
        log.error("call.given_up", extra={"call_id": mine.call_id, "why": why})
        await self._services.openai(self._services.control.hang_up, mine.call_id)
        end = End(Status.FAILED, EndReason.SUPERVISION_LOST, self._clock(), f"{why}; hung up")
        call = await self._blocking(self._record.call, mine.call_id) or {}
        await self._blocking(self._record.end, mine, end, {"duration": round(end.at - answered_at(call), 3)})
        await self._blocking(release_reservations, self._services.counters, mine.call_id, call.get("reservations", []))
        await self._queued(self._queue.delete, message.receipt)

    async def _wait_for_calls(self) -> None:
        while (left := self._waiting_until - time.monotonic()) > 0:
            under_way = {case.task for case in self._cases.values()} | self._considering  # which may become cases
            if not under_way:
                return
            await asyncio.wait(under_way, timeout=min(left, LOOK_SECONDS))

    async def _hand_over(self) -> None:
        """Let every call go to its next owner: one that listens already, if possible.

        Some at a time, so that each is without an owner only for a moment; after a while, all that are left.
        """
        offers = asyncio.Semaphore(max(OFFERED, self.calls // OFFER_ALL_IN))
        releases = asyncio.Semaphore(RELEASED)
        hurry = time.monotonic() + UNHURRIED_SECONDS
        unanswered = 0 if await self._announce_drain() else MOST_UNANSWERED
        untaken = 0

        async def leave(case: _Case) -> None:
            nonlocal unanswered, untaken
            answered = False
            await case.supervisor.tools_done()
            async with offers:
                await case.supervisor.settled()
                if unanswered < MOST_UNANSWERED and time.monotonic() < hurry and not case.task.done():
                    try:
                        answered = await case.supervisor.offer(partial(self._offer, case), OFFER_SECONDS)
                        unanswered = 0 if answered else unanswered + 1
                    except (ClientError, BotoCoreError) as error:  # its message is shown when it is released
                        kind = type(error).__name__
                        log.warning("call.not_offered", extra={"call_id": case.mine.call_id, "error": kind})
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, hurry - time.monotonic())):
                    await releases.acquire()
            try:
                await case.supervisor.release()
                await asyncio.wait({case.task})
                if not answered and untaken < MOST_UNTAKEN and time.monotonic() < hurry:
                    untaken = 0 if await self._is_taken(case.mine.call_id) else untaken + 1
            finally:
                releases.release()

        await asyncio.gather(*(leave(case) for case in list(self._cases.values())))
        while self._finishing:
            await asyncio.wait(set(self._finishing))

    async def _is_taken(self, call_id: str) -> bool:
        """Whether a call that we released soon has an owner again, or needs none."""
        until = time.monotonic() + TAKEN_SECONDS
        while time.monotonic() < until:
            await asyncio.sleep(TAKEN_PAUSE)
            try:
                seen = await self._blocking(self._record.call, call_id) or {}
            except (ClientError, BotoCoreError):
                return False
            if not seen or Status(seen["status"]).is_final or seen.get("owner", self.owner) != self.owner:
                return True
        return False

    async def _announce_drain(self) -> bool:
        """Say that our calls are to be had; False if that could not be said."""
        self._draining = True
        try:
            await self._beat()
        except Exception as error:
            log.warning("drain.not_announced", extra={"error": type(error).__name__})
            return False
        return True

    async def _offer(self, case: _Case) -> None:
        case.offered = True
        try:
            async with self._extending:  # an extension under way would hide the message again
                await self._show(case.message)
        except BaseException:
            case.offered = False
            raise

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
            self._beating,
            partial(self._record.beat, number=self._beats, draining=self._draining),
            self.owner,
            until,
            self.calls,
            self._slots,
        )
        self._check_lease()
        self._proven_until = max(self._proven_until, asked + self._lease * (1 - MARGIN))

    async def _extend(self) -> None:
        async with self._extending:
            receipts = [case.message.receipt for case in self._cases.values() if not case.offered]
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


def _released(call: Item) -> float | None:
    """Since when nobody has listened to a call that was let go; None if it never had an owner."""
    since = call.get("unheard_since", call.get("released_at"))
    return None if since is None else float(since)
