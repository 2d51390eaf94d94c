"""What tests of the emulator, and with it, share: a webhook receiver, a supervisor, and a strict judge.

The judge is OpenAI's own package: an event is good when the class that the package has
for its type validates it with nothing missing and nothing left over.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cache
from typing import Any, Self, get_args

from aiohttp import web
from openai import AsyncOpenAI, BaseModel
from openai.types.realtime.realtime_server_event import RealtimeServerEvent
from pydantic import TypeAdapter
from websockets.exceptions import ConnectionClosed

from infra.emulator.app import Emulator
from infra.emulator.client import Control
from infra.emulator.settings import Settings

Event = dict[str, Any]

# On the wire, in official examples, and yet not in the types (facts 3.7, appendix E).
_KNOWN_EXTRAS = {
    ("RealtimeSessionCreateRequest", "id"),
    ("RealtimeSessionCreateRequest", "object"),
    ("RealtimeSessionCreateRequest", "expires_at"),
    ("ResponseAudioTranscriptDeltaEvent", "obfuscation"),
    ("ResponseTextDeltaEvent", "obfuscation"),
}


@cache
def server_event_types() -> dict[str, TypeAdapter[Any]]:
    """The package's class for each type of server event."""
    union = get_args(get_args(RealtimeServerEvent)[0])
    return {get_args(each.model_fields["type"].annotation)[0]: TypeAdapter(each) for each in union}


def judge(event: Event) -> str:
    """The event's type, when the official class of that type accepts it strictly; else an AssertionError."""
    kind = event.get("type")
    assert kind in server_event_types(), f"{kind!r} is not an event of the API: {event}"
    parsed = server_event_types()[kind].validate_python(event, strict=True)
    extras = _extras(parsed)
    assert not extras, f"{kind} has fields that its type does not know: {extras}"
    return str(kind)


def _extras(value: Any) -> list[tuple[str, str]]:
    if isinstance(value, list):
        return [extra for each in value for extra in _extras(each)]
    if not isinstance(value, BaseModel):
        return []
    name = type(value).__name__
    found = [(name, extra) for extra in value.model_extra or {} if (name, extra) not in _KNOWN_EXTRAS]
    return found + [extra for field in type(value).model_fields for extra in _extras(getattr(value, field))]


class Receiver:
    """A webhook endpoint that keeps what it gets and answers as a test wants."""

    def __init__(self) -> None:
        self.deliveries: list[tuple[dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        self.answer_after_s = 0.0
        self.url = ""
        self._arrived = asyncio.Condition()

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/webhook", self._receive)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/webhook"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _receive(self, request: web.Request) -> web.Response:
        async with self._arrived:
            self.deliveries.append((dict(request.headers), await request.read()))
            self._arrived.notify_all()
        await asyncio.sleep(self.answer_after_s)
        status = self.statuses.pop(0) if self.statuses else 200
        return web.Response(status=status, headers={"location": "/webhook"} if status < 400 else {})

    async def until(self, count: int, within_s: float = 10.0) -> list[tuple[dict[str, str], bytes]]:
        """The deliveries as soon as there are so many."""
        async with asyncio.timeout(within_s), self._arrived:
            await self._arrived.wait_for(lambda: len(self.deliveries) >= count)
        return self.deliveries


class Supervisor:
    """The other side of a sideband, driven by the official package: greets, answers tools, keeps every event."""

    def __init__(
        self,
        client: AsyncOpenAI,
        call_id: str,
        *,
        greet: bool = True,
        on_event: Callable[[Event, Any], Any] | None = None,
        follow_up: Callable[[Event], bool] = lambda item: item["name"] != "hang_up",
    ) -> None:
        self.events: list[Event] = []
        self.frames: list[str] = []
        self.close_code: int | None = None
        self.connection: Any = None
        self._client, self._call_id = client, call_id
        self._greet, self._on_event, self._follow_up = greet, on_event, follow_up
        self._arrived = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._manager = self._client.realtime.connect(call_id=self._call_id)
        self.connection = await self._manager.__aenter__()
        if self._greet:
            await self.connection.response.create()
        self._task = asyncio.create_task(self._listen())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._manager.__aexit__(None, None, None)

    def types(self, *leave_out: str) -> list[str]:
        return [event["type"] for event in self.events if not event["type"].endswith(leave_out)]

    def of(self, kind: str) -> list[Event]:
        return [event for event in self.events if event["type"] == kind]

    async def send(self, **event: Any) -> None:
        await self.connection.send(event)

    async def until(self, ready: Callable[[list[Event]], Any], within_s: float = 10.0) -> list[Event]:
        try:
            async with asyncio.timeout(within_s), self._arrived:
                await self._arrived.wait_for(lambda: ready(self.events))
        except TimeoutError:
            latest = self.types(".delta")[-20:]
            raise AssertionError(f"not within {within_s:g} s; the last that came: {latest}") from None
        return self.events

    async def until_type(self, kind: str, count: int = 1, within_s: float = 10.0) -> Event:
        """The count-th event of that type."""
        await self.until(lambda _: len(self.of(kind)) >= count, within_s)
        return self.of(kind)[count - 1]

    async def until_closed(self, within_s: float = 20.0) -> list[Event]:
        assert self._task
        async with asyncio.timeout(within_s):
            await self._task
        return self.events

    async def _listen(self) -> None:
        try:
            while True:
                await self._keep((await self.connection.recv_bytes()).decode())
        except ConnectionClosed as closed:
            self.close_code = closed.rcvd.code if closed.rcvd else None

    async def _keep(self, frame: str) -> None:
        self.frames.append(frame)
        try:
            event = json.loads(frame)
        except ValueError:
            return
        if not isinstance(event, dict) or not isinstance(event.get("type"), str):
            return
        async with self._arrived:
            self.events.append(event)
            self._arrived.notify_all()
        if event["type"] == "response.done" and isinstance(event.get("response"), dict):
            await self._answer_tools(event["response"]["output"])
        if self._on_event and (doing := self._on_event(event, self)) is not None:
            await doing

    async def _answer_tools(self, output: list[Event]) -> None:
        calls = [item for item in output if item["type"] == "function_call"]
        for item in calls:
            answer = {"type": "function_call_output", "call_id": item["call_id"], "output": '{"ok": true}'}
            await self.connection.conversation.item.create(item=answer)
        if any(self._follow_up(item) for item in calls):
            await self.connection.response.create()


KEY = "sk-test-0123456789abcdef"
SESSION: dict[str, Any] = {
    "type": "realtime",
    "model": "gpt-realtime-2.1",
    "instructions": "You are Alex, a friendly concierge for Example Corp.",
    "audio": {"input": {"transcription": {"model": "gpt-transcribe"}}},
}


class World:
    """An emulator, the endpoint its webhooks go to, and the official client."""

    def __init__(self, emulator: Emulator, receiver: Receiver, control: Control) -> None:
        self.emulator, self.receiver, self.control = emulator, receiver, control
        self.clients: list[AsyncOpenAI] = []
        self.openai = self.client(KEY)

    def client(self, key: str) -> AsyncOpenAI:
        secret, url = self.emulator.webhook_secret, self.emulator.base_url
        self.clients.append(AsyncOpenAI(api_key=key, base_url=url, webhook_secret=secret, max_retries=0))
        return self.clients[-1]

    async def accepted(
        self, script: str | dict[str, Any] = "opening-hours", session: dict[str, Any] | None = None, **more: Any
    ) -> str:
        """The id of a call that rang and was accepted."""
        call_id = await self.control.ring(script=script, **more)
        await self.openai.realtime.calls.accept(call_id, **(session or SESSION))
        return call_id

    async def played(
        self, script: str | dict[str, Any], session: dict[str, Any] | None = None, **more: Any
    ) -> Supervisor:
        """A call from its greeting to its end, with the events that it sent."""
        call_id = await self.accepted(script, session, **more)
        async with Supervisor(self.openai, call_id) as supervisor:
            await supervisor.until_closed()
        return supervisor


@asynccontextmanager
async def emulated(pace: float = 0.02, **settings: Any) -> AsyncIterator[World]:
    """A world of its own for one test, fifty times as fast as the real one."""
    async with (
        Receiver() as receiver,
        Emulator(webhook_url=receiver.url, api_key=KEY, settings=Settings(pace=pace, **settings)) as emulator,
        Control(emulator.control_url) as control,
    ):
        world = World(emulator, receiver, control)
        try:
            yield world
        finally:
            for client in world.clients:
                await client.close()
