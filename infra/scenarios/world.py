"""What all runs share: stand-ins for AWS and OpenAI, and the endpoint of the webhook, on one event loop.

    async with World() as world:
        ...

The same programs as `make local` runs as processes. Here they are on one loop, so that they have one clock.
"""

import asyncio
import contextlib
import secrets
from typing import Any, Self

import httpx
from aiohttp import web

from infra.emulator.app import Emulator
from infra.emulator.settings import Settings
from infra.local import stack
from infra.local.aws import MAX_REQUEST_BYTES, Aws
from infra.local.clients import Clients
from infra.local.host import HOST
from infra.local.openai import OpenAI, new_webhook_secret
from infra.local.payload import Request as Received
from infra.local.payload import from_result, message, to_event
from ringside.aws.json_client import Keys
from ringside.intake import Intake

MAX_KEPT_CALLS = 10_000
KEY = "sk-scenarios"


class World:
    def __init__(self) -> None:
        self.openai = OpenAI(api_key=KEY, webhook_secret=new_webhook_secret())
        self._intakes: dict[str, Intake] = {}
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with self._stack as entering:
            await self._start(entering)
            self._stack = entering.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def _start(self, entering: contextlib.AsyncExitStack) -> None:
        aws = web.Application(client_max_size=MAX_REQUEST_BYTES)
        aws.router.add_route("*", "/{path:.*}", Aws().handle)
        self.aws_url = await _serve(aws, entering)
        webhooks = web.Application()
        webhooks.router.add_post("/webhook/{run}", self._webhook)
        self._webhook_url = await _serve(webhooks, entering)
        settings = Settings(kept_calls=MAX_KEPT_CALLS)
        self.emulator = await entering.enter_async_context(
            Emulator(webhook_secret=self.openai.webhook_secret, api_key=KEY, settings=settings)
        )
        self.aws = Clients(self.aws_url)
        self.credentials = Keys(self.aws.credentials)
        entering.callback(self.aws.close)
        await asyncio.get_running_loop().run_in_executor(None, self._create_table)

    def _create_table(self) -> None:
        """The table of the template, of which every run gets a copy."""
        # moto keeps what it has for the process: of an earlier world, too.
        httpx.post(f"{self.aws_url}/moto-api/reset", trust_env=False, timeout=10).raise_for_status()
        made = stack.create(self.aws, stack.secrets("", []), {})
        table: Any = self.aws.dynamodb.describe_table(TableName=made["Monitor"]["RINGSIDE_TABLE"])["Table"]
        indexes = [
            {name: index[name] for name in ("IndexName", "KeySchema", "Projection")}
            for index in table["GlobalSecondaryIndexes"]
        ]
        self._table = {
            "AttributeDefinitions": table["AttributeDefinitions"],
            "KeySchema": table["KeySchema"],
            "GlobalSecondaryIndexes": indexes,
            "BillingMode": "PAY_PER_REQUEST",
        }

    def new_table(self) -> str:
        """An empty table for one run: what is counted in it is counted for this run alone. Blocking."""
        name = f"run-{secrets.token_hex(6)}"
        self.aws.dynamodb.create_table(TableName=name, **self._table)
        return name

    def drop_table(self, name: str) -> None:
        """Blocking."""
        self.aws.dynamodb.delete_table(TableName=name)

    def listen(self, intake: Intake) -> str:
        """An URL where webhooks reach this intake."""
        run = secrets.token_hex(6)
        self._intakes[run] = intake
        return f"{self._webhook_url}/webhook/{run}"

    async def _webhook(self, request: web.Request) -> web.StreamResponse:
        """What API Gateway and the function do."""
        intake = self._intakes.get(request.match_info["run"])
        if intake is None:
            answer = message(404, "Not Found")
        else:
            body, headers = await request.read(), list(request.headers.items())
            received = Received(request.method, request.path, "", headers, body, HOST)
            event = to_event(received, route_key="POST /webhook", request_id="-", now=0)
            loop = asyncio.get_running_loop()
            given = await loop.run_in_executor(None, intake.handle, event["headers"], body)
            answer = from_result({"statusCode": given.status, "body": given.text})
        return web.Response(status=answer.status, body=answer.body)


async def _serve(application: web.Application, entering: contextlib.AsyncExitStack) -> str:
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    entering.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, HOST, 0).start()
    return f"http://{HOST}:{runner.addresses[0][1]}"
