"""The Lambda behind `POST /webhook`: translates API Gateway's event and answer, and decides nothing."""

import base64
from typing import Any

from ringside.cold_start import without_collection

with without_collection():
    from ringside.intake import Answer, Intake
    from ringside.invocation import handle


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Payload format 2.0 in, `statusCode` and a short text out (API Gateway, HTTP API: Lambda integration)."""
    answer = handle("webhook", context, lambda wiring: _answer(wiring.intake, event))
    return {"statusCode": answer.status, "headers": {"content-type": "text/plain"}, "body": answer.text}


def _answer(intake: Intake, event: dict[str, Any]) -> Answer:
    # By hand: Powertools' data classes cost more to import than all that this function does (ADR 0011).
    text = event.get("body") or ""
    try:
        body = base64.b64decode(text, validate=True) if event.get("isBase64Encoded") else text.encode()
    except ValueError:  # not base64, or half a surrogate pair
        body = b""  # signed by nobody
    return intake.handle(event.get("headers") or {}, body)
