"""What is kept of one call: its entries and facts without what the agent's `redact` names. Pure."""

import json
from collections.abc import Mapping
from typing import Any

from ringside.conversation import snapshot
from ringside.redaction.redactor import Redactor

REMEMBERED = 6
"""Turns, of which the last before an entry say what a number in it is: transcripts come late, and out of order."""


class KeptWords:
    """What was kept last is remembered, so that a number which goes on in the next turn is known.

    Of what the next owner is left, keys that are being pressed stay as they are: it has to go on with them.
    """

    def __init__(self, redactor: Redactor | None) -> None:
        self._redactor = redactor
        self._turns: dict[str, tuple[int, str]] = {}  # the last ones as they are kept, with their positions

    def entry(self, position: int, item: Mapping[str, Any]) -> Mapping[str, Any]:
        """A turn, a tool run or keys at its position in the call, as they may be written."""
        if self._redactor is None:
            return item
        item_id = str(item.get("item_id"))
        self._turns.pop(item_id, None)
        before = [text for at, text in sorted(self._turns.values()) if at < position]
        kept = dict(item)
        if isinstance(item.get("text"), str):
            kept["text"] = self._redactor.text(item["text"], before)
            if item.get("kind") == "turn":
                self._turns[item_id] = position, kept["text"]
                if len(self._turns) > REMEMBERED:
                    self._turns.pop(min(self._turns, key=self._turns.__getitem__))
        for name in ("arguments", "output"):
            if isinstance(item.get(name), str):
                kept[name] = self._json(self._redactor, item[name], before)
        return kept

    def facts(self, facts: Mapping[str, Any]) -> Mapping[str, Any]:
        """Attributes of the call: notes, and what the next owner is left."""
        if self._redactor is None:
            return facts
        kept = dict(facts)
        if isinstance(facts.get("notes"), Mapping):
            kept["notes"] = self._redactor.value(dict(facts["notes"]))
        left = facts.get(snapshot.ATTRIBUTE)
        if isinstance(left, Mapping) and isinstance(left.get("transcript"), Mapping):
            kept[snapshot.ATTRIBUTE] = {**left, "transcript": self._begun(self._redactor, left["transcript"])}
        return kept

    @staticmethod
    def _begun(redactor: Redactor, transcript: Mapping[str, Any]) -> Mapping[str, Any]:
        """Sentences that have begun, which the next owner goes on with: each is the last of its list, behind ids."""
        lists = {name: transcript[name] for name in ("words", "parts") if name in transcript}
        kept = {name: [[*each[:-1], redactor.text(str(each[-1]))] for each in value] for name, value in lists.items()}
        return {**transcript, **kept}

    @staticmethod
    def _json(redactor: Redactor, text: str, before: list[str]) -> str:
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return redactor.text(text, before)
        kept = redactor.value(value, before)
        return text if kept == value else json.dumps(kept, ensure_ascii=False)
