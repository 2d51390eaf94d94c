"""What receivers are told of a call: which writes are news, and the message about each.

Messages are Standard Webhooks (specification 1.0.0): `type`, `timestamp` and `data`, thin, of 20 KB at most.

A message is made anew of the record for each attempt. So it has only what was known when it became news: a receiver
that gets it twice, because whoever sent it died before that was written down, gets the same under the same id.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from ringside.aws.event_bus import Content, detail
from ringside.calls import Status, Step

ENDED, REJECTED = "call.ended", "call.rejected"
TRANSFERRED, ANALYSED = "call.transferred", "call.analysed"
TEST = "ringside.test"

MAX_BYTES = 20_000
"""Of a body ("Payload size": under 20 KB). Notes and the summary are left out of one that would be larger."""

_OF_THE_ANALYSIS = frozenset({"analysis", "analysis_reason", "summary", "fields", "outcome"})
_OF_THE_END = frozenset({"status", "end_reason", "duration", "cost"})
LATER: Mapping[str, frozenset[str]] = {
    ENDED: _OF_THE_ANALYSIS,
    REJECTED: _OF_THE_ANALYSIS,
    TRANSFERRED: _OF_THE_ANALYSIS | _OF_THE_END,
}
"""What of a call may change after it became news, and is in no message about that."""

Item = Mapping[str, Any]


def news(before: Item, after: Item) -> Iterator[str]:
    """What a write onto a call's item is to others: the types of the messages about it."""
    was, now = Status(str(before.get("status"))), Status(str(after.get("status")))
    if now.is_final and not was.is_final:
        yield REJECTED if now is Status.REJECTED else ENDED
    if _verdict(after) == "left" and _verdict(before) != "left":
        yield TRANSFERRED
    analysis = after.get("analysis") or {}
    is_new = analysis.get("run") != (before.get("analysis") or {}).get("run")
    if is_new and analysis.get("state") in ("done", "skipped", "failed"):
        yield ANALYSED


def _verdict(call: Item) -> Any:
    return (call.get("transfer") or {}).get("verdict")


def message_id(call: Item, kind: str, receiver: str) -> str:
    """The same for every attempt at a message; a call that is analysed anew has another one about that.

    Without a dot, which separates it from what else is signed.
    """
    run = (call.get("analysis") or {}).get("run") if kind == ANALYSED else None
    return _id(f"{call['call_id']} {kind} {receiver}" + (f" {run}" if run else ""))


def id_of_test(receiver: str, at: float) -> str:
    """The id of a message that is about no call."""
    return _id(f"test {at} {TEST} {receiver}")


def _id(name: str) -> str:
    return f"msg_{hashlib.sha256(name.encode()).hexdigest()[:32]}"


def body(kind: str, call: Item, content: Content, stack: str) -> bytes:
    """The message about a call, as far as the agent's `events` allow it."""
    later = LATER.get(kind, frozenset[str]())
    known = {name: value for name, value in detail(call, content).items() if name not in later}
    data: dict[str, Any] = {"stack": stack, **known}
    text = _written(kind, call, data)
    for name in ("notes", "fields", "summary"):
        if len(text) <= MAX_BYTES:
            break
        if data.pop(name, None) is not None:
            data["cut"] = [*data.get("cut", []), name]
            text = _written(kind, call, data)
    return text


def body_of_test(agent: str, stack: str, at: float) -> bytes:
    """A message that is about no call."""
    data = {"stack": stack, "agent": agent, "text": "This is a test. Nothing has happened."}
    return json.dumps({"type": TEST, "timestamp": _moment(at), "data": data}).encode()


def _written(kind: str, call: Item, data: Item) -> bytes:
    steps = call.get("steps") or {}
    at = {
        ANALYSED: (call.get("analysis") or {}).get("at"),
        TRANSFERRED: (call.get("transfer") or {}).get("decided_at"),
    }.get(kind, steps.get(Step.ENDED) or steps.get(Step.REJECTED))
    moment = _moment(float(at or steps.get(Step.CREATED) or 0))
    written = {"type": kind, "timestamp": moment, "data": data}
    return json.dumps(written, ensure_ascii=False, default=str).encode("utf-8", "replace")


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
