"""A small client of the control API, for tests and demos: ring, look, wait.

async with Control(emulator.control_url) as control:
    call_id = await control.ring(script="opening-hours")
    call = await control.until_ended(call_id)
"""

import asyncio
import ssl
import time
from collections.abc import Callable
from typing import Any, Self

import httpx

CALLER = "+14255550112"
CALLED = "+18005551212"
Shown = dict[str, Any]


class NotInTime(AssertionError):
    """A call did not come to what was waited for; the text shows how far it came."""


def until_next_look(waited: float) -> float:
    """The pause before the next look at something that was waited for so many seconds: a twentieth of them.

    Each look takes some milliseconds of both sides' processors, which what is waited for may need.
    """
    return min(max(waited / 20, 0.01), 0.2)


class Control:
    def __init__(self, control_url: str, tls: ssl.SSLContext | None = None) -> None:
        # Over plain HTTP an empty context does, and saves reading every certificate authority there is.
        context = tls or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._http = httpx.AsyncClient(trust_env=False, base_url=control_url, timeout=10, verify=context)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def ring(
        self,
        caller: str = CALLER,
        called: str = CALLED,
        *,
        script: str | dict[str, Any] = "opening-hours",
        **more: Any,
    ) -> str:
        """A phone rings; the call's id. `more`: sip_headers, faults, webhook_url."""
        answer = await self.post("/calls", {"from": caller, "to": called, "script": script, **more})
        return str(answer["call_id"])

    async def shown(self, call_id: str) -> Shown:
        """Everything the emulator knows of a call."""
        return self._checked(await self._http.get(f"/calls/{call_id}"))

    async def calls(self) -> list[Shown]:
        found: list[Shown] = self._checked(await self._http.get("/calls"))["calls"]
        return found

    async def sessions(self) -> list[Shown]:
        """The sessions without a call, oldest first."""
        found: list[Shown] = self._checked(await self._http.get("/sessions"))["sessions"]
        return found

    async def hang_up(self, call_id: str) -> None:
        await self.post(f"/calls/{call_id}/hangup")

    async def say(self, call_id: str, text: str) -> None:
        await self.post(f"/calls/{call_id}/say", {"text": text})

    async def press(self, call_id: str, digits: str) -> None:
        await self.post(f"/calls/{call_id}/dtmf", {"digits": digits})

    async def drop(self, call_id: str, code: int | None = None) -> None:
        await self.post(f"/calls/{call_id}/drop", {"code": code})

    async def settings(self, **changes: Any) -> dict[str, Any]:
        return await self.post("/settings", changes)

    async def send_webhook(self, kind: str, data: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
        return await self.post("/webhooks", {"type": kind, "data": data or {}, **more})

    async def until(self, call_id: str, ready: Callable[[Shown], Any], within_s: float = 10.0) -> Shown:
        """The call as soon as `ready` holds of it; `NotInTime` when it never does."""
        call: Shown = {}
        began = time.monotonic()
        try:
            async with asyncio.timeout(within_s):
                while not ready(call := await self.shown(call_id)):  # noqa: ASYNC110 - nothing to await across HTTP
                    await asyncio.sleep(until_next_look(time.monotonic() - began))
        except TimeoutError:
            raise NotInTime(f"not within {within_s:g} s: {call}") from None
        return call

    async def until_ended(self, call_id: str, within_s: float = 10.0) -> Shown:
        """The call once it is over, whether it ended, was rejected or was missed."""
        over = ("ended", "rejected", "missed")
        return await self.until(call_id, lambda call: call["state"] in over, within_s)

    async def post(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        return self._checked(await self._http.post(path, json=body or {}))

    @staticmethod
    def _checked(answer: httpx.Response) -> dict[str, Any]:
        body: dict[str, Any] = answer.json()
        if answer.is_error:
            raise ValueError(body.get("error", answer.text))
        return body
