"""The four endpoints of call control: accept, reject, refer, hangup (guide, facts 2).

There is deliberately no endpoint that lists or shows calls: OpenAI has none (facts 2).
"""

import asyncio
import json
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from infra.emulator import events
from infra.emulator.call import Call
from infra.emulator.faults import RestFault
from infra.emulator.keys import EMULATOR
from infra.emulator.shapes import Wrong
from infra.emulator.wire_shapes import REFER, REJECT, SESSION

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_REFER_TAKES_S = 0.3  # from the 200 until the call has left us; scaled

_ERRORS: dict[int, tuple[str, str, str | None]] = {
    401: ("Incorrect API key provided.", "invalid_request_error", "invalid_api_key"),
    403: ("You are not allowed to access this resource.", "invalid_request_error", None),
    409: ("The call was already accepted or rejected.", "invalid_request_error", "decision_already_made"),
    429: ("Rate limit reached for requests.", "requests", "rate_limit_exceeded"),
    500: ("The server had an error while processing your request. Sorry about that!", "server_error", None),
    503: ("The engine is currently overloaded, please try again later.", "server_error", None),
}


def routes() -> list[web.RouteDef]:
    return [
        web.post(f"/v1/realtime/calls/{{call_id}}/{name}", handler)
        for name, handler in (("accept", accept), ("reject", reject), ("refer", refer), ("hangup", hangup))
    ]


def failure(status: int) -> web.Response:
    """The body that goes with a status that was asked for as a fault."""
    if status == 404:
        return web.json_response(events.call_not_found(), status=404)
    message, kind, code = _ERRORS.get(status, _ERRORS[500])
    return web.json_response(events.http_error(message, code, kind=kind), status=status)


@web.middleware
async def like_openai(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Paths and methods that do not exist answer as OpenAI does, and every answer has a request id."""
    try:
        response = await handler(request)
    except web.HTTPMethodNotAllowed:
        message = f"Not allowed to {request.method} on {request.path}. "
        message += "(HINT: Perhaps you meant to use a different HTTP method?)"
        response = web.json_response(events.http_error(message, "method_not_supported"), status=405)
    except web.HTTPNotFound:
        message = f"Invalid URL ({request.method} {request.path})"
        response = web.json_response(events.http_error(message, None), status=404)
    if request.path.startswith("/v1/") and not response.prepared:
        response.headers["x-request-id"] = f"req_{secrets.token_hex(16)}"
        response.headers["openai-organization"] = "org-emulator"
        response.headers["openai-project"] = "proj_emulator"
    return response


def refused_key(request: web.Request) -> web.Response | None:
    """The 401 of a missing or wrong key, or None when the key is good."""
    wanted = request.app[EMULATOR].api_key
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key:
        # Browsers' clients put the key into a subprotocol (facts 3.1).
        offered = request.headers.get("sec-websocket-protocol", "").split(",")
        keys = [part.strip().removeprefix("openai-insecure-api-key.") for part in offered if "api-key." in part]
        key = keys[0] if keys else ""
    if not key:
        message = "You didn't provide an API key. You need to provide your API key in an Authorization header using "
        message += "Bearer auth (i.e. Authorization: Bearer YOUR_KEY)."
        return web.json_response(events.http_error(message, None), status=401)
    if wanted is not None and not secrets.compare_digest(key.encode(), wanted.encode()):
        shown = f"{key[:8]}{'*' * 8}{key[-4:]}" if len(key) > 16 else "*" * len(key)
        message = f"Incorrect API key provided: {shown}. "
        message += "You can find your API key at https://platform.openai.com/account/api-keys."
        return web.json_response(events.http_error(message, "invalid_api_key"), status=401)
    return None


async def call_not_found(request: web.Request) -> web.Response:
    """404, after the delay that was observed when so configured (facts 2.2)."""
    await asyncio.sleep(request.app[EMULATOR].settings.not_found_delay_s)
    return web.json_response(events.call_not_found(), status=404)


async def _body(request: web.Request) -> Any:
    raw = await request.read()
    if not raw:
        return {}
    try:
        return json.loads(raw)
    except ValueError:
        message = "We could not parse the JSON body of your request."
        raise Wrong(message, "invalid_json", None) from None


Effect = Callable[[Call, Any], web.Response]


async def _control(request: web.Request, name: str, effect: Effect) -> web.Response:
    """What is common to the four: key, call, record, faults."""
    emulator = request.app[EMULATOR]
    refused = refused_key(request)
    call = emulator.calls.get(request.match_info["call_id"])
    if refused or call is None:
        return refused or await call_not_found(request)
    noted: dict[str, Any] = {"at": time.time(), "method": request.method, "path": request.path}
    call.requests.append(noted | {"body": None, "status": None})
    noted = call.requests[-1]
    try:
        body = await _body(request)
        noted["body"] = body if await request.read() else None
        response = await _with_faults(request, call, name, lambda: effect(call, body))
    except Wrong as wrong:
        response = web.json_response(events.http_error(wrong.message, wrong.code, wrong.param), status=400)
    if response.status == 404:
        await asyncio.sleep(emulator.settings.not_found_delay_s)
    noted["status"] = response.status
    return response


async def _with_faults(request: web.Request, call: Call, name: str, effect: Callable[[], web.Response]) -> web.Response:
    emulator = request.app[EMULATOR]
    fault: RestFault | None = getattr(call.faults, name) or getattr(emulator.settings.rest_faults, name)
    if fault is None or not call.use_fault(name, fault.times):
        return effect()
    if fault.delay_s:
        await asyncio.sleep(fault.delay_s)
    if fault.hang:
        if fault.effect:
            effect()
        await emulator.stopping.wait()
        raise asyncio.CancelledError
    if fault.body == "200-but-dead" and call.state == "ringing":
        call.die(call.requests[-1]["body"])
        return web.Response()
    if fault.body == "no-effect":
        return web.Response(status=fault.status or 200)
    if fault.status is None:
        return effect()
    if fault.effect:
        effect()
    return web.Response(status=fault.status) if fault.status < 300 else failure(fault.status)


async def accept(request: web.Request) -> web.Response:
    settings = request.app[EMULATOR].settings

    def effect(call: Call, body: Any) -> web.Response:
        if call.state != "ringing":
            return _no_longer_ringing(call, settings.conflict_status)
        try:
            SESSION(body, "")
        except Wrong:
            if settings.bad_accept == "400":
                raise
            call.die(body)
        else:
            call.accept(body)
        return web.Response(status=settings.accept_status)

    return await _control(request, "accept", effect)


async def reject(request: web.Request) -> web.Response:
    settings = request.app[EMULATOR].settings

    def effect(call: Call, body: Any) -> web.Response:
        REJECT(body, "")
        if call.state != "ringing":
            return _no_longer_ringing(call, settings.conflict_status)
        call.reject()
        return web.Response()

    return await _control(request, "reject", effect)


def _no_longer_ringing(call: Call, conflict_status: int) -> web.Response:
    """The first decision wins, later ones hear so; a call that is gone is not found (facts 2.2)."""
    if call.state in ("missed", "ended"):
        return failure(404)
    message, kind, code = _ERRORS[409]
    return web.json_response(events.http_error(message, code, kind=kind), status=conflict_status)


async def refer(request: web.Request) -> web.Response:
    def effect(call: Call, body: Any) -> web.Response:
        REFER(body, "")
        if not call.joinable:
            return failure(404)
        assert call.stage is not None
        asyncio.get_running_loop().call_later(_REFER_TAKES_S * call.stage.pace, call.hang_up, "refer")
        return web.Response()

    return await _control(request, "refer", effect)


async def hangup(request: web.Request) -> web.Response:
    def effect(call: Call, body: Any) -> web.Response:
        if not call.joinable:
            return failure(404)
        call.hang_up("hangup")
        return web.Response()

    return await _control(request, "hangup", effect)
