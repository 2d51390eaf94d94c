"""A call as the command line, the API and the console show it: the documented fields, always all of them, null where
there is nothing. Pure.

docs/cli.md explains each; a test compares the two. Keys, shards and locks of the record stay inside.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from ringside.calls import LISTED_ANALYSIS, EndReason, Status, Step
from ringside.conversation.events import Usage

_FIRST = (
    "call_id",
    "status",
    "agent",
    "caller",
    "dialled",
    "started_at",
    "duration",
    "end_reason",
    "cost",
    "decision",
    "first_word",
)

LISTED = (*_FIRST, "analysis")
"""A call in a list; of its analysis as much as `LISTED_ANALYSIS`."""

CALL = (
    *_FIRST,
    "attested",
    "caller_shown",
    "caller_extension",
    "withheld_caller",
    "sip_headers",
    "model",
    "end_detail",
    "accept_detail",
    "steps",
    "usage",
    "prices_as_of",
    "owner",
    "handovers",
    "hang_up_reason",
    "transfer",
    "notes",
    "analysis",
    "deliveries",
)
"""A call as `show` has it."""

ITEMS = {
    "turn": ("kind", "item_id", "role", "text", "state", "started_at", "ended_at", "heard_ms"),
    "tool": ("kind", "item_id", "tool_call_id", "name", "arguments", "output", "outcome", "started_at", "seconds"),
    "digits": ("kind", "item_id", "text", "started_at", "ended_at"),
    "gap": ("kind", "item_id", "text", "started_at", "ended_at"),
    "action": (
        "kind",
        "item_id",
        "action",
        "text",
        "silent",
        "by",
        "outcome",
        "detail",
        "asked_at",
        "started_at",
        "ended_at",
    ),
}
"""What stands in a call, by its kind."""

USAGE = tuple(field.name for field in fields(Usage))
STATUSES = tuple(Status)
END_REASONS = tuple(EndReason)

ALWAYS = {"decision": ("verdict", "rule", "sip_status"), "transfer": ("target", "verdict", "why")}
"""What these have in any case, null as long as it is not known."""

INTERNAL = frozenset({"pk", "sk", "epoch", "version", "late", "expires_at"})
"""What an entry has for the record's own sake."""


def listed(call: Mapping[str, Any]) -> dict[str, Any]:
    """A call of a list."""
    found = call.get("analysis")
    shown = {name: found.get(name) for name in LISTED_ANALYSIS} if found else None
    return {name: call.get(name) for name in LISTED} | {"first_word": first_word(call), "analysis": shown}


def whole(call: Mapping[str, Any], items: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A call with everything in it."""
    shown = {name: call.get(name) for name in CALL}
    for name, known in ALWAYS.items():
        if found := call.get(name):
            shown[name] = {**dict.fromkeys(known), **found}
    shown["first_word"] = first_word(call)
    shown["handovers"] = handovers(call)
    shown["items"] = [item(entry) for entry in items]
    return shown


def item(entry: Mapping[str, Any]) -> dict[str, Any]:
    """A turn, a tool run or a gap; of a kind that is not known here, what it has."""
    names = ITEMS.get(str(entry.get("kind")))
    if names is None:
        return {name: value for name, value in entry.items() if name not in INTERNAL}
    return {name: entry.get(name) for name in names}


def first_word(call: Mapping[str, Any]) -> float | None:
    """Seconds from the accept to the agent's first sound; None until then."""
    steps = call.get("steps") or {}
    if Step.ACCEPTED not in steps or Step.FIRST_AUDIO not in steps:
        return None
    return round(max(0.0, float(steps[Step.FIRST_AUDIO]) - float(steps[Step.ACCEPTED])), 3)


def handovers(call: Mapping[str, Any]) -> int:
    """How often the call went to another monitor: every owner raises the epoch by one, the first one too."""
    return max(0, int(call.get("epoch") or 0) - 1)
