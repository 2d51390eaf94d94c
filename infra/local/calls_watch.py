"""Shows the calls of a running local cloud as they happen, from the record."""

import time

from rich.console import Console
from rich.text import Text

from cli.terminal import safe
from infra.local.narration import Narration
from infra.local.records import CallRecord, Records

SETTLE_SECONDS = 2.0
"""A call is looked at for so long after its end: its last words may come late."""


class CallsWatch:
    """Feed it time: `look` shows what is new of every call."""

    def __init__(self, records: Records, console: Console) -> None:
        self._records = records
        self._console = console
        self._live: dict[str, Narration] = {}
        self._over: dict[str, float] = {}
        self._known: set[str] = set()

    def look(self) -> None:
        for call in self._records.calls():
            call_id = str(call["call_id"])
            if call_id not in self._known:
                self._known.add(call_id)
                self._live[call_id] = Narration(self._console)
                title = f"{call.get('caller')} rings {call.get('dialled') or 'an unknown number'}"
                self._console.print(Text.assemble("\n", (safe(title), "bold"), (f"  {safe(call_id)}", "dim")))
        several = len(self._live) > 1
        for call_id, narration in list(self._live.items()):
            record = self._records.get(call_id)
            narration.mark = call_id[-4:] if several else ""
            narration.update(record)
            if record.is_final and time.monotonic() - self._over.setdefault(call_id, time.monotonic()) > SETTLE_SECONDS:
                del self._live[call_id], self._over[call_id]


def follow(records: Records, call_id: str, console: Console, within: float = 600.0) -> CallRecord:
    """Show one call until it is over; `TimeoutError` when nothing is recorded of it within 15 s, or it does not end."""
    narration = Narration(console)

    def is_over(record: CallRecord) -> bool:
        narration.update(record)
        return record.is_final

    records.wait(call_id, lambda record: bool(record.call), 15.0)
    return records.wait(call_id, is_over, within)
