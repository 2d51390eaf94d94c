"""The addresses of a call at OpenAI: REST endpoints and the sideband. Pure."""

from urllib.parse import quote, urlsplit, urlunsplit


def call_url(base_url: str, call_id: str, verb: str) -> str:
    """`POST` here to accept, reject, refer or hang up (guide, "Accept the call" and following)."""
    return f"{base_url.rstrip('/')}/realtime/calls/{quote(call_id, safe='')}/{verb}"


def sideband_url(base_url: str, call_id: str) -> str:
    """`wss://…/v1/realtime?call_id=…` on the same origin as the REST calls (guide, "WebSocket request")."""
    parts = urlsplit(base_url)
    scheme = {"https": "wss", "http": "ws"}[parts.scheme]
    path = f"{parts.path.rstrip('/')}/realtime"
    return urlunsplit((scheme, parts.netloc, path, f"call_id={quote(call_id, safe='')}", ""))
