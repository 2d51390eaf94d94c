"""The part of SIP that is visible through OpenAI: the headers of the INVITE (facts 1.5)."""

import uuid
from typing import Any

Headers = list[dict[str, str]]


def default_headers(caller: str, called: str) -> Headers:
    """From, To and Call-ID as in the guide's example."""
    return [
        {"name": "From", "value": f"sip:{caller}@sip.example.com"},
        {"name": "To", "value": f"sip:{called}@sip.example.com"},
        {"name": "Call-ID", "value": str(uuid.uuid4())},
    ]


def incoming(call_id: str, headers: Headers, media_security: str | None) -> dict[str, Any]:
    """`data` of realtime.call.incoming; `sip_media_security` only when known (facts 0.4)."""
    data: dict[str, Any] = {"call_id": call_id, "sip_headers": headers}
    if media_security is not None:
        data["sip_media_security"] = media_security
    return data


def twin(call_id: str, headers: Headers) -> dict[str, Any]:
    """`data` of live.transport.incoming, fired by the same INVITE (facts 0.3)."""
    return {"session_id": "live_" + call_id.rsplit("_", 1)[-1], "type": "sip", "sip_headers": headers}
