"""What is in a call's record besides the call itself: turns, tool runs, gaps and keys pressed. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ringside.conversation.events import Role

State = Literal["final", "pending", "interrupted", "cut", "untranscribed"]
"""final: said and understood to its end. pending: the caller's words are still being transcribed.
interrupted: the caller spoke over it. cut: the call ended first. untranscribed: no words came."""


def has_words(text: str | None) -> bool:
    """Whether a transcript says anything: that of a noise is empty, or a full stop."""
    return text is not None and any(map(str.isalnum, text))


@dataclass(slots=True)
class Turn:
    """What one side said, once. Times in Unix seconds; `heard_ms` is how much of it was played."""

    item_id: str
    role: Role
    started_at: float
    text: str | None = None
    state: State = "pending"
    ended_at: float | None = None
    heard_ms: int | None = None
    recovered: bool = False  # missed when it was said, and asked for later: its times are not known

    @property
    def has_words(self) -> bool:
        return self.text is not None and self.state != "pending"

    def as_item(self) -> dict[str, Any]:
        return {"kind": "turn"} | {name: getattr(self, name) for name in self.__slots__}


@dataclass(slots=True)
class Remark:
    """Something besides words and tools: a gap in what we know, the keys that the caller pressed."""

    item_id: str
    kind: Literal["gap", "digits"]
    started_at: float
    ended_at: float
    text: str  # gap: why; digits: which

    def as_item(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(slots=True)
class ToolRun:
    """One call of a tool by the model, from its claim to its outcome."""

    tool_call_id: str
    item_id: str
    name: str
    arguments: str
    started_at: float
    outcome: str = "running"  # running | ok | error | timeout | refused | unknown
    output: str | None = None
    seconds: float | None = None
    ended_at: float | None = None  # when its outcome was known; `seconds` does not count what it waited for

    def as_item(self) -> dict[str, Any]:
        return {"kind": "tool"} | {name: getattr(self, name) for name in self.__slots__}


def from_item(item: Mapping[str, Any]) -> Turn | ToolRun | Remark | None:
    """An entry as the record has it; what this version of the entry does not know is left out."""
    kinds: dict[Any, type[Turn] | type[ToolRun] | type[Remark]] = {"turn": Turn, "tool": ToolRun}
    kinds |= dict.fromkeys(("gap", "digits"), Remark)
    kind = kinds.get(item.get("kind"))
    return None if kind is None else kind(**{name: item[name] for name in kind.__slots__ if name in item})
