"""Lets containers reach what listens on 127.0.0.1: a forwarder on the one address where they reach this machine.

Only containers are let through, by where they connect from: on an address of this machine that others reach too,
nobody else gets in.
"""

import asyncio
import ipaddress
import socket
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from infra.local.engine import EngineError, Way
from infra.local.host import HOST

FREEBIND = 15
"""IP_FREEBIND of <linux/in.h>, which Python 3.11's socket does not name: podman makes its bridge with the first
container, and the address must be taken before."""


class Forwarder:
    """Forwards each of these ports of 127.0.0.1, while it is entered. Nothing is forwarded where that is not needed."""

    def __init__(self, way: Way, ports: Iterable[int]) -> None:
        self._way = way
        self._ports = {port: port for port in ports}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="forwarder", daemon=True)
        self._servers: list[asyncio.Server] = []
        self._connections: set[asyncio.Task[None]] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        if self._way.listen is not None:
            try:
                for port in self._ports:
                    self._ports[port] = asyncio.run_coroutine_threadsafe(self._serve(port), self._loop).result()
            except BaseException:
                self._stop()
                raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def url(self, value: str) -> str:
        """A URL as a container has to write it; what leads elsewhere stays as it is."""
        try:
            parts = urlsplit(value)
            port = self._ports.get(parts.port or 0)
        except ValueError:
            return value
        if parts.hostname != HOST or port is None:
            return value
        return parts._replace(netloc=f"{self._way.host}:{port}").geturl()

    def environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        """The variables of a process outside containers as one inside needs them."""
        return {name: self.url(value) for name, value in variables.items()}

    def _stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(self, target: int) -> int:
        listener = self._listen(target)
        peers = ipaddress.ip_network(self._way.peers)

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)
            with suppress(OSError, asyncio.CancelledError):
                if ipaddress.ip_address(writer.get_extra_info("peername")[0]) in peers:
                    await join(reader, writer, target)
            writer.close()

        self._servers.append(await asyncio.start_server(connected, sock=listener))
        port: int = listener.getsockname()[1]
        return port

    def _listen(self, target: int) -> socket.socket:
        """On the same port, so that addresses differ in the host only; on any other where that one is taken."""
        problem = ""
        for port in (target, 0):
            listener = socket.socket()
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.setsockopt(socket.SOL_IP, FREEBIND, 1)
                listener.bind((self._way.listen, port))
            except OSError as error:
                listener.close()
                problem = error.strerror or str(error)
            else:
                return listener
        raise EngineError(f"cannot listen for containers on {self._way.listen}: {problem}")


async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
    """Pass on what comes in either direction, until both have said all."""
    inner_reader, inner_writer = await asyncio.open_connection(HOST, port)
    try:
        await asyncio.gather(copy(reader, inner_writer), copy(inner_reader, writer))
    finally:
        inner_writer.close()


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy until the end, and pass the end on."""
    while chunk := await reader.read(2**16):
        writer.write(chunk)
        await writer.drain()
    with suppress(OSError):
        writer.write_eof()
