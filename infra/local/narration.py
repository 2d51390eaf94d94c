"""Tells the story of a call as it happens, from its record."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.terminal import safe
from infra.local.records import CallRecord

STEPS = {
    "accepted": "OpenAI was asked to answer",
    "taken": "a monitor took the call",
    "attached": "it follows the call over its sideband",
}
TRANSFERS = {
    "left": "the outcome: OpenAI took it, and the caller has left us",
    "failed": "the outcome: the caller was still here",
}
STYLES = {"caller": "cyan", "agent": "green", "tool": "yellow"}
UNFINISHED = frozenset({"pending", "running"})
HELD_BACK = 0.8
"""Seconds an item waits before it is shown. The caller's words are recorded after the answer to them has begun; shown
in the order of arrival, the answer would come before the question."""


@dataclass
class Narration:
    """What has been shown of one call. Feed it the record as often as it may have changed."""

    console: Console
    mark: str = ""
    """What tells this call from others that are shown at the same time."""
    _shown: set[str] = field(default_factory=set)
    _seen: dict[str, float] = field(default_factory=dict)

    def update(self, record: CallRecord) -> None:
        """Show what is new."""
        if not record.call:
            return
        for key, moment, who, what in self._events(record):
            if key not in self._shown:
                self._shown.add(key)
                self._show(moment - float(record.call["steps"]["received"]), who, what)

    def _events(self, record: CallRecord) -> Iterator[tuple[str, float, str, str]]:
        """Key, moment, who and what of everything that can be shown, in order."""
        call = record.call
        steps = {name: float(moment) for name, moment in call["steps"].items()}
        yield "received", steps["received"], "webhook", "OpenAI's signed webhook, from " + str(call.get("caller"))
        if "decided" in steps:
            yield "decided", steps["decided"], "decision", self._decision(call)
        if "rejected" in steps:
            status = call["decision"]["sip_status"]
            yield "rejected", steps["rejected"], "declined", f"the caller hears SIP {status}"
        for name, meaning in STEPS.items():
            if name in steps:
                yield name, steps[name], name, meaning
        for item in record.items:
            seen = self._seen.setdefault(item["sk"], time.monotonic())
            unfinished = item.get("state", item.get("outcome")) in UNFINISHED
            if not record.is_final and (unfinished or time.monotonic() - seen < HELD_BACK):
                return  # and what comes after it waits too
            yield item["sk"], float(item.get("started_at") or steps["received"]), *self._item(item)
        if record.is_final and (transfer := call.get("transfer")):
            moment = float(transfer.get("decided_at") or transfer["asked_at"])
            yield "transfer", moment, "transfer", TRANSFERS.get(transfer["verdict"], transfer["verdict"])
        if record.is_final and "ended" in steps:
            lasted = f" after {float(call['duration']):.1f} s" if call.get("duration") else ""
            yield "ended", steps["ended"], "the end", f"{call.get('end_reason')}{lasted}"

    def _decision(self, call: dict[str, Any]) -> str:
        decision = call["decision"]
        if decision["verdict"] == "accept":
            return f"accept, by agent {call['agent']} ({decision['rule']})"
        return f"reject with SIP {decision['sip_status']}, by agent {call['agent']}'s rule: {decision['rule']}"

    def _item(self, item: dict[str, Any]) -> tuple[str, str]:
        if item["kind"] == "turn":
            state = "" if item["state"] == "final" else f" [{item['state']}]"
            return str(item["role"]), f"{item.get('text') or ''}{state}"
        if item["kind"] == "tool":
            given = ", ".join(f"{name}={value!r}" for name, value in _arguments(item).items())
            output = f" -> {item['output']}" if item.get("output") else ""
            return "tool", f"{item['name']}({given}){output}"
        return str(item["kind"]), str(item.get("text") or "")

    def _show(self, moment: float, who: str, what: str) -> None:
        line = Table.grid(padding=(0, 2, 0, 0))
        line.add_column(width=11, style="dim")
        line.add_column(width=9, style=STYLES.get(who, ""))
        line.add_column(overflow="fold")
        body = Text(safe(what))
        if self.mark:
            body.append(f"  [{safe(self.mark)}]", "dim")
        line.add_row(f"{max(moment, 0):8.2f} s", who, body)
        self.console.print(line)


def _arguments(item: dict[str, Any]) -> dict[str, Any]:
    try:
        given = json.loads(item.get("arguments") or "{}")
    except ValueError:
        return {"": item["arguments"]}
    return given if isinstance(given, dict) else {"": given}
