"""The four endpoints of call control: accept, reject, refer, hangup (guide, facts 2).

There is deliberately no endpoint that lists or shows calls: OpenAI has none (facts 2).
"""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

from aiohttp import web

from infra.emulator.calls.call import Call
from infra.emulator.faults import RestFault
from infra.emulator.openai_api.answers import call_not_found, failure
from infra.emulator.openai_api.api_key import refused_key
from infra.emulator.state import STATE
from infra.emulator.wire.http_errors import ALREADY_DECIDED, http_error
from infra.emulator.wire.schemas import REFER, REJECT, SESSION
from infra.emulator.wire.validation import InvalidRequest

_REFER_TAKES_S = 0.3  # from the 200 until the call has left us; scaled


def routes() -> list[web.RouteDef]:
    return [
        web.post(f"/v1/realtime/calls/{{call_id}}/{name}", handler)
        for name, handler in (("accept", accept), ("reject", reject), ("refer", refer), ("hangup", hangup))
    ]


async def _body(request: web.Request) -> Any:
    raw = await request.read()
    if not raw:
        return {}
    try:
        return json.loads(raw)
    except ValueError:
        message = "We could not parse the JSON body of your request."
        raise InvalidRequest(message, "invalid_json", None) from None


Effect = Callable[[Call, Any], web.Response]


async def _control(request: web.Request, name: str, effect: Effect) -> web.Response:
    """What is common to the four: key, call, record, faults."""
    state = request.app[STATE]
    refused = refused_key(request)
    call = state.calls.get(request.match_info["call_id"])
    if refused or call is None:
        return refused or await call_not_found(request)
    noted: dict[str, Any] = {"at": time.time(), "method": request.method, "path": request.path}
    call.requests.append(noted | {"body": None, "status": None})
    noted = call.requests[-1]
    try:
        body = await _body(request)
        noted["body"] = body if await request.read() else None
        response = await _with_faults(request, call, name, body, lambda: effect(call, body))
    except InvalidRequest as invalid:
        response = web.json_response(http_error(invalid.message, invalid.code, invalid.param), status=400)
    if response.status == 404:
        await asyncio.sleep(state.settings.not_found_delay_s)
    noted["status"] = response.status
    return response


async def _with_faults(
    request: web.Request, call: Call, name: str, body: Any, effect: Callable[[], web.Response]
) -> web.Response:
    state = request.app[STATE]
    fault: RestFault | None = getattr(call.faults, name) or getattr(state.settings.rest_faults, name)
    if name == "refer" and isinstance(body, dict):
        fault = call.faults.refer_to.get(str(body.get("target_uri")), fault)
    if fault is None or not call.use_fault(name, fault.times):
        return effect()
    if fault.delay_s:
        await asyncio.sleep(fault.delay_s)
    if fault.hang:
        if fault.effect:
            effect()
        await state.stopping.wait()
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
    settings = request.app[STATE].settings

    def effect(call: Call, body: Any) -> web.Response:
        if call.state != "ringing":
            return _no_longer_ringing(call, settings.conflict_status)
        try:
            SESSION(body, "")
        except InvalidRequest:
            if settings.bad_accept == "400":
                raise
            call.die(body)
        else:
            call.accept(body)
        return web.Response(status=settings.accept_status)

    return await _control(request, "accept", effect)


async def reject(request: web.Request) -> web.Response:
    settings = request.app[STATE].settings

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
    text = ALREADY_DECIDED
    return web.json_response(http_error(text.message, text.code, kind=text.kind), status=conflict_status)


async def refer(request: web.Request) -> web.Response:
    def effect(call: Call, body: Any) -> web.Response:
        REFER(body, "")
        if (accepted := call.in_progress) is None:
            return failure(404)
        asyncio.get_running_loop().call_later(_REFER_TAKES_S * accepted.session.pace, call.hang_up, "refer")
        return web.Response()

    return await _control(request, "refer", effect)


async def hangup(request: web.Request) -> web.Response:
    def effect(call: Call, body: Any) -> web.Response:
        if call.in_progress is None:
            return failure(404)
        call.hang_up("hangup")
        return web.Response()

    return await _control(request, "hangup", effect)
