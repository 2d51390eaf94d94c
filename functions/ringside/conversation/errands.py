"""What an agent does for its caller besides talking: a transfer, keys that are asked for, notes. Pure.

The built-in tools under way. What comes of one is told to the model as `Told`; the conversation sees to that.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ringside.conversation import builtin_tools
from ringside.conversation import events as e
from ringside.conversation.behaviour import Behaviour
from ringside.conversation.effects import Count, Effect, Note, Refer
from ringside.conversation.items import ToolRun
from ringside.conversation.transcript import Transcript

MOST_DIGITS = 40
MOST_NOTES = 50


@dataclass(frozen=True, slots=True)
class Told:
    """What the model is told of a built-in tool that it called."""

    run: ToolRun
    outcome: Literal["ok", "error", "refused"]
    message: Mapping[str, Any]


@dataclass(slots=True)
class _Transfer:
    """A transfer under way: announced, then asked for, then waited for, since nobody tells how it went."""

    run: ToolRun
    target: str
    stage: Literal["announcing", "asked", "waiting"] = "announcing"


@dataclass(slots=True)
class _Collecting:
    """Keys that the model asked for."""

    run: ToolRun
    length: int


class Errands:
    """`deadlines` are the conversation's: `verdict`, `collecting` and `digits` are ours."""

    def __init__(self, behaviour: Behaviour, transcript: Transcript, deadlines: dict[str, float]) -> None:
        self.facts: dict[str, Any] = {}  # `notes` and `transfer`, as they stand on the call's item
        self._manners = behaviour
        self._transcript = transcript
        self._deadlines = deadlines
        self._transfer: _Transfer | None = None
        self._collecting: _Collecting | None = None
        self._digits = ""
        self._collected_until = 0.0  # a terminator until then belongs to the digits that are complete

    @property
    def stage(self) -> str | None:
        """How far a transfer is; None without one."""
        return None if self._transfer is None else self._transfer.stage

    @property
    def waits(self) -> bool:
        """Whether something is under way that the caller is not to be hurried in."""
        return self._transfer is not None or self._collecting is not None

    @property
    def holds_answers(self) -> bool:
        """Whether its outcome is to be told together with what came before it."""
        return self._collecting is not None or self.stage in ("announcing", "asked")

    def begin(self, run: ToolRun, now: float, effects: list[Effect]) -> Told | None:
        """The model called one of the built-in tools."""
        match run.name:
            case builtin_tools.TRANSFER:
                return self._begin_transfer(run, now)
            case builtin_tools.COLLECT_DIGITS:
                return self._begin_collecting(run, now, effects)
            case _:
                return self._take_note(run, effects)

    # --- transfer ---

    def _begin_transfer(self, run: ToolRun, now: float) -> Told | None:
        target = str(_arguments(run).get("to"))
        if target not in self._manners.transfers:
            known = ", ".join(self._manners.transfers)
            return Told(run, "refused", {"error": f"There is no such target. There are: {known}."})
        if self._transfer is not None:
            return Told(run, "refused", {"error": "A transfer is under way already."})
        self._transfer = _Transfer(run, target)
        before = self.facts.get("transfer") or {}
        if before.get("tool_call_id") == run.tool_call_id and before.get("accepted_at"):
            self._transfer.stage = "waiting"  # taken by OpenAI for the owner before us
            self._deadlines["verdict"] = now + self._manners.transfer_limit
        return None

    def refer(self, now: float, effects: list[Effect]) -> None:
        """The announcement was heard: ask for the transfer."""
        assert self._transfer is not None
        run, target = self._transfer.run, self._transfer.target
        self._transfer.stage = "asked"
        news = {"tool_call_id": run.tool_call_id, "target": target, "asked_at": now, "verdict": "asked"}
        self._note_transfer(news, effects)
        effects.append(Refer(run.tool_call_id, self._manners.transfers[target].uri))

    def refer_answered(self, event: e.ReferAnswered, now: float, effects: list[Effect]) -> Told | None:
        if self._transfer is None or self._transfer.run.tool_call_id != event.tool_call_id:
            return None
        if not event.accepted:
            return self._transfer_failed(now, effects, event.detail or "refused")
        self._transfer.stage = "waiting"
        self._deadlines["verdict"] = now + self._manners.transfer_limit
        self._note_transfer({"accepted_at": now, "verdict": "accepted"}, effects)
        return None

    def still_here(self, now: float, effects: list[Effect]) -> Told | None:
        """The time for a verdict is up, and nobody has left."""
        return self._transfer_failed(now, effects, "the caller was still here") if self._transfer else None

    def caller_objects(self) -> Told | None:
        """The caller speaks to the announcement: nobody is sent away in the middle of a sentence."""
        if self._transfer is None or self._transfer.stage != "announcing":
            return None
        refused, self._transfer = self._transfer, None
        told = "Not transferred: the caller spoke before. Listen, and call transfer again if it is still wanted."
        return Told(refused.run, "refused", {"error": told})

    def left(self, now: float, effects: list[Effect]) -> None:
        """The call has ended while a transfer was waited for: that was it."""
        self._note_transfer({"decided_at": now, "verdict": "left"}, effects)

    def _transfer_failed(self, now: float, effects: list[Effect], why: str) -> Told:
        assert self._transfer is not None
        failed, self._transfer = self._transfer, None
        self._deadlines.pop("verdict", None)
        self._note_transfer({"decided_at": now, "verdict": "failed", "why": why}, effects)
        effects.append(Count("transfers_failed"))
        otherwise = self._manners.transfers[failed.target].otherwise
        told = f"The transfer to {failed.target} did not work; the caller is still on the line. {otherwise}"
        return Told(failed.run, "error", {"error": told})

    def _note_transfer(self, news: Mapping[str, Any], effects: list[Effect]) -> None:
        before = {} if news.get("verdict") == "asked" else self.facts.get("transfer", {})
        self.facts["transfer"] = {**before, **news}
        effects.append(Note({"transfer": self.facts["transfer"]}))

    # --- keys ---

    def pressed(self, digit: str, now: float, effects: list[Effect]) -> Told | None:
        """The caller pressed a key: an answer, or a row of keys that nobody asked for."""
        if digit == self._manners.digits_terminator and now < self._collected_until:
            return None  # the number was long enough before its terminator came
        self._digits = (self._digits + digit)[-MOST_DIGITS:]
        if self._collecting is None:
            self._deadlines["digits"] = now + self._manners.digit_pause
            return None
        self._deadlines["collecting"] = now + self._manners.next_digit_timeout
        return self._collect(now, effects)

    def unasked(self, now: float, effects: list[Effect]) -> tuple[str, str]:
        """A row of keys is complete: its item's id, so that it finds its place, and what the model is told."""
        digits, self._digits = self._digits, ""
        remark = self._transcript.remark("digits", now, now, digits, effects)
        return remark.item_id, self._manners.digits_template.replace("{digits}", digits)

    def _begin_collecting(self, run: ToolRun, now: float, effects: list[Effect]) -> Told | None:
        length = _arguments(run).get("length")
        if type(length) is not int or not 1 <= length <= MOST_DIGITS or self._collecting is not None:
            told = f"Say how many digits are expected, 1 to {MOST_DIGITS}, and ask for one number at a time."
            return Told(run, "refused", {"error": told})
        self._collecting = _Collecting(run, length)
        self._deadlines.pop("digits", None)  # keys pressed ahead of the question belong to the answer
        self._deadlines["collecting"] = now + self._manners.digits_timeout
        return self._collect(now, effects)

    def _collect(self, now: float, effects: list[Effect]) -> Told | None:
        assert self._collecting is not None
        complete = len(self._digits) >= self._collecting.length or self._is_terminated
        return self.collected(now, effects) if complete else None

    @property
    def _is_terminated(self) -> bool:
        return bool(self._manners.digits_terminator) and self._digits.endswith(self._manners.digits_terminator or "")

    def collected(self, now: float, effects: list[Effect]) -> Told | None:
        """The digits are complete, or the caller has stopped: the model learns which."""
        if self._collecting is None:
            return None
        wanted, self._collecting = self._collecting, None
        ended_by = "terminator" if self._is_terminated else "timeout"
        digits, self._digits = self._digits.removesuffix(self._manners.digits_terminator or ""), ""
        if len(digits) >= wanted.length and ended_by == "timeout":
            ended_by, self._collected_until = "length", now + self._manners.next_digit_timeout
        self._deadlines.pop("collecting", None)
        if digits:
            self._transcript.remark("digits", now, now, digits, effects)
        return Told(wanted.run, "ok", {"digits": digits, "ended_by": ended_by})

    # --- notes ---

    def _take_note(self, run: ToolRun, effects: list[Effect]) -> Told:
        given = _arguments(run)
        key, value = _kept(given.get("key"), 60), _kept(given.get("value"), 1000)
        notes = {**self.facts.get("notes", {}), key: value}
        if not key or not value or len(notes) > MOST_NOTES:
            return Told(run, "refused", {"error": "A note needs a key and a value."})
        self.facts["notes"] = notes
        effects.append(Note({"notes": notes}))
        return Told(run, "ok", {"noted": key})


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
