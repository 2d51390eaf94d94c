"""Keys that the caller presses: an answer to what the model asked for, or a row of their own. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ringside.conversation import snapshot
from ringside.conversation.behaviour import Behaviour
from ringside.conversation.effects import Effect
from ringside.conversation.items import ToolRun
from ringside.conversation.timers import Timers
from ringside.conversation.tool_result import Progress, ToolResult, arguments, refused, whole
from ringside.conversation.transcript import Transcript

MAX_DIGITS = 40

NOT_KEPT = "[DIGITS]"
"""What the record has in place of keys that are secret: redaction's token for digits."""


@dataclass(slots=True)
class _Collecting:
    run: ToolRun
    length: int
    overtaken: bool = False  # the conversation has gone on since keys were asked for


class Keypad:
    """`collecting` and `digits` are its timers: the end of the waiting for keys, asked for and not.

    Keys that are waited for may never come, so the waiting ends with the caller's words or with a newer question, and
    nothing else waits for it.
    """

    def __init__(self, behaviour: Behaviour, timers: Timers, transcript: Transcript) -> None:
        self._behaviour = behaviour
        self._timers = timers
        self._transcript = transcript
        self._collecting: _Collecting | None = None
        self._digits = ""
        self._collected_until = 0.0  # a terminator until then belongs to the digits that are complete

    @property
    def is_collecting(self) -> bool:
        return self._collecting is not None

    def is_collecting_for(self, run: ToolRun) -> bool:
        return self._collecting is not None and self._collecting.run is run

    def collect(self, run: ToolRun, now: float) -> Progress:
        """The model asks for keys."""
        length = _length(run)
        if length is None:
            given = json.dumps(arguments(run).get("length"), ensure_ascii=False)[:40]
            why = f"length must be the number of digits expected, 1 to {MAX_DIGITS}, and is {given}."
            return [], refused(run, why)
        self._collecting = _Collecting(run, length)
        self._timers.cancel("digits")  # keys pressed ahead of the question belong to the answer
        self._timers.set("collecting", now + self._behaviour.digits_timeout)
        return self._collect(now)

    def replaced_by(self, run: ToolRun) -> ToolResult | None:
        """The model asks again while keys are waited for. Those pressed so far belong to the newer question."""
        if self._collecting is None or _length(run) is None:
            return None
        older, self._collecting = self._collecting.run, None
        return ToolResult(older, "ok", {"digits": "", "ended_by": "replaced"}, needs_answer=False)

    def overtaken(self) -> None:
        """A response has begun that is not the one which asked for keys."""
        if self._collecting is not None:
            self._collecting.overtaken = True

    def caller_said(self, item_id: str, now: float) -> Progress:
        """The caller has answered in words, by this item. The session answers those, and this with them."""
        if self._collecting is None or not self._transcript.is_after(item_id, self._collecting.run.item_id):
            return [], None
        return self._ended("speech", now, needs_answer=False)

    def pressed(self, digit: str, now: float) -> Progress:
        if digit == self._behaviour.digits_terminator and now < self._collected_until:
            return [], None  # the number was long enough before its terminator came
        self._digits = (self._digits + digit)[-MAX_DIGITS:]
        if self._collecting is None:
            self._timers.set("digits", now + self._behaviour.digit_pause)
            return [], None
        self._timers.set("collecting", now + self._behaviour.next_digit_timeout)
        return self._collect(now)

    def _collect(self, now: float) -> Progress:
        if self._is_terminated:
            return self._ended("terminator", now)
        if self._collecting is not None and len(self._digits) >= self._collecting.length:
            self._collected_until = now + self._behaviour.next_digit_timeout
            return self._ended("length", now)
        return [], None

    @property
    def _is_terminated(self) -> bool:
        return bool(self._behaviour.digits_terminator) and self._digits.endswith(
            self._behaviour.digits_terminator or ""
        )

    def gave_up(self, now: float) -> Progress:
        """The caller has stopped. If nothing was pressed and the conversation has gone on, it is not interrupted."""
        stale = self._collecting is not None and self._collecting.overtaken and not self._digits
        return self._ended("timeout", now, needs_answer=not stale)

    def _ended(self, by: str, now: float, *, needs_answer: bool = True) -> Progress:
        """Nothing is waited for any longer: the model learns why, and which keys there are."""
        if self._collecting is None:
            return [], None
        run, self._collecting = self._collecting.run, None
        digits, self._digits = self._digits.removesuffix(self._behaviour.digits_terminator or ""), ""
        self._timers.cancel("collecting")
        shown = NOT_KEPT if is_secret(run, self._behaviour) else digits
        saves = self._transcript.remark("digits", now, now, shown)[1] if digits else []
        return saves, ToolResult(run, "ok", {"digits": digits, "ended_by": by}, needs_answer)

    def row_is_complete(self, now: float) -> tuple[list[Effect], str, str]:
        """The caller has stopped pressing keys that were not asked for. Returns what to save, the item's id, by which
        it finds its place in the conversation, and what the model learns."""
        digits, self._digits = self._digits, ""
        shown = NOT_KEPT if self._behaviour.digits_are_secret else digits
        remark, saves = self._transcript.remark("digits", now, now, shown)
        return saves, remark.item_id, self.text(digits)

    def text(self, digits: str) -> str:
        """What the model learns of keys that were not asked for."""
        return self._behaviour.digits_template.replace("{digits}", digits)

    # --- handed over ---

    def snapshot(self) -> dict[str, Any]:
        wanted = self._collecting
        return {
            "digits": self._digits,
            "collecting": wanted
            and {
                "tool_call_id": wanted.run.tool_call_id,
                "length": wanted.length,
                "overtaken": wanted.overtaken,
            },
            "collected_until": self._collected_until,
        }

    def restore(self, value: object, tools: Mapping[str, ToolRun], now: float) -> None:
        """`tools`: the runs, by the function calls' ids."""
        given = snapshot.mapping(value)
        self._digits = (snapshot.text(given.get("digits")) or "")[-MAX_DIGITS:]
        self._collected_until = snapshot.number(given.get("collected_until")) or 0.0
        wanted = snapshot.mapping(given.get("collecting"))
        run, length = tools.get(str(wanted.get("tool_call_id"))), snapshot.whole(wanted.get("length"))
        if run is not None and run.outcome == "running" and length is not None:
            self._collecting = _Collecting(run, length, wanted.get("overtaken") is True)
            self._timers.set_once("collecting", now + self._behaviour.digits_timeout)
        elif self._digits:
            self._timers.set_once("digits", now + self._behaviour.digit_pause)


def is_secret(run: ToolRun, behaviour: Behaviour) -> bool:
    """Whether the keys that this run collects are for nobody but the model: by its own word, or by the agent's."""
    return behaviour.digits_are_secret or arguments(run).get("secret") is True


def _length(run: ToolRun) -> int | None:
    length = whole(arguments(run).get("length"))
    return length if length is not None and 1 <= length <= MAX_DIGITS else None
