"""Builders of server events (facts, appendix A; `types/realtime/*_event.py` in the SDK)."""

import time
from typing import Any

from infra.emulator.wire import ids

Event = dict[str, Any]


def event(kind: str, **fields: Any) -> Event:
    """A server event. All but DTMF's have an `event_id`."""
    return {"type": kind, "event_id": ids.event_id(), **fields}


def dtmf(digit: str) -> Event:
    """The one event without an `event_id` (facts 3.4)."""
    return {"type": "input_audio_buffer.dtmf_event_received", "event": digit, "received_at": int(time.time())}


def error(
    message: str,
    code: str | None,
    *,
    param: str | None = None,
    client_event_id: str | None = None,
    kind: str = "invalid_request_error",
) -> Event:
    """An error; `error.event_id` is the client's event, as sent (facts 3.9)."""
    details = {"type": kind, "code": code, "message": message, "param": param, "event_id": client_event_id}
    return event("error", error=details)


def rate_limits(tokens_left: int) -> Event:
    """Sent at the beginning of each response (facts 6)."""
    limits = [{"name": "tokens", "limit": 800_000, "remaining": max(0, tokens_left), "reset_seconds": 0.05}]
    return event("rate_limits.updated", rate_limits=limits)
