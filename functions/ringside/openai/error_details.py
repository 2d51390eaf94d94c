"""What an error of OpenAI's says of itself, in an `error` event or in a response that failed. Pure."""

import re
from collections.abc import Mapping
from typing import Any

_CODE = re.compile(r"[A-Za-z0-9_.-]{1,80}")
_TRY_AGAIN = re.compile(r"try again in ((?:[0-9.]{1,12} ?(?:ms|s|m|h) ?){1,4})", re.IGNORECASE)
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?|\.[0-9]+) ?(ms|s|m|h)", re.IGNORECASE)
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def code_of(error: Mapping[str, Any]) -> str | None:
    """Its code, or else its type. It is logged, so whatever does not look like a code is called `error`."""
    found = error.get("code") or error.get("type")
    if not isinstance(found, str):
        return None
    return found if _CODE.fullmatch(found) else "error"


def retry_after(error: Mapping[str, Any]) -> float | None:
    """Seconds until it makes sense to try again, if the error says so.

    OpenAI says it in the message: "Please try again in 1.5s", "... 350ms", "... 1m2.3s".
    """
    for name in ("retry_after", "reset_seconds"):
        told = error.get(name)
        if isinstance(told, int | float) and not isinstance(told, bool) and 0 <= told < 1e6:
            return float(told)
    words = _TRY_AGAIN.search(str(error.get("message", "")))
    parts = _PART.findall(words[1]) if words is not None else []
    return round(sum(float(number) * _UNITS[unit.lower()] for number, unit in parts), 3) if parts else None
