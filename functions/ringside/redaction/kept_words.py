"""What is kept of one call: its entries and facts without what the agent's file says is not. Pure.

`redact` takes something out, `transcript: none` everything that is said, asked and answered. Keys that are secret are
never kept, also where they are said or passed on later, as far as this owner of the call collected them.
"""

import dataclasses
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ringside.conversation import snapshot
from ringside.conversation.builtin_tools import COLLECT_DIGITS, HANG_UP, TRANSFER
from ringside.conversation.items import has_words
from ringside.conversation.keypad import NOT_KEPT

if TYPE_CHECKING:
    from ringside.redaction.redactor import Redactor

REMEMBERED = 6
"""Turns, of which the last before an entry say what a number in it is: transcripts come late, and out of order."""

WORDLESS = "[not kept]"
"""In place of words that are not kept: an owner after a crash does not take them for words that it missed."""

SHORTEST_SECRET = 3
"""Keys. Fewer are in too many numbers that are none."""

_OURS = frozenset({HANG_UP, TRANSFER})
"""Tools whose arguments and results are the agent's own words, by which the next owner goes on."""


class KeptWords:
    """What was kept last is remembered, so that a number which goes on in the next turn is known.

    Of what the next owner is left, keys that are being pressed stay as they are: it has to go on with them.
    """

    def __init__(self, redactor: "Redactor | None", keeps_words: bool = True, digits_are_secret: bool = False) -> None:
        self._redactor = redactor
        self._keeps_words = keeps_words
        self._digits_are_secret = digits_are_secret
        self._turns: dict[str, tuple[int, str]] = {}  # the last ones as they are kept, with their positions

    def entry(self, position: int, item: Mapping[str, Any]) -> Mapping[str, Any]:
        """A turn, a tool run or keys at its position in the call, as they may be written."""
        if item.get("kind") == "tool" and item.get("name") == COLLECT_DIGITS:
            item = self._collected(item)
        if not self._keeps_words:
            return _wordless(item)
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
        if self._redactor is None and self._keeps_words:
            return facts
        kept = dict(facts)
        if isinstance(facts.get("notes"), Mapping) and self._redactor is not None:
            kept["notes"] = self._redactor.value(dict(facts["notes"]))
        left = facts.get(snapshot.ATTRIBUTE)
        if isinstance(left, Mapping) and isinstance(left.get("transcript"), Mapping):
            kept[snapshot.ATTRIBUTE] = {**left, "transcript": self._begun(left["transcript"])}
        return kept

    def _collected(self, run: Mapping[str, Any]) -> Mapping[str, Any]:
        """A run of `collect_digits`, without its keys if they are secret; from now on they are known."""
        output = _object(run.get("output"))
        digits = output.get("digits")
        if not digits or not (self._digits_are_secret or _object(run.get("arguments")).get("secret") is True):
            return run
        if len(str(digits)) >= SHORTEST_SECRET:
            from ringside.redaction.redactor import Redactor  # python-stdnum: only those who need it

            redactor = self._redactor or Redactor(frozenset())
            self._redactor = dataclasses.replace(redactor, secrets=redactor.secrets | {str(digits)})
        return {**run, "output": json.dumps({**output, "digits": NOT_KEPT})}

    def _begun(self, transcript: Mapping[str, Any]) -> Mapping[str, Any]:
        """Sentences that have begun, which the next owner goes on with: each is the last of its list, behind ids."""
        lists = {name: transcript[name] for name in ("words", "parts") if name in transcript}
        kept = {name: [[*each[:-1], self._sentence(str(each[-1]))] for each in value] for name, value in lists.items()}
        return {**transcript, **kept}

    def _sentence(self, text: str) -> str:
        if not self._keeps_words:
            return WORDLESS if has_words(text) else ""
        return text if self._redactor is None else self._redactor.text(text)

    @staticmethod
    def _json(redactor: "Redactor", text: str, before: list[str]) -> str:
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return redactor.text(text, before)
        kept = redactor.value(value, before)
        return text if kept == value else json.dumps(kept, ensure_ascii=False)


def _wordless(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """An entry without anything that was said, pressed, asked or answered. A noise stays one."""
    kept = dict(item)
    match item.get("kind"):
        case "turn":
            kept["text"] = WORDLESS if has_words(item.get("text")) else item.get("text")
        case "digits":
            kept["text"] = NOT_KEPT
        case "action" if item.get("action") in ("say", "instruct"):
            kept["text"] = WORDLESS
        case "tool" if item.get("name") not in _OURS:
            if item.get("name") != COLLECT_DIGITS:  # how many keys, and nothing of theirs
                kept["arguments"] = json.dumps(WORDLESS)
            kept["output"] = None if item.get("output") is None else json.dumps(WORDLESS)
    return kept


def _object(text: object) -> Mapping[str, Any]:
    """A JSON object; nothing of what is none."""
    try:
        value = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
