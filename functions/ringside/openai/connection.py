"""A WebSocket whose messages are taken where they arrive: without a queue, a future and a change of task for each.

The handshake, pings, limits and the closing are those of websockets; this is the way of what a server sends alone
(`ClientConnection.process_event`, and `create_connection` of `connect`, which is there for subclasses). A third of the
CPU of an event went into `recv`, and a third into the library's parser of frames: so unfragmented text, which is all
that a session says, is cut out of what arrives here (RFC 6455, 5.2). Every other frame goes to the library, whole.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.datastructures import Headers
from websockets.exceptions import ConcurrencyError
from websockets.frames import CONT, DATA_OPCODES, TEXT, Frame
from websockets.http11 import Response
from websockets.protocol import CLOSED, CONNECTING, OPEN, Event

FAIR_SHARE = 64
"""Messages of one connection that are taken before the event loop sees to the others."""

MAX_WAITING, FEW_WAITING = 64, 16
"""With more messages that wait for a reader the socket is not read any more, until there are few."""

WHOLE_TEXT = 0x81
"""How an unfragmented text frame without extensions begins."""

LENGTH_16, MASKED = 126, 128
"""In a frame's second byte: the length is in the next two bytes (127: eight); and what a server must not send."""

_UPGRADED = Response(101, "Switching Protocols", Headers())
"""What every open connection was answered with: websockets asks whether there was an answer."""

Take = Callable[[str | bytes], bool]


class MessageConnection(ClientConnection):
    """Hands messages over to one reader at a time, in order, and keeps those for which there is none."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._waiting: deque[str | bytes] = deque()
        self._take: Take | None = None
        self._done: asyncio.Future[None] | None = None
        self._share = FAIR_SHARE
        self._goes_on: asyncio.Handle | None = None
        self._fragments: bytearray | None = None
        self._is_text = True  # what comes in fragments
        self._is_paused = False
        self._partial: bytearray | None = None  # a frame of which more is to come
        self._complete_at = 0  # bytes of it, header included, as far as is known

    def forget_handshake(self) -> None:
        """Let go of the headers of both sides: kilobytes for each call, the API key among them."""
        self.request, self.response = None, _UPGRADED

    async def read(self, take: Take) -> None:
        """Have every message taken, until `take` returns False. The next `read` begins behind that message.

        `take` gets text as str, and anything else as bytes: binary messages, and text that is not UTF-8. Raises what it
        raises; and `ConnectionClosed` once everything was taken and the connection is closed.
        """
        if self._done is not None:
            raise ConcurrencyError("the messages have a reader")
        self._take, self._done = take, self.loop.create_future()
        try:
            self._hand_over()
            await self._done
        finally:
            self._take = self._done = None
            if self._goes_on is not None:
                self._goes_on.cancel()
                self._goes_on = None

    # --- what websockets calls ---

    def data_received(self, data: bytes) -> None:
        self._share = FAIR_SHARE
        if self._partial is not None:
            self._partial += data
            if len(self._partial) < self._complete_at:
                return
            data, self._partial = bytes(self._partial), None
        if self.protocol.state is OPEN:
            self._cut(data)
        elif self.protocol.state is CONNECTING:
            self._upgrade(data)
        else:
            super().data_received(data)

    def process_event(self, event: Event) -> None:
        if isinstance(event, Frame) and event.opcode in DATA_OPCODES:
            if event.opcode is TEXT and event.fin:
                self._arrived(_text(event.data))
            else:
                self._assemble(event)
        else:
            super().process_event(event)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._take is not None and not self._waiting:
            self._stop(self.close_exc)

    # --- from the socket to the reader ---

    def _upgrade(self, data: bytes) -> None:
        """Give the protocol no more than the answer to the handshake: what follows it are frames."""
        start = 0
        for line in data.splitlines(keepends=True):
            super().data_received(line)
            start += len(line)
            if self.protocol.state is OPEN:
                self._cut(data[start:])
                return

    def _cut(self, data: bytes) -> None:
        """Take the text out of whole frames. The protocol is between two frames, before and after."""
        protocol, start, end = self.protocol, 0, len(data)
        complete_at = 2
        while start + complete_at <= end:
            length, body = data[start + 1], start + 2
            if length >= LENGTH_16:
                if length >= MASKED:
                    super().data_received(data[start:])  # which refuses it
                    return
                body = start + (4 if length == LENGTH_16 else 10)
                if end < body:
                    complete_at = body - start
                    break
                length = int.from_bytes(data[start + 2 : body], "big")
            if length > (protocol.max_message_size or length):
                super().data_received(data[start:])
                return
            stop = body + length
            if stop > end:
                complete_at = stop - start
                break
            if data[start] == WHOLE_TEXT and protocol.current_size is None:
                self._arrived(_text(data[body:stop]))
            else:
                super().data_received(data[start:stop])
                if protocol.state is not OPEN:
                    super().data_received(data[stop:])
                    return
            start = stop
        if start < end:
            self._partial, self._complete_at = bytearray(data[start:]), complete_at

    def _assemble(self, frame: Frame) -> None:
        """A binary message, or a part of one. The protocol has checked the order, and how large it is all in all."""
        if frame.opcode is not CONT:
            self._fragments, self._is_text = bytearray(), frame.opcode is TEXT
        if self._fragments is None:
            return
        self._fragments += frame.data
        if frame.fin:
            whole, self._fragments = self._fragments, None
            self._arrived(_text(whole) if self._is_text else bytes(whole))

    def _arrived(self, message: str | bytes) -> None:
        if self._take is not None and self._share and not self._waiting:
            self._give(self._take, message)
            return
        self._waiting.append(message)
        if self._take is not None and self._goes_on is None:
            self._goes_on = self.loop.call_soon(self._hand_over)
        if len(self._waiting) > MAX_WAITING and not self._is_paused and not self.transport.is_closing():
            self._is_paused = True
            self.transport.pause_reading()

    def _hand_over(self) -> None:
        """Give the reader a share of what waits, or tell it that no more will come."""
        self._goes_on = None
        self._share = FAIR_SHARE
        while self._waiting and self._share and self._take is not None:
            self._give(self._take, self._waiting.popleft())
        if self._is_paused and len(self._waiting) <= FEW_WAITING and not self.transport.is_closing():
            self._is_paused = False
            self.transport.resume_reading()
        if self._take is None:
            return
        if self._waiting:
            self._goes_on = self.loop.call_soon(self._hand_over)
        elif self.protocol.state is CLOSED and self.connection_lost_waiter.done():
            self._stop(self.close_exc)

    def _give(self, take: Take, message: str | bytes) -> None:
        self._share -= 1
        try:
            if not take(message):
                self._stop()
        except Exception as error:
            self._stop(error)

    def _stop(self, error: Exception | None = None) -> None:
        """The reader gets nothing more."""
        self._take = None
        if self._done is None or self._done.done():
            return
        if error is None:
            self._done.set_result(None)
        else:
            self._done.set_exception(error)


def _text(data: bytes | bytearray | memoryview) -> str | bytes:
    try:
        return str(data, "utf-8")
    except UnicodeDecodeError:
        return bytes(data)
