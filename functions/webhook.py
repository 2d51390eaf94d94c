"""The Lambda behind `POST /webhook`: translates API Gateway's event and answer, and decides nothing."""

import base64
from functools import cache
from typing import Any

from ringside import settings, telemetry
from ringside.intake import Answer, Intake
from ringside.wiring import Wiring


@cache
def _wiring() -> Wiring:
    loaded = settings.load()
    telemetry.log_as_json("webhook", loaded.log_level)
    return Wiring(loaded, "webhook")


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Payload format 2.0 in, `statusCode` and a short text out (API Gateway, HTTP API: Lambda integration)."""
    wiring = _wiring()
    try:
        answer = _answer(wiring.intake, event)
    finally:
        wiring.flush()
    return {"statusCode": answer.status, "headers": {"content-type": "text/plain"}, "body": answer.text}


def _answer(intake: Intake, event: dict[str, Any]) -> Answer:
    text = event.get("body") or ""
    try:
        body = base64.b64decode(text, validate=True) if event.get("isBase64Encoded") else text.encode()
    except ValueError:  # not base64, or half a surrogate pair
        body = b""  # signed by nobody
    return intake.handle(event.get("headers") or {}, body)
