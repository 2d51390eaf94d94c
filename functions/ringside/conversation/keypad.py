"""Keys that the caller presses: an answer to what the model asked for, or a row of their own. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ringside.conversation import snapshot
from ringside.conversation.behaviour import Behaviour
from ringside.conversation.effects import Effect
from ringside.conversation.items import ToolRun
from ringside.conversation.timers import Timers
from ringside.conversation.tool_result import Progress, ToolResult, arguments, refused
from ringside.conversation.transcript import Transcript

MAX_DIGITS = 40


@dataclass(slots=True)
class _Collecting:
    run: ToolRun
    length: int


class Keypad:
    """`collecting` and `digits` are its timers: the end of the waiting for keys, asked for and not."""

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
        length = arguments(run).get("length")
        if type(length) is not int or not 1 <= length <= MAX_DIGITS or self._collecting is not None:
            why = f"length must be the number of digits expected, 1 to {MAX_DIGITS}. Collect one number at a time."
            return [], refused(run, why)
        self._collecting = _Collecting(run, length)
        self._timers.cancel("digits")  # keys pressed ahead of the question belong to the answer
        self._timers.set("collecting", now + self._behaviour.digits_timeout)
        return self._collect(now)

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
        enough = self._collecting is not None and len(self._digits) >= self._collecting.length
        return self.gave_up(now) if enough or self._is_terminated else ([], None)

    @property
    def _is_terminated(self) -> bool:
        return bool(self._behaviour.digits_terminator) and self._digits.endswith(
            self._behaviour.digits_terminator or ""
        )

    def gave_up(self, now: float) -> Progress:
        """The digits are complete, or the caller has stopped: the model learns which."""
        if self._collecting is None:
            return [], None
        wanted, self._collecting = self._collecting, None
        ended_by = "terminator" if self._is_terminated else "timeout"
        digits, self._digits = self._digits.removesuffix(self._behaviour.digits_terminator or ""), ""
        if len(digits) >= wanted.length and ended_by == "timeout":
            ended_by, self._collected_until = "length", now + self._behaviour.next_digit_timeout
        self._timers.cancel("collecting")
        saves = self._transcript.remark("digits", now, now, digits)[1] if digits else []
        return saves, ToolResult(wanted.run, "ok", {"digits": digits, "ended_by": ended_by})

    def row_is_complete(self, now: float) -> tuple[list[Effect], str, str]:
        """The caller has stopped pressing keys that were not asked for. Returns what to save, the item's id, by which
        it finds its place in the conversation, and what the model learns."""
        digits, self._digits = self._digits, ""
        remark, saves = self._transcript.remark("digits", now, now, digits)
        return saves, remark.item_id, self.text(digits)

    def text(self, digits: str) -> str:
        """What the model learns of keys that were not asked for."""
        return self._behaviour.digits_template.replace("{digits}", digits)

    # --- handed over ---

    def snapshot(self) -> dict[str, Any]:
        wanted = self._collecting
        return {
            "digits": self._digits,
            "collecting": wanted and {"tool_call_id": wanted.run.tool_call_id, "length": wanted.length},
            "collected_until": self._collected_until,
        }

    def restore(self, value: object, tools: Mapping[str, ToolRun], now: float) -> None:
        """`tools`: the runs, by the function calls' ids."""
        given = snapshot.mapping(value)
        self._digits = (snapshot.text(given.get("digits")) or "")[-MAX_DIGITS:]
        self._collected_until = snapshot.moment(given.get("collected_until")) or 0.0
        wanted = snapshot.mapping(given.get("collecting"))
        run, length = tools.get(str(wanted.get("tool_call_id"))), snapshot.whole(wanted.get("length"))
        if run is not None and run.outcome == "running" and length is not None:
            self._collecting = _Collecting(run, length)
            self._timers.set_once("collecting", now + self._behaviour.digits_timeout)
        elif self._digits:
            self._timers.set_once("digits", now + self._behaviour.digit_pause)
