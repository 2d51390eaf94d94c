"""The emulator: one aiohttp server for REST, WebSocket and control on one origin."""

import asyncio
import ssl
from pathlib import Path
from typing import Any

from aiohttp import web

from infra.emulator import control, models, rest, script, sideband, sip, webhooks
from infra.emulator.call import Call
from infra.emulator.faults import Faults
from infra.emulator.keys import EMULATOR
from infra.emulator.problems import BadInput
from infra.emulator.script import Script
from infra.emulator.settings import Settings

LARGEST_BODY = 4 * 1024 * 1024


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
        self.webhook_url = webhook_url
        self.webhook_secret = webhook_secret or webhooks.new_secret()
        self.api_key = api_key
        self.settings = settings or Settings()
        self.scripts = script.load_all(script.SHIPPED, *([scripts] if scripts else []))
        self.calls: dict[str, Call] = {}
        self.webhooks: list[dict[str, Any]] = []
        self.stopping = asyncio.Event()
        self._host, self._port, self._tls = host, port, tls
        self._sender = webhooks.Sender(self.webhook_secret)
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> "Emulator":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        app = web.Application(client_max_size=LARGEST_BODY, middlewares=[rest.like_openai])
        app[EMULATOR] = self
        app.add_routes(models.routes())
        app.add_routes(rest.routes())
        app.add_routes(sideband.routes())
        app.add_routes(control.routes())
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port, ssl_context=self._tls, backlog=2048)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        self.stopping.set()
        for call in self.calls.values():
            call.stop()
        await self._sender.close()
        if self._runner:
            await self._runner.cleanup()

    @property
    def origin(self) -> str:
        return f"{'https' if self._tls else 'http'}://{self._host}:{self._port}"

    @property
    def base_url(self) -> str:
        """What OPENAI_BASE_URL is to be."""
        return f"{self.origin}/v1"

    @property
    def control_url(self) -> str:
        return f"{self.origin}/_emulator"

    # ------------------------------------------------------------------ what the control API does

    def find_script(self, wanted: object) -> Script:
        if not isinstance(wanted, str):
            return script.parse(wanted)
        if wanted not in self.scripts:
            raise BadInput(f"script {wanted!r} is not known; there are {', '.join(sorted(self.scripts))}.")
        return self.scripts[wanted]

    def ring(
        self,
        caller: str,
        called: str,
        played: Script,
        *,
        headers: sip.Headers | None = None,
        faults: Faults | None = None,
        webhook_url: str | None = None,
    ) -> Call:
        """A phone rings: there is a call, and the webhook is on its way."""
        url = webhook_url or self.settings.webhook_url or self.webhook_url
        if url is None:
            raise BadInput("webhook_url is missing: neither the request nor the command line names one.")
        faults = faults or Faults()
        headers = headers if headers is not None else sip.default_headers(caller, called)
        call = Call(caller, called, headers, played, faults, self.settings)
        self.calls[call.call_id] = call
        data = sip.incoming(call.call_id, headers, faults.webhook.sip_media_security)
        event = webhooks.envelope("realtime.call.incoming", data)
        event["created_at"] += faults.webhook.created_at_offset_s
        self._sender.send(url, event, call.webhooks.append, faults.webhook)
        if faults.webhook.twin:
            event = webhooks.envelope("live.transport.incoming", sip.twin(call.call_id, headers))
            self._sender.send(url, event, call.webhooks.append, faults.webhook)
        return call

    def send_webhook(self, kind: str, data: dict[str, Any], faults: Faults, url: str | None) -> dict[str, Any]:
        """Any other event, known or unknown."""
        url = url or self.settings.webhook_url or self.webhook_url
        if url is None:
            raise BadInput("webhook_url is missing: neither the request nor the command line names one.")
        event = webhooks.envelope(kind, data)
        event["created_at"] += faults.webhook.created_at_offset_s
        self._sender.send(url, event, self.webhooks.append, faults.webhook)
        return event
