"""The control API for tests and tools, on a path of its own: /_emulator/..."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from pydantic import Field

from infra.emulator import lines
from infra.emulator.call import Call
from infra.emulator.ear import Ear
from infra.emulator.faults import Faults, checked
from infra.emulator.faults import parse as parse_faults
from infra.emulator.keys import EMULATOR
from infra.emulator.lines import Strict
from infra.emulator.problems import BadInput

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
        body = json.loads(raw) if raw else {}
        json.dumps(body, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise BadInput("a text has half a surrogate pair: no webhook can carry that.") from None
    except (ValueError, RecursionError):
        raise BadInput("the body is not JSON.") from None
    return body


def _call(request: web.Request) -> Call:
    return request.app[EMULATOR].calls[request.match_info["call_id"]]


async def ring(request: web.Request) -> web.Response:
    emulator = request.app[EMULATOR]
    wanted = checked(Ring, await _body(request))
    headers = None if wanted.sip_headers is None else [header.model_dump() for header in wanted.sip_headers]
    call = emulator.ring(
        wanted.from_,
        wanted.to,
        emulator.find_script(wanted.script),
        headers=headers,
        faults=parse_faults(wanted.faults),
        webhook_url=wanted.webhook_url,
    )
    return web.json_response({"call_id": call.call_id}, status=201)


async def list_calls(request: web.Request) -> web.Response:
    calls = request.app[EMULATOR].calls.values()
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
        "spoken": call.stage.conversation.all_spoken() if call.stage else [],
        "tool_calls": list(call.tool_calls.values()),
        "attachments": [socket.shown() for socket in call.attachments],
        "webhooks": call.webhooks,
        "events_sent": call.events_sent,
        "usage": call.stage.meter.totals if call.stage else {},
        "ended": call.ended,
    }


async def hang_up(request: web.Request) -> web.Response:
    _call(request).hang_up("caller")
    return web.json_response({})


async def say(request: web.Request) -> web.Response:
    call = _call(request)
    said = checked(Say, await _body(request))
    ear = _ear_of(call)
    line = lines.Caller(caller=said.text)
    call.spawn(ear.hear(line, call.director.transcription_of(line), lambda: None))
    return web.json_response({})


async def press(request: web.Request) -> web.Response:
    call = _call(request)
    wanted = checked(Digits, await _body(request))
    _ear_of(call)
    call.spawn(call.director.press(wanted.digits))
    return web.json_response({})


def _ear_of(call: Call) -> Ear:
    if call.ear is None or not call.joinable:
        raise BadInput(f"call {call.call_id} is {call.state}: nobody can be heard on it.")
    return call.ear


async def drop(request: web.Request) -> web.Response:
    call = _call(request)
    call.drop(checked(Drop, await _body(request)).code)
    return web.json_response({})


async def send_webhook(request: web.Request) -> web.Response:
    wanted = checked(Webhook, await _body(request))
    faults: Faults = parse_faults(wanted.faults)
    event = request.app[EMULATOR].send_webhook(wanted.type, wanted.data, faults, wanted.webhook_url)
    return web.json_response(event, status=201)


async def list_webhooks(request: web.Request) -> web.Response:
    return web.json_response({"webhooks": request.app[EMULATOR].webhooks})


async def change_settings(request: web.Request) -> web.Response:
    emulator = request.app[EMULATOR]
    emulator.settings = emulator.settings.changed(await _body(request))
    return await show_settings(request)


async def show_settings(request: web.Request) -> web.Response:
    return web.json_response(request.app[EMULATOR].settings.model_dump())


async def list_scripts(request: web.Request) -> web.Response:
    scripts = request.app[EMULATOR].scripts.values()
    return web.json_response({"scripts": [{"name": each.name, "description": each.description} for each in scripts]})
