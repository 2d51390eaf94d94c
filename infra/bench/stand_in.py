"""OpenAI and AWS, as fast as Python can: `python -m infra.bench.stand_in CERTIFICATE KEY`.

Prints `{"sidebands": PORT, "aws": PORT}`. Sidebands are over TLS. It is started twice: one is OpenAI and the other is
AWS, so that neither waits for the other. What it is to do is asked of the AWS port:

    POST /bench/ring {"calls": [...]}    these calls are in the queue
    POST /bench/speak {}                 every call speaks, spread evenly in time, and so does each that comes
    POST /bench/flood {"turns": 40}      so many in every call, as fast as they are heard; answered when sent
    POST /bench/silence                  nobody speaks
    GET  /bench/counts                   since the start, or since the last time it was asked
    GET  /bench/accepts                  when which call was accepted (`time.monotonic`), since the last time
"""

import asyncio
import json
import ssl
import sys
import time
from collections import Counter, deque
from itertools import islice
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import uvloop
from aiohttp import web
from websockets.http11 import Request
from websockets.server import ServerProtocol

from infra.bench import table, turns

POLL_SECONDS = 1.0
"""That a long poll is kept waiting."""

TICK_SECONDS = 0.002
FAIR_SHARE = 16
"""Events that are sent before who attaches gets a turn."""

LATE_SECONDS = 0.1
"""That are caught up with: what a busy machine misses beyond that is not said, and counts say so."""


class Sideband(asyncio.Protocol):
    """One call's WebSocket. What the client says is read, and only pings are answered."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._protocol = ServerProtocol()
        self._is_open = False
        self.is_writable = True
        self.call_id = ""
        self.turn = self.place = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's do not derive from it

    def data_received(self, data: bytes) -> None:
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Request):
                self._accept(event)
        for answer in self._protocol.data_to_send():
            if answer:
                self.transport.write(answer)
        if self._is_open and not self.call_id:
            self.call_id = self._asked_for
            self.transport.write(turns.frame(turns.hello()))
            self._world.attached(self)

    def _accept(self, request: Request) -> None:
        self._asked_for = parse_qs(urlsplit(request.path).query)["call_id"][0]
        self._protocol.send_response(self._protocol.accept(request))
        self._is_open = True

    def say_next(self) -> None:
        frames = turns.frames(self.turn)
        self.transport.write(frames[self.place])
        if self.place == turns.COMPLETED:
            self._world.heard(self.call_id, self.turn)
        self.place += 1
        if self.place == len(frames):
            self.turn, self.place = self.turn + 1, 0

    def pause_writing(self) -> None:
        self.is_writable = False

    def resume_writing(self) -> None:
        self.is_writable = True

    def connection_lost(self, exc: Exception | None) -> None:
        self._world.detached(self)


class World:
    """Everything that is going on: the calls, the queue, and what was counted."""

    def __init__(self) -> None:
        self._calls: list[Sideband] = []
        self._queue: deque[str] = deque()
        self._counts: Counter[str] = Counter()
        self._said: list[tuple[str, float]] = []
        self._written: list[tuple[str, float]] = []
        self._accepts: dict[str, float] = {}
        self._speaking: asyncio.Task[None] | None = None
        self._rung = asyncio.Condition()

    # --- sidebands ---

    def attached(self, call: Sideband) -> None:
        self._calls.append(call)

    def detached(self, call: Sideband) -> None:
        if call in self._calls:
            self._calls.remove(call)
            self._counts["detached"] += 1

    def heard(self, call_id: str, turn: int) -> None:
        self._said.append((f"{call_id} {turns.heard_id(turn)}", time.monotonic()))

    def speak(self) -> None:
        self.silence()
        self._speaking = asyncio.create_task(self._speech())

    def silence(self) -> None:
        if self._speaking is not None:
            self._speaking.cancel()
            self._speaking = None

    async def _speech(self) -> None:
        """Every call its next event, one after the other, so that nothing happens in all of them at once."""
        due = time.monotonic()
        while True:
            calls = list(self._calls)
            between = turns.SECONDS / turns.EVENTS / max(1, len(calls))
            for number, call in enumerate(calls or (None,)):
                while due > time.monotonic():  # noqa: ASYNC110  # time is what it waits for
                    await asyncio.sleep(TICK_SECONDS)
                if number % FAIR_SHARE == 0:
                    await asyncio.sleep(0)
                    due = max(due, time.monotonic() - LATE_SECONDS)
                due += between
                if call is not None:
                    self._say(call)

    async def _flood(self, count: int) -> None:
        for call in self._calls:
            call.place = 0
        slow = deque((call, call.turn + count) for call in self._calls)
        while slow:
            call, last = slow[0]
            while call.turn < last and call.is_writable:
                self._say(call)
            if call.turn < last:
                slow.rotate(-1)
                await asyncio.sleep(0 if slow[0][0].is_writable else TICK_SECONDS)
            else:
                slow.popleft()

    def _say(self, call: Sideband) -> None:
        if call.is_writable and not call.transport.is_closing():
            call.say_next()
            self._counts["events"] += 1
        else:
            self._counts["held back"] += 1

    # --- AWS ---

    async def aws(self, request: web.Request) -> web.Response:
        operation, body = request.headers.get("X-Amz-Target", "").rpartition(".")[2], await request.read()
        if not operation:  # for OpenAI
            self._accepts[request.path.split("/")[-2]] = time.monotonic()
            return _json({})
        self._counts["requests"] += 1
        params = json.loads(body)
        if operation == "ReceiveMessage":
            return _json(await self._receive(int(params.get("MaxNumberOfMessages", 1))))
        if operation == "BatchWriteItem":
            self._note_written(params)
        elif operation in ("UpdateItem", "PutItem", "TransactWriteItems"):
            self._counts["writes"] += 1
        return _json(table.answer(operation, params))

    async def _receive(self, most: int) -> dict[str, Any]:
        if not self._queue:
            async with self._rung:
                try:
                    await asyncio.wait_for(self._rung.wait_for(lambda: bool(self._queue)), POLL_SECONDS)
                except TimeoutError:
                    return {}
        found = list(islice(iter(self._queue.popleft, None), min(most, len(self._queue))))
        return {"Messages": [table.message(call_id) for call_id in found]}

    def _note_written(self, params: dict[str, Any]) -> None:
        now = time.monotonic()
        for writes in params["RequestItems"].values():
            self._counts["writes"] += len(writes)
            for write in writes:
                item = write.get("PutRequest", {}).get("Item", {})
                if turns.HEARD_TEXT in str(item):
                    call_id = item["pk"]["S"].removeprefix("CALL#")
                    self._written.append((f"{call_id} {item['item_id']['S']}", now))

    # --- who measures ---

    async def ring(self, request: web.Request) -> web.Response:
        self._queue.extend((await request.json())["calls"])
        async with self._rung:
            self._rung.notify_all()
        return _json({})

    async def ask_to_speak(self, request: web.Request) -> web.Response:
        self.speak()
        return _json({})

    async def flood(self, request: web.Request) -> web.Response:
        await self._flood(int((await request.json())["turns"]))
        return _json({})

    async def ask_for_silence(self, request: web.Request) -> web.Response:
        self.silence()
        return _json({})

    async def counts(self, request: web.Request) -> web.Response:
        """`attached` now; `events` that were sent, `writes` and so on, since the last time; when which turn was `said`
        and `written` (`time.monotonic`, which is the whole machine's)."""
        told = {"attached": len(self._calls), **self._counts, "said": self._said, "written": self._written}
        self._counts, self._said, self._written = Counter(), [], []
        return _json(told)

    async def accepts(self, request: web.Request) -> web.Response:
        told, self._accepts = self._accepts, {}
        return _json(told)


def _json(content: dict[str, Any]) -> web.Response:
    return web.Response(body=json.dumps(content).encode(), content_type="application/x-amz-json-1.0")


async def serve(certificate: str, key: str) -> None:
    world, tls = World(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    app = web.Application(client_max_size=1 << 24)
    app.router.add_post("/bench/ring", world.ring)
    app.router.add_post("/bench/speak", world.ask_to_speak)
    app.router.add_post("/bench/flood", world.flood)
    app.router.add_post("/bench/silence", world.ask_for_silence)
    app.router.add_get("/bench/counts", world.counts)
    app.router.add_get("/bench/accepts", world.accepts)
    app.router.add_post("/{anything:.*}", world.aws)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Sideband(world), "127.0.0.1", 0, ssl=tls, backlog=512)
    ports = {"sidebands": server.sockets[0].getsockname()[1], "aws": runner.addresses[0][1]}
    print(json.dumps(ports), flush=True)
    # Standard input is whoever started this: at its end nobody measures any more, however that came about.
    over = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), over.set)
    await over.wait()


if __name__ == "__main__":
    uvloop.run(serve(*sys.argv[1:3]))
