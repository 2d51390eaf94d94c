"""The sideband WebSocket of one call: attach, read, say. What the frames mean is not its business."""

import ssl
from functools import cache
from typing import cast

from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake, InvalidStatus, InvalidURI

from ringside.errors import ServiceError
from ringside.openai import urls
from ringside.openai.connection import MessageConnection

FRAME_LIMIT = 16 << 20
"""Bytes. The size of server frames is undocumented; one above the library's own limit of 1 MiB would end the call."""


class AttachError(ServiceError):
    """The sideband cannot be opened. `status` is the HTTP status, None if there was none."""

    def __init__(self, status: int | None, detail: str = "") -> None:
        super().__init__(f"{status or 'no answer'} {detail}".strip())
        self.status = status

    @property
    def gone(self) -> bool:
        """404: no such call; not yet, never, or not any more."""
        return self.status == 404


async def attach(base_url: str, call_id: str, api_key: str) -> MessageConnection:
    """Open the sideband; raise `AttachError`.

    No compression: most frames are small deltas, and zlib keeps some 300 KB per connection. Pings every
    20 s find a peer that is gone without a word.
    """
    url = urls.sideband_url(base_url, call_id)
    try:
        opened = await connect(
            url,
            additional_headers={"Authorization": f"Bearer {api_key}"},
            ssl=_tls() if url.startswith("wss:") else None,
            compression=None,
            max_size=FRAME_LIMIT,
            open_timeout=10,
            ping_interval=20,
            ping_timeout=20,
            close_timeout=2,
            create_connection=MessageConnection,
        )
        connection = cast(MessageConnection, opened)
        connection.forget_handshake()
        return connection
    except InvalidStatus as error:
        raise AttachError(error.response.status_code) from None
    except (InvalidHandshake, InvalidURI, OSError, TimeoutError, EOFError) as error:
        raise AttachError(None, type(error).__name__) from None


@cache
def _tls() -> ssl.SSLContext:
    """One context for all calls: loading the certificates takes 20 ms and a megabyte."""
    return ssl.create_default_context()
