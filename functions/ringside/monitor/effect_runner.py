"""What a conversation wants to be done, done: at most once where that matters, and never in the reader's way."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Protocol

from ringside.aws.record import Fenced
from ringside.calls import EndReason, Step
from ringside.conversation import effects as do
from ringside.conversation import events as e
from ringside.monitor.attachment import Attachment
from ringside.monitor.hang_up import HangUp
from ringside.monitor.record_writer import RecordWriter
from ringside.monitor.services import Services
from ringside.monitor.spending import Spending
from ringside.monitor.supervision_state import SupervisionState
from ringside.openai.call_control import Outcome
from ringside.redaction.kept_words import KeptWords
from ringside.tools.definition import CallContext

log = logging.getLogger(__name__)

LAST_TOOLS_SECONDS = 20.0
"""That tools get to finish in before the call is handed over without their outcome."""

_UNKNOWN = '{"error": "It is not known whether this was done. Tell the caller so; do not try again."}'


class Feedback(Protocol):
    """The conversation, which hears what came of its effects."""

    def feed(self, event: e.Event) -> None: ...

    def greeted(self) -> None: ...

    def say_goodbye(self, reason: EndReason) -> None: ...


class EffectRunner:
    """Performs effects, those that take time in tasks of their own.

    One that must happen at most once is claimed in the record first. A claim may take long: whether the call is still
    this owner's is asked again before it acts.
    """

    def __init__(
        self,
        supervision: SupervisionState,
        services: Services,
        writer: RecordWriter,
        attachment: Attachment,
        spending: Spending,
        hang_up: HangUp,
        conversation: Feedback,
    ) -> None:
        self._supervision = supervision
        self._services = services
        self._writer = writer
        self._attachment = attachment
        self._spending = spending
        self._hang_up = hang_up
        self._conversation = conversation
        agent = supervision.agent
        self._kept = KeptWords(agent.redactor, agent.keeps_words, agent.digits.secret)
        self.action_settled: Callable[[str], None] = lambda action_id: None
        """Who is told that an operator's action has come to something."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._tools_running: set[asyncio.Task[None]] = set()

    def perform(self, effects: Iterable[do.Effect]) -> None:
        """Do them in order. If the call is no longer ours, what was heard is written down, and nothing is done."""
        acts = self._supervision.may_act()
        for effect in effects:
            if not acts and not isinstance(effect, do.Save | do.SaveUsage | do.Count):
                continue
            match effect:
                case do.Save():
                    self._writer.save(effect.position, self._kept.entry(effect.position, effect.item), effect.replaces)
                case do.Send(command):
                    self._attachment.say(command)
                case do.RunTool():
                    running = self.start(self._run_tool, effect)
                    self._tools_running.add(running)
                    running.add_done_callback(self._tools_running.discard)
                case do.Greet(command):
                    self.start(self._greet, command)
                case do.Refer():
                    self.start(self._refer, effect)
                case do.Note(facts):
                    self._writer.note(self._kept.facts(facts))
                case do.HangUp(reason):
                    self.start(self._hang_up.ask, reason)
                case do.Reattach():
                    self.start(self._attachment.close)
                case do.Mark(step):
                    self._mark(step)
                case do.ActionSettled(action_id):
                    self.action_settled(action_id)
                case do.SaveUsage(usage):
                    self._save_usage(usage)
                case do.Count(what, code):
                    self._services.metrics.count("".join(part.capitalize() for part in what.split("_")))
                    if code is not None:
                        known = {"call_id": self._supervision.call_id, "what": what, "code": code}
                        log.warning("session.problem", extra=known)

    def start(self, work: Callable[..., Awaitable[None]], *args: Any) -> asyncio.Task[None]:
        """Do something in a task of its own; what goes wrong in it is counted and logged."""
        task = asyncio.create_task(self._guarded(work, *args), name=f"effect {self._supervision.call_id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def tools_done(self, seconds: float = LAST_TOOLS_SECONDS) -> None:
        """Wait a while for the tools that are running: their outcome is known here and nowhere else."""
        monotonic = self._services.time.monotonic
        until = monotonic() + seconds
        while self._tools_running and self._supervision.acts and (remaining := until - monotonic()) > 0:
            await asyncio.wait(set(self._tools_running), timeout=remaining)

    async def stop(self) -> None:
        """Cancel what is not done."""
        current = asyncio.current_task()
        tasks = [task for task in self._tasks if task is not current]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _guarded(self, work: Callable[..., Awaitable[None]], *args: Any) -> None:
        try:
            await work(*args)
        except Fenced:
            self._supervision.lose()
        except Exception:
            self._services.metrics.count("EffectsFailed")
            log.exception("effect.failed", extra={"call_id": self._supervision.call_id})

    # --- claimed ---

    async def _greet(self, command: e.Respond) -> None:
        now = self._supervision.clock.now()
        await self._writer.done()  # a gap before it: to the next owner, who has greeted has listened
        if await self._writer.claim("greeting", {Step.ATTACHED: now, Step.GREETED: now}):
            self._attachment.say(command)  # which asks whether the call is still ours
        # Also without the claim: its answer may be lost for good, and then the clock brings the second greeting.
        self._conversation.greeted()

    async def _run_tool(self, effect: do.RunTool) -> None:
        agent, call, tools = self._supervision.agent, self._supervision.call, self._services.tools
        claimed = await self._writer.claim(f"tool:{effect.tool_call_id}")
        if not self._supervision.may_act():
            return
        # A former owner's call of a tool has its arguments only where words are kept.
        if claimed or (agent.keeps_words and tools.is_repeatable(agent, effect.name)):
            call_id = self._supervision.call_id
            attested = call.get("attested", "none")
            context = CallContext(
                call_id, effect.tool_call_id, agent.name, call.get("caller"), call.get("dialled"), attested
            )
            finished = await tools.run(agent, effect.name, effect.arguments, context)
            log.info("tool.ran", extra={"call_id": call_id, "tool": effect.name, "outcome": finished.outcome})
        else:
            finished = e.ToolFinished(effect.tool_call_id, "unknown", _UNKNOWN)
        self._conversation.feed(finished)

    async def _refer(self, effect: do.Refer) -> None:
        claimed = await self._writer.claim(f"refer:{effect.tool_call_id}")
        if not self._supervision.may_act():
            return
        accepted, detail = True, ""
        if claimed:  # else an earlier owner asked, and it is not known what came of it: wait and see
            reply = await self._services.refer(self._supervision.call_id, effect.uri)
            accepted, detail = reply.outcome in (Outcome.DONE, Outcome.UNKNOWN), reply.detail
        self._conversation.feed(e.ReferAnswered(effect.tool_call_id, accepted, detail))

    # --- written down ---

    def _mark(self, step: Step) -> None:
        now = self._supervision.clock.now()
        if step is Step.FIRST_AUDIO and step not in self._supervision.call["steps"]:
            self._services.metrics.milliseconds("GreetingMs", (now - self._supervision.answered_at) * 1000)
        self._writer.mark(step, now)

    def _save_usage(self, usage: e.Usage) -> None:
        if self._supervision.acts and self._hang_up.reason is None and self._spending.is_over(usage):
            self._conversation.say_goodbye(EndReason.SPEND_LIMIT)
        self._spending.save(usage)
