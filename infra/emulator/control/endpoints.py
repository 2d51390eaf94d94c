"""The control API for tests and tools, on a path of its own: /_emulator/..."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from pydantic import Field

from infra.emulator.calls.call import Accepted, Call
from infra.emulator.errors import BadInput
from infra.emulator.faults import parse as parse_faults
from infra.emulator.scripts import lines
from infra.emulator.state import STATE
from infra.emulator.strict_model import Strict, checked

Handler = Callable[[web.Request], Awaitable[web.Response]]


class Header(Strict):
    name: str = Field(min_length=1)
    value: str


class Ring(Strict):
    """POST /_emulator/calls"""

    from_: str = Field(alias="from", min_length=1)
    to: str = Field(min_length=1)
    sip_headers: list[Header] | None = None
    script: Any = "opening-hours"  # a name or a script; checked when it is looked up
    faults: dict[str, Any] = Field(default_factory=dict)
    webhook_url: str | None = None


class Say(Strict):
    text: str = Field(min_length=1)


class Digits(Strict):
    digits: str = Field(pattern=r"^[0-9*#A-D]+$")


class Drop(Strict):
    code: int | None = Field(default=None, ge=1000, le=4999)


class Webhook(Strict):
    type: str = Field(min_length=1)
    data: dict[str, Any] = Field(default_factory=dict)
    faults: dict[str, Any] = Field(default_factory=dict)
    webhook_url: str | None = None


def routes() -> list[web.RouteDef]:
    calls = "/_emulator/calls"
    return [
        web.post(calls, _guarded(ring)),
        web.get(calls, _guarded(list_calls)),
        web.get(f"{calls}/{{call_id}}", _guarded(show)),
        web.post(f"{calls}/{{call_id}}/hangup", _guarded(hang_up)),
        web.post(f"{calls}/{{call_id}}/say", _guarded(say)),
        web.post(f"{calls}/{{call_id}}/dtmf", _guarded(press)),
        web.post(f"{calls}/{{call_id}}/drop", _guarded(drop)),
        web.get("/_emulator/sessions", _guarded(list_sessions)),
        web.get("/_emulator/responses", _guarded(list_text_requests)),
        web.post("/_emulator/webhooks", _guarded(send_webhook)),
        web.get("/_emulator/webhooks", _guarded(list_webhooks)),
        web.post("/_emulator/settings", _guarded(change_settings)),
        web.get("/_emulator/settings", _guarded(show_settings)),
        web.get("/_emulator/scripts", _guarded(list_scripts)),
    ]


def _guarded(handler: Handler) -> Handler:
    """Bad input is one sentence, whatever was wrong with it."""

    async def guarded(request: web.Request) -> web.Response:
        try:
            return await handler(request)
        except BadInput as problem:
            return web.json_response({"error": str(problem)}, status=400)
        except KeyError:
            message = f"There is no call {request.match_info['call_id']}."
            return web.json_response({"error": message}, status=404)

    return guarded


async def _body(request: web.Request) -> Any:
    raw = await request.read()
    try:
        return json.loads(raw) if raw else {}
    except (ValueError, RecursionError):
        raise BadInput("The body is not JSON.") from None


def _call(request: web.Request) -> Call:
    return request.app[STATE].calls[request.match_info["call_id"]]


async def ring(request: web.Request) -> web.Response:
    state = request.app[STATE]
    wanted = checked(Ring, await _body(request))
    headers = None if wanted.sip_headers is None else [header.model_dump() for header in wanted.sip_headers]
    call = state.ring(
        wanted.from_,
        wanted.to,
        state.find_script(wanted.script),
        headers=headers,
        faults=parse_faults(wanted.faults),
        webhook_url=wanted.webhook_url,
    )
    return web.json_response({"call_id": call.call_id}, status=201)


async def list_calls(request: web.Request) -> web.Response:
    calls = request.app[STATE].calls.values()
    shown = [{"call_id": call.call_id, "state": call.state, "from": call.caller, "to": call.called} for call in calls]
    return web.json_response({"calls": shown})


async def show(request: web.Request) -> web.Response:
    return web.json_response(shown(_call(request)))


def shown(call: Call) -> dict[str, Any]:
    """Everything that was asked of a call, and everything that was said in it."""
    return {
        "call_id": call.call_id,
        "from": call.caller,
        "to": call.called,
        "script": call.script.name,
        "state": call.state,
        "session": call.accepted_with,
        "requests": call.requests,
        "commands": call.commands,
        "spoken": call.accepted.session.conversation.all_spoken() if call.accepted else [],
        "tool_calls": list(call.tool_calls.values()),
        "attachments": [socket.shown() for socket in call.attachments],
        "webhooks": call.webhooks,
        "events_sent": call.events_sent,
        "usage": call.accepted.session.meter.totals if call.accepted else {},
        "ended": call.ended,
    }


async def hang_up(request: web.Request) -> web.Response:
    _call(request).hang_up("caller")
    return web.json_response({})


async def say(request: web.Request) -> web.Response:
    call = _call(request)
    said = checked(Say, await _body(request))
    accepted = _in_progress(call)
    line = lines.Caller(caller=said.text)
    call.spawn(accepted.input_audio.hear(line, accepted.runner.transcription_of(line), lambda: None))
    return web.json_response({})


async def press(request: web.Request) -> web.Response:
    call = _call(request)
    wanted = checked(Digits, await _body(request))
    call.spawn(_in_progress(call).runner.press(wanted.digits))
    return web.json_response({})


def _in_progress(call: Call) -> Accepted:
    if (accepted := call.in_progress) is None:
        raise BadInput(f"Call {call.call_id} is {call.state}: the caller cannot be heard.")
    return accepted


async def drop(request: web.Request) -> web.Response:
    call = _call(request)
    call.drop(checked(Drop, await _body(request)).code)
    return web.json_response({})


async def list_sessions(request: web.Request) -> web.Response:
    """The sessions without a call, oldest first."""
    return web.json_response({"sessions": [each.shown() for each in request.app[STATE].sessions]})


async def send_webhook(request: web.Request) -> web.Response:
    wanted = checked(Webhook, await _body(request))
    faults = parse_faults(wanted.faults)
    event = request.app[STATE].send_webhook(wanted.type, wanted.data, faults, wanted.webhook_url)
    return web.json_response(event, status=201)


async def list_webhooks(request: web.Request) -> web.Response:
    return web.json_response({"webhooks": list(request.app[STATE].webhooks)})


async def change_settings(request: web.Request) -> web.Response:
    state = request.app[STATE]
    changed = state.settings.changed(await _body(request))
    if changed.session_script is not None:
        state.find_script(changed.session_script)
    if changed.responses != state.settings.responses:
        state.text_answers_used.clear()
    state.settings = changed
    return await show_settings(request)


async def show_settings(request: web.Request) -> web.Response:
    return web.json_response(request.app[STATE].settings.model_dump())


async def list_text_requests(request: web.Request) -> web.Response:
    return web.json_response({"responses": list(request.app[STATE].text_requests)})


async def list_scripts(request: web.Request) -> web.Response:
    scripts = request.app[STATE].scripts.values()
    return web.json_response({"scripts": [{"name": each.name, "description": each.description} for each in scripts]})
