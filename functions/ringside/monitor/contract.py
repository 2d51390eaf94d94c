"""How a monitor speaks with a call's session: attach, read frames as events, write commands as frames.

`Contract` is all that the monitor knows of it, so that another of OpenAI's APIs can be handed in by the services.
"""

from collections.abc import Callable
from typing import Protocol

from ringside.conversation import events as e
from ringside.openai import client_events, realtime, sideband


class Connection(Protocol):
    """A WebSocket of one call. `read` and `send` raise `websockets.exceptions.ConnectionClosed` once it is closed."""

    async def read(self, take: Callable[[str | bytes], bool]) -> None:
        """Have every message taken where it arrives, until `take` returns False: what follows is kept for the next."""
        ...

    async def send(self, frame: str) -> None: ...

    async def close(self) -> None: ...


class Contract(Protocol):
    async def attach(self, call_id: str, api_key: str) -> Connection:
        """Open a WebSocket to the call's session; raises `sideband.AttachError`."""
        ...

    def decode(self, frame: str | bytes) -> e.Event | e.Skipped: ...

    def encode(self, command: e.Command) -> str: ...


class RealtimeContract:
    """OpenAI's Realtime API."""

    # Called for every frame: the functions themselves, without a layer between.
    decode = staticmethod(realtime.decode)
    encode = staticmethod(client_events.encode)

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url

    async def attach(self, call_id: str, api_key: str) -> Connection:
        return await sideband.attach(self._base_url, call_id, api_key)
