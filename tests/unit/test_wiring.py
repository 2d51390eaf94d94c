"""What the monitor's adapters are built from."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from ringside import settings
from ringside.aws.json_client import CONNECTIONS
from ringside.aws.ownership import Ownership
from ringside.monitor.async_queue import AsyncQueue
from ringside.wiring import Wiring
from tests.unit.test_settings import LEAST


class SlowTable:
    """AWS whose transactions are not answered, and everything else at once."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.is_let_go = asyncio.Event()

    async def handle(self, request: web.Request) -> web.Response:
        operation = request.headers["X-Amz-Target"].rpartition(".")[2]
        self.asked.append(operation)
        if operation == "TransactWriteItems":
            await self.is_let_go.wait()
        return web.json_response({})


@pytest.fixture
async def aws(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SlowTable]:
    table, application = SlowTable(), web.Application()
    application.router.add_post("/", table.handle)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    environment = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{runner.addresses[0][1]}",
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "AWS_DEFAULT_REGION": "eu-central-1",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    yield table
    table.is_let_go.set()
    await runner.cleanup()


async def test_a_heartbeat_and_the_messages_of_calls_do_not_wait_behind_writes_that_are_slow(aws: SlowTable) -> None:
    wiring = Wiring(settings.load({**LEAST, "RINGSIDE_EVENT_BUS": ""}), "monitor")
    record, queue = wiring.async_record, AsyncQueue(wiring.async_sqs, "https://sqs.example/q")

    async def claim(number: int) -> Any:
        return await record.claim_effect(Ownership(f"rtc_{number}", "me", 1), "greeting", None, None, "token")

    claims = [asyncio.create_task(claim(number)) for number in range(CONNECTIONS + 10)]
    async with asyncio.timeout(20):
        while aws.asked.count("TransactWriteItems") < CONNECTIONS:
            await asyncio.sleep(0.01)
        await record.beat("me", 1.0, 70, 140, 1, draining=False)
        await queue.hide(["receipt"], 12)
    assert aws.asked.count("TransactWriteItems") == CONNECTIONS  # the others wait for a connection
    assert aws.asked[-2:] == ["PutItem", "ChangeMessageVisibilityBatch"]

    aws.is_let_go.set()
    assert all(await asyncio.gather(*claims))
    await wiring._close_connections()
