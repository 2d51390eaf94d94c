"""Asking for something on a live call, and learning what came of it: the one place for commands, console and API.

It writes nothing but actions (`aws/actions`). Who carries them out is the call's monitor.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ringside import phone_numbers
from ringside.aws.actions import TEXT_CHARACTERS, Asked, new_id, wanted_of
from ringside.aws.record import Record
from ringside.aws.requests import Conflict
from ringside.calls import Status
from ringside.conversation.events import ActionKind
from ringside.conversation.items import ACTION
from ringside.errors import RequestError
from ringside.records import shapes
from ringside.records.query import BadQuery
from ringside.sip import refer

Json = dict[str, Any]

HANDS = 5
"""How often it is asked again, where a call changes hands in that moment."""

LOOK_PAUSES = (0.15, 0.15, 0.2, 0.25, 0.3, 0.5)
"""Seconds between two looks at what came of it; the last one again and again."""

SPOKEN = frozenset({"say", "instruct"})


class CannotAct(RequestError):
    """The call takes no actions, or not this one. The text says why."""


class NoSuchCall(CannotAct):
    """The call is not in the record."""


class NotAllowed(CannotAct):
    """The number of a transfer is not for whoever asks to choose."""


class Acting:
    """Actions on the calls of one deployment. All methods block."""

    def __init__(
        self,
        record: Record,
        clock: Callable[[], float] = time.time,
        pause: Callable[[float], None] = time.sleep,
        *,
        anywhere: bool = True,
    ) -> None:
        """`anywhere`: whether callers may be transferred to other numbers than those of the agent's file, as far as
        the credentials allow it."""
        self._record = record
        self._clock = clock
        self._pause = pause
        self._anywhere = anywhere

    def ask(
        self, call_id: str, action: ActionKind, by: str, text: str = "", *, silent: bool = False, token: str = ""
    ) -> Asked:
        """Ask for an action. `by`: the ARN of whoever asks. `text`: words, or where to transfer to: a target of the
        agent's, a number or a SIP URI. `token`: whoever asks twice by the same one, within an hour, has asked once.

        Raises `BadQuery` for a text that cannot be meant, or a token that was used for something else, and `CannotAct`.
        """
        text, uri = _checked(action, text)
        if uri is not None and not self._anywhere:
            raise NotAllowed("only transfers to targets of the agent's file, by their names, can be asked for here")
        now = self._clock()
        asked = Asked(call_id, new_id(now), action, by, round(now, 3), text, silent)
        for _ in range(HANDS):
            if token and (known := self._record.asked_by_token(call_id, by, token)):
                if known.wanted != wanted_of(asked):
                    raise BadQuery("Idempotency-Key: this key was used for another action")
                return replace(asked, action_id=known.action_id, asked_at=known.asked_at)
            call = self._live(call_id)
            try:
                self._record.ask(call, asked, uri, token)
            except Conflict:  # it ended, has another owner since a moment, or was asked by this token meanwhile
                self._pause(LOOK_PAUSES[0])
            else:
                return asked
        raise CannotAct(f"{call_id} is changing hands: try again in a moment")

    def outcome(self, asked: Asked, seconds: float) -> Json | None:
        """What came of it, as an entry of the call; what is known of it after so many seconds, if it is still under
        way; None if nobody has taken it by then."""
        until, looks = self._clock() + seconds, 0
        while self._record.is_open(asked.call_id, asked.action_id) and self._clock() < until:
            self._pause(LOOK_PAUSES[min(looks, len(LOOK_PAUSES) - 1)])
            looks += 1
        found = self._record.whole_call(asked.call_id)
        name = ACTION + asked.action_id
        return next((shapes.item(entry) for entry in (found[1] if found else ()) if entry.get("item_id") == name), None)

    def _live(self, call_id: str) -> Mapping[str, Any]:
        call = self._record.call(call_id)
        if call is None:
            raise NoSuchCall(f"there is no call {call_id} in the record")
        status = Status(str(call["status"]))
        if status.is_final:
            raise CannotAct(f"{call_id} is over")
        if status is not Status.LIVE:
            raise CannotAct(f"{call_id} has no monitor yet: try again in a moment")
        return call


def _checked(action: ActionKind, text: str) -> tuple[str, str | None]:
    """The text as it is meant, and a transfer's URI if it is not to a target of the agent's."""
    text = " ".join(text.split())
    if action in SPOKEN and not any(map(str.isalnum, text)):
        raise BadQuery("text: what is to be said is missing")
    if len(text) > TEXT_CHARACTERS:
        raise BadQuery(f"text: {len(text)} characters are too many ({TEXT_CHARACTERS} at most)")
    if action != "transfer":
        return (text if action in SPOKEN else ""), None
    if not text:
        raise BadQuery("give the name of a target of the agent's, or a number")
    if text.startswith("+"):
        number = phone_numbers.number(text)
        if number is None:
            raise BadQuery(f"{text} is not an international number (for example +14255550112)")
        return number, f"tel:{number}"
    if ":" in text:
        try:
            return text, refer.target(text)
        except ValueError as error:
            raise BadQuery(f"{text} is {error}") from None
    return text, None
