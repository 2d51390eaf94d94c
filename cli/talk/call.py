"""A call without a phone: the conversation core on a session in text, with real tools, a record and a clock.

What the monitor does for a call on the phone, for one caller who types: nobody else may own this call, so nothing has
to be claimed, and nothing is handed over. The caller's side is methods: says, presses, waits, hangs up.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import Any, Literal, Self

from cli.talk.clock import TurnClock
from cli.talk.line import Line, Moves
from cli.talk.record import CallRecord, Item
from cli.talk.session import Session, SessionClosed, SessionError
from cli.talk.voice_line import VoiceLine
from ringside.agentfile.agent import Agent
from ringside.calls import End, EndReason, Status, Step
from ringside.conversation import effects as do
from ringside.conversation import events as e
from ringside.conversation.conversation import Conversation
from ringside.monitor.tool_runner import ToolRunner
from ringside.openai import client_events, realtime
from ringside.prices import Prices
from ringside.tools.definition import CallContext

TransferOutcome = Literal["left", "stays", "refused"]
"""What becomes of a transfer, which OpenAI never reports: the caller has left, is still here after the transfer's time,
or OpenAI refuses it."""

SOON = 1.0  # seconds: the conversation's own short pauses, which nobody would want to wait for

_FATAL = frozenset({"model_not_found", "invalid_model", "insufficient_quota", "invalid_api_key"})
"""Errors of a response that will meet every other one, too."""


class Watcher:
    """Whoever looks on. Does nothing; override what is of interest."""

    def entry(self, item: Item) -> None:
        """Something was said or done, or has changed since: an entry of the record."""

    def noted(self, facts: Mapping[str, Any]) -> None:
        """Facts about the call: `notes`, `transfer`."""

    def used(self, usage: e.Usage, cost: float | None) -> None:
        """The call's total so far. `cost` in US dollars, None if a price is not known."""

    def problem(self, text: str) -> None:
        """The session complains."""

    def ended(self, call: Item) -> None:
        """The call is over; its item says why."""


class PlainCall:
    """`async with PlainCall(...) as call: await call.begin(); await call.says("Hello"); ...`

    Each of the caller's methods returns when it is the caller's turn again, or the call is over. They raise
    `SessionError` if OpenAI cannot go on. One class, since it is a supervisor and a telephone line in one: what the
    caller does, what the session sends and what the conversation wants all meet in the same turn.
    """

    def __init__(
        self,
        agent: Agent,
        call: Item,
        session: Session,
        tools: ToolRunner,
        prices: Prices,
        *,
        watcher: Watcher | None = None,
        transfers: Callable[[str], TransferOutcome] = lambda target: "left",
        line: VoiceLine | None = None,
    ) -> None:
        """`call`: the call item as the webhook would have written it. `transfers`: by the targets' names. `line`: that
        of a spoken conversation."""
        self.agent = agent
        self.record = CallRecord(call)
        self.clock = TurnClock(float(call["steps"][Step.ACCEPTED]))
        self._session = session
        self._tools = tools
        self._prices = prices
        self._watcher = watcher or Watcher()
        self._transfers = transfers
        self._conversation = Conversation(agent.behaviour, self.clock.now())
        detection = agent.turn_detection
        self._line = line or Line(
            creates_response=detection.create_response is not False,
            interrupts_response=detection.interrupt_response is not False,
        )
        self._outbox: asyncio.Queue[Mapping[str, Any]] = asyncio.Queue()
        self._work: set[asyncio.Task[None]] = set()
        self._pumps: list[asyncio.Task[None]] = []
        self._alarm: asyncio.TimerHandle | None = None
        self._idle = asyncio.Event()
        self._broken: SessionError | None = None
        self._counted = e.Usage()
        self._recovering = False  # a response has failed, and the conversation may ask for it again after a while

    async def __aenter__(self) -> Self:
        self._pumps = [asyncio.create_task(self._read()), asyncio.create_task(self._write())]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._set_alarm(None)
        tasks = [*self._pumps, *self._work]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._session.close()

    @property
    def is_over(self) -> bool:
        return self.record.is_over

    @property
    def usage(self) -> e.Usage:
        return self._conversation.usage

    # --- the caller ---

    async def begin(self) -> None:
        """The caller is connected: the agent greets."""
        self._perform(self._conversation.begin())
        await self.settled()

    async def says(self, text: str) -> None:
        """Words of the caller's. If the agent is still at it, they cut it short."""
        if not self.is_over:
            self._follow(self._line.caller_says(text))
            await self.settled()

    def follow(self, moves: Moves) -> None:
        """What a line has to show to the conversation, and to send to the session."""
        if not self.is_over:
            self._follow(moves)

    async def presses(self, digits: str) -> None:
        """Keys, one after the other, and a moment after which no more seem to come."""
        if not self.is_over:
            self._follow(self._line.caller_presses(digits))
            behaviour = self.agent.behaviour
            await self._pass(max(behaviour.digit_pause, behaviour.next_digit_timeout), until_busy=True)

    async def waits(self, seconds: float) -> None:
        """The caller is silent for so long, on the agent's clock."""
        await self._pass(seconds)

    async def hangs_up(self) -> None:
        if not self.is_over:
            self._end(EndReason.TRANSFERRED if self._conversation.is_transferred else EndReason.CALLER_HUNG_UP)

    async def settled(self) -> None:
        """Wait until it is the caller's turn, or the call is over."""
        while True:
            await self._idle.wait()
            if not self._idle.is_set():  # between two events of one moment
                continue
            if self._broken is not None:
                raise self._broken
            due, now = self._conversation.deadline, self.clock.now()
            if self.is_over or due is None:
                return
            # A transfer's verdict is a matter of time only, and so is a second try.
            soon = self._conversation.awaits_the_session and due - now <= SOON
            if not (soon or self._conversation.is_transferred):
                return
            self._wake_at(due)

    async def _pass(self, seconds: float, *, until_busy: bool = False) -> None:
        await self.settled()
        until = self.clock.now() + seconds
        while not self.is_over:
            due = self._conversation.deadline
            if due is None or due > until:
                self.clock.pass_to(until)
                return
            self._wake_at(due)
            if until_busy and not self._idle.is_set():
                until = self.clock.now()
            await self.settled()

    def _wake_at(self, moment: float) -> None:
        self.clock.pass_to(moment)
        self._wake()

    # --- the session ---

    async def _read(self) -> None:
        try:
            while True:
                event = await self._session.receive()
                if event.get("type") == "response.created":
                    self._recovering = False
                self._complain(event)
                self._follow(self._line.receives(event))
        except SessionClosed as closed:
            if not self.is_over:
                self._end(EndReason.SUPERVISION_LOST, f"OpenAI closed the session: {closed}".rstrip(": "))

    async def _write(self) -> None:
        with suppress(SessionClosed):  # the reader sees it, too
            while True:
                await self._session.send(await self._outbox.get())

    def _complain(self, event: Mapping[str, Any]) -> None:
        """Errors that people should see. The conversation learns of them as well."""
        error: Any = None
        if event.get("type") == "error":
            error = event.get("error")
        elif event.get("type") == "response.done":
            error = ((event.get("response") or {}).get("status_details") or {}).get("error")
        if not isinstance(error, Mapping):
            return
        code, text = error.get("code"), str(error.get("message") or error.get("code") or error.get("type"))
        self._recovering = True
        if code in _FATAL:
            self._broken = SessionError(f"OpenAI: {text}")
        self._watcher.problem(text)

    def _follow(self, moves: Moves) -> None:
        for event in moves.sent:
            self._outbox.put_nowait(event)
        for event in moves.shown:
            decoded = realtime.decode(json.dumps(event, ensure_ascii=False))
            if isinstance(decoded, e.SessionError) and decoded.code == "session_expired" and not self.is_over:
                self._end(EndReason.SESSION_EXPIRED)
            if not isinstance(decoded, e.Skipped):
                self._feed(decoded)
        self._look()

    # --- the conversation ---

    def _feed(self, event: e.Event) -> None:
        if not self.is_over:
            self._perform(self._conversation.feed(event, self.clock.now()))

    def _wake(self) -> None:
        self._recovering = False
        if not self.is_over:
            self._perform(self._conversation.wake(self.clock.now()))

    def _look(self) -> None:
        """Whose turn is it? The clock runs while the agent is at work."""
        waits = self._recovering and self._conversation.deadline is not None
        is_busy = not self.is_over and self._broken is None and bool(self._line.is_busy or self._work or waits)
        if is_busy:
            self._idle.clear()
            self.clock.run()
        else:
            self._idle.set()
            self.clock.stop()
        self._set_alarm(self._conversation.deadline if is_busy else None)

    def _set_alarm(self, due: float | None) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = None
        if due is not None:
            self._alarm = asyncio.get_running_loop().call_later(max(0.0, due - self.clock.now()), self._wake)

    def _perform(self, effects: Iterable[do.Effect]) -> None:
        for effect in effects:
            match effect:
                case do.Send(command):
                    self._send(command)
                case do.Greet(command):
                    self.record.mark(Step.GREETED, self.clock.now())
                    self._send(command)
                    self._conversation.greeted(self.clock.now())
                case do.Save():
                    self._watcher.entry(self.record.save(effect.position, effect.item, effect.replaces))
                case do.RunTool():
                    self._start(self._run_tool(effect))
                case do.Refer():
                    self._start(self._refer(effect))
                case do.Note(facts):
                    self.record.note(facts)
                    self._watcher.noted(facts)
                case do.Mark(step):
                    self.record.mark(step, self.clock.now())
                case do.SaveUsage(usage):
                    self._count(usage)
                case do.HangUp(reason):
                    self._end(reason)
                case do.Reattach():
                    self._broken = SessionError("OpenAI has fallen silent: the session does not answer")
        self._look()

    def _send(self, command: e.Command) -> None:
        self._outbox.put_nowait(self._line.sends(json.loads(client_events.encode(command))))

    def _start(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._work.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._work.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._broken = SessionError(f"a fault of ours: {type(error).__name__}: {error}")
        self._look()

    async def _run_tool(self, effect: do.RunTool) -> None:
        call = self.record.call
        context = CallContext(
            call["call_id"],
            effect.tool_call_id,
            self.agent.name,
            call.get("caller"),
            call.get("dialled"),
            call.get("attested", "none"),
        )
        self._feed(await self._tools.run(self.agent, effect.name, effect.arguments, context))

    async def _refer(self, effect: do.Refer) -> None:
        names = {target.uri: name for name, target in self.agent.transfer.items()}
        outcome = self._transfers(names.get(effect.uri, effect.uri))
        refused = outcome == "refused"
        self._feed(e.ReferAnswered(effect.tool_call_id, not refused, "500" if refused else ""))
        if outcome == "left" and not self.is_over:
            self._end(EndReason.TRANSFERRED)

    def _count(self, usage: e.Usage) -> None:
        cost, limit = self.cost(usage), self.agent.limits.max_cost
        if usage != self._counted:
            self._counted = usage
            self.record.note({"usage": asdict(usage), "cost": cost})
            self._watcher.used(usage, cost)
        if limit is not None and cost is not None and cost >= limit and not self.is_over:
            self._perform(self._conversation.say_goodbye(EndReason.SPEND_LIMIT, self.clock.now()))

    def cost(self, usage: e.Usage) -> float | None:
        """In US dollars; None if a price is not known."""
        transcription = self.agent.transcription
        return self._prices.cost(usage, self.agent.model, transcription.model if transcription else None)

    def _end(self, reason: EndReason, detail: str = "") -> None:
        if self.is_over:
            return
        now = self.clock.now()
        # First, so that nothing that follows from the end ends it once more.
        self.record.call["status"] = Status.ENDED
        self._perform(self._conversation.finish(now))
        duration = round(max(0.0, now - float(self.record.call["steps"][Step.ACCEPTED])), 3)
        facts = {"usage": asdict(self.usage), "cost": self.cost(self.usage), "prices_as_of": self._prices.as_of}
        self.record.end(End(Status.ENDED, reason, now, detail), {**facts, "duration": duration})
        self._watcher.ended(self.record.call)
        self._look()
