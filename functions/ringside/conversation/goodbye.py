"""Leaving a call once its last words were heard. Pure."""

from typing import Any

from ringside.calls import EndReason
from ringside.conversation import snapshot
from ringside.conversation.behaviour import Behaviour
from ringside.conversation.effects import HangUp
from ringside.conversation.timers import Timers

RETRACTABLE = frozenset({EndReason.AGENT_HUNG_UP, EndReason.SILENCE})
"""A caller who speaks up is not hung up on for these; the operator and the limits have the last word."""


class Goodbye:
    """`farewell` is its timer: the latest moment at which the call is hung up."""

    def __init__(self, behaviour: Behaviour, timers: Timers) -> None:
        self._limit = behaviour.farewell_limit
        self._timers = timers
        self.reason: EndReason | None = None  # why the call is to be left; None while it is not
        self._by_model = False  # it was the model's wish
        self.hung_up: EndReason | None = None
        self._taken_back: tuple[EndReason, bool] | None = None  # by a sound of which it is not known if it has words

    @property
    def is_wanted(self) -> bool:
        return self.reason is not None

    def by_model(self, now: float) -> None:
        """The model says goodbye and hangs up, in one response."""
        self._leave(EndReason.AGENT_HUNG_UP, now, by_model=True)

    def by_us(self, reason: EndReason, now: float) -> bool:
        """Returns whether a goodbye is to be asked for: not if one is being said."""
        if self.reason is EndReason.SILENCE:
            self.reason = reason
        elif self.reason is None or self._by_model:
            self._leave(reason, now)
            return True
        return False

    def begun_before_us(self, reason: EndReason, now: float) -> None:
        """An owner that died was leaving; its goodbye may have been heard in part, or to its end."""
        self._leave(reason, now, self._limit / 3, by_model=reason is EndReason.AGENT_HUNG_UP)

    def _leave(self, reason: EndReason, now: float, limit: float | None = None, *, by_model: bool = False) -> None:
        self.reason, self._by_model = reason, by_model
        self._timers.set("farewell", now + (self._limit if limit is None else limit))

    def retract(self) -> bool:
        """The caller is not done. Returns whether that keeps us here."""
        if self.hung_up is not None or self.reason is None or self.reason not in RETRACTABLE:
            return False
        self._taken_back = self.reason, self._by_model
        self.reason, self._by_model = None, False
        self._timers.cancel("farewell")
        return True

    def was_meant(self) -> None:
        """It was the caller who took it back."""
        self._taken_back = None

    def was_a_noise(self, now: float) -> None:
        """Nobody took it back: what was said of it was heard, or cut short by the noise."""
        if self._taken_back is not None and self.reason is None and self.hung_up is None:
            reason, by_model = self._taken_back
            self._leave(reason, now, by_model=by_model)
        self._taken_back = None

    def hang_up(self, reason: EndReason) -> HangUp:
        self.hung_up = reason
        self._timers.clear()
        return HangUp(reason)

    def snapshot(self) -> dict[str, Any]:
        return {
            "reason": self.reason and self.reason.value,
            "by_model": self._by_model,
            "hung_up": self.hung_up and self.hung_up.value,
            "taken_back": self._taken_back and [self._taken_back[0].value, self._taken_back[1]],
        }

    def restore(self, value: object, now: float) -> None:
        given = snapshot.mapping(value)
        self.hung_up, self.reason = _reason(given.get("hung_up")), _reason(given.get("reason"))
        self._by_model = given.get("by_model") is True
        match given.get("taken_back"):
            case [reason, bool(by_model)] if (known := _reason(reason)) is not None:
                self._taken_back = known, by_model
        if self.reason is not None:
            self._timers.set_once("farewell", now + self._limit / 3)

    def restore_old(self, value: object, now: float) -> bool:
        """Of an old snapshot: what cannot have been taken back. Returns whether the goodbye was begun."""
        reason = _reason(snapshot.mapping(value).get("reason"))
        if reason is None or reason in RETRACTABLE:
            return False
        self.begun_before_us(reason, now)
        return True


def _reason(value: object) -> EndReason | None:
    return next((reason for reason in EndReason if reason.value == value), None)
