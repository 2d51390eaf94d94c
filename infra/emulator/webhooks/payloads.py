"""What webhooks say: the envelope of an event, and the INVITE's headers, which is all of SIP that OpenAI shows."""

import secrets
import time
import uuid
from typing import Any

Headers = list[dict[str, str]]


def envelope(kind: str, data: dict[str, Any], created_at_offset_s: int = 0) -> dict[str, Any]:
    """An event that was created now, or so many seconds later."""
    return {
        "object": "event",
        "id": f"evt_{secrets.token_hex(16)}",
        "type": kind,
        "created_at": int(time.time()) + created_at_offset_s,
        "data": data,
    }


def default_headers(caller: str, called: str) -> Headers:
    """From, To and Call-ID as in the guide's example (facts 1.5)."""
    return [
        {"name": "From", "value": f"sip:{caller}@sip.example.com"},
        {"name": "To", "value": f"sip:{called}@sip.example.com"},
        {"name": "Call-ID", "value": str(uuid.uuid4())},
    ]


def incoming(call_id: str, headers: Headers, media_security: str | None = None) -> dict[str, Any]:
    """`data` of realtime.call.incoming."""
    return {"call_id": call_id, "sip_headers": headers, **_negotiated(media_security)}


def twin(call_id: str, headers: Headers, media_security: str | None = None) -> dict[str, Any]:
    """`data` of live.transport.incoming, fired by the same INVITE (facts 0.3)."""
    session_id = "live_" + call_id.rsplit("_", 1)[-1]
    return {"session_id": session_id, "type": "sip", "sip_headers": headers, **_negotiated(media_security)}


def _negotiated(media_security: str | None) -> dict[str, str]:
    """`sip_media_security`, only when it is known (facts 0.4)."""
    return {} if media_security is None else {"sip_media_security": media_security}
