"""What a conversation wants to be done: values that the supervisor acts on, in order. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ringside.calls import EndReason, Step
from ringside.conversation import events as e


@dataclass(frozen=True, slots=True)
class Send:
    command: e.Command


@dataclass(frozen=True, slots=True)
class Greet:
    """Send the greeting, if no owner of this call has done so before."""

    command: e.Respond


@dataclass(frozen=True, slots=True)
class Save:
    """Write one item of the record at its position; `replaces` is where it stood before."""

    position: int
    item: Mapping[str, Any]
    replaces: int | None = None


@dataclass(frozen=True, slots=True)
class SaveUsage:
    usage: e.Usage


@dataclass(frozen=True, slots=True)
class RunTool:
    """Run a tool if it was not run before, and feed its `ToolFinished`."""

    tool_call_id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Mark:
    """The call reached a step of the answer budget, now."""

    step: Step


@dataclass(frozen=True, slots=True)
class Count:
    """Something worth a metric happened; with the session's own `code` for it, it is worth a line in the log."""

    what: str
    code: str | None = None


@dataclass(frozen=True, slots=True)
class HangUp:
    reason: EndReason


@dataclass(frozen=True, slots=True)
class Refer:
    """Transfer the call, if that was not tried before, and feed its `ReferAnswered`."""

    tool_call_id: str
    uri: str


@dataclass(frozen=True, slots=True)
class Note:
    """Write facts onto the call's item."""

    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Reattach:
    """The session has fallen silent where something was expected: close the sideband and open it anew."""


@dataclass(frozen=True, slots=True)
class ActionSettled:
    """What came of an operator's action is in the record, after the effects before this: it need not be kept."""

    action_id: str


Effect = Send | Greet | Save | SaveUsage | RunTool | Refer | Note | Mark | Count | HangUp | Reattach | ActionSettled
