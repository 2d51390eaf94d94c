"""What comes of a built-in tool, and how its arguments are read. Pure."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ringside.conversation.effects import Effect
from ringside.conversation.items import ToolRun


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What the model learns of a built-in tool that it called."""

    run: ToolRun
    outcome: Literal["ok", "error", "refused"]
    message: Mapping[str, Any]
    needs_answer: bool = True  # False: the conversation has gone on, or goes on, without a response to this
    why: str = ""  # in short, for people


Progress = tuple[list[Effect], ToolResult | None]
"""What is to be done, and after it the result, if there is one yet."""


def refused(run: ToolRun, why: str) -> ToolResult:
    return ToolResult(run, "refused", {"error": why})


def arguments(run: ToolRun) -> dict[str, Any]:
    """What the model gave to a built-in tool; nothing, if it is not a JSON object."""
    try:
        given = json.loads(run.arguments or "{}")
    except (ValueError, RecursionError):
        return {}
    return given if isinstance(given, dict) else {}


def whole(value: object) -> int | None:
    """A whole number as models write it: 4, 4.0, "4" or "4.0", which are what Python tools take as well (pydantic's
    conversion of integers); None for anything else, and for true and false."""
    if isinstance(value, str) and re.fullmatch(r"\s*[+-]?[0-9]{1,20}(\.0{1,20})?\s*", value):
        return int(value.split(".")[0])
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if type(value) is int else None
