"""OpenAI's Agents SDK: its runner for calls over SIP, which keeps the conversation in memory and writes nothing."""

from collections.abc import Callable

import attach
from agents.realtime import OpenAIRealtimeSIPModel, RealtimeAgent, RealtimeRunner

from agents import set_tracing_disabled

AGENT = RealtimeAgent(name="desk", instructions="You work at the service desk of Example Corp. Be brief.")


async def listen(base_url: str, call_id: str, attached: Callable[[], None]) -> None:
    runner = RealtimeRunner(AGENT, model=OpenAIRealtimeSIPModel(), config={"tracing_disabled": True})
    url = f"{base_url}/realtime?call_id={call_id}"
    session = await runner.run(model_config={"api_key": "sk-bench", "call_id": call_id, "url": url})
    async with session:
        attached()
        async for _ in session:
            pass


if __name__ == "__main__":
    set_tracing_disabled(True)
    attach.run(listen)
