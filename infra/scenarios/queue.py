"""The queue of calls between webhook and monitor of one run, in this process."""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from itertools import count

from ringside.aws.call_queue import CallQueue, Message
from ringside.monitor.async_queue import AsyncQueue


class LocalQueue(AsyncQueue):
    """The monitor's side, on its loop: nothing is ever delivered twice, since nothing is lost."""

    def __init__(self) -> None:
        self.webhooks = WebhooksQueue(self, asyncio.get_running_loop())
        self._messages: deque[Message] = deque()
        self._changed = asyncio.Event()
        self._numbers = count(1)
        self._closed = False

    def add(self, call_id: str) -> None:
        number = f"message-{next(self._numbers)}"
        self._messages.append(Message(number, number, call_id, time.time(), 1))
        self._changed.set()

    def close(self) -> None:
        """Whoever receives is given nothing, at once."""
        self._closed = True
        self._changed.set()

    async def receive(self, visibility: float, wait: float, most: int) -> list[Message]:
        """Waits for as long as it takes: a poll that ends and begins again would only hold the clock up."""
        while not self._messages and not self._closed:
            self._changed.clear()
            await self._changed.wait()
        return [self._messages.popleft() for _ in range(min(most, len(self._messages)))]

    async def hide(self, receipts: Sequence[str], seconds: float) -> int:
        return 0

    async def show(self, receipt: str) -> None:
        pass

    async def delete(self, receipt: str) -> None:
        pass


class WebhooksQueue(CallQueue):
    """The webhook's side, for any thread."""

    def __init__(self, queue: LocalQueue, loop: asyncio.AbstractEventLoop) -> None:
        self._queue = queue
        self._loop = loop

    def send(self, call_id: str) -> None:
        # Before the thread that sends is done, and while it is not, no time is skipped.
        self._loop.call_soon_threadsafe(self._queue.add, call_id)
