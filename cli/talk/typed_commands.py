"""Typed lines: either the caller's words, or a command that begins with a slash."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol, cast, get_args

from cli.talk.call import PlainCall, TransferOutcome

MAX_WAIT = 3600.0

HELP = (
    ("/keys 1234#", "press keys"),
    ("/wait 15", "say nothing for 15 seconds"),
    ("/transfer stays", "how the next transfer ends: left, stays or refused"),
    ("/hangup", "hang up (or Ctrl-C, Ctrl-D)"),
    ("/help", "show this"),
)

Act = Callable[[PlainCall], Coroutine[Any, Any, None]]


@dataclass
class Transfers:
    """What becomes of transfers from now on."""

    outcome: TransferOutcome


class Hints(Protocol):
    def hint(self, text: str) -> None: ...


def read(line: str, transfers: Transfers, hints: Hints) -> Act | None:
    """What is to be done; None if that was a hint, or nothing."""
    text = line.strip()
    if not text:
        return None
    if not text.startswith("/"):
        return lambda call: call.says(text)
    name, _, rest = text.partition(" ")
    rest = rest.strip()
    match name:
        case "/keys":
            keys = rest.replace(" ", "").replace("-", "")
            if keys and set(keys) <= set("0123456789*#ABCD"):
                return lambda call: call.presses(keys)
            hints.hint("/keys takes digits, * and # (for example /keys 1234#)")
        case "/wait" | "/silence":
            seconds = _seconds(rest)
            if seconds is not None:
                return lambda call: call.waits(seconds)
            hints.hint(f"/wait takes seconds, up to {MAX_WAIT:.0f} (for example /wait 15)")
        case "/transfer":
            if rest in get_args(TransferOutcome):
                transfers.outcome = cast(TransferOutcome, rest)
                hints.hint(f"from now on: {rest}")
            else:
                hints.hint("/transfer takes left, stays or refused")
        case "/hangup" | "/quit" | "/exit":
            return lambda call: call.hangs_up()
        case "/help":
            hints.hint("\n".join(f"{command:<18}{what}" for command, what in HELP))
        case _:
            hints.hint(f"there is no {name}; /help shows what there is")
    return None


def _seconds(text: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if 0 < seconds <= MAX_WAIT else None
