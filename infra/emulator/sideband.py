"""The WebSocket beside a call: `GET /v1/realtime?call_id=...` (guide, facts 3)."""

import asyncio
import json
import time
from typing import Any

from aiohttp import WSMsgType, web

from infra.emulator import commands, events
from infra.emulator.call import Call
from infra.emulator.connection import CLOSE_TIMEOUT_S, Socket
from infra.emulator.events import Event, event
from infra.emulator.keys import EMULATOR
from infra.emulator.rest import call_not_found, failure, refused_key
from infra.emulator.shapes import Wrong

LARGEST_FRAME = 24 * 1024 * 1024  # an append of 15 MiB (facts 3.6), in JSON


def routes() -> list[web.RouteDef]:
    return [web.get("/v1/realtime", attach)]


async def attach(request: web.Request) -> web.StreamResponse:
    emulator = request.app[EMULATOR]
    call = emulator.calls.get(request.query.get("call_id", ""))
    refused = await _refused(request, call)
    if refused is not None:
        if call is not None:
            what = {"method": "GET", "path": request.path_qs, "body": None, "status": refused.status}
            call.requests.append({"at": time.time(), **what})
        return refused
    assert call is not None
    # No compression: it would cost more than everything else here, and clients live without it.
    websocket = web.WebSocketResponse(
        autoping=False, compress=False, max_msg_size=LARGEST_FRAME, protocols=("realtime",), timeout=CLOSE_TIMEOUT_S
    )
    await websocket.prepare(request)
    faults = call.faults.sideband
    close = faults.close if faults.close and call.use_fault("close", faults.close.times) else None
    transport = request.transport
    socket = Socket(websocket, transport, slow_s=faults.slow_frames_ms / 1000, close_after=close)
    if emulator.settings.session_created and not faults.no_session_created:
        _greet(call, socket)
    call.attach(socket)
    try:
        await _listen(call, socket, websocket)
    finally:
        await socket.settled()
        call.detach(socket, websocket.close_code)
    return websocket


async def _refused(request: web.Request, call: Call | None) -> web.Response | None:
    settings = request.app[EMULATOR].settings
    refused = refused_key(request)
    if refused is not None:
        return refused
    if "call_id" not in request.query:
        message = "The emulator knows SIP calls only: the query parameter 'call_id' is missing."
        return web.json_response(events.http_error(message, "missing_required_parameter", "call_id"), status=400)
    if not web.WebSocketResponse().can_prepare(request):
        return web.json_response(events.http_error("A WebSocket upgrade was expected here.", None), status=400)
    # The beta header was reported to give the same 404 (facts 0.6).
    if call is None or not call.joinable or "openai-beta" in request.headers:
        return await call_not_found(request)
    refuse = call.faults.sideband.refuse
    if refuse and call.use_fault("refuse", refuse.times):
        await asyncio.sleep(refuse.delay_s)
        return failure(refuse.status)
    if settings.max_attachments is not None and len(call.sockets) >= settings.max_attachments:
        message = "Another connection is attached to this call."
        return web.json_response(events.http_error(message, None), status=settings.attach_refusal_status)
    return None


def _greet(call: Call, socket: Socket) -> None:
    """The first server event of any connection is session.created (facts 3.1)."""
    assert call.stage is not None
    conversation = {"id": call.stage.conversation.id, "object": "realtime.conversation"}
    for sent in (
        event("session.created", session=call.stage.session),
        event("conversation.created", conversation=conversation),
    ):
        call.events_sent += 1
        socket.send(json.dumps(sent).encode())


async def _listen(call: Call, socket: Socket, websocket: web.WebSocketResponse) -> None:
    number = call.attachments.index(socket)

    def reply(sent: Event) -> None:
        call.events_sent += 1
        socket.send(json.dumps(sent).encode())

    async for message in websocket:
        await socket.thawed.wait()
        if message.type is WSMsgType.PING:
            await websocket.pong(message.data)
        elif message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
            _obey(call, number, reply, message.data)


def _obey(call: Call, number: int, reply: Any, frame: str | bytes) -> None:
    assert call.desk is not None
    noted: dict[str, Any] = {"at": time.time(), "attachment": number}
    try:
        sent = commands.parse(frame)
    except Wrong as wrong:
        call.commands.append(noted | {"event": frame if isinstance(frame, str) else repr(frame)})
        reply(events.error(wrong.message, wrong.code, param=wrong.param))
        return
    call.commands.append(noted | {"event": sent})
    if call.joinable:
        call.desk.handle(sent, reply)
