"""Turns pydantic's list of errors into one clear sentence that names the field."""

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
    field = place(((inside,) if inside else ()) + where) or "the body"
    return _phrase(field, first), where


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
        case "value_error":
            return f"{field}: {context['error']}"
        case kind:
            said = error["msg"].removeprefix("Input should be ").removeprefix("a valid ")
            said = _PLAIN.get(said.split(" or instance")[0], said)
            given = f", not {error['input']!r}" if not isinstance(error["input"], dict | list) else ""
            return f"{field} must be {said}{given}." if said != error["msg"] else f"{field}: {said} ({kind})."
