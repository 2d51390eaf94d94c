"""The heart of the monitor: a conversation that can be fed by hand. Pure.

`feed(event, now)` takes what happened and returns what is to be done, in order; `wake(now)` is to be
called at `deadline`. There is no socket, no clock and no environment in here: a test is a list of
events. The supervisor performs the effects, and reports the outcome of tools as an event.
"""

import json
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from ringside import builtin
from ringside import events as e
from ringside.calls import EndReason, Step
from ringside.effects import (
    Count,
    Effect,
    Greet,
    HangUp,
    Mark,
    Note,
    Reattach,
    Refer,
    RunTool,
    Save,
    SaveUsage,
    Send,
)
from ringside.manners import Manners
from ringside.transcript import Order, Remark, ToolRun, Turn

MOST_DIGITS = 40
MOST_NOTES = 50


@dataclass(slots=True)
class _Leaving:
    """A call that is to be hung up once its last words were heard."""

    reason: EndReason
    tool_call_id: str | None = None  # the model's own wish; the caller may still change its mind
    ref: str | None = None  # the goodbye that was asked for, until its response starts


@dataclass(slots=True)
class _Transfer:
    """A transfer under way: announced, then asked for, then waited for, since nobody tells how it went."""

    tool_call_id: str
    target: str
    stage: Literal["announcing", "asked", "waiting"] = "announcing"


@dataclass(slots=True)
class _Collecting:
    """Keys that the model asked for."""

    tool_call_id: str
    length: int


@dataclass(slots=True)
class _Asked:
    """A response that we asked for, and what it is to answer: outputs of tools, keys pressed, approvals."""

    prompt: e.Respond
    covers: set[str]


_BEFORE = "before"
"""Stands for the response that may still have been playing when another owner was in charge."""


def _known(item: Mapping[str, Any], entry: type) -> dict[str, Any]:
    """Of an item of the record, what this version of the entry knows."""
    return {name: item[name] for name in entry.__slots__ if name in item}  # type: ignore[attr-defined]


def _arguments(run: ToolRun) -> dict[str, Any]:
    """What the model gave to a built-in tool; nothing, if it is no JSON object."""
    try:
        given = json.loads(run.arguments or "{}")
    except (ValueError, RecursionError):
        return {}
    return given if isinstance(given, dict) else {}


def _kept(value: object, longest: int) -> str:
    """Of what the model wrote, what the record can hold: halves of surrogate pairs can be written in JSON."""
    return str(value or "").encode("utf-8", "replace").decode()[:longest].strip()


@dataclass
class Conversation:
    """One call's session as its events tell it. Times are Unix seconds."""

    manners: Manners
    started_at: float
    usage: e.Usage = field(default_factory=e.Usage)
    order: Order = field(default_factory=Order)

    def __post_init__(self) -> None:
        self.turns: dict[str, Turn] = {}
        self.tools: dict[str, ToolRun] = {}
        self._words: dict[str, list[str]] = {}  # parts of sentences that are not finished
        self._response: str | None = None  # the response being generated
        self._response_of: dict[str, str] = {}  # the agent's item -> its response
        self._parts: dict[str, dict[int, str]] = {}  # the agent's item -> what it said, by the parts of its content
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
        self._saved: set[str] = set()
        self._caller_speaks = False
        self._leaving: _Leaving | None = None
        self._transfer: _Transfer | None = None
        self._collecting: _Collecting | None = None
        self.facts: dict[str, Any] = {}  # `notes` and `transfer`, as they stand on the call's item
        self._hung_up = False
        self._heard_anything = False
        self._retried = False
        self._silences = 0
        self._digits = ""
        self._collected_until = 0.0  # a terminator until then belongs to the digits that are complete
        self._refs = 0
        self._remarks: dict[str, Remark] = {}
        self._retrieved: set[str] = set()
        self._probe: str | None = None  # the item that shows the end of the conversation after a gap
        self._last_event_at = self.started_at
        self._deadlines: dict[str, float] = {}
        limit = self.started_at + self.manners.max_duration
        self._deadlines["max_duration"] = limit
        if self.manners.warn_before_end < self.manners.max_duration:
            self._deadlines["warning"] = limit - self.manners.warn_before_end

    # --- the outside ---

    @property
    def deadline(self) -> float | None:
        """When `wake` wants to be called, in Unix seconds."""
        return min(self._deadlines.values(), default=None)

    @property
    def is_transferred(self) -> bool:
        """Whether a transfer was taken and not yet found to have failed: a call that ends now has left us by it."""
        return self._transfer is not None and self._transfer.stage == "waiting" and not self._hung_up

    def begin(self, now: float) -> list[Effect]:
        """The sideband is open for the first time: greet."""
        self._deadlines["greeting"] = now + self.manners.greeting_deadline
        greeting = self._respond(self.manners.greeting)
        self._expect(greeting, now)
        return [Greet(greeting)]

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
        entries = [(position, dict(item)) for position, item in history]
        self.order = Order({item["item_id"]: position for position, item in entries})
        self._saved = {item["item_id"] for _, item in entries} | ({Step.FIRST_AUDIO} if first_audio else set())
        self._heard_anything = first_audio
        self.facts = {name: value for name, value in (facts or {}).items() if value}
        if not first_audio:
            self._deadlines["greeting"] = now + self.manners.greeting_deadline
        for _, item in entries:
            match item["kind"]:
                case "turn":
                    self.turns[item["item_id"]] = Turn(**_known(item, Turn))
                case "tool":
                    run = self.tools[item["tool_call_id"]] = ToolRun(**_known(item, ToolRun))
                    if run.outcome == "running" and run.name in (builtin.TRANSFER, builtin.COLLECT_DIGITS):
                        self._begin(run, now, effects)
                    elif run.outcome == "running" and run.name == builtin.HANG_UP:
                        self._leaving = _Leaving(EndReason.AGENT_HUNG_UP, run.tool_call_id)
                        self._unheard.add(_BEFORE)
                        self._deadlines["farewell"] = now + self.manners.farewell_limit / 3
                    elif run.outcome == "running":
                        effects.append(RunTool(run.tool_call_id, run.name, run.arguments))
                case "gap" | "digits":
                    self._remarks[item["item_id"]] = Remark(**_known(item, Remark))
        last = entries[-1][1] if entries else {}
        if last.get("kind") == "tool" and last["outcome"] in ("ok", "error", "timeout", "refused"):
            # The last thing known is a tool's outcome: its output may not have reached the session. It
            # carries an id of its own, so telling it again does no harm.
            self._unanswered.add(last["tool_call_id"])
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
        self._caller_speaks = False
        self._unheard = {_BEFORE} if self._unheard and self._leaving is not None else set()
        self._last_event_at = now
        self._remark("gap", since, now, why, effects)
        for turn in self.turns.values():
            if turn.state == "pending" and turn.item_id in self.order:
                self._retrieve(turn.item_id, effects)
        self._probe = f"ringside_gap_{len(self._remarks)}"
        text = "(The connection to your tools was interrupted for a moment and is back.)"
        effects.append(Send(e.TellFact(text, self._probe)))
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
        """Another owner goes on: leave it the ids of turns whose words are still to come."""
        effects: list[Effect] = []
        for turn in self.turns.values():
            if turn.state == "pending" and turn.item_id not in self._saved:
                turn.text = "".join(self._words.get(turn.item_id, ())) or None
                self._save(turn, effects)
        effects.append(SaveUsage(self.usage))
        return effects

    def finish(self, now: float) -> list[Effect]:
        """The call is over: keep the words that were cut off, and close what is open."""
        effects: list[Effect] = []
        self._deadlines.clear()
        for item_id in list(self._words):
            self._turn(item_id, "caller", now)  # begun, but never given a place
        for turn in list(self.turns.values()):
            begun = "".join(self._words.pop(turn.item_id, ()))
            if begun:
                turn.text = f"{turn.text} {begun}" if turn.text else begun
            if turn.state == "pending":
                placed = turn.role == "caller" and turn.ended_at is not None
                turn.state = "untranscribed" if placed and not turn.text else "cut"
            elif turn.state == "final" and (begun or self._response_of.get(turn.item_id) in self._unheard):
                turn.state = "cut"
            elif not begun:
                continue
            turn.ended_at = turn.ended_at or now
            self._save(turn, effects)
        if self.is_transferred:
            self._note_transfer({"decided_at": now, "verdict": "left"}, effects)
        for run in self.tools.values():
            if run.outcome == "running":
                left = {builtin.HANG_UP: self._hung_up, builtin.TRANSFER: self.is_transferred}
                run.outcome = "ok" if left.get(run.name) else "unknown"
                self._save(run, effects)
        effects.append(SaveUsage(self.usage))
        return effects

    # --- the caller ---

    def _caller_started(self, event: e.CallerStarted, now: float, effects: list[Effect]) -> None:
        self._caller_speaks = self._heard_anything = True
        self._silences = 0
        self._turn(event.item_id, "caller", now)
        self._stay(now, effects)
        if self._transfer is not None and self._transfer.stage == "announcing":
            self._stay_here(now, effects)

    def _caller_stopped(self, event: e.CallerStopped, now: float, effects: list[Effect]) -> None:
        self._caller_speaks = False

    def _item_added(self, event: e.ItemAdded, now: float, effects: list[Effect]) -> None:
        self._place(event.item_id, event.previous_id, effects)
        missed = self.order.hole(event.item_id)
        if event.item_id == self._probe:
            self.order.strays_before(*((event.previous_id,) if event.previous_id and missed else ()), event.item_id)
        if missed is not None:
            self._retrieve(missed, effects)
        match event.kind:
            case "caller":
                self._caller_speaks = False
                turn = self._turn(event.item_id, "caller", now)
                turn.ended_at = turn.ended_at or now
                if turn.state == "pending":
                    self._deadlines.setdefault("pending", now + 2.0)
            case "tool_output" | "approval" if event.tool_call_id is not None:
                self._seen.add(event.tool_call_id)
            case "other" if event.item_id in self._remarks:
                self._seen.add(event.item_id)

    def _caller_words(self, event: e.CallerWords, now: float, effects: list[Effect]) -> None:
        self._words.setdefault(event.item_id, []).append(event.delta)

    def _caller_transcript(self, event: e.CallerTranscript, now: float, effects: list[Effect]) -> None:
        self.usage += event.usage
        self._close_caller_turn(event.item_id, event.text, now, effects)

    def _caller_transcript_failed(self, event: e.CallerTranscriptFailed, now: float, effects: list[Effect]) -> None:
        effects.append(Count("transcription_failed"))
        begun = "".join(self._words.get(event.item_id, ()))
        self._close_caller_turn(event.item_id, begun or None, now, effects)

    def _close_caller_turn(self, item_id: str, text: str | None, now: float, effects: list[Effect]) -> None:
        self._words.pop(item_id, None)
        turn = self._turn(item_id, "caller", now)
        if turn.state == "final":
            return
        turn.text, turn.state = text, "untranscribed" if text is None else "final"
        turn.ended_at = turn.ended_at or now
        self._place(item_id, None, effects)
        self._save(turn, effects)

    def _digit_pressed(self, event: e.DigitPressed, now: float, effects: list[Effect]) -> None:
        self._heard_anything = True
        self._silences = 0
        self._deadlines.pop("silence", None)
        self._stay(now, effects)
        if event.digit == self.manners.digits_terminator and now < self._collected_until:
            return  # the number was long enough before its terminator came
        self._digits = (self._digits + event.digit)[-MOST_DIGITS:]
        if self._collecting is not None:
            self._deadlines["collecting"] = now + self.manners.next_digit_timeout
            self._collect(now, effects)
        else:
            self._deadlines["digits"] = now + self.manners.digit_pause

    # --- the agent ---

    def _response_started(self, event: e.ResponseStarted, now: float, effects: list[Effect]) -> None:
        self._response, self._answers = event.response_id, None
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
        if event.item_id not in self.turns:
            self._agent_turn(event.item_id, event.response_id, now, effects)
            self._settle(now, effects)
        self._words.setdefault(event.item_id, []).append(event.delta)

    def _agent_transcript(self, event: e.AgentTranscript, now: float, effects: list[Effect]) -> None:
        self._words.pop(event.item_id, None)
        turn = self._agent_turn(event.item_id, event.response_id, now, effects)
        parts = self._parts.setdefault(event.item_id, {})
        parts[event.part] = event.text
        turn.text, turn.ended_at = " ".join(text for _, text in sorted(parts.items()) if text), now
        if turn.state == "pending":
            turn.state = "final"
        self._save(turn, effects)

    def _agent_turn(self, item_id: str, response_id: str, now: float, effects: list[Effect]) -> Turn:
        self._response_of[item_id] = response_id
        if response_id not in self._silent:  # what was interrupted still gets its transcript
            self._unheard.add(response_id)
        turn = self._turn(item_id, "agent", now)
        if item_id not in self.order:
            self._place(item_id, None, effects)
        return turn

    def _agent_cut_off(self, event: e.AgentCutOff, now: float, effects: list[Effect]) -> None:
        turn = self.turns.get(event.item_id)
        if turn is not None and turn.role == "agent":
            turn.heard_ms, turn.state = event.heard_ms, "interrupted"
            if turn.text is not None:
                self._save(turn, effects)

    def _response_ended(self, event: e.ResponseEnded, now: float, effects: list[Effect]) -> None:
        if event.response_id == self._response:
            self._response = None
        self._deadlines.pop("pause", None)
        if event.usage != e.Usage():
            self.usage += event.usage
            effects.append(SaveUsage(self.usage))
        for call in event.tool_calls:
            self._tool_called(call, now, effects)
        if event.status == "cancelled":
            self._interrupted(event.response_id, effects)
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
                elif self._answers != self.manners.farewell_instructions:
                    self._prompts.append(prompt)
                else:
                    self._ask_again(_Asked(prompt, set()))
        else:
            self._retried = False

    def _interrupted(self, response_id: str, effects: list[Effect]) -> None:
        for item_id, response in self._response_of.items():
            turn = self.turns[item_id]
            if response == response_id and turn.state in ("pending", "final"):
                turn.state = "interrupted"
                if turn.text is not None:
                    self._save(turn, effects)

    def _playback_started(self, event: e.PlaybackStarted, now: float, effects: list[Effect]) -> None:
        for response_id in self._audible & self._unheard:  # one is played at a time
            self._falls_silent(response_id)
        self._audible.add(event.response_id)
        if event.response_id not in self._silent:
            self._unheard.add(event.response_id)
        self._deadlines.pop("greeting", None)
        if Step.FIRST_AUDIO not in self._saved:
            self._saved.add(Step.FIRST_AUDIO)
            effects.append(Mark(Step.FIRST_AUDIO))
        self._heard_anything = True

    def _playback_stopped(self, event: e.PlaybackStopped, now: float, effects: list[Effect]) -> None:
        self._falls_silent(event.response_id)

    def _playback_cleared(self, event: e.PlaybackCleared, now: float, effects: list[Effect]) -> None:
        for response_id in {event.response_id, *self._unheard}:  # what waited for its turn is gone as well
            self._interrupted(response_id, effects)
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
            farewell = self.manners.farewell_instructions
            self._prompts = deque(prompt for prompt in self._prompts if prompt.instructions != farewell)
            self._deadlines.pop("farewell", None)
            self._refuse_to_hang_up(now, effects)

    def _refuse_to_hang_up(self, now: float, effects: list[Effect]) -> None:
        output = "Not hung up: the caller spoke before the goodbye ended. Go on with the conversation."
        if self._transfer is not None:
            output = "Not hung up: that would end the transfer. It ends the call by itself if it works."
        for run in [run for run in self.tools.values() if run.name == builtin.HANG_UP]:
            self._tool_finished(e.ToolFinished(run.tool_call_id, "refused", output), now, effects)
            if self._transfer is not None:  # no word more, the transfer was announced
                self._unanswered.discard(run.tool_call_id)

    # --- tools ---

    def _tool_called(self, event: e.ToolCalled, now: float, effects: list[Effect]) -> None:
        if event.tool_call_id in self.tools:
            return
        run = ToolRun(event.tool_call_id, event.item_id, event.name, event.arguments, now)
        self.tools[event.tool_call_id] = run
        self._save(run, effects)
        self._begin(run, now, effects)

    def _begin(self, run: ToolRun, now: float, effects: list[Effect]) -> None:
        match run.name:
            case builtin.HANG_UP:
                if self._leaving is None and (self._caller_speaks or self._transfer is not None):
                    self._refuse_to_hang_up(now, effects)
                elif self._leaving is None:
                    self._leaving = _Leaving(EndReason.AGENT_HUNG_UP, run.tool_call_id)
                    self._deadlines["farewell"] = now + self.manners.farewell_limit
            case builtin.TRANSFER:
                self._begin_transfer(run, now, effects)
            case builtin.COLLECT_DIGITS:
                self._begin_collecting(run, now, effects)
            case builtin.NOTE:
                self._take_note(run, now, effects)
            case _:
                effects.append(RunTool(run.tool_call_id, run.name, run.arguments))

    def _finish_tool(
        self, run: ToolRun, outcome: Any, told: Mapping[str, Any], now: float, effects: list[Effect]
    ) -> None:
        seconds = round(now - run.started_at, 3)
        output = json.dumps(told, ensure_ascii=False)
        self._tool_finished(e.ToolFinished(run.tool_call_id, outcome, output, seconds), now, effects)

    def _begin_transfer(self, run: ToolRun, now: float, effects: list[Effect]) -> None:
        target = str(_arguments(run).get("to"))
        if target not in self.manners.transfers:
            known = ", ".join(self.manners.transfers)
            self._finish_tool(run, "refused", {"error": f"There is no such target. There are: {known}."}, now, effects)
        elif self._transfer is not None:
            self._finish_tool(run, "refused", {"error": "A transfer is under way already."}, now, effects)
        else:
            self._transfer = _Transfer(run.tool_call_id, target)
            self._stay(now, effects)
            before = self.facts.get("transfer") or {}
            if before.get("tool_call_id") == run.tool_call_id and before.get("accepted_at"):
                self._transfer.stage = "waiting"  # taken by OpenAI for the owner before us
                self._deadlines["verdict"] = now + self.manners.transfer_limit

    def _refer(self, now: float, effects: list[Effect]) -> None:
        assert self._transfer is not None
        self._transfer.stage = "asked"
        self._note_transfer(
            {
                "tool_call_id": self._transfer.tool_call_id,
                "target": self._transfer.target,
                "asked_at": now,
                "verdict": "asked",
            },
            effects,
        )
        uri = self.manners.transfers[self._transfer.target].uri
        effects.append(Refer(self._transfer.tool_call_id, uri))

    def _refer_answered(self, event: e.ReferAnswered, now: float, effects: list[Effect]) -> None:
        if self._transfer is None or self._transfer.tool_call_id != event.tool_call_id:
            return
        if event.accepted:
            self._transfer.stage = "waiting"
            self._deadlines["verdict"] = now + self.manners.transfer_limit
            self._note_transfer({"accepted_at": now, "verdict": "accepted"}, effects)
        else:
            self._transfer_failed(now, effects, event.detail or "refused")

    def _still_here(self, now: float, effects: list[Effect]) -> None:
        if self._transfer is not None:
            self._transfer_failed(now, effects, "the caller was still here")

    def _transfer_failed(self, now: float, effects: list[Effect], why: str) -> None:
        assert self._transfer is not None
        failed, self._transfer = self._transfer, None
        self._deadlines.pop("verdict", None)
        self._note_transfer({"decided_at": now, "verdict": "failed", "why": why}, effects)
        effects.append(Count("transfers_failed"))
        otherwise = self.manners.transfers[failed.target].otherwise
        told = {"error": f"The transfer to {failed.target} did not work; the caller is still on the line. {otherwise}"}
        self._finish_tool(self.tools[failed.tool_call_id], "error", told, now, effects)

    def _note_transfer(self, news: Mapping[str, Any], effects: list[Effect]) -> None:
        before = {} if news.get("verdict") == "asked" else self.facts.get("transfer", {})
        self.facts["transfer"] = {**before, **news}
        effects.append(Note({"transfer": self.facts["transfer"]}))

    def _stay_here(self, now: float, effects: list[Effect]) -> None:
        """The caller has something to say to the announcement: nobody is sent away in the middle of a sentence."""
        assert self._transfer is not None
        refused, self._transfer = self._transfer, None
        told = {
            "error": "Not transferred: the caller spoke before. Listen, and call transfer again if it is still wanted."
        }
        self._finish_tool(self.tools[refused.tool_call_id], "refused", told, now, effects)

    def _begin_collecting(self, run: ToolRun, now: float, effects: list[Effect]) -> None:
        length = _arguments(run).get("length")
        if type(length) is not int or not 1 <= length <= MOST_DIGITS or self._collecting is not None:
            told = {"error": "Say how many digits are expected, 1 to 40, and ask for one number at a time."}
            self._finish_tool(run, "refused", told, now, effects)
            return
        self._collecting = _Collecting(run.tool_call_id, length)
        self._deadlines.pop("digits", None)  # keys pressed ahead of the question belong to the answer
        self._deadlines["collecting"] = now + self.manners.digits_timeout
        self._collect(now, effects)

    def _collect(self, now: float, effects: list[Effect]) -> None:
        assert self._collecting is not None
        if len(self._digits) >= self._collecting.length or self._is_terminated:
            self._collected(now, effects)

    @property
    def _is_terminated(self) -> bool:
        return bool(self.manners.digits_terminator) and self._digits.endswith(self.manners.digits_terminator or "")

    def _collected(self, now: float, effects: list[Effect]) -> None:
        """The digits are complete, or the caller has stopped: the model learns which."""
        if self._collecting is None:
            return
        wanted, self._collecting = self._collecting, None
        ended_by = "terminator" if self._is_terminated else "timeout"
        digits, self._digits = self._digits.removesuffix(self.manners.digits_terminator or ""), ""
        if len(digits) >= wanted.length and ended_by == "timeout":
            ended_by, self._collected_until = "length", now + self.manners.next_digit_timeout
        self._deadlines.pop("collecting", None)
        if digits:
            self._remark("digits", now, now, digits, effects)
        self._finish_tool(self.tools[wanted.tool_call_id], "ok", {"digits": digits, "ended_by": ended_by}, now, effects)

    def _take_note(self, run: ToolRun, now: float, effects: list[Effect]) -> None:
        given = _arguments(run)
        key, value = _kept(given.get("key"), 60), _kept(given.get("value"), 1000)
        notes = {**self.facts.get("notes", {}), key: value}
        if not key or not value or len(notes) > MOST_NOTES:
            self._finish_tool(run, "refused", {"error": "A note needs a key and a value."}, now, effects)
            return
        self.facts["notes"] = notes
        effects.append(Note({"notes": notes}))
        self._finish_tool(run, "ok", {"noted": key}, now, effects)

    def _tool_finished(self, event: e.ToolFinished, now: float, effects: list[Effect]) -> None:
        run = self.tools.get(event.tool_call_id)
        if run is None or run.outcome != "running":
            return
        run.outcome, run.output, run.seconds = event.outcome, event.output, event.seconds
        self._save(run, effects)
        self._unanswered.add(event.tool_call_id)
        effects.append(Send(e.TellOutput(event.tool_call_id, event.output)))

    def _approval_asked(self, event: e.ApprovalAsked, now: float, effects: list[Effect]) -> None:
        allowed = self.manners.approve_remote_tools
        approve = event.server in allowed or f"{event.server}.{event.tool}" in allowed
        effects.append(Send(e.Approve(event.item_id, approve)))
        self._unanswered.add(event.item_id)  # an approval does not continue by itself

    def _remote_tool_called(self, event: e.RemoteToolCalled, now: float, effects: list[Effect]) -> None:
        outcome = "error" if event.failed else "ok"
        run = ToolRun(event.item_id, event.item_id, f"{event.server}.{event.name}", event.arguments, now, outcome)
        run.output = event.output
        self.tools[event.item_id] = run
        self._save(run, effects)
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
            case self.manners.farewell_instructions if self._leaving is not None:
                self._prompts.appendleft(asked.prompt)
                self._leaving.ref = asked.prompt.ref
            case self.manners.greeting:  # its deadline sees to it, if nobody has spoken by then
                pass
            case self.manners.silence_instructions:  # somebody has spoken, or there will be silence again
                pass

    def _item_retrieved(self, event: e.ItemRetrieved, now: float, effects: list[Effect]) -> None:
        self._place(event.item_id, None, effects)
        if event.tool_call is not None:
            self._tool_called(event.tool_call, now, effects)
        if event.role is None:
            return
        known = event.item_id in self.turns
        turn = self._turn(event.item_id, event.role, now)
        turn.recovered = turn.recovered or not known
        turn.ended_at = turn.ended_at or now
        if turn.state == "pending" and event.text is not None:
            turn.text, turn.state = event.text, "final"
            self._words.pop(event.item_id, None)
        if turn.state != "pending":
            self._save(turn, effects)
        elif event.role == "caller":  # not transcribed yet: the words may still come
            self._deadlines.setdefault("pending", now + 2.0)

    def _retrieve(self, item_id: str, effects: list[Effect]) -> None:
        if item_id not in self._retrieved:
            self._retrieved.add(item_id)
            effects.append(Send(e.RetrieveItem(item_id)))

    # --- alarms ---

    def _greeting_is_late(self, now: float, effects: list[Effect]) -> None:
        effects.append(Count("greeting_late"))
        if self._heard_anything:
            return
        if self._response is not None:  # it may yet be heard
            self._deadlines["greeting"] = now + self.manners.greeting_deadline
            return
        if "greeting" in self._saved:  # asked twice, and nobody there: the caller left before the accept
            self._hang_up(EndReason.NEVER_CONNECTED, effects)
            return
        self._saved.add("greeting")
        self._started = True
        self._deadlines["greeting"] = now + self.manners.greeting_deadline
        self._prompts.append(self._respond(self.manners.greeting))

    def _caller_is_silent(self, now: float, effects: list[Effect]) -> None:
        effects.append(Count("silence"))
        if self._silences >= self.manners.silence_prompts:
            self._leave(EndReason.SILENCE, now)
            return
        self._silences += 1
        self._prompts.append(self._respond(self.manners.silence_instructions))

    def _time_is_nearly_up(self, now: float, effects: list[Effect]) -> None:
        seconds = round(self.manners.warn_before_end)
        text = f"This call ends in {seconds} seconds. Bring the conversation to a close."
        effects.append(Send(e.TellFact(text)))

    def _time_is_up(self, now: float, effects: list[Effect]) -> None:
        self._leave(EndReason.MAX_DURATION, now)

    def _give_up_farewell(self, now: float, effects: list[Effect]) -> None:
        if self._leaving is not None:
            effects.append(Count("farewell_cut"))
            self._hang_up(self._leaving.reason, effects)

    def _digits_are_complete(self, now: float, effects: list[Effect]) -> None:
        digits, self._digits = self._digits, ""
        remark = self._remark("digits", now, now, digits, effects)
        # The message has the remark's id, so that the remark finds its place in the conversation.
        effects.append(Send(e.TellFact(self.manners.digits_template.replace("{digits}", digits), remark.item_id)))
        self._unanswered.add(remark.item_id)

    def _response_never_started(self, now: float, effects: list[Effect]) -> None:
        effects.append(Count("response_never_started"))
        self._started = True
        if self._leaving is not None:
            self._leaving.ref = None

    def _words_are_late(self, now: float, effects: list[Effect]) -> None:
        for turn in self.turns.values():
            if turn.state == "pending" and turn.item_id in self.order and turn.item_id not in self._saved:
                self._save(turn, effects)

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
        return self.manners.stall_after if generating else 4 * self.manners.stall_after

    # --- what follows from it all ---

    def _settle(self, now: float, effects: list[Effect]) -> None:
        """Bring what we want into line with what is: ask for a response, hang up, mind the silence."""
        if self._hung_up:
            self._deadlines.clear()
            return
        running = any(run.outcome == "running" and run.name not in builtin.NAMES for run in self.tools.values())
        # What comes of a transfer or of keys that are waited for is told together with what came before it.
        busy = self._collecting is not None or (self._transfer is not None and self._transfer.stage != "waiting")
        pressed = any(told in self._remarks for told in self._unanswered)  # whoever presses keys waits for no tool
        if self._response is None and self._started and not self._caller_speaks and "pause" not in self._deadlines:
            if self._prompts:
                self._ask(self._prompts.popleft(), now, effects)
            elif self._unanswered and (pressed or not (running or busy)) and self._leaving is None:
                self._ask(self._respond(None), now, effects)
            elif self._transfer is not None and self._transfer.stage == "announcing" and not self._unheard:
                self._refer(now, effects)
            elif self._leaving is not None and self._leaving.ref is None and not self._unheard and not running:
                self._hang_up(self._leaving.reason, effects)
                return
        if self._response is not None or not self._started or self._unheard:
            self._deadlines.setdefault("stalled", now + self._patience)
        else:
            self._deadlines.pop("stalled", None)
        idle = self._response is None and self._started and not (self._unheard or self._caller_speaks or running)
        waiting = self._leaving or self._transfer or self._collecting
        if idle and waiting is None and "greeting" not in self._deadlines:
            self._deadlines.setdefault("silence", now + self.manners.silence_after)
        else:
            self._deadlines.pop("silence", None)

    def _ask(self, prompt: e.Respond, now: float, effects: list[Effect]) -> None:
        self._expect(prompt, now)
        effects.append(Send(prompt))

    def _expect(self, prompt: e.Respond, now: float) -> None:
        self._asked, self._started = _Asked(prompt, set(self._unanswered)), False
        self._deadlines["asked"] = now + 10.0

    def _leave(self, reason: EndReason, now: float) -> None:
        if self._leaving is not None and self._leaving.reason is EndReason.SILENCE:
            self._leaving.reason = reason
        elif self._leaving is None or self._leaving.tool_call_id is not None:
            farewell = self._respond(self.manners.farewell_instructions)
            self._leaving = _Leaving(reason, ref=farewell.ref)
            self._prompts.clear()
            self._prompts.append(farewell)
            self._deadlines["farewell"] = now + self.manners.farewell_limit

    def _hang_up(self, reason: EndReason, effects: list[Effect]) -> None:
        if not self._hung_up:
            self._hung_up = True
            self._deadlines.clear()
            effects.append(HangUp(reason))

    def _respond(self, instructions: str | None) -> e.Respond:
        self._refs += 1
        return e.Respond(instructions, f"ringside_{self._refs}")

    def _turn(self, item_id: str, role: e.Role, now: float) -> Turn:
        return self.turns.setdefault(item_id, Turn(item_id, role, now))

    def _place(self, item_id: str, previous_id: str | None, effects: list[Effect]) -> None:
        moved = self.order.place(item_id, previous_id)
        if moved:
            saved: Iterable[Turn | ToolRun | Remark]
            saved = (*self.turns.values(), *self.tools.values(), *self._remarks.values())
            for entry in saved:
                if entry.item_id in moved and entry.item_id in self._saved:
                    self._save(entry, effects, moved[entry.item_id])

    def _remark(self, kind: Any, since: float, until: float, text: str, effects: list[Effect]) -> Remark:
        """Their ids only have to be new in this call."""
        remark = Remark(f"{kind}_{len(self._remarks) + 1}", kind, since, until, text)
        self._remarks[remark.item_id] = remark
        self._save(remark, effects)
        return remark

    def _save(self, entry: Turn | ToolRun | Remark, effects: list[Effect], replaces: int | None = None) -> None:
        if entry.item_id not in self.order:
            self._place(entry.item_id, None, effects)
        self._saved.add(entry.item_id)
        effects.append(Save(self.order.position(entry.item_id), entry.as_item(), replaces))

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
        "collecting": _collected,
        "digits": _digits_are_complete,
        "farewell": _give_up_farewell,
        "greeting": _greeting_is_late,
        "max_duration": _time_is_up,
        "pause": lambda self, now, effects: None,
        "pending": _words_are_late,
        "silence": _caller_is_silent,
        "stalled": _session_is_stalled,
        "verdict": _still_here,
        "warning": _time_is_nearly_up,
    }
