"""What comes of a built-in tool, and how its arguments are read. Pure."""

import json
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
