"""The queue of calls on an event loop."""

import asyncio
from collections.abc import Sequence

from ringside.aws.call_queue import BATCH, Message, extending, messages, not_extended, receiving
from ringside.aws.json_client import Client

POLL_MARGIN = 5.0  # seconds that a long poll may take beyond what it waits


class AsyncQueue:
    def __init__(self, client: Client, url: str) -> None:
        self._client = client
        self._url = url

    async def receive(self, visibility: float, wait: float, most: int) -> list[Message]:
        """Long-poll for up to `wait` seconds; what comes is hidden from others for `visibility` seconds.

        Not tried again here: messages of an answer that was lost are hidden, and come later.
        """
        params = receiving(self._url, visibility, wait, most)
        return messages(await self._client.call("ReceiveMessage", params, wait + POLL_MARGIN, 1))

    async def hide(self, receipts: Sequence[str], seconds: float) -> int:
        """Keep any number of messages away from others; returns for how many that failed."""
        batches = [receipts[start : start + BATCH] for start in range(0, len(receipts), BATCH)]
        failed = await asyncio.gather(*(self._extend(batch, seconds) for batch in batches))
        return sum(map(len, failed))

    async def show(self, receipt: str) -> None:
        """Let another monitor have the message at once."""
        await self._extend([receipt], 0)

    async def delete(self, receipt: str) -> None:
        await self._client.call("DeleteMessage", {"QueueUrl": self._url, "ReceiptHandle": receipt})

    async def _extend(self, receipts: Sequence[str], seconds: float) -> set[str]:
        params = extending(self._url, receipts, seconds)
        return not_extended(await self._client.call("ChangeMessageVisibilityBatch", params), receipts)
