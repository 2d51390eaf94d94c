"""What a monitor and its tools' process say to each other: JSON objects, each behind its length in four bytes."""

import asyncio
import json
import socket
from collections.abc import Mapping
from typing import Any

Message = dict[str, Any]


def pack(message: Mapping[str, Any]) -> bytes:
    body = json.dumps(message).encode()
    return len(body).to_bytes(4, "big") + body


async def receive(reader: asyncio.StreamReader) -> Message | None:
    """The next message; None if the other side is gone."""
    try:
        length = int.from_bytes(await reader.readexactly(4), "big")
        return _object(await reader.readexactly(length))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


def receive_blocking(connection: socket.socket) -> Message | None:
    """The next message; None if the other side is gone. Raises `TimeoutError` as the socket is set."""
    length = _exactly(connection, 4)
    body = None if length is None else _exactly(connection, int.from_bytes(length, "big"))
    return None if body is None else _object(body)


def _exactly(connection: socket.socket, length: int) -> bytes | None:
    found = b""
    while len(found) < length:
        try:
            more = connection.recv(length - len(found))
        except ConnectionError:
            return None
        if not more:
            return None
        found += more
    return found


def _object(body: bytes) -> Message:
    message: Message = json.loads(body)
    return message
