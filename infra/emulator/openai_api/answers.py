"""Answers that the endpoints share: errors by their status, and what every answer of OpenAI's carries."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable

from aiohttp import web

from infra.emulator.state import STATE
from infra.emulator.wire import http_errors
from infra.emulator.wire.http_errors import http_error

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def failure(status: int) -> web.Response:
    """The body that goes with a status that was asked for as a fault."""
    if status == 404:
        return web.json_response(http_errors.call_not_found(), status=404)
    text = http_errors.BY_STATUS.get(status, http_errors.SERVER_ERROR)
    return web.json_response(http_error(text.message, text.code, kind=text.kind), status=status)


async def call_not_found(request: web.Request) -> web.Response:
    """404, after the delay that was observed when so configured (facts 2.2)."""
    await asyncio.sleep(request.app[STATE].settings.not_found_delay_s)
    return failure(404)


@web.middleware
async def like_openai(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Paths and methods that do not exist answer as OpenAI does, and every answer has a request id."""
    try:
        response = await handler(request)
    except web.HTTPMethodNotAllowed:
        message = f"Not allowed to {request.method} on {request.path}. "
        message += "(HINT: Perhaps you meant to use a different HTTP method?)"
        response = web.json_response(http_error(message, "method_not_supported"), status=405)
    except web.HTTPNotFound:
        message = f"Invalid URL ({request.method} {request.path})"
        response = web.json_response(http_error(message, None), status=404)
    if request.path.startswith("/v1/") and not response.prepared:
        response.headers["x-request-id"] = f"req_{secrets.token_hex(16)}"
        response.headers["openai-organization"] = "org-emulator"
        response.headers["openai-project"] = "proj_emulator"
    return response
