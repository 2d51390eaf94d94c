"""websockets, and every event parsed: what a loop by hand begins with."""

import json
from collections.abc import Callable

import attach
from websockets.asyncio.client import connect


async def listen(base_url: str, call_id: str, attached: Callable[[], None]) -> None:
    async with connect(f"{base_url}/realtime?call_id={call_id}", compression=None) as connection:
        attached()
        async for frame in connection:
            json.loads(frame)


if __name__ == "__main__":
    attach.run(listen)
