"""A list of calls as CSV, for a spreadsheet that must not take what a stranger wrote for a formula. Pure."""

import csv
import io
import re
from collections.abc import Iterable, Mapping
from typing import Any

from cli.terminal import safe

COLUMNS = (
    "call_id", "started_at", "status", "end_reason", "agent", "caller", "dialled",
    "duration", "first_word", "cost", "verdict", "rule", "sip_status",
)  # fmt: skip

_FORMULA = re.compile(r"^[=+\-@\t\r|%]")
_NUMBER = re.compile(r"^\+[0-9]{1,15}$")


def calls(found: Iterable[Mapping[str, Any]]) -> str:
    """A line for each call, below the names of the columns."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for call in found:
        flat = {**call, **(call.get("decision") or {})}
        writer.writerow([_cell(flat.get(name)) for name in COLUMNS])
    return text.getvalue()


def _cell(value: Any) -> Any:
    if not isinstance(value, str):
        return "" if value is None else value
    text = safe(value)
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.match(text) else text
