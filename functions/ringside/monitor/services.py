"""What all calls of a monitor share."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from ringside.monitor.async_record import AsyncRecord
from ringside.monitor.clock import Time
from ringside.monitor.contract import Connection, Contract
from ringside.monitor.threads import Threads
from ringside.monitor.tool_runner import ToolRunner
from ringside.openai.call_control import CallControl, Reply
from ringside.prices import Prices
from ringside.telemetry import Metrics

ATTACHING = 64
"""Sidebands that are being opened at the same time: a herd gets through sooner one after the other."""


async def _nothing() -> None: ...


@dataclass
class Services:
    record: AsyncRecord
    control: CallControl
    contract: Contract
    api_key: Callable[[bool], str]
    """OpenAI's key; blocking. True: read it again, it was refused."""
    tools: ToolRunner
    prices: Prices
    metrics: Metrics
    threads: Threads
    holds: Callable[[], bool]
    """Whether this monitor can still prove that its calls are its own."""
    attach_window: float
    """Seconds for which a 404 after the accept means "not yet"."""
    close: Callable[[], Awaitable[None]] = _nothing
    """Close the connections that all calls share."""
    time: Time = field(default_factory=Time)
    attaching: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(ATTACHING))

    async def attach(self, call_id: str, refresh: bool = False) -> Connection:
        """Open a sideband of the call, with the key read again if `refresh`; raises `sideband.AttachError`."""
        async with self.attaching:
            key = await self.threads.openai.run(self.api_key, refresh)
            return await self.contract.attach(call_id, key)

    async def hang_up(self, call_id: str) -> Reply:
        return await self.threads.openai.run(self.control.hang_up, call_id)

    async def refer(self, call_id: str, uri: str) -> Reply:
        return await self.threads.openai.run(self.control.refer, call_id, uri)
