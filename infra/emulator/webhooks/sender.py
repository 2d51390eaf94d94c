"""Sends signed webhooks and repeats them until they are answered (facts 1.1 to 1.3)."""

import asyncio
import json
import secrets
import time
from collections.abc import Callable
from typing import Any

import aiohttp

from infra.emulator.faults import WebhookFaults
from infra.emulator.webhooks.signature import key_of, new_secret, sign

Note = Callable[[dict[str, Any]], None]
USER_AGENT = "OpenAI/1.0 (+https://platform.openai.com/docs/webhooks)"
REORDER_PATIENCE_S = 5.0


class Sender:
    """Delivers events to one URL, each at least once, in no promised order."""

    def __init__(self, secret: str) -> None:
        key_of(secret)  # a bad one is refused now, not at the first call
        self.secret = secret
        self._session: aiohttp.ClientSession | None = None
        self._delivered = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def send(self, url: str, event: dict[str, Any], note: Note, faults: WebhookFaults | None = None) -> None:
        """Begin to deliver; every attempt is noted with its status or its error."""
        faults = faults or WebhookFaults()
        task = asyncio.get_running_loop().create_task(self._deliver(url, event, note, faults))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session:
            await self._session.close()

    async def _deliver(self, url: str, event: dict[str, Any], note: Note, faults: WebhookFaults) -> None:
        body = json.dumps(event, ensure_ascii=False).encode()
        webhook_id = f"wh_{secrets.token_hex(16)}"
        if faults.delay_s:
            await asyncio.sleep(faults.delay_s)
        if faults.reorder:
            await self._let_another_pass()
        copies = [self._until_answered(url, webhook_id, body, note, faults) for _ in range(1 + faults.duplicates)]
        await asyncio.gather(*copies)

    async def _let_another_pass(self) -> None:
        """Out of order: this one waits until a later one was delivered."""
        try:
            async with asyncio.timeout(REORDER_PATIENCE_S):
                await self._delivered.wait()
        except TimeoutError:
            pass

    async def _until_answered(self, url: str, webhook_id: str, body: bytes, note: Note, faults: WebhookFaults) -> None:
        waits = [*faults.retry.backoff, None]
        for attempt, wait in enumerate(waits):
            result: dict[str, Any] = {"at": time.time(), "webhook_id": webhook_id}
            if attempt < faults.drop_first:
                result["error"] = "dropped on purpose"
            else:
                result |= await self._attempt(url, webhook_id, body, faults)
            note(result)
            if 200 <= result.get("status", 0) < 300:
                self._delivered.set()
                self._delivered = asyncio.Event()
                return
            if wait is not None:
                await asyncio.sleep(wait)

    async def _attempt(self, url: str, webhook_id: str, body: bytes, faults: WebhookFaults) -> dict[str, Any]:
        timestamp = int(time.time()) + faults.timestamp_offset_s  # of this attempt, not of the event (facts 1.1)
        secret = new_secret() if faults.bad_signature else self.secret
        signature = sign(secret, webhook_id, timestamp, body)
        if faults.two_signatures:  # as while a secret is being rotated (facts 1.2)
            signature = f"{sign(new_secret(), webhook_id, timestamp, body)} {signature}"
        headers = {
            "user-agent": USER_AGENT,
            "content-type": "application/json",
            "webhook-id": webhook_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signature,
        }
        timeout = aiohttp.ClientTimeout(total=faults.retry.timeout_s)
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=200))
        try:
            # 3xx are not followed and count as failures (facts 1.3).
            async with self._session.post(
                url, data=body, headers=headers, timeout=timeout, allow_redirects=False
            ) as answer:
                await answer.read()
                return {"status": answer.status}
        except TimeoutError:
            return {"error": f"no answer within {faults.retry.timeout_s:g} s"}
        except aiohttp.ClientError as error:
            return {"error": f"{type(error).__name__}: {error}"}
