"""A call's turns, tools and keys as lines for people. Pure."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from infra.scenarios.matching import shown

WIDTH = 160
"""Characters of one line; what is longer is cut. The log has all of it."""


@dataclass(frozen=True)
class Entry:
    """One line: `who` is caller, agent, keys, tool or gap; `item` is the record's."""

    who: str
    what: str
    item: dict[str, Any]


def entries(items: Iterable[dict[str, Any]]) -> list[Entry]:
    """What was said and done, in the order in which it began."""
    ordered = sorted(items, key=lambda item: float(item.get("started_at") or 0))
    return [Entry(*_line(item), item) for item in ordered]


def arguments_of(item: dict[str, Any]) -> Any:
    """A tool's arguments; the text itself if the model wrote something else than an object."""
    try:
        found = json.loads(item.get("arguments") or "{}")
    except ValueError:
        return item["arguments"]
    return found


def output_of(item: dict[str, Any]) -> Any:
    """What the model was answered: the value if it is JSON, else the text."""
    try:
        return json.loads(item.get("output") or "null")
    except ValueError:
        return item["output"]


def called(item: dict[str, Any]) -> str:
    """`book(time=09:00)`"""
    arguments = arguments_of(item)
    if isinstance(arguments, dict):
        arguments = ", ".join(f"{name}={shown(value)}" for name, value in arguments.items())
    return f"{item['name']}({arguments})"


def _line(item: dict[str, Any]) -> tuple[str, str]:
    match item["kind"]:
        case "turn":
            state = "" if item.get("state") == "final" else f" [{item.get('state')}]"
            return str(item["role"]), f"{item.get('text') or ''}{state}"
        case "tool":
            output = f" -> {item['output']}" if item.get("output") is not None else ""
            outcome = "" if item.get("outcome") == "ok" and output else f" [{item.get('outcome')}]"
            return "tool", f"{called(item)}{output}{outcome}"
        case "digits":
            return "keys", str(item.get("text") or "")
    return str(item["kind"]), str(item.get("text") or "")


def numbered(entry: Entry, number: int) -> str:
    """`line 5  keys   481516#`"""
    what = entry.what if len(entry.what) <= WIDTH else entry.what[: WIDTH - 1] + "…"
    return f"line {number:<3} {entry.who:<6} {what}"


def around(found: list[Entry], near: int | None, before: int = 4, after: int = 2) -> list[str]:
    """The lines around one of them (its index), or the last ones."""
    if near is None:
        near = len(found) - 1
    start, end = max(0, near - before), min(len(found), near + after + 1)
    return [numbered(found[index], index + 1) for index in range(start, end)]
