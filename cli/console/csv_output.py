"""A list of calls as CSV, for a spreadsheet that must not take what a stranger wrote for a formula. Pure."""

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

from cli.spreadsheet import cell

COLUMNS = (
    "call_id", "started_at", "status", "end_reason", "agent", "caller", "dialled",
    "duration", "first_word", "cost", "verdict", "rule", "sip_status", "outcome", "summary",
)  # fmt: skip


def calls(found: Iterable[Mapping[str, Any]]) -> str:
    """A line for each call, below the names of the columns."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for call in found:
        flat = {**call, **(call.get("decision") or {}), **(call.get("analysis") or {})}
        writer.writerow([cell(flat.get(name)) for name in COLUMNS])
    return text.getvalue()
