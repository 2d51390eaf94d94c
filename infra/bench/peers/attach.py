"""What the peers share: so many calls over one process, all on uvloop, which Ringside has too.

    python PEER.py BASE_URL CALLS

BASE_URL is that of the sidebands (`wss://...`). Each call is listened to until the process is ended.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable

import uvloop

ATTACHING = 32
"""Calls that are being attached to at the same time, which Ringside limits too."""

Attach = Callable[[str, str, Callable[[], None]], Awaitable[None]]
"""Listens to a call, by base URL and call id; calls what it is given once it is attached."""


def run(attach: Attach) -> None:
    uvloop.run(_attach_all(attach, sys.argv[1], int(sys.argv[2])))


async def _attach_all(attach: Attach, base_url: str, calls: int) -> None:
    attaching = asyncio.Semaphore(ATTACHING)

    async def one(call_id: str) -> None:
        await attaching.acquire()
        await attach(base_url, call_id, attaching.release)

    await asyncio.gather(*(one(f"call-{number}") for number in range(calls)))
