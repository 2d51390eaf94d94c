"""The state of one conversation, part by part, and what takes several parts. Pure."""

from collections.abc import Mapping
from typing import Any

from ringside.calls import EndReason
from ringside.conversation import builtin_tools, snapshot
from ringside.conversation import events as e
from ringside.conversation.behaviour import Behaviour
from ringside.conversation.effects import Effect
from ringside.conversation.goodbye import Goodbye
from ringside.conversation.items import ToolRun
from ringside.conversation.operator import Operator
from ringside.conversation.patience import Patience
from ringside.conversation.playback import BEFORE_SECONDS, Playback
from ringside.conversation.responses import Purpose, Responses
from ringside.conversation.timers import Timers
from ringside.conversation.tool_calls import ToolCalls
from ringside.conversation.transcript import Transcript
from ringside.conversation.unanswered import Unanswered


class ConversationState:
    """Each owns its state and its timers, and is the only one to write them."""

    def __init__(self, behaviour: Behaviour, started_at: float, usage: e.Usage, owner: int) -> None:
        self.usage = usage
        self.timers = Timers()
        self.unanswered = Unanswered()
        self.transcript = Transcript(owner)
        self.responses = Responses(behaviour, self.timers, self.unanswered, owner)
        self.playback = Playback()
        self.goodbye = Goodbye(behaviour, self.timers)
        self.patience = Patience(behaviour, self.timers, started_at)
        self.operator = Operator(behaviour, self.transcript)
        self.tools = ToolCalls(behaviour, self.timers, self.transcript, self.unanswered, self.operator)
        self.caller_speaks = False
        self.answer_due = False  # the caller has said something, and no response has begun

    # --- leaving and staying ---

    def leave(self, reason: EndReason, now: float) -> None:
        """Say goodbye, and hang up when it was heard."""
        if self.goodbye.by_us(reason, now):
            self.responses.drop_all()
            self.responses.want(Purpose.FAREWELL)

    def say_goodbye_again(self) -> None:
        """It was refused, or failed, or got lost in a gap."""
        if self.goodbye.is_wanted:
            self.responses.want(Purpose.FAREWELL, first=True)

    def stay(self, now: float, *, in_doubt: bool = False) -> list[Effect]:
        """The caller is not done: no hanging up because of silence, or because the model thought so. `in_doubt`: what
        was heard of the caller may be a noise, and then it was nobody's wish."""
        retracted = self.goodbye.retract()
        if not in_doubt:
            self.goodbye.was_meant()
        if not retracted:
            return []
        self.responses.drop(Purpose.FAREWELL)
        return self.tools.refuse_hang_ups(now)

    def was_a_caller(self) -> None:
        """A sound was the caller's. It took the goodbye back when it began, if it came after that: transcripts come
        late, and the words that the agent took leave for are often known only after it has."""
        self.patience.sign_of_life()
        self.goodbye.was_meant()

    def was_a_noise(self, now: float) -> None:
        """What was taken for the caller has no words. If there is more of the caller, that decides."""
        if self.caller_speaks or self.transcript.awaits_words:
            return
        self.patience.was_a_noise(now)
        self.goodbye.was_a_noise(now)

    def begin(self, run: ToolRun, now: float) -> list[Effect]:
        """The model has called a tool."""
        if run.name != builtin_tools.HANG_UP:
            effects = self.tools.begin(run, now)
            if self.tools.transfer.stage == "announcing":
                self._hear_it_out(now)
            return effects + self.stay(now) if self.tools.transfer.stage is not None else effects
        if self.goodbye.is_wanted:
            return []
        if self.caller_speaks or self.tools.transfer.stage is not None:
            return self.tools.refuse_hang_ups(now)
        self.goodbye.by_model(now)
        self._hear_it_out(now)
        return []

    def lost_track(self, now: float) -> None:
        """We did not listen for a while. A goodbye or an announcement that was being said is still heard out."""
        is_awaited = self.goodbye.is_wanted or self.tools.transfer.stage == "announcing"
        self.playback.lost(may_play=self.playback.is_playing and is_awaited)
        if self.playback.is_playing:
            self._hear_it_out(now)

    def _hear_it_out(self, now: float) -> None:
        if self.playback.may_be_saying_it():
            self.timers.set_once("unheard", now + BEFORE_SECONDS)

    # --- handed over ---

    def snapshot(self) -> dict[str, Any]:
        return {
            "timers": self.timers.snapshot(),
            "transcript": self.transcript.snapshot(),
            "unanswered": self.unanswered.snapshot(),
            "responses": self.responses.snapshot(),
            "playback": self.playback.snapshot(),
            "goodbye": self.goodbye.snapshot(),
            "patience": self.patience.snapshot(),
            "transfer": self.tools.transfer.snapshot(),
            "keypad": self.tools.keypad.snapshot(),
            "caller": {"speaks": self.caller_speaks, "answer_due": self.answer_due},
        }

    def restore(self, given: Mapping[str, Any], now: float) -> list[Effect]:
        """The owner before us has left it all in order. The transcript is loaded."""
        self.timers.restore(given.get("timers"))
        effects = self.transcript.restore(given.get("transcript"))
        self.operator.restore()
        self.unanswered.restore(given.get("unanswered"))
        self.responses.restore(given.get("responses"), now)
        self.playback.restore(given.get("playback"))
        self.goodbye.restore(given.get("goodbye"), now)
        self.patience.restore(given.get("patience"), now)
        caller = snapshot.mapping(given.get("caller"))
        self.caller_speaks, self.answer_due = caller.get("speaks") is True, caller.get("answer_due") is True
        self._go_on_leaving(now)
        return effects + self.tools.go_on(given.get("transfer"), given.get("keypad"), now)

    def start_over(self, old: Mapping[str, Any], now: float) -> list[Effect]:
        """The owner before us has died. What it did after its last write is not known.

        `old`: the snapshot of an earlier owner, or nothing.
        """
        self.operator.restore()
        self.operator.start_over()
        self.patience.await_greeting(now)
        self.patience.restore_old(old.get("patience"))
        if self.goodbye.restore_old(old.get("goodbye"), now):
            self.playback.lost(may_play=True)
        self._go_on_leaving(now)
        effects: list[Effect] = []
        unconfirmed = self.transcript.unconfirmed_outcomes()
        for run in [run for run in self.transcript.running() if run.name != builtin_tools.HANG_UP]:
            self.unanswered.may_have_been_sent(run.tool_call_id)
            effects += self.begin(run, now)
        self.tools.wait_for_operators_transfer(now)
        # Outputs carry ids of their own, so that telling one again does no harm. If the session has it already, it has
        # been answered or soon will be: one more answer is one too many.
        for run in unconfirmed:
            self.unanswered.may_have_been_sent(run.tool_call_id)
            effects += self.tools.tell_again(run.tool_call_id)
        return effects

    def _go_on_leaving(self, now: float) -> None:
        """The model had called hang_up, and how far its goodbye was heard is not known."""
        if any(self.tools.hang_ups()) and not self.goodbye.is_wanted:
            self.goodbye.begun_before_us(EndReason.AGENT_HUNG_UP, now)
            self.playback.lost(may_play=True)
