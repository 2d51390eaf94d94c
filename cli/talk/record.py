"""The record of a call without a phone, in memory: the items that the table would have, in the same order."""

from collections.abc import Mapping
from typing import Any

from ringside.calls import End, Status, Step
from ringside.conversation import snapshot

Item = dict[str, Any]


class CallRecord:
    """`call` is the call item, `items` what was said and done, as `calls show` reads both."""

    def __init__(self, call: Item) -> None:
        self.call: Item = {**call, "steps": dict(call.get("steps", {}))}
        self._entries: dict[int, Item] = {}

    @property
    def items(self) -> list[Item]:
        return [self._entries[position] for position in sorted(self._entries)]

    def save(self, position: int, item: Mapping[str, Any], replaces: int | None) -> Item:
        """One entry at its position; `replaces` is where it was before."""
        if replaces is not None:
            self._entries.pop(replaces, None)
        self._entries[position] = dict(item)
        return self._entries[position]

    def note(self, facts: Mapping[str, Any]) -> None:
        self.call |= {name: value for name, value in facts.items() if name != snapshot.ATTRIBUTE}

    def mark(self, step: Step, at: float) -> None:
        self.call["steps"].setdefault(step, at)

    def end(self, end: End, facts: Mapping[str, Any]) -> None:
        self.call |= {**facts, "status": end.status, "end_reason": end.reason, "end_detail": end.detail or None}
        self.call["steps"][Step.ENDED] = end.at

    @property
    def is_over(self) -> bool:
        return Status(self.call["status"]).is_final
