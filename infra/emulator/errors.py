"""What is wrong with what was given, in one clear sentence that names the field."""

import re
from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

_PLAIN = {
    "dictionary": "an object",
    "list": "a list",
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
}


_HALF_A_PAIR = re.compile("[\ud800-\udfff]")
NO_CHARACTER = "has half of a surrogate pair in it, which is not a character."


class BadInput(Exception):
    """A script, a fault, a setting or a control request is wrong; the text is one sentence."""


def place(location: Iterable[int | str]) -> str:
    """`("lines", 2, "pause_ms")` as a person writes it: `lines[2].pause_ms`."""
    path = ""
    for step in location:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else str(step)
    return path


def sentence(error: ValidationError, inside: str = "") -> tuple[str, tuple[int | str, ...]]:
    """The first problem as a sentence, and where it is."""
    first = error.errors(include_url=False)[0]
    # Members of unions are steps of pydantic's path and not of the document: ours are written in <angle brackets>.
    where = tuple(step for step in first["loc"] if not str(step).startswith(("<", "literal[")))
    field = place(((inside,) if inside else ()) + where) or "The body"
    return _phrase(field, first), where


def half_a_pair(value: object) -> tuple[int | str, ...] | None:
    """Where a text has half of a surrogate pair in it, or None. JSON can write one; UTF-8, and so the wire, cannot."""
    if isinstance(value, str):
        return () if _HALF_A_PAIR.search(value) else None
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        where = half_a_pair(key)
        where = half_a_pair(each) if where is None else where
        if where is not None:
            return (_HALF_A_PAIR.sub("?", key) if isinstance(key, str) else key, *where)
    return None


def _phrase(field: str, error: Any) -> str:
    context = error.get("ctx", {})
    match error["type"]:
        case "missing":
            return f"{field} is missing."
        case "extra_forbidden":
            return f"{field} is not a known field."
        case "literal_error":
            return f"{field} must be {context['expected']}, not {error['input']!r}."
        case "string_pattern_mismatch":
            return f"{field} must match {context['pattern']}, not {error['input']!r}."
        case "string_too_short" | "too_short":
            return f"{field} is empty."
        case "string_unicode":
            return f"{field} {NO_CHARACTER}"
        case "value_error":
            return f"{field}: {context['error']}"
        case kind:
            said = error["msg"].removeprefix("Input should be ").removeprefix("a valid ")
            said = _PLAIN.get(said.split(" or instance")[0], said)
            given = f", not {error['input']!r}" if not isinstance(error["input"], dict | list) else ""
            return f"{field} must be {said}{given}." if said != error["msg"] else f"{field}: {said} ({kind})."
