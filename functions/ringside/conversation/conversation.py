"""The heart of the monitor: a conversation that can be fed by hand. Pure.

`feed(event, now)` takes what happened and returns what is to be done, in order; `wake(now)` is to be
called at `deadline`. There is no socket, no clock and no environment in here: a test is a list of
events. The supervisor performs the effects, and reports the outcome of tools as an event.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from ringside.calls import EndReason
from ringside.conversation import builtin_tools, on_action, snapshot
from ringside.conversation import events as e
from ringside.conversation.behaviour import Behaviour
from ringside.conversation.effects import Effect, Note, SaveUsage
from ringside.conversation.next_step import settle
from ringside.conversation.on_event import FRAGMENTS, HANDLERS
from ringside.conversation.on_timer import WHEN_DUE
from ringside.conversation.responses import Purpose
from ringside.conversation.state import ConversationState
from ringside.conversation.transcript import Transcript


class Conversation:
    """One call's session as its events tell it. Times are Unix seconds."""

    def __init__(self, behaviour: Behaviour, started_at: float, usage: e.Usage | None = None, owner: int = 1) -> None:
        """`owner`: which of the call's owners feeds it, by its epoch in the record."""
        self._state = ConversationState(behaviour, started_at, usage or e.Usage(), owner)
        self._owner = owner
        self._is_handed_over = False

    @property
    def transcript(self) -> Transcript:
        return self._state.transcript

    @property
    def usage(self) -> e.Usage:
        return self._state.usage

    @property
    def deadline(self) -> float | None:
        """When `wake` wants to be called, in Unix seconds."""
        return self._state.timers.next

    @property
    def is_transferred(self) -> bool:
        """Whether a transfer was taken and not yet found to have failed: a call that ends now has left us by it."""
        return self._state.tools.transfer.stage == "waiting" and self._state.goodbye.hung_up is None

    @property
    def awaits_the_session(self) -> bool:
        """Whether the session has yet to answer, or to show, something that we sent. If it refuses that, it says so
        to us, and not to the next owner."""
        state = self._state
        return state.responses.is_pending or bool(state.unanswered) or state.transcript.gap.is_open

    # --- a call ---

    def begin(self) -> list[Effect]:
        """The sideband is open for the first time: greet."""
        return [self._state.responses.greet()]

    def greeted(self, now: float) -> None:
        """The claim of the greeting was answered. Until then no clock runs: a slow record is not a silent caller."""
        if self._state.goodbye.hung_up is None:
            self._state.patience.await_greeting(now)
            self._state.responses.claimed(now)

    def feed(self, event: e.Event, now: float) -> list[Effect]:
        """Take one event; return what is to be done about it, in order."""
        state, kind = self._state, type(event)
        state.patience.last_event_at = now
        if self._is_handed_over:
            return []
        fragment = FRAGMENTS.get(kind)
        if fragment is not None:
            return fragment(state, event, now)
        handler = HANDLERS.get(kind)
        return [] if handler is None else handler(state, event, now) + settle(state, now)

    def wake(self, now: float) -> list[Effect]:
        """Do what is due."""
        effects: list[Effect] = []
        for name in self._state.timers.due(now):
            effects += WHEN_DUE[name](self._state, now)
        return effects + settle(self._state, now)

    def say_goodbye(self, reason: EndReason, now: float) -> list[Effect]:
        """Ask for a farewell and hang up when it was heard, whether the model cooperates or not."""
        self._state.leave(reason, now)
        return settle(self._state, now)

    def reattached(self, since: float, why: str, now: float, *, goes_on: bool = False) -> list[Effect]:
        """The sideband is open again after a gap: write the gap, and ask for what was missed in it.

        `goes_on`: nothing was heard since the gap that was written last, so it is the same.

        Nothing replays missed events. But the session names an item's predecessor when it is added, so an
        item of our own shows what the last one is; and items can be retrieved by their ids.
        """
        state = self._state
        for_actions = [pair[0] for pair in (state.responses.pending_action, state.responses.active_action) if pair]
        if state.responses.lost() is Purpose.FAREWELL:
            state.say_goodbye_again()
        state.caller_speaks = state.answer_due = False
        state.lost_track(now)
        state.patience.last_event_at = now
        effects = state.transcript.gap_closed(since, now, why, goes_on=goes_on)
        for item_id in for_actions:
            effects += on_action.response_lost(state, item_id, now)
        # The probe first: it is to stand behind the last item of the gap, and not behind one of ours.
        return [*effects, *state.operator.told_again(), *state.tools.tell_lost(), *settle(state, now)]

    def finish(self, now: float) -> list[Effect]:
        """The call is over: keep the words that were cut off, and close what is open."""
        state = self._state
        state.timers.clear()
        effects = state.transcript.close(state.playback.unheard, now)
        effects += on_action.call_ended(state, now)
        if self.is_transferred:
            effects.append(state.tools.transfer.left(now))
        done = {builtin_tools.HANG_UP: state.goodbye.hung_up is not None, builtin_tools.TRANSFER: self.is_transferred}
        for run in list(state.transcript.running()):
            run.outcome = "ok" if done.get(run.name) else "unknown"
            effects += state.transcript.save(run)
        return [*effects, SaveUsage(self.usage)]

    def came_too_late(self, action: e.ActionAsked, now: float) -> list[Effect]:
        """An operator wanted something of the call, which is over."""
        return on_action.came_too_late(self._state, action, now)

    # --- handed over ---

    def hand_over(self, now: float) -> list[Effect]:
        """Another owner goes on: leave it what it has to know. What is fed from now on is that one's business."""
        self._is_handed_over = True
        effects = self._state.transcript.hand_over(now)
        value = snapshot.taken(self._owner, now, self._state.snapshot())
        return [*effects, Note({snapshot.ATTRIBUTE: value}), SaveUsage(self.usage)]

    def resume(
        self,
        history: Iterable[tuple[int, Mapping[str, Any]]],
        first_audio: bool,
        now: float,
        facts: Mapping[str, Any] | None = None,
    ) -> list[Effect]:
        """Go on with a call that another owner began.

        `history` is what it wrote, with the positions. `facts` are attributes of the call item: `notes`, `transfer`,
        `hang_up_reason`, and the snapshot. What the former owner had begun and not finished is run unless it was run
        already: the shell knows by the claim.
        """
        state, facts, entries = self._state, facts or {}, list(history)
        state.transcript.load(entries)
        state.playback.has_begun = state.patience.heard_anything = first_audio
        state.tools.notes.noted(facts.get("notes"))
        state.tools.transfer.noted(facts.get("transfer"))
        given = snapshot.mapping(facts.get(snapshot.ATTRIBUTE))
        if snapshot.is_current(given, self._owner, (item for _, item in entries)):
            effects = state.restore(given, now)
        else:
            effects = state.start_over(given, now)
        state.tools.waits_for_a_connection()
        claimed = facts.get("hang_up_reason")
        reason = EndReason(claimed) if claimed in set(EndReason) else state.goodbye.hung_up
        return effects if reason is None else [*effects, state.goodbye.hang_up(reason)]
