"""The `realtime.call.incoming` webhook's payload, read leniently (guide, "Overview"). Pure."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from ringside.calls import CALL_ID

INCOMING = "realtime.call.incoming"
"""The one webhook type we act on; the same INVITE may fire `live.transport.incoming` too."""

MAX_HEADERS = 200
MAX_HEADER = 8000  # characters of a header's name and value

COMPACT = {
    "b": "Referred-By",
    "f": "From",
    "i": "Call-ID",
    "m": "Contact",
    "s": "Subject",
    "t": "To",
    "v": "Via",
    "y": "Identity",
}
"""The short names of headers that say something of a call (RFC 3261 section 7.3.3, RFC 3892, RFC 8224). What reads,
hides or shows a header later knows it by one name."""


class IncomingData(BaseModel):
    """`data` of the event. `sip_headers` is whatever came: see `readable_headers`."""

    model_config = ConfigDict(extra="ignore")
    call_id: str = Field(pattern=f"^(?:{CALL_ID.pattern})$")
    sip_headers: Any = None

    def readable_headers(self) -> list[dict[str, str]]:
        """The headers that are fit to be read; a call with a strange one is a call all the same.

        Half a surrogate pair becomes U+FFFD: it can be written nowhere. A short name becomes the long one.
        """
        listed = self.sip_headers if isinstance(self.sip_headers, list) else []
        return [
            {"name": _long(_encodable(header["name"])), "value": _encodable(header["value"])}
            for header in listed[:MAX_HEADERS]
            if _is_header(header)
        ]


class IncomingCall(BaseModel):
    """The event, without the fields that are none of our business. `created_at` in Unix seconds."""

    model_config = ConfigDict(extra="ignore")
    created_at: float = Field(gt=0, lt=1e11)
    data: IncomingData


def _is_header(header: object) -> bool:
    if not isinstance(header, dict):
        return False
    name, value = header.get("name"), header.get("value")
    return isinstance(name, str) and isinstance(value, str) and len(name) + len(value) <= MAX_HEADER


def _long(name: str) -> str:
    return COMPACT.get(name.strip().lower(), name)


def _encodable(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
