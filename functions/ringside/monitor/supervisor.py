"""One call under supervision: attach, feed the conversation, do what it wants, close the record.

Reading never waits for DynamoDB or a tool: writes have a queue of their own, in order, and every effect that must
happen at most once is claimed in the record before it is done.

An owner that can no longer prove that it is the owner does nothing more, but it listens and writes until the record
says whose the call is: then it leaves (`_leave_lost_call`). Longer than other classes, for it is one thing: what
follows what in a supervision.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import asdict

from ringside.agentfile.agent import Agent
from ringside.aws.actions import Asked
from ringside.aws.record import Fenced, Ownership
from ringside.calls import End, EndReason, Status, Step
from ringside.conversation import events as e
from ringside.monitor.async_record import UNAVAILABLE
from ringside.monitor.attachment import MAX_FUTILE, Attachment
from ringside.monitor.clock import CallClock
from ringside.monitor.effect_runner import EffectRunner
from ringside.monitor.handover import Handover, Takeover
from ringside.monitor.hang_up import HangUp
from ringside.monitor.live_conversation import LiveConversation
from ringside.monitor.operator_actions import OperatorActions
from ringside.monitor.record_writer import RecordWriter
from ringside.monitor.services import Services
from ringside.monitor.spending import Spending
from ringside.monitor.supervision_state import SupervisionResult, SupervisionState
from ringside.openai.call_control import Outcome

log = logging.getLogger(__name__)

ANSWER_SECONDS = 2.0  # for answers of the session that only we know of to arrive, before the call is handed on
CATCH_UP_SECONDS = 0.5  # for what the sideband kept while this process stood still to be read
HANG_UP_PAUSE = 2.0  # between two requests to hang up a call that cannot be kept
OVER = (Outcome.DONE, Outcome.GONE)
LAST_WORDS_SECONDS = 1.0  # for what is still to be said to the session, before this owner leaves


class Supervisor:
    """Supervises one call from taking it to its end, or until it is released.

    One class, since it is one life: each stage begins where the one before has left the call, and all of them can be
    cut short by the end, the drain or a lost lease.
    """

    def __init__(self, takeover: Takeover, ownership: Ownership, agent: Agent, services: Services) -> None:
        self._services = services
        self._takeover = takeover
        self._call = takeover.call
        self._supervision = supervision = SupervisionState(
            takeover.call, ownership, agent, CallClock(services.time), services.holds, self._lost
        )
        monotonic = services.time.monotonic
        self._handover = Handover(ownership.epoch)
        self._writer = RecordWriter(supervision, services)
        self._attachment = Attachment(supervision, services, takeover)
        self._spending = Spending(agent, services.prices, self._writer, monotonic)
        self._hang_up = HangUp(supervision, services, self._writer, self._attachment)
        self._conversation = LiveConversation(supervision, services.metrics)
        self._effects = EffectRunner(
            supervision,
            services,
            self._writer,
            self._attachment,
            self._spending,
            self._hang_up,
            self._conversation,
        )
        self._conversation.perform = self._effects.perform
        self._actions = OperatorActions(supervision, self._writer, self._conversation)
        self._effects.action_settled = self._actions.settled
        self._expired = False
        self._closed = asyncio.Event()
        self._leaving: asyncio.Task[None] | None = None

    async def run(self) -> SupervisionResult:
        """Supervise until the call is over, released or lost."""
        try:
            await self._supervise()
            await self._writer.done()
        except Fenced:
            self._supervision.result = SupervisionResult.LOST
            await self._writer.done()  # what was heard until now
        finally:
            self._conversation.stop()
            await self._writer.stop()
            await self._effects.stop()
            await self._attachment.stop()
            self._closed.set()
        return self._supervision.result or SupervisionResult.LOST

    # --- what the monitor asks for ---

    def act(self, asked: Asked) -> None:
        """An operator wants something of the call."""
        self._effects.start(self._actions.take, asked)

    async def tools_done(self) -> None:
        """Wait a while for the tools that are running."""
        await self._effects.tools_done()

    async def settled(self) -> None:
        """Wait for a good moment to leave: the session owes us no answer that the next owner would wait for in vain."""
        time = self._services.time
        until = time.monotonic() + ANSWER_SECONDS
        # A moment at most, and rarely: not worth an event of its own, so it looks again and again.
        while self._conversation.awaits_the_session and self._attachment.is_online and time.monotonic() < until:
            await time.sleep(0.02)

    async def offer(self, show: Callable[[], Awaitable[None]], seconds: float) -> bool:
        """Show the call to other monitors, and leave as soon as one of them listens.

        False if none did for so long, and we are still here.
        """
        return await self._handover.offer(show, self._closed, seconds)

    async def release(self) -> None:
        """Leave, whether another monitor listens or not: stop reading, write what is unwritten, release the lock."""
        await self._attachment.flush(LAST_WORDS_SECONDS)
        if self._supervision.release():
            await self._attachment.close()

    def lose(self) -> None:
        """This owner can no longer prove that it is the owner: from this moment on it says and does nothing."""
        self._supervision.lose()

    @property
    def is_lost(self) -> bool:
        """Whether this owner may no longer act: another monitor may have the call."""
        return self._supervision.is_lost

    def unheard_since(self) -> float:
        """The last moment at which an owner surely listened (Unix seconds)."""
        return self._attachment.unheard_since()

    # --- lost, and listening ---

    def _lost(self) -> None:
        if self._supervision.end is None:  # else the end is being written, if it is still ours to write
            self._leaving = self._effects.start(self._leave_lost_call)

    async def _leave_lost_call(self) -> None:
        """Listen on until the record says whose the call is, then leave.

        If nobody has taken it, it is released for whoever comes, this monitor included, and only then left. If somebody
        has, that owner listens by itself.
        """
        await self._services.time.sleep(CATCH_UP_SECONDS)
        await self._writer.done()
        try:
            if self._supervision.is_fenced:
                raise Fenced
            await self._writer.give_back(self._attachment.unheard_since)
        except Fenced:
            self._supervision.result = SupervisionResult.LOST
        else:
            self._supervision.result = SupervisionResult.RELEASED
        await self._attachment.close()

    async def _left(self) -> None:
        if self._leaving is not None:
            await asyncio.wait((self._leaving,))

    # --- from the first sideband to the last ---

    async def _supervise(self) -> None:
        supervision, attachment = self._supervision, self._attachment
        if self._takeover.from_another_owner:
            await self._take_over()
        while supervision.goes_on:
            if not await attachment.open():
                if supervision.acts:
                    supervision.ended(await self._end_of_unknown_call())
                break
            if (marker := attachment.take_marker()) is not None:
                self._conversation.feed(marker)
            if (gap := attachment.gap()) is not None:
                self._conversation.reattached(*gap)
            if attachment.opened == 1 and Step.GREETED not in self._call["steps"]:
                self._conversation.begin()
            await attachment.read(self._happened, self._writer)
            if not supervision.may_act():
                break
            if self._handover.next_owner_listens or (self._handover.is_offered and supervision.end is None):
                supervision.release()  # closed while offered: the session has room for one of us only
            elif self._expired:
                supervision.ended(End(Status.ENDED, EndReason.SESSION_EXPIRED, attachment.closed_at))
        if supervision.is_lost and supervision.end is None:
            await self._left()
        elif supervision.result is SupervisionResult.RELEASED:
            await self._leave_to_next_owner()
        elif supervision.result is None and supervision.end is not None:
            await self._close_record(supervision.end)

    def _happened(self, event: e.Event) -> bool:
        """Feed an event; False if it is the first that is no longer ours."""
        if isinstance(event, e.ItemAdded) and self._handover.saw(event):
            return False
        if isinstance(event, e.SessionError):
            self._expired = self._expired or event.code == "session_expired"
            log.warning("session.error", extra={"call_id": self._supervision.call_id, "code": event.code})
        self._conversation.feed(event)
        return True

    async def _take_over(self) -> None:
        """Another owner began this call: learn from the record what it knew, and finish what it had begun."""
        self._services.metrics.count("CallsTakenOver")
        self._spending.others = await self._writer.usage_of_others()
        self._conversation.resume(await self._writer.history())
        self._effects.start(self._take_over_actions)

    async def _take_over_actions(self) -> None:
        """Once there is a sideband: what is asked of the session before that would be asked for again, or lost."""
        await self._attachment.online()
        await self._actions.take_over()

    # --- the end ---

    async def _end_of_unknown_call(self) -> End:
        """How a call ended that OpenAI no longer knows, or that nobody can keep: it is hung up."""
        was_attached, closed_at = self._attachment.opened > 0, self._attachment.closed_at
        if was_attached and self._hang_up.reason is not None:
            return End(Status.ENDED, self._hang_up.reason, closed_at)
        # A 404 is also what a refused sideband might look like: make sure that no caller is left on the line.
        reply = await self._services.hang_up(self._supervision.call_id)
        while self._attachment.is_futile and reply.outcome not in OVER and self._supervision.may_act():
            await self._services.time.sleep(HANG_UP_PAUSE)
            reply = await self._services.hang_up(self._supervision.call_id)
        now = self._supervision.clock.now()
        if not was_attached and Step.ATTACHED not in self._call["steps"]:
            return End(Status.FAILED, EndReason.NEVER_CONNECTED, now, "accepted, but there was no session")
        if reply.outcome is Outcome.DONE and self._attachment.is_futile:
            why = f"{MAX_FUTILE} sidebands in a row closed before anything was heard"
            self._services.metrics.count("CallsLost")
            log.error("call.given_up", extra={"call_id": self._supervision.call_id, "why": why})
            return End(Status.ENDED, EndReason.SUPERVISION_LOST, now, f"{why}; hung up")
        if reply.outcome is Outcome.DONE:
            return End(Status.ENDED, EndReason.SUPERVISION_LOST, now, "the session could not be attached to again")
        left_by = EndReason.TRANSFERRED if self._conversation.is_transferred else EndReason.CALLER_HUNG_UP
        reason = self._hang_up.reason or left_by
        if was_attached:
            return End(Status.ENDED, reason, closed_at)
        at = self._takeover.unheard_since or now
        return End(Status.ENDED, reason, at, "ended while no monitor was attached")

    async def _close_record(self, end: End) -> None:
        self._conversation.finish(end.at)
        await self._writer.done()
        if self._supervision.result is not None:  # fenced while writing
            return
        if self._takeover.from_another_owner:  # who may have written its share after we began
            self._spending.others = await self._writer.usage_of_others()
        usage = self._spending.others + self._conversation.usage
        cost, duration = self._spending.cost(usage), round(max(0.0, end.at - self._supervision.answered_at), 3)
        as_of = self._services.prices.as_of
        facts = {"usage": asdict(usage), "cost": cost, "prices_as_of": as_of, "duration": duration}
        await self._writer.end(end, facts)
        await self._refuse_late_actions()
        self._supervision.result = SupervisionResult.OVER
        self._services.metrics.count("CallsEnded")
        about = {"call_id": self._supervision.call_id, "reason": end.reason, "seconds": duration}
        log.info("call.ended", extra=about)

    async def _refuse_late_actions(self) -> None:
        """After the end nobody can ask for more. What is left of before is not worth more than one try: an outage must
        not keep a call that is over."""
        try:
            async with asyncio.timeout(LAST_WORDS_SECONDS):
                await self._actions.too_late()
                await self._writer.done()
        except (TimeoutError, Fenced, *UNAVAILABLE) as error:
            about = {"call_id": self._supervision.call_id, "error": type(error).__name__}
            log.warning("actions.not_settled", extra=about)

    async def _leave_to_next_owner(self) -> None:
        listens = self._handover.next_owner_listens
        if listens:
            await self._attachment.flush(LAST_WORDS_SECONDS)
        self._spending.leave()
        self._conversation.leave_to_next_owner()
        await self._writer.done()
        unheard_since = None if listens else self._attachment.unheard_since()
        await self._writer.release(self._services.time.wall(), unheard_since)
        self._supervision.result = SupervisionResult.RELEASED
