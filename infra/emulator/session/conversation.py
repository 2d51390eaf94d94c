"""The default conversation of one call: its items in order, and every word spoken in it."""

import time
from dataclasses import dataclass, field
from typing import Any

from infra.emulator.session import speech
from infra.emulator.wire import ids

Item = dict[str, Any]


@dataclass
class Spoken:
    """One utterance, as a test wants to see it."""

    item_id: str
    role: str
    text: str
    at: float = field(default_factory=time.time)
    previous_item_id: str | None = None
    transcribed: str = "pending"
    heard_ms: int | None = None
    interrupted: bool = False
    audio_ms: int = 0

    def shown(self) -> dict[str, Any]:
        return {
            "item_id": self.item_id,
            "previous_item_id": self.previous_item_id,
            "role": self.role,
            "text": self.text,
            "at": self.at,
            "heard_ms": self.heard_ms,
            "transcribed": self.transcribed,
            "interrupted": self.interrupted,
        }


class ItemNotFound(Exception):
    """A client named an item that the conversation does not have."""


class Conversation:
    def __init__(self) -> None:
        self.id = ids.new("conv")
        self.items: dict[str, Item] = {}
        self.order: list[str] = []
        self.spoken: dict[str, Spoken] = {}

    def add(self, item: Item, after: str | None = None) -> str | None:
        """Put the item at the end, or after another one; the id of the item before it."""
        if after == "root":
            place = 0
        elif after is None:
            place = len(self.order)
        elif after in self.items:
            place = self.order.index(after) + 1
        else:
            raise ItemNotFound(after)
        previous = self.order[place - 1] if place else None
        self.order.insert(place, item["id"])
        self.items[item["id"]] = item
        if item["id"] in self.spoken:
            self.spoken[item["id"]].previous_item_id = previous
        return previous

    def previous(self, item_id: str) -> str | None:
        place = self.order.index(item_id) if item_id in self.items else 0
        return self.order[place - 1] if place else None

    def delete(self, item_id: str) -> None:
        if self.items.pop(item_id, None) is None:
            raise ItemNotFound(item_id)
        self.order.remove(item_id)

    def get(self, item_id: str) -> Item:
        if item_id not in self.items:
            raise ItemNotFound(item_id)
        return self.items[item_id]

    def say(self, item_id: str, role: str, text: str) -> Spoken:
        """Note words that are being spoken; the item itself may come later."""
        words = self.spoken[item_id] = Spoken(item_id, role, text)
        if item_id in self.items:
            words.previous_item_id = self.previous(item_id)
        return words

    def has_agent_audio(self) -> bool:
        return any(words.role == "agent" and words.audio_ms for words in self.spoken.values())

    def all_spoken(self) -> list[dict[str, Any]]:
        """Every word in conversation order; what never became an item comes last, as it was said."""
        place = {item_id: index for index, item_id in enumerate(self.order)}
        ordered = sorted(self.spoken.values(), key=lambda words: place.get(words.item_id, len(place)))
        return [words.shown() for words in ordered]

    def tokens(self) -> tuple[int, int]:
        """Audio and text tokens of everything said so far: it is all sent again with each response (facts 5)."""
        audio = text = 0
        for words in self.spoken.values():
            count = speech.caller_tokens if words.role == "caller" else speech.agent_tokens
            audio += count(words.audio_ms)
        for item in self.items.values():
            if item["type"] != "message":
                text += speech.text_tokens(str(item.get("arguments") or item.get("output") or ""))
            elif item["id"] not in self.spoken or not self.spoken[item["id"]].audio_ms:
                text += sum(speech.text_tokens(str(part.get("text") or "")) for part in item["content"])
        return audio, text
