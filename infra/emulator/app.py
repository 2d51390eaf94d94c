"""The emulator: one aiohttp server for REST, WebSocket and control on one origin."""

import ssl
from pathlib import Path

from aiohttp import web

from infra.emulator.control import endpoints
from infra.emulator.openai_api import answers, call_control, models, responses, sideband
from infra.emulator.settings import Settings
from infra.emulator.state import STATE, State

MAX_BODY_BYTES = 4 * 1024 * 1024


class Emulator:
    """`async with Emulator(webhook_url=...) as emulator:` and OpenAI answers at `emulator.base_url`."""

    def __init__(
        self,
        *,
        webhook_url: str | None = None,
        webhook_secret: str | None = None,
        api_key: str | None = None,
        scripts: Path | None = None,
        settings: Settings | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.state = State(
            webhook_url=webhook_url, webhook_secret=webhook_secret, api_key=api_key, scripts=scripts, settings=settings
        )
        self._host, self._port, self._tls = host, port, tls
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> "Emulator":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        app = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=[answers.like_openai])
        app[STATE] = self.state
        for part in (call_control, models, responses, sideband, endpoints):
            app.add_routes(part.routes())
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port, ssl_context=self._tls, backlog=2048)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        await self.state.stop()
        if self._runner:
            await self._runner.cleanup()

    @property
    def webhook_secret(self) -> str:
        return self.state.webhook_secret

    @property
    def origin(self) -> str:
        return f"{'https' if self._tls else 'http'}://{self._host}:{self._port}"

    @property
    def base_url(self) -> str:
        """The value for OPENAI_BASE_URL."""
        return f"{self.origin}/v1"

    @property
    def control_url(self) -> str:
        return f"{self.origin}/_emulator"
