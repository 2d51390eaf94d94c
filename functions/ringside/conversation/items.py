"""What is in a call's record besides the call itself: turns, tool runs, gaps and keys pressed. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ringside.conversation.events import ActionKind, Role

State = Literal["final", "pending", "interrupted", "cut", "untranscribed"]
"""final: said and understood to its end. pending: the caller's words are still being transcribed.
interrupted: the caller spoke over it. cut: the call ended first. untranscribed: no words came."""

ActionOutcome = Literal["under_way", "done", "refused", "failed", "expired", "unknown"]
"""refused: not begun, and `detail` says why. failed: begun in vain. expired: nobody took it in time. unknown: its owner
died meanwhile, and it may have been done."""

ACTION = "action_"
"""Begins an entry's id; an action's own id follows."""


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


@dataclass(slots=True)
class Action:
    """What an operator wanted done, and what came of it."""

    item_id: str
    action: ActionKind
    by: str  # who: the ARN that asked
    asked_at: float
    started_at: float  # when an owner of the call took it
    text: str = ""
    silent: bool = False
    outcome: ActionOutcome = "under_way"
    detail: str | None = None
    ended_at: float | None = None

    @property
    def action_id(self) -> str:
        return self.item_id.removeprefix(ACTION)

    @property
    def is_open(self) -> bool:
        return self.outcome == "under_way"

    def as_item(self) -> dict[str, Any]:
        return {"kind": "action"} | {name: getattr(self, name) for name in self.__slots__}


Entry = Turn | ToolRun | Remark | Action


def from_item(item: Mapping[str, Any]) -> Entry | None:
    """An entry as the record has it; what this version of the entry does not know is left out."""
    kinds: dict[Any, type[Entry]] = {"turn": Turn, "tool": ToolRun, "action": Action}
    kinds |= dict.fromkeys(("gap", "digits"), Remark)
    kind = kinds.get(item.get("kind"))
    return None if kind is None else kind(**{name: item[name] for name in kind.__slots__ if name in item})
