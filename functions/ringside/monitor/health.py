"""Whether the monitor of this container can do its work: `python -m ringside.monitor.health` asks it.

The monitor's event loop answers on an abstract Unix socket, which needs no file on a read-only disk and is seen in
this container only: a loop that is stuck does not answer, and a monitor that has lost its lease says so. ECS runs the
check every few seconds (infra/monitor.yaml), so nothing is imported here that the asking side does not need.
"""

import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

ADDRESS = "\0ringside-monitor"
ANSWER_SECONDS = 4.0
"""Less than the health check's own time-out: what is wrong is said rather than cut off."""

HOLDS = b"holds its lease"


@asynccontextmanager
async def answering(holds: Callable[[], bool], address: str = ADDRESS) -> AsyncIterator[None]:
    """Answer as long as this is entered. `holds`: whether the monitor's calls are surely still its own.

    Where the address is taken, or the system has no abstract sockets, nobody is answered: several monitors run on a
    laptop, and nothing checks their health there.
    """
    import asyncio

    async def answer(reader: "asyncio.StreamReader", writer: "asyncio.StreamWriter") -> None:
        writer.write(HOLDS if holds() else b"has lost its lease")
        writer.close()

    listener = socket.socket(socket.AF_UNIX)
    try:
        listener.bind(address)
    except (OSError, ValueError):
        listener.close()
        yield
        return
    server = await asyncio.start_unix_server(answer, sock=listener)
    try:
        yield
    finally:
        server.close()


def ask(address: str = ADDRESS, seconds: float = ANSWER_SECONDS) -> bytes:
    """What the monitor says of itself; `OSError` if it says nothing."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(seconds)
        connection.connect(address)
        said = b""
        while chunk := connection.recv(64):
            said += chunk
        return said


def main() -> int:
    try:
        said = ask()
    except OSError as error:
        print(f"the monitor does not answer: {error}", file=sys.stderr)
        return 1
    print(f"the monitor {said.decode()}")
    return 0 if said == HOLDS else 1


if __name__ == "__main__":
    sys.exit(main())
