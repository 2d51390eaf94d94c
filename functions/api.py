"""The Lambda behind `/v1/…`: what is asked over HTTPS, asked of the record. IAM has authorised whoever asks.

https://docs.powertools.aws.dev/lambda/python/latest/core/event_handler/api_gateway/
"""

from typing import Any

from ringside.invocation import handle
from ringside.records.http import answer


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Payload format 2.0 in, JSON out (API Gateway, HTTP API: Lambda integration)."""
    return handle("api", context, lambda wiring: answer(wiring.reader, wiring.acting, event, context))
