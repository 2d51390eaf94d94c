"""The least that can be done: websockets reads, and nobody looks."""

from collections.abc import Callable

import attach
from websockets.asyncio.client import connect


async def listen(base_url: str, call_id: str, attached: Callable[[], None]) -> None:
    async with connect(f"{base_url}/realtime?call_id={call_id}", compression=None) as connection:
        attached()
        async for _ in connection:
            pass


if __name__ == "__main__":
    attach.run(listen)
