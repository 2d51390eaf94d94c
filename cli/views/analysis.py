"""What was found out about a call once it was over. Pure."""

from collections.abc import Mapping
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from cli.terminal import safe
from cli.views.words import money

Found = Mapping[str, Any]


def whole(found: Found) -> RenderableType:
    """Outcome, summary and fields, or why there are none."""
    table = Table.grid(padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(width=9, style="dim")
    table.add_column(overflow="fold")
    for label, text in facts(found):
        table.add_row(label, Text(text))
    return table


def facts(found: Found) -> list[tuple[str, str]]:
    """The same as rows of a label and a text."""
    if found.get("state") != "done":
        return [("analysis", line(found))]
    rows = []
    if found.get("outcome"):
        rows.append(("outcome", safe(found["outcome"])))
    if found.get("summary"):
        rows.append(("summary", safe(found["summary"])))
    rows += [("field", field(name, each)) for name, each in (found.get("fields") or {}).items()]
    missing = [f"{found[name]} {words}" for name, words in _MISSING.items() if found.get(name)]
    told = [safe(found.get("model")), money(found.get("cost")), *missing]
    return [*rows, ("analysis", ", ".join(told))]


_MISSING = {"left_out": "turns left out", "shortened": "turns shortened"}


def field(name: str, found: Found) -> str:
    """A value and the turn that says it."""
    value = found.get("value")
    turn = f" (turn {found['turn']})" if found.get("turn") else ""
    return f"{safe(name)}: {'not said' if value is None else safe(value)}{turn}"


def line(found: Found) -> str:
    """The state in a few words."""
    why = f": {safe(found['reason'])}" if found.get("reason") else ""
    outcome = f": {safe(found['outcome'])}" if found.get("outcome") else ""
    return f"{safe(found.get('state'))}{why or outcome}"
