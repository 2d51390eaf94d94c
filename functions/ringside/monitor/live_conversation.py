"""A conversation on the clock: events and alarms go in, and what it wants to be done is done.

The only module of the monitor that calls `Conversation`.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ringside.calls import EndReason, Step
from ringside.conversation import effects as do
from ringside.conversation import events as e
from ringside.conversation.conversation import Conversation
from ringside.monitor.clock import Alarm
from ringside.monitor.supervision_state import SupervisionState
from ringside.telemetry import Metrics

log = logging.getLogger(__name__)

HANDED_OVER = ("notes", "transfer", "hang_up_reason", "conversation")
"""The facts on the call item that a conversation leaves to the next owner's."""


class LiveConversation:
    perform: Callable[[Iterable[do.Effect]], None]
    """Who does what the conversation wants; given before the first event."""

    def __init__(self, supervision: SupervisionState, metrics: Metrics) -> None:
        self._supervision = supervision
        self._metrics = metrics
        self._clock = supervision.clock
        self._core = Conversation(
            supervision.agent.behaviour,
            supervision.answered_at,
            e.Usage(),
            supervision.ownership.epoch,
        )
        self._alarm = Alarm(self._clock, self._wake)

    @property
    def usage(self) -> e.Usage:
        """What was used while this owner listened."""
        return self._core.usage

    @property
    def is_transferred(self) -> bool:
        """Whether a call that ends now has left us by a transfer."""
        return self._core.is_transferred

    @property
    def awaits_the_session(self) -> bool:
        """Whether the session owes an answer that the next owner would wait for in vain."""
        return self._core.awaits_the_session

    # --- how a call goes ---

    def resume(self, history: Iterable[tuple[int, Mapping[str, Any]]]) -> None:
        """Go on with a call that another owner began; `history` is what it wrote, with the positions."""
        call = self._supervision.call
        facts = {name: call.get(name) for name in HANDED_OVER}
        self._do(self._core.resume(history, Step.FIRST_AUDIO in call["steps"], self._clock.now(), facts))

    def begin(self) -> None:
        self._do(self._core.begin())

    def reattached(self, since: float, why: str, goes_on: bool) -> None:
        self._do(self._core.reattached(since, why, self._clock.now(), goes_on=goes_on))

    def greeted(self) -> None:
        """The claim of the greeting was answered."""
        self._core.greeted(self._clock.now())
        self._alarm.set(self._core.deadline)

    def say_goodbye(self, reason: EndReason) -> None:
        self._do(self._core.say_goodbye(reason, self._clock.now()))

    def leave_to_next_owner(self) -> None:
        self._do(self._core.hand_over(self._clock.now()))

    def finish(self, at: float) -> None:
        """The call ended at that moment (Unix seconds)."""
        self._do(self._core.finish(at))

    def came_too_late(self, action: e.ActionAsked) -> None:
        """An operator wanted something of the call, which has ended."""
        self._do(self._core.came_too_late(action, self._clock.now()))

    def stop(self) -> None:
        """No alarm any more."""
        self._alarm.cancel()

    def _do(self, effects: Iterable[do.Effect]) -> None:
        self.perform(effects)
        self._alarm.set(self._core.deadline)

    # --- a fault of ours in one event must cost neither the call nor the alarms to come ---

    def feed(self, event: e.Event) -> None:
        try:
            effects = self._core.feed(event, self._clock.now())
            if effects:  # nothing follows from most events
                self.perform(effects)
        except Exception:
            self._failed(type(event).__name__)
        self._alarm.set(self._core.deadline)

    def _wake(self) -> None:
        if not self._supervision.acts:
            return
        try:
            self.perform(self._core.wake(self._clock.now()))
        except Exception:
            self._failed("alarm")
        self._alarm.set(self._core.deadline)

    def _failed(self, event: str) -> None:
        self._metrics.count("ConversationErrors")
        log.exception("conversation.failed", extra={"call_id": self._supervision.call_id, "event": event})
