"""What an operator wanted of a call, and what came of it, in a sentence. Pure."""

from collections.abc import Mapping
from typing import Any

from cli.terminal import safe
from cli.views.words import parties

NOBODY = "expired"
"""The outcome of an action that nobody took while somebody waited."""

_DONE = {
    "say": "said",
    "instruct": "the agent was told",
    "transfer": "transferred",
    "hang_up": "hung up",
    "hold": "on hold: the agent listens and does not answer",
    "resume": "the agent answers again",
}

_WANTED = {
    "say": "say",
    "instruct": "instruct",
    "transfer": "transfer to",
    "hang_up": "hang up",
    "hold": "hold",
    "resume": "resume",
}


def sentence(action: str, found: Mapping[str, Any] | None) -> str:
    """What came of it. None: nobody has taken it."""
    if found is None:
        return (
            "no monitor took it in time; it is not done any more (is the call still live? ringside calls list --live)"
        )
    detail = f": {found['detail']}" if found.get("detail") else ""
    match found.get("outcome"):
        case "done":
            return _DONE.get(action, action) + detail
        case "under_way":
            return f"still under way{detail}; the record will say what came of it"
        case "refused":
            return f"not done{detail}"
        case "expired":
            return f"too late{detail}"
        case outcome:
            return f"{outcome}{detail}"


def line(item: Mapping[str, Any]) -> str:
    """An entry of the record: what was wanted, with its words."""
    wanted = _WANTED.get(str(item.get("action")), str(item.get("action")))
    silent = {"instruct": " (silently)", "hang_up": " (at once)"}.get(str(item.get("action")), "")
    text = f": {item['text']}" if item.get("text") else ""
    return safe(f"{wanted}{silent if item.get('silent') else ''}{text}")


def mark(item: Mapping[str, Any]) -> str:
    """Who wanted it, and what came of it."""
    detail = f" ({item['detail']})" if item.get("detail") else ""
    return safe(f"[{str(item.get('outcome')).replace('_', ' ')}{detail}, by {who(item)}]")


def who(item: Mapping[str, Any]) -> str:
    """The last part of an ARN: the user, or the role and its session."""
    return str(item.get("by") or "unknown").rpartition(":")[2]


def about(call: Mapping[str, Any], call_id: str) -> str:
    """The call that is meant, before somebody says yes."""
    return f"{safe(call_id)}  {parties(call)}  {safe(call.get('agent'))}"
