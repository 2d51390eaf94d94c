"""The API key of a request, and the 401 of a bad one."""

import secrets

from aiohttp import web

from infra.emulator.state import STATE
from infra.emulator.wire.http_errors import http_error


def refused_key(request: web.Request) -> web.Response | None:
    """The 401 of a missing or wrong key, or None when the key is good."""
    wanted = request.app[STATE].api_key
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key:
        # Browsers' clients put the key into a subprotocol (facts 3.1).
        offered = request.headers.get("sec-websocket-protocol", "").split(",")
        keys = [part.strip().removeprefix("openai-insecure-api-key.") for part in offered if "api-key." in part]
        key = keys[0] if keys else ""
    if not key:
        message = "You didn't provide an API key. You need to provide your API key in an Authorization header using "
        message += "Bearer auth (i.e. Authorization: Bearer YOUR_KEY)."
        return web.json_response(http_error(message, None), status=401)
    if wanted is not None and not secrets.compare_digest(key.encode(), wanted.encode()):
        shown = f"{key[:8]}{'*' * 8}{key[-4:]}" if len(key) > 16 else "*" * len(key)
        message = f"Incorrect API key provided: {shown}. "
        message += "You can find your API key at https://platform.openai.com/account/api-keys."
        return web.json_response(http_error(message, "invalid_api_key"), status=401)
    return None
