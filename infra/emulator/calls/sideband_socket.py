"""One sideband connection: an outbox and the task that empties it onto the wire.

Emitting an event is then a plain function call that never waits for a slow reader, and
faults (slow frames, a freeze, a cut connection) concern the writer alone.
"""

import asyncio
import time
from collections import deque
from typing import Any, NamedTuple

from aiohttp import ClientConnectionResetError, WSMsgType, web

from infra.emulator.faults import CloseAfter

# A client that does not read is cut off rather than remembered for ever.
MAX_FRAMES = 100_000
CLOSE_TIMEOUT_S = 2.0


class Closing(NamedTuple):
    code: int | None
    reason: str


class SidebandSocket:
    def __init__(
        self,
        socket: web.WebSocketResponse,
        transport: asyncio.Transport | None,
        *,
        slow_s: float = 0.0,
        close_after: CloseAfter | None = None,
    ) -> None:
        self.opened_at = time.time()
        self.closed_at: float | None = None
        self.code: int | None = None
        self.events_sent = 0
        self.thawed = asyncio.Event()
        self.thawed.set()
        self._socket = socket
        self._transport = transport
        self._slow_s = slow_s
        self._close_after = close_after
        self._outbox: deque[bytes | Closing] = deque()
        self._wake = asyncio.Event()
        self._ending = False
        self._closed_with: int | None = None
        self._writer = asyncio.get_running_loop().create_task(self._write())

    def shown(self) -> dict[str, Any]:
        return {
            "opened_at": self.opened_at,
            "closed_at": self.closed_at,
            "code": self.code,
            "events_sent": self.events_sent,
        }

    def send(self, frame: bytes) -> None:
        self._outbox.append(frame)
        if len(self._outbox) > MAX_FRAMES:
            self.abort()
        self._wake.set()

    def close(self, code: int | None, reason: str = "") -> None:
        """Close after what was already sent; without a code the connection just ends, with no close frame."""
        self._outbox.append(Closing(code, reason))
        self._wake.set()

    def abort(self) -> None:
        """Cut the TCP connection: the client sees 1006."""
        if self._transport:
            self._transport.abort()
        self._writer.cancel()

    async def settled(self) -> None:
        """Let a close that is under way come to its end."""
        if self._ending:
            await asyncio.wait({self._writer}, timeout=CLOSE_TIMEOUT_S)

    def gone(self, code: int | None) -> None:
        """The connection is over, whoever ended it; 1006 is an end without a close frame."""
        self._writer.cancel()
        self.closed_at = time.time()
        self.code = self._closed_with or code

    async def _write(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._outbox:
                if not self.thawed.is_set():
                    await self.thawed.wait()
                frame = self._outbox.popleft()
                if isinstance(frame, Closing):
                    await self._end(frame)
                    return
                if self._slow_s:
                    await asyncio.sleep(self._slow_s)
                try:
                    await self._socket.send_frame(frame, WSMsgType.TEXT)
                except ClientConnectionResetError:
                    return
                self.events_sent += 1
                if self._close_after and self.events_sent > self._close_after.after_events:
                    code = self._close_after.code
                    await self._end(Closing(None if code == "abrupt" else int(code), ""))
                    return

    async def _end(self, closing: Closing) -> None:
        if closing.code is None:
            if self._transport:
                self._transport.abort()
            return
        self._ending = True
        self._closed_with = closing.code
        await self._socket.close(code=closing.code, message=closing.reason.encode())
