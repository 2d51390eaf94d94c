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
from ringside.conversation.parts import Parts
from ringside.conversation.responses import Purpose
from ringside.conversation.transcript import Transcript


class Conversation:
    """One call's session as its events tell it. Times are Unix seconds."""

    def __init__(self, behaviour: Behaviour, started_at: float, usage: e.Usage | None = None, owner: int = 1) -> None:
        """`owner`: which of the call's owners feeds it, by its epoch in the record."""
        self._parts = Parts(behaviour, started_at, usage or e.Usage(), owner)
        self._owner = owner
        self._is_handed_over = False

    @property
    def transcript(self) -> Transcript:
        return self._parts.transcript

    @property
    def usage(self) -> e.Usage:
        return self._parts.usage

    @property
    def deadline(self) -> float | None:
        """When `wake` wants to be called, in Unix seconds."""
        return self._parts.timers.next

    @property
    def is_transferred(self) -> bool:
        """Whether a transfer was taken and not yet found to have failed: a call that ends now has left us by it."""
        return self._parts.tools.transfer.stage == "waiting" and self._parts.goodbye.hung_up is None

    @property
    def awaits_the_session(self) -> bool:
        """Whether the session has yet to answer, or to show, something that we sent. If it refuses that, it says so
        to us, and not to the next owner."""
        parts = self._parts
        return parts.responses.is_pending or bool(parts.unanswered) or parts.transcript.gap.is_open

    # --- a call ---

    def begin(self) -> list[Effect]:
        """The sideband is open for the first time: greet."""
        return [self._parts.responses.greet()]

    def greeted(self, now: float) -> None:
        """The claim of the greeting was answered. Until then no clock runs: a slow record is not a silent caller."""
        if self._parts.goodbye.hung_up is None:
            self._parts.patience.await_greeting(now)
            self._parts.responses.claimed(now)

    def feed(self, event: e.Event, now: float) -> list[Effect]:
        """Take one event; return what is to be done about it, in order."""
        parts, kind = self._parts, type(event)
        parts.patience.last_event_at = now
        if self._is_handed_over:
            return []
        fragment = FRAGMENTS.get(kind)
        if fragment is not None:
            return fragment(parts, event, now)
        handler = HANDLERS.get(kind)
        return [] if handler is None else handler(parts, event, now) + settle(parts, now)

    def wake(self, now: float) -> list[Effect]:
        """Do what is due."""
        effects: list[Effect] = []
        for name in self._parts.timers.due(now):
            effects += WHEN_DUE[name](self._parts, now)
        return effects + settle(self._parts, now)

    def say_goodbye(self, reason: EndReason, now: float) -> list[Effect]:
        """Ask for a farewell and hang up when it was heard, whether the model cooperates or not."""
        self._parts.leave(reason, now)
        return settle(self._parts, now)

    def reattached(self, since: float, why: str, now: float, *, goes_on: bool = False) -> list[Effect]:
        """The sideband is open again after a gap: write the gap, and ask for what was missed in it.

        `goes_on`: nothing was heard since the gap that was written last, so it is the same.

        Nothing replays missed events. But the session names an item's predecessor when it is added, so an
        item of our own shows what the last one is; and items can be retrieved by their ids.
        """
        parts = self._parts
        for_actions = [pair[0] for pair in (parts.responses.pending_action, parts.responses.active_action) if pair]
        if parts.responses.lost() is Purpose.FAREWELL:
            parts.say_goodbye_again()
        parts.caller_speaks = parts.answer_due = False
        parts.lost_track(now)
        parts.patience.last_event_at = now
        effects = parts.transcript.gap_closed(since, now, why, goes_on=goes_on)
        for item_id in for_actions:
            effects += on_action.response_lost(parts, item_id, now)
        # The probe first: it is to stand behind the last item of the gap, and not behind one of ours.
        return [*effects, *parts.operator.told_again(), *parts.tools.tell_lost(), *settle(parts, now)]

    def finish(self, now: float) -> list[Effect]:
        """The call is over: keep the words that were cut off, and close what is open."""
        parts = self._parts
        parts.timers.clear()
        effects = parts.transcript.close(parts.playback.unheard, now)
        effects += on_action.call_ended(parts, now)
        if self.is_transferred:
            effects.append(parts.tools.transfer.left(now))
        done = {builtin_tools.HANG_UP: parts.goodbye.hung_up is not None, builtin_tools.TRANSFER: self.is_transferred}
        for run in list(parts.transcript.running()):
            run.outcome = "ok" if done.get(run.name) else "unknown"
            effects += parts.transcript.save(run)
        return [*effects, SaveUsage(self.usage)]

    def came_too_late(self, action: e.ActionAsked, now: float) -> list[Effect]:
        """An operator wanted something of the call, which is over."""
        return on_action.came_too_late(self._parts, action, now)

    # --- handed over ---

    def hand_over(self, now: float) -> list[Effect]:
        """Another owner goes on: leave it what it has to know. What is fed from now on is that one's business."""
        self._is_handed_over = True
        effects = self._parts.transcript.hand_over(now)
        value = snapshot.taken(self._owner, now, self._parts.snapshot())
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
        parts, facts, entries = self._parts, facts or {}, list(history)
        parts.transcript.load(entries)
        parts.playback.has_begun = parts.patience.heard_anything = first_audio
        parts.tools.notes.noted(facts.get("notes"))
        parts.tools.transfer.noted(facts.get("transfer"))
        given = snapshot.mapping(facts.get(snapshot.ATTRIBUTE))
        if snapshot.is_current(given, self._owner, (item for _, item in entries)):
            effects = parts.restore(given, now)
        else:
            effects = parts.start_over(given, now)
        parts.tools.waits_for_a_connection()
        claimed = facts.get("hang_up_reason")
        reason = EndReason(claimed) if claimed in set(EndReason) else parts.goodbye.hung_up
        return effects if reason is None else [*effects, parts.goodbye.hang_up(reason)]
