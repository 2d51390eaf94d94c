"""Tells a call as it happens, from its record: what `ringside calls watch` reads, in the words of a story."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from cli.terminal import Style, safe, wrapped
from infra.local.records import CallRecord

INDENT = 24
NARROWEST = 30
"""Columns for what is said, however narrow the terminal."""

STEPS = {
    "accepted": "OpenAI was told to answer",
    "taken": "a monitor took the call",
    "attached": "it listens in on the call's sideband",
}
TRANSFERS = {
    "left": "the verdict: OpenAI took it, and the caller has left us",
    "failed": "the verdict: the caller was still here",
}
UNFINISHED = frozenset({"pending", "running"})
HELD_BACK = 0.8
"""Seconds an item waits to be told. The caller's words are written down after the answer to them has begun; told in
the order of arrival, the answer would come before the question."""


@dataclass
class Narration:
    """What was told already of one call. Feed it the record as often as it may have changed."""

    style: Style
    say: Callable[[str], None]
    columns: int
    """As wide as the terminal; a line that is longer goes on below itself."""
    _told: set[str] = field(default_factory=set)
    _seen: dict[str, float] = field(default_factory=dict)

    def update(self, record: CallRecord) -> None:
        """Tell what is new."""
        if not record.call:
            return
        for key, moment, who, what in self._events(record):
            if key not in self._told:
                self._told.add(key)
                self._tell(moment - float(record.call["steps"]["received"]), who, what)

    def _events(self, record: CallRecord) -> Iterator[tuple[str, float, str, str]]:
        """Key, moment, who and what of everything that can be told, in order."""
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
        return str(item["kind"]), str(item.get("detail") or "")

    def _tell(self, moment: float, who: str, what: str) -> None:
        colour = {"caller": self.style.cyan, "agent": self.style.green, "tool": self.style.yellow}.get(who, str)
        first, *more = wrapped(safe(what), max(NARROWEST, self.columns - INDENT))
        self.say(f"{self.style.dim(f'{max(moment, 0):8.2f} s')}   {colour(f'{who:<9}')}  {first}")
        for line in more:
            self.say(" " * INDENT + line)


def _arguments(item: dict[str, Any]) -> dict[str, Any]:
    try:
        given = json.loads(item.get("arguments") or "{}")
    except ValueError:
        return {"": item["arguments"]}
    return given if isinstance(given, dict) else {"": given}
