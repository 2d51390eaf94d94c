"""One call under supervision: attach, feed the conversation, do what it wants, close the record.

Reading never waits for DynamoDB or a tool: writes go through a lane of their own, in order, and
every effect that must happen at most once is claimed in the record before it is done.
"""

import asyncio
import logging
import random
import secrets
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from functools import partial
from typing import Any, ParamSpec, TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from ringside.admission.decide import release_reservations
from ringside.agentfile.agent import Agent
from ringside.aws.counters import Counters
from ringside.aws.record import Fenced, Ownership, Record
from ringside.aws.table import Item
from ringside.calls import End, EndReason, Status, Step, answered_at
from ringside.conversation import effects as do
from ringside.conversation import events as e
from ringside.conversation.conversation import Conversation
from ringside.monitor import handover
from ringside.monitor.handover import Ahead
from ringside.monitor.serial_queue import SerialQueue
from ringside.openai import client_events, realtime, sideband
from ringside.openai.call_control import CallControl, Outcome
from ringside.prices import Prices
from ringside.telemetry import Metrics
from ringside.tools import definition, runner
from ringside.tools.definition import Tool

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

USAGE_EVERY = 10.0  # seconds between writes of a running call's usage
OWED_SECONDS = 2.0  # for answers of the session that only we know of to arrive, before the call is handed on
FAIR_SHARE = 64  # frames of one call before the others get a turn
LAST_TOOLS_SECONDS = 20.0  # that tools get to finish in before the call is handed over without their outcome
HOPELESS = frozenset({"ValidationException", "ItemCollectionSizeLimitExceededException"})
"""DynamoDB's answers to a write that will never be taken, such as an item above 400 KB."""
ATTACHING = 64  # sidebands that are being opened at the same time: a herd gets through sooner one after the other


class Verdict(StrEnum):
    """How supervision ended, which says what becomes of the queue's message."""

    OVER = "over"  # the record is closed: delete the message
    RELEASED = "released"  # given up for another owner: make the message visible at once
    LOST = "lost"  # this owner had to stop: it was fenced, or could no longer prove that it is the owner


@dataclass
class Services:
    """What all calls of a monitor share."""

    record: Record
    counters: Counters
    control: CallControl
    api_key: Callable[[bool], str]
    base_url: str
    tools: Mapping[str, Tool]
    lambda_tools: Mapping[tuple[str, str], Tool]  # by agent and name
    prices: Prices
    metrics: Metrics
    threads: Executor
    holds: Callable[[], bool]  # whether this monitor can still prove that its calls are its own
    attach_window: float  # seconds for which a 404 after the accept means "not yet"
    clock: Callable[[], float] = time.time
    # Asking OpenAI may take half a minute when OpenAI is down. That must not keep the record waiting for a thread.
    asking: Executor = field(default_factory=lambda: ThreadPoolExecutor(64, "openai"))
    attaching: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(ATTACHING))

    def tools_of(self, agent: Agent) -> dict[str, Tool]:
        """What this agent may use: a function that it does not name does not exist for it."""
        own = {entry.name: self.lambda_tools[agent.name, entry.name] for entry in agent.lambda_tools}
        return own | {name: tool for name, tool in self.tools.items() if name in agent.tools}

    async def blocking(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a neighbour's blocking function in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self.threads, partial(function, *args, **kwargs))

    async def listen_ahead(self, call_id: str, epoch: int) -> Ahead | None:
        """Listen to a call beside its owner, as the one who is to own it next."""
        async with self.attaching:
            key = await self.blocking(self.api_key, False)
            return await handover.listen_ahead(self.base_url, call_id, key, epoch)

    async def openai(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call OpenAI's blocking call control in a thread that nothing else needs."""
        return await asyncio.get_running_loop().run_in_executor(self.asking, partial(function, *args, **kwargs))


class Supervisor:
    """Supervises one call from taking it to its end, or until it is released."""

    def __init__(
        self,
        call: Item,
        mine: Ownership,
        agent: Agent,
        services: Services,
        unheard_since: float | None = None,
        ahead: Ahead | None = None,
    ) -> None:
        """`unheard_since`: the last moment at which a former owner surely listened; None if nothing was missed.
        `ahead`: a sideband that was opened before the former owner left."""
        self._call = call
        self._since = unheard_since
        self._ahead = ahead
        self._mine = mine
        self._agent = agent
        self._services = services
        # A wall clock that jumps must not end a call: it is read once, and then goes on with the monotonic one.
        self._zero = services.clock() - time.monotonic()
        self._answered = answered_at(call)
        # Another version of this code may have counted what this one does not know.
        usage = e.Usage(**{name: n for name, n in (call.get("usage") or {}).items() if name in e.Usage.__slots__})
        self._talk = Conversation(agent.behaviour, self._answered, usage, mine.epoch)
        self._connection: ClientConnection | None = None
        self._commands = SerialQueue(f"commands {mine.call_id}")
        self._writes = SerialQueue(f"writes {mine.call_id}")
        self._tasks: set[asyncio.Task[None]] = set()
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at: float | None = None
        self._end: End | None = None
        self._verdict: Verdict | None = None
        self._usage_saved, self._usage_saved_at = usage, 0.0
        self._expired = False
        self._hanging_up: EndReason | None = None
        self._attached = False  # by this owner
        self._attachment = 0
        self._online = asyncio.Event()
        self._closed_at = 0.0
        self._successor: str | None = None  # the marker of the next owner, while one is waited for
        self._listens = asyncio.Event()  # ... and whether it was seen
        self._closed = asyncio.Event()
        self._tools_running: set[asyncio.Task[None]] = set()

    @property
    def call_id(self) -> str:
        return self._mine.call_id

    def _now(self) -> float:
        return self._zero + time.monotonic()

    async def run(self) -> Verdict:
        """Supervise until the call is over, released or lost."""
        try:
            await self._supervise()
        except Fenced:
            self._verdict = Verdict.LOST
        finally:
            if self._alarm is not None:
                self._alarm.cancel()
            if self._verdict is not Verdict.OVER:
                await self._writes.stop()
            await self._stop_tasks()
            await self._close_connection()
            if self._ahead is not None:
                await self._ahead.connection.close()
            self._closed.set()
        return self._verdict or Verdict.LOST

    async def settled(self) -> None:
        """Wait for a good moment to leave: the session owes us no answer that the next owner would wait for in vain."""
        until = time.monotonic() + OWED_SECONDS
        # A moment at most, and rarely: worth no event of its own, so it looks again and again (ASYNC110).
        while self._talk.is_owed_an_answer and self._online.is_set() and time.monotonic() < until:  # noqa: ASYNC110
            await asyncio.sleep(0.02)

    async def offer(self, show: Callable[[], Awaitable[None]], seconds: float) -> bool:
        """Show the call to other monitors, and leave as soon as one of them listens.

        False if none did for so long, and we are still here.
        """
        self._successor = handover.marker_of(self._mine.epoch + 1)
        await show()
        waiting = [asyncio.ensure_future(event.wait()) for event in (self._listens, self._closed)]
        await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for each in waiting:
            each.cancel()
        return self._listens.is_set()

    async def release(self) -> None:
        """Leave, whether anybody listens or not: stop reading, write what is to be written, release the lock."""
        await self._say_what_is_left()
        if self._verdict is None:
            self._verdict = Verdict.RELEASED
            await self._close_connection()

    async def _say_what_is_left(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(1.0 if self._online.is_set() else 0.0):
                await self._commands.done()

    async def tools_done(self) -> None:
        """Wait a while for the tools that are running: their outcome is known here and nowhere else."""
        until = time.monotonic() + LAST_TOOLS_SECONDS
        while self._tools_running and self._verdict is None and (left := until - time.monotonic()) > 0:
            await asyncio.wait(set(self._tools_running), timeout=left)

    def lose(self) -> None:
        """This owner can no longer prove that it is the owner: from this moment on it says and writes nothing."""
        if self._verdict is None:
            self._verdict = Verdict.LOST
            self._start(self._close_connection())

    # --- the sideband ---

    async def _supervise(self) -> None:
        if self._since is not None or self._ahead is not None:
            await self._take_over()
        while self._verdict is None and self._end is None:
            self._connection = await self._attach()
            if self._connection is None:
                break
            self._attachment += 1
            self._online.set()
            now = self._now()
            if self._ahead is not None:
                self._feed(self._ahead.marker)
            if self._attached or self._since is not None:
                self._perform(self._talk.reattached(*self._gap(), now))
            if not self._attached and "greeting" not in self._call.get("effects", ()):
                self._perform(self._talk.begin())
            self._attached, self._ahead = True, None
            self._closed_at = await self._read(self._connection)
            if self._listens.is_set():
                self._verdict = self._verdict or Verdict.RELEASED
                break
            self._online.clear()
            self._connection = None
            if self._successor is not None and self._end is None:
                self._verdict = self._verdict or Verdict.RELEASED  # the session has room for one of us only
            if self._expired and self._end is None:
                self._end = End(Status.ENDED, EndReason.SESSION_EXPIRED, self._closed_at)
        if self._verdict is None:
            await self._close_record()
        elif self._verdict is Verdict.RELEASED:
            await self._hand_over()

    async def _take_over(self) -> None:
        """Another owner began this call: learn from the record what it knew, and finish what it had begun."""
        self._services.metrics.count("CallsTakenOver")
        history = await self._persist(lambda mine: self._services.record.history(mine.call_id), self._mine)
        first_audio = Step.FIRST_AUDIO in self._call["steps"]
        facts = {name: self._call.get(name) for name in ("notes", "transfer", "owed")}
        self._perform(self._talk.resume(history, first_audio, self._now(), facts))
        if self._call.get("hang_up_reason"):
            self._start(self._hang_up(EndReason(self._call["hang_up_reason"])))

    def _gap(self) -> tuple[float, str]:
        """Since when nobody of us was listening, and why."""
        if self._attached:
            return self._closed_at, "the connection was lost"
        assert self._since is not None
        return self._since, "another monitor took over"

    async def _attach(self) -> ClientConnection | None:
        """Attach, again and again until the call turns out to be over (then `_end` is set) or is given up."""
        started, pause, refresh = time.monotonic(), 0.2, False
        if self._ahead is not None:
            return self._ahead.connection
        # Right after the accept a 404 means "not yet"; once we were attached, it means that the call is over.
        window = 0.0 if self._attached else self._services.attach_window
        while self._verdict is None and self._end is None:
            try:
                async with self._services.attaching:
                    key = await self._services.blocking(self._services.api_key, refresh)
                    connection = await sideband.attach(self._services.base_url, self.call_id, key)
            except sideband.AttachError as error:
                refresh = error.status == 401
                log.info("sideband.refused", extra={"call_id": self.call_id, "status": error.status})
                if error.gone and time.monotonic() - started >= window:
                    self._end = self._end or await self._gone()
                    break
                self._services.metrics.count("SidebandsRefused")
                await asyncio.sleep(pause * random.uniform(0.5, 1.5))
                pause = min(pause * 2, 1.0 if error.gone else 5.0)
                if not self._services.holds():
                    self.lose()
            else:
                if self._verdict is None and self._end is None:
                    return connection
                await connection.close()
        return None

    async def _gone(self) -> End:
        """How a call ended that OpenAI no longer knows."""
        if self._attached and self._hanging_up is not None:
            return End(Status.ENDED, self._hanging_up, self._closed_at)
        # A 404 is also what a refused sideband might look like: make sure that nobody is left on the line.
        reply = await self._services.openai(self._services.control.hang_up, self.call_id)
        now = self._now()
        if not self._attached and Step.ATTACHED not in self._call["steps"]:
            return End(Status.FAILED, EndReason.NEVER_CONNECTED, now, "accepted, but there was no session")
        if reply.outcome is Outcome.DONE:
            return End(Status.ENDED, EndReason.SUPERVISION_LOST, now, "the session could not be attached to again")
        if self._attached:
            return End(Status.ENDED, self._left_by, self._closed_at)
        detail = "ended while no monitor was attached"
        return End(Status.ENDED, self._left_by, self._since or now, detail)

    @property
    def _left_by(self) -> EndReason:
        if self._hanging_up is not None:
            return self._hanging_up
        return EndReason.TRANSFERRED if self._talk.is_transferred else EndReason.CALLER_HUNG_UP

    async def _read(self, connection: ClientConnection) -> float:
        """Feed frames until the socket closes; returns when that was."""
        frames = 0
        try:
            while True:
                frame = await connection.recv()
                self._take(frame)
                frames += 1
                if self._listens.is_set():
                    break
                if self._writes.crowded:
                    await self._writes.room()
                elif frames % FAIR_SHARE == 0:
                    await asyncio.sleep(0)
        except ConnectionClosed as closed:
            code = closed.rcvd.code if closed.rcvd else None
            log.info("sideband.closed", extra={"call_id": self.call_id, "code": code})
        return self._now()

    def _take(self, frame: str | bytes) -> None:
        try:
            event = realtime.decode(frame)
        except Exception as error:  # a frame that we cannot read must not cost the call
            self._services.metrics.count("FramesUnreadable")
            log.error("frame.unreadable", extra={"call_id": self.call_id, "error": type(error).__name__})
            return
        if isinstance(event, e.Skipped):
            if event.why != "ignored":
                self._services.metrics.count(f"Frames{event.why.capitalize()}")
                log.info("frame.skipped", extra={"call_id": self.call_id, "why": event.why, "type": event.type})
            return
        if isinstance(event, e.ItemAdded) and event.item_id == self._successor:
            self._listens.set()  # from here on it is the next owner's
            return
        if isinstance(event, e.SessionError):
            self._expired = self._expired or event.code == "session_expired"
            log.warning("session.error", extra={"call_id": self.call_id, "code": event.code})
        self._feed(event)

    # --- the conversation ---

    def _feed(self, event: e.Event) -> None:
        self._guarded(type(event).__name__, lambda: self._talk.feed(event, self._now()))

    def _wake(self) -> None:
        self._alarm_at = None
        if self._verdict is None and self._end is None:
            self._guarded("alarm", lambda: self._talk.wake(self._now()))

    def _guarded(self, what: str, happens: Callable[[], Iterable[do.Effect]]) -> None:
        """A fault of ours in one event must cost neither the call nor the alarms to come."""
        try:
            self._perform(happens())
        except Exception:
            self._services.metrics.count("ConversationErrors")
            log.exception("conversation.failed", extra={"call_id": self.call_id, "event": what})
            self._set_alarm()

    def _set_alarm(self) -> None:
        deadline = self._talk.deadline
        if deadline == self._alarm_at:
            return
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm_at = deadline
        if deadline is not None:
            delay = max(0.0, deadline - self._now())
            self._alarm = asyncio.get_running_loop().call_later(delay, self._wake)

    def _perform(self, effects: Iterable[do.Effect]) -> None:
        if not self._services.holds():
            self.lose()
        if self._verdict is Verdict.LOST:
            return
        for effect in effects:
            match effect:
                case do.Save():
                    self._write(self._services.record.save, effect.position, effect.item, effect.replaces)
                case do.Send(command):
                    self._commands.add(partial(self._send, command, self._attachment))
                case do.RunTool():
                    running = self._start(self._run_tool(effect))
                    self._tools_running.add(running)
                    running.add_done_callback(self._tools_running.discard)
                case do.Greet(command):
                    self._start(self._greet(command))
                case do.Refer():
                    self._start(self._refer(effect))
                case do.Note(facts):
                    self._write(self._services.record.note, facts)
                case do.HangUp(reason):
                    self._start(self._hang_up(reason))
                case do.Reattach():
                    self._start(self._close_connection())
                case do.Mark(step):
                    self._mark(step)
                case do.SaveUsage(usage):
                    self._save_usage(usage)
                case do.Count(what):
                    self._services.metrics.count("".join(part.capitalize() for part in what.split("_")))
        self._set_alarm()

    # --- effects ---

    async def _send(self, command: e.Command, attachment: int) -> None:
        """Say something to the session; across a reconnect, unless the conversation asks for it anew then."""
        while self._verdict in (None, Verdict.RELEASED) and self._end is None:
            await self._online.wait()
            if attachment != self._attachment and isinstance(command, e.Respond | e.RetrieveItem):
                return
            connection = self._connection
            if not self._services.holds():
                self.lose()
            elif connection is not None:
                with suppress(ConnectionClosed):  # the reader sees it too, and knows what to do
                    await connection.send(client_events.encode(command))
                    return
            await asyncio.sleep(0.05)

    async def _claim(
        self, effect: str, steps: Mapping[Step, float] | None = None, facts: Mapping[str, Any] | None = None
    ) -> bool:
        """Claim an effect, with one token for all tries: an outage may swallow the answer to a claim that was done."""
        token = secrets.token_hex(8)
        return await self._persist(self._services.record.claim_effect, self._mine, effect, steps, facts, token)

    async def _greet(self, command: e.Respond) -> None:
        now = self._now()
        if await self._claim("greeting", {Step.ATTACHED: now, Step.GREETED: now}):
            self._commands.add(partial(self._send, command, self._attachment))
        # Also without the claim: its answer may be lost for good, and then the clock brings the second greeting.
        self._talk.greeted(self._now())
        self._set_alarm()

    async def _run_tool(self, effect: do.RunTool) -> None:
        mine = self._services.tools_of(self._agent)
        known = mine.get(effect.name)
        claimed = await self._claim(f"tool:{effect.tool_call_id}")
        if claimed or (known is not None and known.options.repeatable):
            caller, dialled = self._call.get("caller"), self._call.get("dialled")
            attested = self._call.get("attested", "none")
            context = definition.CallContext(
                self.call_id, effect.tool_call_id, self._agent.name, caller, dialled, attested
            )
            limit = self._agent.limits.tool_seconds
            finished = await runner.run(mine, effect.tool_call_id, effect.name, effect.arguments, limit, context)
            log.info("tool.ran", extra={"call_id": self.call_id, "tool": effect.name, "outcome": finished.outcome})
        else:
            output = '{"error": "It is not known whether this was done. Tell the caller so; do not try again."}'
            finished = e.ToolFinished(effect.tool_call_id, "unknown", output)
        self._feed(finished)

    async def _refer(self, effect: do.Refer) -> None:
        if await self._claim(f"refer:{effect.tool_call_id}"):
            reply = await self._services.openai(self._services.control.refer, self.call_id, effect.uri)
            accepted, detail = reply.outcome in (Outcome.DONE, Outcome.UNKNOWN), reply.detail
        else:  # an earlier owner asked, and nobody knows what came of it: wait and see
            accepted, detail = True, ""
        self._feed(e.ReferAnswered(effect.tool_call_id, accepted, detail))

    async def _hang_up(self, reason: EndReason) -> None:
        self._hanging_up = reason
        # Claimed for the record's sake: hanging up twice does no harm, not hanging up does.
        await self._claim("hang_up", facts={"hang_up_reason": reason})
        reply = await self._services.openai(self._services.control.hang_up, self.call_id)
        if reply.outcome in (Outcome.DONE, Outcome.GONE):
            self._end = End(Status.ENDED, reason, self._now())
        else:
            self._services.metrics.count("HangUpsFailed")
            log.error("call.not_hung_up", extra={"call_id": self.call_id, "detail": reply.detail})
            await asyncio.sleep(2.0)
            self._start(self._hang_up(reason))
            return
        # OpenAI closes the socket when it tears the call down. If not, the socket or the answer was wrong.
        for _ in range(3):
            await asyncio.sleep(2.0)
            if not self._online.is_set() or reply.outcome is Outcome.GONE:
                break
            reply = await self._services.openai(self._services.control.hang_up, self.call_id)
        await self._close_connection()

    def _mark(self, step: Step) -> None:
        now = self._now()
        if step is Step.FIRST_AUDIO and step not in self._call["steps"]:
            self._services.metrics.milliseconds("GreetingMs", (now - self._answered) * 1000)
        self._write(self._services.record.mark, {step: now})

    def _save_usage(self, usage: e.Usage) -> None:
        """The running total, not more often than worth it: the last one is written at the end anyway."""
        cost, most = self._cost(usage), self._agent.limits.max_cost
        if most is not None and cost is not None and cost >= most and self._hanging_up is None:
            self._perform(self._talk.say_goodbye(EndReason.SPEND_LIMIT, self._now()))
        now = time.monotonic()
        if now - self._usage_saved_at >= USAGE_EVERY and usage != self._usage_saved:
            self._usage_saved, self._usage_saved_at = usage, now
            self._write(self._services.record.save_usage, usage, cost)

    def _cost(self, usage: e.Usage) -> float | None:
        transcription = self._agent.transcription
        return self._services.prices.cost(usage, self._agent.model, transcription.model if transcription else None)

    # --- writing ---

    def _write(self, write: Callable[..., None], *args: Any) -> None:
        async def work() -> None:
            try:
                await self._persist(write, self._mine, *args)
            except Fenced:
                self.lose()

        self._writes.add(work)

    async def _persist(self, write: Callable[..., T], *args: Any) -> T:
        """Write, and do not give up while the call is ours: throttling and outages pass."""
        pause = 0.2
        while True:
            try:
                return await self._services.blocking(write, *args)
            except Fenced:
                self._services.metrics.count("FencedWrites")
                raise
            except (ClientError, BotoCoreError) as error:
                self._services.metrics.count("WritesFailed")
                code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
                log.warning("record.write_failed", extra={"call_id": self.call_id, "error": code})
                if code in HOPELESS:
                    raise
                await asyncio.sleep(pause * random.uniform(0.5, 1.5))
                pause = min(pause * 2, 5.0)
                if not self._services.holds():
                    raise Fenced from None

    # --- the end ---

    async def _close_record(self) -> None:
        assert self._end is not None
        end = self._end
        self._perform(self._talk.finish(end.at))
        await self._writes.done()
        if self._verdict is not None:  # fenced while writing
            return
        usage = self._talk.usage
        facts = {
            "usage": asdict(usage),
            "cost": self._cost(usage),
            "prices_as_of": self._services.prices.as_of,
            "duration": round(max(0.0, end.at - self._answered), 3),
        }
        await self._persist(self._services.record.end, self._mine, end, facts)
        await self._settle_accounts(end, facts["cost"])
        self._verdict = Verdict.OVER
        self._services.metrics.count("CallsEnded")
        log.info("call.ended", extra={"call_id": self.call_id, "reason": end.reason, "seconds": facts["duration"]})

    async def _settle_accounts(self, end: End, cost: Any) -> None:
        """Give back the call's places and count its cost; admission looks after itself if this is cut short."""
        counters, agent = self._services.counters, self._agent.name
        try:
            await self._services.blocking(
                release_reservations, counters, self.call_id, self._call.get("reservations", [])
            )
            if cost:
                await self._services.blocking(counters.add_spending, agent, end.at, cost)
        except Exception as error:
            log.warning("call.not_counted", extra={"call_id": self.call_id, "error": type(error).__name__})

    async def _hand_over(self) -> None:
        if self._listens.is_set():
            await self._say_what_is_left()
        self._usage_saved_at = -USAGE_EVERY
        self._perform(self._talk.pause(self._now()))
        await self._writes.done()
        since = None
        if not self._listens.is_set():  # whoever never got to listen leaves the gap that it found
            since = self._closed_at or self._now() if self._attached or self._since is None else self._since
        await self._persist(self._services.record.release, self._mine, self._services.clock(), since)
        self._verdict = Verdict.RELEASED

    # --- tasks ---

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        async def guarded() -> None:
            try:
                await work
            except Fenced:
                self.lose()
            except Exception:
                self._services.metrics.count("EffectsFailed")
                log.exception("effect.failed", extra={"call_id": self.call_id})

        task = asyncio.create_task(guarded(), name=f"effect {self.call_id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _stop_tasks(self) -> None:
        current = asyncio.current_task()
        tasks = [task for task in self._tasks if task is not current]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await self._commands.stop()

    async def _close_connection(self) -> None:
        connection = self._connection
        if connection is not None:
            await connection.close()
