"""Whether OpenAI opens sidebands for a key: the first request of a WebSocket, and what is answered to it.

Without the WebSocket library, which the functions do not carry: nothing comes after the answer.
"""

import base64
import secrets
from urllib.parse import urlsplit, urlunsplit

import httpx

from ringside.openai import urls

TIMEOUT = 10.0  # seconds, as the sideband's own; a 404 may take five to come


def opening_status(base_url: str, call_id: str, api_key: str) -> int:
    """The HTTP status with which OpenAI answers an opening handshake (RFC 6455, 4.1): 101 opens it, 404 is for a
    call that it does not know. Raises `httpx.HTTPError`, whose text may quote the key, and `httpx.InvalidURL`.
    """
    parts = urlsplit(urls.sideband_url(base_url, call_id))
    url = urlunsplit(parts._replace(scheme={"wss": "https", "ws": "http"}[parts.scheme]))
    headers = {
        "Authorization": f"Bearer {api_key}",
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(secrets.token_bytes(16)).decode(),
    }
    with httpx.stream("GET", url, headers=headers, timeout=TIMEOUT) as response:
        return response.status_code
