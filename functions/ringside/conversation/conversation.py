"""The heart of the monitor: a conversation that can be fed by hand. Pure.

`feed(event, now)` takes what happened and returns what is to be done, in order; `wake(now)` is to be
called at `deadline`. There is no socket, no clock and no environment in here: a test is a list of
events. The supervisor performs the effects, and reports the outcome of tools as an event.
"""

import json
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from ringside.calls import EndReason, Step
from ringside.conversation import builtin_tools
from ringside.conversation import events as e
from ringside.conversation.behaviour import Behaviour
from ringside.conversation.effects import Count, Effect, Greet, HangUp, Mark, Note, Reattach, RunTool, SaveUsage, Send
from ringside.conversation.errands import Errands, Told
from ringside.conversation.items import ToolRun
from ringside.conversation.transcript import Transcript


@dataclass(slots=True)
class _Leaving:
    """A call that is to be hung up once its last words were heard."""

    reason: EndReason
    tool_call_id: str | None = None  # the model's own wish; the caller may still change its mind
    ref: str | None = None  # the goodbye that was asked for, until its response starts


@dataclass(slots=True)
class _Asked:
    """A response that we asked for, and what it is to answer: outputs of tools, keys pressed, approvals."""

    prompt: e.Respond
    covers: set[str]


ASKED_SECONDS = 10.0
"""How long a response that was asked for may take to start; then it is taken for one that never will."""

_BEFORE = "before"
"""Stands for the response that may still have been playing when another owner was in charge."""


@dataclass
class Conversation:
    """One call's session as its events tell it. Times are Unix seconds."""

    behaviour: Behaviour
    started_at: float
    usage: e.Usage = field(default_factory=e.Usage)
    owner: int = 1  # which of the call's owners feeds it: what we ask for is told apart from what others did

    def __post_init__(self) -> None:
        self.transcript = Transcript()
        self._deadlines: dict[str, float] = {}
        self.errands = Errands(self.behaviour, self.transcript, self._deadlines)
        self._response: str | None = None  # the response being generated
        self._unheard: set[str] = set()  # responses whose words are not played to their end
        self._audible: set[str] = set()  # responses that began to be played
        self._silent: set[str] = set()  # responses of which nothing more will be played
        self._asked: _Asked | None = None  # a response.create that may be refused
        self._started = True  # ... and whether its response has started
        self._names_requests = False  # whether the session tells which of its responses is ours
        self._answers: str | None = None  # the instructions that the response being generated follows, if we know
        self._prompts: deque[e.Respond] = deque()
        self._unanswered: set[str] = set()  # what the model was told and has to react to
        self._seen: set[str] = set()  # ... and what of it the session has put into its conversation
        self._retold: set[str] = set()  # outputs that a former owner may have told before us
        self._debt: dict[str, Any] | None = None  # what the record says is owed, see `_owed`
        self._caller_speaks = False
        self._answer_due = False  # the caller has said something, and no response has begun
        self._leaving: _Leaving | None = None
        self._hung_up = False
        self._heard_anything = False
        self._first_audio = False
        self._greeted_twice = False
        self._retried = False
        self._silences = 0
        self._excused = False  # the caller was told that a tool is slow
        self._refs = 0
        self._last_event_at = self.started_at
        limit = self.started_at + self.behaviour.max_duration
        self._deadlines["max_duration"] = limit
        if self.behaviour.warn_before_end < self.behaviour.max_duration:
            self._deadlines["warning"] = limit - self.behaviour.warn_before_end

    # --- the outside ---

    @property
    def deadline(self) -> float | None:
        """When `wake` wants to be called, in Unix seconds."""
        return min(self._deadlines.values(), default=None)

    @property
    def is_transferred(self) -> bool:
        """Whether a transfer was taken and not yet found to have failed: a call that ends now has left us by it."""
        return self.errands.stage == "waiting" and not self._hung_up

    @property
    def is_owed_an_answer(self) -> bool:
        """Whether something was asked of the session, or told to it, of which the next owner would not know."""
        return not self._started or bool(self._unanswered) or self.transcript.is_catching_up

    def begin(self) -> list[Effect]:
        """The sideband is open for the first time: greet."""
        greeting = self._respond(self.behaviour.greeting)
        self._asked, self._started = _Asked(greeting, set()), False
        return [Greet(greeting)]

    def greeted(self, now: float) -> None:
        """The claim of the greeting was answered. Until then no clock runs: a slow record is not a silent caller."""
        if self._hung_up:
            return
        if not self._heard_anything:
            self._deadlines["greeting"] = now + self.behaviour.greeting_deadline
        if not self._started:
            self._deadlines["asked"] = now + ASKED_SECONDS

    def resume(
        self,
        history: Iterable[tuple[int, Mapping[str, Any]]],
        first_audio: bool,
        now: float,
        facts: Mapping[str, Any] | None = None,
    ) -> list[Effect]:
        """Go on with a call that another owner began; `history` is what it wrote, with the positions.

        What it had begun and not finished is run if nobody ran it; the shell knows by the claim.
        """
        effects: list[Effect] = []
        last = self.transcript.load(history)
        self._heard_anything = self._first_audio = first_audio
        self.errands.facts = {name: value for name, value in (facts or {}).items() if value and name != "owed"}
        if not first_audio:
            self._deadlines["greeting"] = now + self.behaviour.greeting_deadline
        for run in list(self.transcript.running()):
            if run.name == builtin_tools.HANG_UP:
                self._leaving = _Leaving(EndReason.AGENT_HUNG_UP, run.tool_call_id)
                self._unheard.add(_BEFORE)
                self._deadlines["farewell"] = now + self.behaviour.farewell_limit / 3
            else:
                self._retold.add(run.tool_call_id)
                self._begin(run, now, effects)
        self._inherit((facts or {}).get("owed"), now)
        if last.get("kind") == "tool" and last["outcome"] in ("ok", "error", "timeout", "refused"):
            # The last thing known is a tool's outcome: its output may not have reached the session. It
            # carries an id of its own, so telling it again does no harm.
            # If the session has it already, it has been answered or soon will be: one more answer is one too many.
            self._retold.add(last["tool_call_id"])
            effects.append(Send(e.TellOutput(last["tool_call_id"], last["output"] or "")))
        return effects

    def reattached(self, since: float, why: str, now: float) -> list[Effect]:
        """The sideband is open again after a gap: write the gap, and ask for what was missed in it.

        Nothing replays missed events. But the session names an item's predecessor when it is added, so an
        item of our own shows what the last one is; and items can be retrieved by their ids.
        """
        effects: list[Effect] = []
        if self._leaving is not None:
            self._leaving.ref = None
        if self._asked is not None and not self._started:  # nobody knows whether it arrived
            self._ask_again(self._asked)
        self._response, self._started, self._asked = None, True, None
        self._deadlines.pop("asked", None)
        self._caller_speaks = self._answer_due = False
        self._unheard = {_BEFORE} if self._unheard and self._leaving is not None else set()
        self._last_event_at = now
        probe = self.transcript.gap(since, now, why, effects)
        text = "(The connection to your tools was interrupted for a moment and is back.)"
        effects.append(Send(e.TellFact(text, probe)))
        self._settle(now, effects)
        return effects

    def feed(self, event: e.Event, now: float) -> list[Effect]:
        """Take one event; return what is to be done about it, in order."""
        effects: list[Effect] = []
        self._last_event_at = now
        handler = self._HANDLERS.get(type(event))
        if handler is not None:
            handler(self, event, now, effects)
            if type(event) not in self._FRAGMENTS:
                self._settle(now, effects)
        return effects

    def wake(self, now: float) -> list[Effect]:
        """Do what is due."""
        effects: list[Effect] = []
        for _, name in sorted((at, name) for name, at in self._deadlines.items() if at <= now):
            if self._deadlines.get(name, now + 1) <= now:  # an earlier one may have called it off
                del self._deadlines[name]
                self._ALARMS[name](self, now, effects)
        self._settle(now, effects)
        return effects

    def say_goodbye(self, reason: EndReason, now: float) -> list[Effect]:
        """Ask for a farewell and hang up when it was heard, whether the model cooperates or not."""
        effects: list[Effect] = []
        self._leave(reason, now)
        self._settle(now, effects)
        return effects

    def pause(self, now: float) -> list[Effect]:
        """Another owner goes on: leave it the ids of turns whose words are still to come, and what is owed."""
        effects: list[Effect] = []
        self.transcript.pause(now, effects)
        owed = self._owed()
        if owed != self._debt:
            effects.append(Note({"owed": owed}))
        effects.append(SaveUsage(self.usage))
        return effects

    def _owed(self) -> dict[str, Any] | None:
        """What the model was told and has not reacted to, and whether it was asked to."""
        if not self._unanswered:
            return None
        seen = sorted(self._unanswered & self._seen)
        return {"told": sorted(self._unanswered), "seen": seen, "asked": not self._started}

    def _inherit(self, owed: Mapping[str, Any] | None, now: float) -> None:
        self._debt = dict(owed) if owed else None
        if owed:
            self._unanswered |= set(owed["told"])
            self._seen |= set(owed["seen"])
            if owed["asked"]:  # who asked is gone, but not the question
                self._expect(self._respond(None), now)

    def finish(self, now: float) -> list[Effect]:
        """The call is over: keep the words that were cut off, and close what is open."""
        effects: list[Effect] = []
        self._deadlines.clear()
        self.transcript.close(self._unheard, now, effects)
        if self.is_transferred:
            self.errands.left(now, effects)
        for run in list(self.transcript.running()):
            left = {builtin_tools.HANG_UP: self._hung_up, builtin_tools.TRANSFER: self.is_transferred}
            run.outcome = "ok" if left.get(run.name) else "unknown"
            self.transcript.save(run, effects)
        effects.append(SaveUsage(self.usage))
        return effects

    # --- the caller ---

    def _caller_started(self, event: e.CallerStarted, now: float, effects: list[Effect]) -> None:
        self._caller_speaks = self._heard_anything = True
        self._silences = 0
        self.transcript.turn(event.item_id, "caller", now)
        self._stay(now, effects)
        self._tell(self.errands.caller_objects(), now, effects)

    def _caller_stopped(self, event: e.CallerStopped, now: float, effects: list[Effect]) -> None:
        self._caller_speaks = False

    def _item_added(self, event: e.ItemAdded, now: float, effects: list[Effect]) -> None:
        self.transcript.added(event, effects)
        match event.kind:
            case "caller":
                self._caller_speaks, self._answer_due = False, True
                self.transcript.caller_committed(event.item_id, now, effects)
            case "tool_output" | "approval" if event.tool_call_id is not None:
                self._seen.add(event.tool_call_id)
                if event.tool_call_id in self._retold:
                    self._unanswered.add(event.tool_call_id)
            case "other" if event.item_id in self.transcript.remarks:
                self._seen.add(event.item_id)

    def _caller_words(self, event: e.CallerWords, now: float, effects: list[Effect]) -> None:
        self.transcript.words(event.item_id, event.delta)

    def _caller_transcript(self, event: e.CallerTranscript, now: float, effects: list[Effect]) -> None:
        self.usage += event.usage
        self.transcript.caller_said(event.item_id, event.text, now, effects)

    def _caller_transcript_failed(self, event: e.CallerTranscriptFailed, now: float, effects: list[Effect]) -> None:
        effects.append(Count("transcription_failed"))
        self.transcript.caller_said(event.item_id, None, now, effects)

    def _digit_pressed(self, event: e.DigitPressed, now: float, effects: list[Effect]) -> None:
        self._heard_anything = True
        self._silences = 0
        self._deadlines.pop("silence", None)
        self._stay(now, effects)
        self._tell(self.errands.pressed(event.digit, now, effects), now, effects)

    # --- the agent ---

    def _response_started(self, event: e.ResponseStarted, now: float, effects: list[Effect]) -> None:
        self._response, self._answers, self._answer_due = event.response_id, None, False
        # The session had seen these when it began to answer: they need no response of their own.
        answered = self._unanswered & self._seen
        if self._asked is not None:
            self._asked.covers -= answered
        # A session that names our requests in its responses leaves no doubt whose this is; others do.
        ours = self._asked is not None and event.ref == self._asked.prompt.ref
        self._names_requests = self._names_requests or ours
        if self._asked is not None and not self._started and (ours or not self._names_requests):
            self._started = True
            self._answers = self._asked.prompt.instructions
            self._deadlines.pop("asked", None)
            answered |= self._asked.covers
            if self._leaving is not None and self._leaving.ref == self._asked.prompt.ref:
                self._leaving.ref = None
        self._unanswered -= answered

    def _agent_words(self, event: e.AgentWords, now: float, effects: list[Effect]) -> None:
        if event.item_id not in self.transcript.turns:
            self.transcript.agent_turn(event.item_id, event.response_id, now, effects)
            self._speaks(event.response_id)
            self._settle(now, effects)
        self.transcript.words(event.item_id, event.delta)

    def _agent_transcript(self, event: e.AgentTranscript, now: float, effects: list[Effect]) -> None:
        self.transcript.agent_said(event, now, effects)
        self._speaks(event.response_id)

    def _speaks(self, response_id: str) -> None:
        if response_id not in self._silent:  # what was interrupted still gets its transcript
            self._unheard.add(response_id)

    def _agent_cut_off(self, event: e.AgentCutOff, now: float, effects: list[Effect]) -> None:
        self.transcript.cut_off(event, effects)

    def _response_ended(self, event: e.ResponseEnded, now: float, effects: list[Effect]) -> None:
        if event.response_id == self._response:
            self._response = None
        self._deadlines.pop("pause", None)
        if event.usage != e.Usage():
            self.usage += event.usage
            effects.append(SaveUsage(self.usage))
        self.transcript.missed_of(event, now, effects)
        for call in event.tool_calls:
            self._tool_called(call, now, effects)
        if event.status == "cancelled":
            self.transcript.interrupted(event.response_id, effects)
            if event.reason != "client_cancelled":  # what is not interrupted by speech goes on playing
                self._falls_silent(event.response_id)
        if event.status == "failed":
            effects.append(Count("response_failed"))
            if event.response_id not in self._audible:
                self._falls_silent(event.response_id)
            if not self._retried:  # once: a second failure in a row is no hiccup
                self._retried = True
                prompt = self._respond(self._answers)
                if self._answers is None:
                    self._seen.add(event.response_id)
                    self._unanswered.add(event.response_id)
                elif self._answers != self.behaviour.farewell_instructions:
                    self._prompts.append(prompt)
                else:
                    self._ask_again(_Asked(prompt, set()))
        else:
            self._retried = False

    def _playback_started(self, event: e.PlaybackStarted, now: float, effects: list[Effect]) -> None:
        for response_id in (self._audible & self._unheard) - {event.response_id}:  # one is played at a time
            self._falls_silent(response_id)
        self._audible.add(event.response_id)
        self._speaks(event.response_id)
        self._deadlines.pop("greeting", None)
        if not self._first_audio:
            self._first_audio = True
            effects.append(Mark(Step.FIRST_AUDIO))
        self._heard_anything = True

    def _playback_stopped(self, event: e.PlaybackStopped, now: float, effects: list[Effect]) -> None:
        self._falls_silent(event.response_id)

    def _playback_cleared(self, event: e.PlaybackCleared, now: float, effects: list[Effect]) -> None:
        for response_id in {event.response_id, *self._unheard}:  # what waited for its turn is gone as well
            self.transcript.interrupted(response_id, effects)
            self._falls_silent(response_id)
        self._stay(now, effects)

    def _falls_silent(self, response_id: str) -> None:
        self._silent.add(response_id)
        self._unheard -= {response_id, _BEFORE}

    def _stay(self, now: float, effects: list[Effect]) -> None:
        """The caller is not done: no hanging up because of silence, or because the model thought so."""
        if self._leaving is None or self._leaving.reason not in (EndReason.AGENT_HUNG_UP, EndReason.SILENCE):
            return
        if not self._hung_up:
            self._leaving = None
            farewell = self.behaviour.farewell_instructions
            self._prompts = deque(prompt for prompt in self._prompts if prompt.instructions != farewell)
            self._deadlines.pop("farewell", None)
            self._refuse_to_hang_up(now, effects)

    def _refuse_to_hang_up(self, now: float, effects: list[Effect]) -> None:
        output = "Not hung up: the caller spoke before the goodbye ended. Go on with the conversation."
        if self.errands.stage is not None:
            output = "Not hung up: that would end the transfer. It ends the call by itself if it works."
        for run in [run for run in self.transcript.running() if run.name == builtin_tools.HANG_UP]:
            self._tool_finished(e.ToolFinished(run.tool_call_id, "refused", output), now, effects)
            if self.errands.stage is not None:  # no word more, the transfer was announced
                self._unanswered.discard(run.tool_call_id)

    # --- tools ---

    def _tool_called(self, event: e.ToolCalled, now: float, effects: list[Effect]) -> None:
        if event.tool_call_id in self.transcript.tools:
            return
        run = ToolRun(event.tool_call_id, event.item_id, event.name, event.arguments, now)
        self.transcript.tools[event.tool_call_id] = run
        self.transcript.save(run, effects)
        self._begin(run, now, effects)

    def _begin(self, run: ToolRun, now: float, effects: list[Effect]) -> None:
        if run.name not in builtin_tools.NAMES:
            effects.append(RunTool(run.tool_call_id, run.name, run.arguments))
        elif run.name != builtin_tools.HANG_UP:
            self._tell(self.errands.begin(run, now, effects), now, effects)
            if self.errands.stage is not None:
                self._stay(now, effects)
        elif self._leaving is None and (self._caller_speaks or self.errands.stage is not None):
            self._refuse_to_hang_up(now, effects)
        elif self._leaving is None:
            self._leaving = _Leaving(EndReason.AGENT_HUNG_UP, run.tool_call_id)
            self._deadlines["farewell"] = now + self.behaviour.farewell_limit

    def _refer_answered(self, event: e.ReferAnswered, now: float, effects: list[Effect]) -> None:
        self._tell(self.errands.refer_answered(event, now, effects), now, effects)

    def _tell(self, told: Told | None, now: float, effects: list[Effect]) -> None:
        """Let the model know what came of a built-in tool, if anything did yet."""
        if told is not None:
            seconds = round(now - told.run.started_at, 3)
            output = json.dumps(told.message, ensure_ascii=False)
            self._tool_finished(e.ToolFinished(told.run.tool_call_id, told.outcome, output, seconds), now, effects)

    def _tool_finished(self, event: e.ToolFinished, now: float, effects: list[Effect]) -> None:
        run = self.transcript.tools.get(event.tool_call_id)
        if run is None or run.outcome != "running":
            return
        run.outcome, run.output, run.seconds = event.outcome, event.output, event.seconds
        self.transcript.save(run, effects)
        if event.tool_call_id not in self._retold:
            self._unanswered.add(event.tool_call_id)
        effects.append(Send(e.TellOutput(event.tool_call_id, event.output)))

    def _approval_asked(self, event: e.ApprovalAsked, now: float, effects: list[Effect]) -> None:
        allowed = self.behaviour.approve_remote_tools
        approve = event.server in allowed or f"{event.server}.{event.tool}" in allowed
        effects.append(Send(e.Approve(event.item_id, approve)))
        self._unanswered.add(event.item_id)  # an approval does not continue by itself

    def _remote_tool_called(self, event: e.RemoteToolCalled, now: float, effects: list[Effect]) -> None:
        outcome = "error" if event.failed else "ok"
        run = ToolRun(event.item_id, event.item_id, f"{event.server}.{event.name}", event.arguments, now, outcome)
        run.output = event.output
        self.transcript.tools[event.item_id] = run
        self.transcript.save(run, effects)
        self._seen.add(event.item_id)
        self._unanswered.add(event.item_id)  # the session knows the output, but does not go on by itself

    # --- the session ---

    def _session_error(self, event: e.SessionError, now: float, effects: list[Effect]) -> None:
        effects.append(Count("session_errors"))
        if self._asked is None or event.ref is None or event.ref != self._asked.prompt.ref:
            return
        asked, self._asked, self._started = self._asked, None, True
        self._deadlines.pop("asked", None)
        if self._leaving is not None and self._leaving.ref == event.ref:
            self._leaving.ref = None
        busy = event.code == "conversation_already_has_active_response"
        if busy or not self._retried:
            # Somebody was faster, mostly the session's own voice detection: ask again when that response is done.
            self._ask_again(asked)
            self._retried = self._retried or not busy
            if self._response is None:  # when that is, we cannot know
                self._deadlines["pause"] = now + 1.0
        else:
            self._unanswered -= asked.covers

    def _ask_again(self, asked: _Asked) -> None:
        """What was asked for did not come: ask for it again, unless that makes no sense any more."""
        self._unanswered |= asked.covers
        match asked.prompt.instructions:
            case self.behaviour.farewell_instructions if self._leaving is not None:
                self._prompts.appendleft(asked.prompt)
                self._leaving.ref = asked.prompt.ref
            case self.behaviour.greeting:  # its deadline sees to it, if nobody has spoken by then
                pass
            case self.behaviour.silence_instructions:  # somebody has spoken, or there will be silence again
                pass

    def _item_retrieved(self, event: e.ItemRetrieved, now: float, effects: list[Effect]) -> None:
        self.transcript.place(event.item_id, None, effects)
        if event.tool_call is not None:
            self._tool_called(event.tool_call, now, effects)
        self.transcript.retrieved(event, now, effects)

    # --- alarms ---

    def _greeting_is_late(self, now: float, effects: list[Effect]) -> None:
        effects.append(Count("greeting_late"))
        if self._heard_anything:
            return
        if self._response is not None:  # it may yet be heard
            self._deadlines["greeting"] = now + self.behaviour.greeting_deadline
            return
        if self._greeted_twice:  # asked twice, and nobody there: the caller left before the accept
            self._hang_up(EndReason.NEVER_CONNECTED, effects)
            return
        self._greeted_twice = True
        self._started = True
        self._deadlines["greeting"] = now + self.behaviour.greeting_deadline
        self._prompts.append(self._respond(self.behaviour.greeting))

    def _caller_is_silent(self, now: float, effects: list[Effect]) -> None:
        effects.append(Count("silence"))
        if self._silences >= self.behaviour.silence_prompts:
            self._leave(EndReason.SILENCE, now)
            return
        self._silences += 1
        self._prompts.append(self._respond(self.behaviour.silence_instructions))

    def _tool_is_slow(self, now: float, effects: list[Effect]) -> None:
        effects.append(Count("tools_slow"))
        self._excused = True
        self._prompts.append(self._respond(self.behaviour.waiting_instructions))

    def _time_is_nearly_up(self, now: float, effects: list[Effect]) -> None:
        seconds = round(self.behaviour.warn_before_end)
        text = f"This call ends in {seconds} seconds. Bring the conversation to a close."
        effects.append(Send(e.TellFact(text)))

    def _time_is_up(self, now: float, effects: list[Effect]) -> None:
        self._leave(EndReason.MAX_DURATION, now)

    def _give_up_farewell(self, now: float, effects: list[Effect]) -> None:
        if self._leaving is not None:
            effects.append(Count("farewell_cut"))
            self._hang_up(self._leaving.reason, effects)

    def _digits_are_complete(self, now: float, effects: list[Effect]) -> None:
        item_id, text = self.errands.unasked(now, effects)
        effects.append(Send(e.TellFact(text, item_id)))
        self._unanswered.add(item_id)

    def _keys_are_collected(self, now: float, effects: list[Effect]) -> None:
        self._tell(self.errands.collected(now, effects), now, effects)

    def _transfer_is_judged(self, now: float, effects: list[Effect]) -> None:
        self._tell(self.errands.still_here(now, effects), now, effects)

    def _response_never_started(self, now: float, effects: list[Effect]) -> None:
        effects.append(Count("response_never_started"))
        self._started = True
        if self._leaving is not None:
            self._leaving.ref = None

    def _session_is_stalled(self, now: float, effects: list[Effect]) -> None:
        quiet_until = self._last_event_at + self._patience
        if now < quiet_until:
            self._deadlines["stalled"] = quiet_until
        else:
            effects += [Count("session_stalled"), Reattach()]

    @property
    def _patience(self) -> float:
        """A response makes events all the time; a long answer may play for a while without any."""
        generating = self._response is not None or not self._started
        return self.behaviour.stall_after if generating else 4 * self.behaviour.stall_after

    # --- what follows from it all ---

    def _settle(self, now: float, effects: list[Effect]) -> None:
        """Bring what we want into line with what is: ask for a response, hang up, mind the silence."""
        if self._hung_up:
            self._deadlines.clear()
            return
        running = any(run.name not in builtin_tools.NAMES for run in self.transcript.running())
        # What comes of a transfer or of keys that are waited for is told together with what came before it.
        busy = self.errands.holds_answers
        # Whoever presses keys waits for no tool.
        pressed = not self._unanswered.isdisjoint(self.transcript.remarks)
        if self._response is None and self._started and not self._caller_speaks and "pause" not in self._deadlines:
            if self._prompts:
                self._ask(self._prompts.popleft(), now, effects)
            elif self._unanswered and (pressed or not (running or busy)) and self._leaving is None:
                self._ask(self._respond(None), now, effects)
            elif self.errands.stage == "announcing" and not self._unheard:
                self.errands.refer(now, effects)
            elif self._leaving is not None and self._leaving.ref is None and not self._unheard and not running:
                self._hang_up(self._leaving.reason, effects)
                return
        if self._response is not None or not self._started or self._unheard or self._answer_due:
            patience = now + self._patience
            self._deadlines["stalled"] = min(self._deadlines.get("stalled", patience), patience)
        else:
            self._deadlines.pop("stalled", None)
        quiet = self._response is None and self._started and not (self._unheard or self._caller_speaks)
        self._mind_slow_tools(running, quiet, now)
        idle = quiet and not running
        if idle and self._leaving is None and not self.errands.waits and "greeting" not in self._deadlines:
            self._deadlines.setdefault("silence", now + self.behaviour.silence_after)
        else:
            self._deadlines.pop("silence", None)

    def _mind_slow_tools(self, running: bool, quiet: bool, now: float) -> None:
        """Nobody likes to listen to nothing: once for each bout of tools the caller is told that it takes longer."""
        self._excused = self._excused and running
        patience = self.behaviour.tool_patience
        if running and quiet and patience is not None and self._leaving is None and not self._excused:
            self._deadlines.setdefault("slow", now + patience)
        else:
            self._deadlines.pop("slow", None)

    def _ask(self, prompt: e.Respond, now: float, effects: list[Effect]) -> None:
        self._expect(prompt, now)
        effects.append(Send(prompt))

    def _expect(self, prompt: e.Respond, now: float) -> None:
        self._asked, self._started = _Asked(prompt, set(self._unanswered)), False
        self._deadlines["asked"] = now + ASKED_SECONDS

    def _leave(self, reason: EndReason, now: float) -> None:
        if self._leaving is not None and self._leaving.reason is EndReason.SILENCE:
            self._leaving.reason = reason
        elif self._leaving is None or self._leaving.tool_call_id is not None:
            farewell = self._respond(self.behaviour.farewell_instructions)
            self._leaving = _Leaving(reason, ref=farewell.ref)
            self._prompts.clear()
            self._prompts.append(farewell)
            self._deadlines["farewell"] = now + self.behaviour.farewell_limit

    def _hang_up(self, reason: EndReason, effects: list[Effect]) -> None:
        self._hung_up = True
        self._deadlines.clear()
        effects.append(HangUp(reason))

    def _respond(self, instructions: str | None) -> e.Respond:
        self._refs += 1
        return e.Respond(instructions, f"ringside_{self.owner}_{self._refs}")

    _FRAGMENTS: ClassVar[frozenset[type]] = frozenset({e.AgentWords, e.CallerWords})
    _HANDLERS: ClassVar[dict[type, Callable[..., None]]] = {
        e.CallerStarted: _caller_started,
        e.CallerStopped: _caller_stopped,
        e.ItemAdded: _item_added,
        e.CallerWords: _caller_words,
        e.CallerTranscript: _caller_transcript,
        e.CallerTranscriptFailed: _caller_transcript_failed,
        e.ResponseStarted: _response_started,
        e.AgentWords: _agent_words,
        e.AgentTranscript: _agent_transcript,
        e.ToolCalled: _tool_called,
        e.ResponseEnded: _response_ended,
        e.PlaybackStarted: _playback_started,
        e.PlaybackStopped: _playback_stopped,
        e.PlaybackCleared: _playback_cleared,
        e.AgentCutOff: _agent_cut_off,
        e.DigitPressed: _digit_pressed,
        e.ItemRetrieved: _item_retrieved,
        e.ApprovalAsked: _approval_asked,
        e.RemoteToolCalled: _remote_tool_called,
        e.SessionError: _session_error,
        e.ToolFinished: _tool_finished,
        e.ReferAnswered: _refer_answered,
    }
    _ALARMS: ClassVar[dict[str, Callable[..., None]]] = {
        "asked": _response_never_started,
        "collecting": _keys_are_collected,
        "digits": _digits_are_complete,
        "farewell": _give_up_farewell,
        "greeting": _greeting_is_late,
        "max_duration": _time_is_up,
        "pause": lambda self, now, effects: None,
        "silence": _caller_is_silent,
        "slow": _tool_is_slow,
        "stalled": _session_is_stalled,
        "verdict": _transfer_is_judged,
        "warning": _time_is_nearly_up,
    }
