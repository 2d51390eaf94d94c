"""The queue of calls for asyncio: its blocking methods, in threads."""

import asyncio
from collections.abc import Sequence

from ringside.aws.call_queue import BATCH, CallQueue, Message
from ringside.monitor.threads import Threads


class AsyncQueue:
    def __init__(self, queue: CallQueue, threads: Threads) -> None:
        self._queue = queue
        self._run = threads.queue.run
        self._run_poll = threads.polls.run

    async def receive(self, visibility: float, wait: float, most: int) -> list[Message]:
        """Long-poll for up to `wait` seconds; what comes is hidden from others for `visibility` seconds."""
        return await self._run_poll(self._queue.receive, visibility, wait, most)

    async def hide(self, receipts: Sequence[str], seconds: float) -> int:
        """Keep any number of messages away from others; returns for how many that failed."""
        batches = [receipts[start : start + BATCH] for start in range(0, len(receipts), BATCH)]
        failed = await asyncio.gather(*(self._run(self._queue.extend, batch, seconds) for batch in batches))
        return sum(map(len, failed))

    async def show(self, receipt: str) -> None:
        """Let another monitor have the message at once."""
        await self._run(self._queue.extend, [receipt], 0)

    async def delete(self, receipt: str) -> None:
        await self._run(self._queue.delete, receipt)
