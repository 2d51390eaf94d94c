"""What the callers of a drill say: scripts in which every sentence is different, so that none can be mistaken."""

import math
from typing import Any

from infra.emulator.session import speech

Script = dict[str, Any]
Lines = list[dict[str, Any]]

GREETING = "Thank you for calling the drill line, this is Alex."
"""As the agent file has it; the script's own greeting is said word for word the same."""

LAST_WORDS = "That was all. Thank you for calling, and goodbye."

TERSE_SECONDS = 7.0
EXCHANGE_SECONDS = 12.5
"""How long one exchange of `chat` takes at pace 1, pauses and transcription included."""

ASIDE = " And a few words more, as people use them."


def exchange(number: int, more: str = "") -> Lines:
    """A question and its answer; `more` is said after each."""
    return [
        {"caller": f"This is question number {number} from the caller.{more}"},
        {"agent": f"And this is answer number {number}, my dear caller.{more}"},
    ]


def booking(number: int, more: str = "") -> Lines:
    """The caller orders something, and the agent's tool does it."""
    tool = {"name": "book", "arguments": {"reference": f"seat-{number}"}}
    return [
        {"caller": f"Please book me the seat number {number}.{more}"},
        {"agent": f"I am booking seat {number}.", "tool": tool},
        {"agent": f"The seat number {number} is yours.{more}"},
    ]


def chat(seconds: float, *, terse: bool = False) -> Script:
    """A call of about so many seconds at pace 1, in which every third exchange books something.

    Ten turns a minute, as on the phone; `terse`: twice as many, for a call that is to be over soon.
    """
    lasts, more = (TERSE_SECONDS, "") if terse else (EXCHANGE_SECONDS, ASIDE)
    lines: Lines = [{"agent": GREETING}]
    for number in range(1, max(1, math.ceil(seconds / lasts)) + 1):
        lines += booking(number, more) if number % 3 == 0 else exchange(number, more)
    return script([*lines, *goodbye()])


def goodbye() -> Lines:
    """The agent ends the call by itself, so that a hang-up that fails would be seen."""
    return [{"caller": "No more questions."}, {"agent": LAST_WORDS, "tool": {"name": "hang_up", "arguments": {}}}]


def script(lines: Lines, **more: Any) -> Script:
    return {"name": "drill", "lines": lines, "hang_up_after_s": 600, **more}


def endless() -> Script:
    """A caller who has said what there is to say, and stays on the line."""
    return script([{"agent": GREETING}, *exchange(1)], then="stay")


def seconds_of(lines: Lines) -> float:
    """How long the words of these lines take at pace 1, without the pauses between them."""
    return sum(speech.audio_ms(str(line.get("agent") or line.get("caller") or "")) for line in lines) / 1000
