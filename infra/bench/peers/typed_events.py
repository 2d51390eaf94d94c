"""OpenAI's package, whose events are typed."""

from collections.abc import Callable

import attach
from openai import AsyncOpenAI

clients: dict[str, AsyncOpenAI] = {}


async def listen(base_url: str, call_id: str, attached: Callable[[], None]) -> None:
    client = clients.setdefault(base_url, AsyncOpenAI(api_key="sk-bench", base_url=base_url.replace("wss:", "https:")))
    async with client.realtime.connect(call_id=call_id) as connection:
        attached()
        async for _ in connection:
            pass


if __name__ == "__main__":
    attach.run(listen)
