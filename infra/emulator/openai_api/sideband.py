"""`GET /v1/realtime`: the WebSocket beside a call (`?call_id=`), or a session without a call (`?model=`)."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

from aiohttp import WSMsgType, web

from infra.emulator.calls.call import Call
from infra.emulator.calls.sideband_socket import CLOSE_TIMEOUT_S, SidebandSocket
from infra.emulator.openai_api.answers import call_not_found, failure
from infra.emulator.openai_api.api_key import refused_key
from infra.emulator.session import client_events
from infra.emulator.session.live_session import LiveSession
from infra.emulator.state import STATE
from infra.emulator.wire.http_errors import http_error
from infra.emulator.wire.server_events import Event, error, event
from infra.emulator.wire.validation import InvalidRequest

MAX_FRAME_BYTES = 24 * 1024 * 1024  # an append of 15 MiB (facts 3.6), in JSON


def routes() -> list[web.RouteDef]:
    return [web.get("/v1/realtime", attach)]


async def attach(request: web.Request) -> web.StreamResponse:
    if "call_id" not in request.query and "model" in request.query:
        return await _open_session(request)
    state = request.app[STATE]
    call = state.calls.get(request.query.get("call_id", ""))
    refused = await _refused(request, call)
    if call is not None and refused is not None:
        what = {"method": "GET", "path": request.path_qs, "body": None, "status": refused.status}
        call.requests.append({"at": time.time(), **what})
    if call is None or call.accepted is None or refused is not None:
        return refused or await call_not_found(request)
    websocket = _websocket()
    await websocket.prepare(request)
    faults = call.faults.sideband
    close = faults.close if faults.close and call.use_fault("close", faults.close.times) else None
    transport = request.transport
    socket = SidebandSocket(websocket, transport, slow_s=faults.slow_frames_ms / 1000, close_after=close)
    if state.settings.session_created and not faults.no_session_created:
        _greet(call, call.accepted.session, socket)
    call.attach(socket)
    try:
        await _listen(call, socket, websocket)
    finally:
        await socket.settled()
        call.detach(socket, websocket.close_code)
    return websocket


def _websocket() -> web.WebSocketResponse:
    # No compression: it would cost more than everything else here, and clients live without it.
    return web.WebSocketResponse(
        autoping=False, compress=False, max_msg_size=MAX_FRAME_BYTES, protocols=("realtime",), timeout=CLOSE_TIMEOUT_S
    )


async def _open_session(request: web.Request) -> web.StreamResponse:
    """A session without a call lives as long as its connection."""
    refused = refused_key(request)
    if refused is not None:
        return refused
    websocket = _websocket()
    if not websocket.can_prepare(request):
        return web.json_response(http_error("A WebSocket upgrade was expected here.", None), status=400)
    await websocket.prepare(request)
    socket = SidebandSocket(websocket, request.transport)
    session = request.app[STATE].open_session(socket, request.query["model"])
    session.begin()
    try:
        async for message in websocket:
            if message.type is WSMsgType.PING:
                await websocket.pong(message.data)
            elif message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                session.obey(message.data)
    finally:
        session.end()
        await socket.settled()
        socket.gone(websocket.close_code)
    return websocket


async def _refused(request: web.Request, call: Call | None) -> web.Response | None:
    settings = request.app[STATE].settings
    refused = refused_key(request)
    if refused is not None:
        return refused
    if "call_id" not in request.query:
        message = "The query parameter 'model' is missing (or 'call_id', for the sideband of a call)."
        return web.json_response(http_error(message, "missing_required_parameter", "model"), status=400)
    if not web.WebSocketResponse().can_prepare(request):
        return web.json_response(http_error("A WebSocket upgrade was expected here.", None), status=400)
    # The beta header was reported to give the same 404 (facts 0.6).
    if call is None or call.in_progress is None or "openai-beta" in request.headers:
        return await call_not_found(request)
    refuse = call.faults.sideband.refuse
    if refuse and call.use_fault("refuse", refuse.times):
        await asyncio.sleep(refuse.delay_s)
        return failure(refuse.status)
    if settings.max_attachments is not None and len(call.sockets) >= settings.max_attachments:
        message = "Another connection is attached to this call."
        return web.json_response(http_error(message, None), status=settings.attach_refusal_status)
    return None


def _greet(call: Call, session: LiveSession, socket: SidebandSocket) -> None:
    """The first server event of any connection is session.created (facts 3.1)."""
    conversation = {"id": session.conversation.id, "object": "realtime.conversation"}
    for sent in (
        event("session.created", session=session.configuration),
        event("conversation.created", conversation=conversation),
    ):
        call.events_sent += 1
        socket.send(json.dumps(sent).encode())


async def _listen(call: Call, socket: SidebandSocket, websocket: web.WebSocketResponse) -> None:
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


def _obey(call: Call, number: int, reply: Callable[[Event], None], frame: str | bytes) -> None:
    noted: dict[str, Any] = {"at": time.time(), "attachment": number}
    try:
        sent = client_events.parse(frame)
    except InvalidRequest as invalid:
        call.commands.append(noted | {"event": frame if isinstance(frame, str) else repr(frame)})
        reply(error(invalid.message, invalid.code, param=invalid.param))
        return
    call.commands.append(noted | {"event": sent})
    if (accepted := call.in_progress) is not None:
        accepted.client_events.handle(sent, reply)
