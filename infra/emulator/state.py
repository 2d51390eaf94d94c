"""What the emulator knows, and what rings: the calls, the settings and the scripts that all handlers share."""

import asyncio
from collections import OrderedDict, deque
from pathlib import Path
from typing import Any

from aiohttp import web

from infra.emulator.calls.call import Call
from infra.emulator.calls.plain_session import PlainSession
from infra.emulator.calls.sideband_socket import SidebandSocket
from infra.emulator.errors import BadInput
from infra.emulator.faults import Faults
from infra.emulator.scripts import script
from infra.emulator.scripts.script import Script
from infra.emulator.settings import Settings
from infra.emulator.webhooks import payloads, signature
from infra.emulator.webhooks.sender import Sender

KEPT_ATTEMPTS = 1000
"""Of deliveries that belong to no call: `GET /_emulator/webhooks` shows the latest."""

KEPT_SESSIONS = 100
"""Sessions without a call: `GET /_emulator/sessions` shows the latest."""


class State:
    """The state of one emulator. Request handlers know this and not the server."""

    def __init__(
        self,
        *,
        webhook_url: str | None = None,
        webhook_secret: str | None = None,
        api_key: str | None = None,
        scripts: Path | None = None,
        settings: Settings | None = None,
    ) -> None:
        self.webhook_url = webhook_url
        self.webhook_secret = webhook_secret or signature.new_secret()
        self.api_key = api_key
        self.settings = settings or Settings()
        self.scripts = script.load_all(script.SHIPPED, *([scripts] if scripts else []))
        self.calls: dict[str, Call] = {}
        self.sessions: deque[PlainSession] = deque(maxlen=KEPT_SESSIONS)
        self.text_requests: deque[dict[str, Any]] = deque(maxlen=KEPT_ATTEMPTS)
        """What /v1/responses was asked."""
        self.text_answers_used: dict[int, int] = {}
        """How often each entry of the setting `responses` has answered."""
        self.webhooks: deque[dict[str, Any]] = deque(maxlen=KEPT_ATTEMPTS)
        self.stopping = asyncio.Event()
        self._finished: OrderedDict[str, None] = OrderedDict()
        self._sender = Sender(self.webhook_secret)

    async def stop(self) -> None:
        """End every call and every delivery."""
        self.stopping.set()
        for call in self.calls.values():
            call.stop()
        for session in self.sessions:
            session.end()
        await self._sender.close()

    def find_script(self, wanted: object) -> Script:
        """The script of that name, or the one that is given as an object; `BadInput` if it is neither."""
        if not isinstance(wanted, str):
            return script.parse(wanted)
        if wanted not in self.scripts:
            raise BadInput(f"There is no script {wanted!r}; there are {', '.join(sorted(self.scripts))}.")
        return self.scripts[wanted]

    def ring(
        self,
        caller: str,
        called: str,
        played: Script,
        *,
        headers: payloads.Headers | None = None,
        faults: Faults | None = None,
        webhook_url: str | None = None,
    ) -> Call:
        """A phone rings: there is a call, and the webhook is on its way."""
        url = self._url(webhook_url)
        faults = faults or Faults()
        headers = headers if headers is not None else payloads.default_headers(caller, called)
        call = Call(caller, called, headers, played, faults, self.settings, self._forget_the_oldest)
        self.calls[call.call_id] = call
        security = faults.webhook.sip_media_security
        kinds = {"realtime.call.incoming": payloads.incoming(call.call_id, headers, security)}
        if faults.webhook.twin:
            kinds["live.transport.incoming"] = payloads.twin(call.call_id, headers, security)
        for kind, data in kinds.items():
            event = payloads.envelope(kind, data, faults.webhook.created_at_offset_s)
            self._sender.send(url, event, call.webhooks.append, faults.webhook)
        return call

    def open_session(self, socket: SidebandSocket, model: str) -> PlainSession:
        """A session without a call; its script is the one that the settings name."""
        named = self.settings.session_script
        played = self.find_script(named) if named is not None else Script(name="stand-in")
        session = PlainSession(socket, model, played, self.settings)
        self.sessions.append(session)
        return session

    def send_webhook(self, kind: str, data: dict[str, Any], faults: Faults, url: str | None) -> dict[str, Any]:
        """Any other event, known or unknown."""
        event = payloads.envelope(kind, data, faults.webhook.created_at_offset_s)
        self._sender.send(self._url(url), event, self.webhooks.append, faults.webhook)
        return event

    def _url(self, given: str | None) -> str:
        url = given or self.settings.webhook_url or self.webhook_url
        if url is None:
            raise BadInput("webhook_url is missing: neither the request nor the command line names one.")
        return url

    def _forget_the_oldest(self, call: Call) -> None:
        """A call has ended: of those that have, the ones that ended last are kept."""
        self._finished[call.call_id] = None
        while len(self._finished) > self.settings.kept_calls:
            call_id, _ = self._finished.popitem(last=False)
            del self.calls[call_id]


STATE = web.AppKey("state", State)
"""Where aiohttp's application carries it."""
