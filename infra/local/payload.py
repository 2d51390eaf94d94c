"""HTTP to API Gateway's payload format 2.0 and back. Pure.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

import base64
import binascii
import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

ACCOUNT = "123456789012"
MAX_BODY_BYTES = 10 * 2**20
"""Bytes; the quota of an HTTP API, not adjustable."""

MAX_WAIT = 30.0
"""Seconds until an HTTP API gives up on its integration; a quota, not adjustable."""


class BadResponse(Exception):
    """What the function returned is not an HTTP response."""


@dataclass(frozen=True)
class Request:
    """An HTTP request as it came over the wire."""

    method: str
    path: str
    query: str
    headers: Iterable[tuple[str, str]]
    body: bytes
    source_ip: str


@dataclass(frozen=True)
class Response:
    """An HTTP response as it goes over the wire."""

    status: int
    body: bytes
    headers: list[tuple[str, str]] = field(default_factory=list)


def message(status: int, text: str) -> Response:
    """API Gateway's own answers: `{"message":"Not Found"}` and its siblings."""
    return Response(status, json.dumps({"message": text}, separators=(",", ":")).encode(), [JSON])


JSON = ("content-type", "application/json")


def is_text(content_type: str) -> bool:
    """Whether a body of this type reaches the function as text.

    The documentation says "binary is base64-encoded" without a list; this is the split measured at AWS for HTTP APIs
    (https://github.com/ministackorg/ministack/pull/766): no content type, and forms, count as binary.
    """
    kind = content_type.partition(";")[0].strip().lower()
    return kind.startswith("text/") or kind in ("application/json", "application/xml", "application/javascript")


def to_event(request: Request, *, route_key: str, request_id: str, now: float, by: str | None = None) -> dict[str, Any]:
    """The event a function gets for a request. `now` in Unix seconds; `by`: the ARN of whoever signed it, of a route
    that IAM authorises."""
    headers: dict[str, str] = {}
    cookies: list[str] = []
    for name, value in request.headers:
        if name.lower() == "cookie":
            cookies += [cookie.strip() for cookie in value.split(";")]
        else:
            headers[name.lower()] = f"{headers[name.lower()]},{value}" if name.lower() in headers else value
    host = headers.get("host", "")
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route_key,
        "rawPath": request.path,
        "rawQueryString": request.query,
        "headers": headers | {"x-forwarded-for": request.source_ip, "x-forwarded-proto": "http"},
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": "local",
            "domainName": host,
            "domainPrefix": host.partition(".")[0],
            "http": {
                "method": request.method,
                "path": request.path,
                "protocol": "HTTP/1.1",
                "sourceIp": request.source_ip,
                "userAgent": headers.get("user-agent", ""),
            },
            "requestId": request_id,
            "routeKey": route_key,
            "stage": "$default",
            "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
            "timeEpoch": int(now * 1000),
        },
        "isBase64Encoded": False,
    }
    if by is not None:
        event["requestContext"]["authorizer"] = {"iam": {"accountId": ACCOUNT, "userArn": by}}
    if cookies:
        event["cookies"] = cookies
    if request.query:
        event["queryStringParameters"] = joined(parse_qsl(request.query, keep_blank_values=True))
    if request.body:
        event["body"], event["isBase64Encoded"] = encode_body(request.body, headers.get("content-type", ""))
    return event


def joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Duplicates combined with commas."""
    found: dict[str, str] = {}
    for name, value in pairs:
        found[name] = f"{found[name]},{value}" if name in found else value
    return found


def encode_body(body: bytes, content_type: str) -> tuple[str, bool]:
    """The event's `body` and `isBase64Encoded`."""
    if is_text(content_type):
        try:
            return body.decode(), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(body).decode(), True


def from_result(result: Any) -> Response:
    """The response for what a function returned; without a `statusCode` it is the body of a 200, as JSON."""
    if not isinstance(result, Mapping) or "statusCode" not in result:
        return Response(200, json.dumps(result).encode(), [JSON])
    try:
        status, body = int(result["statusCode"]), result.get("body") or ""
        content = base64.b64decode(body, validate=True) if result.get("isBase64Encoded") else str(body).encode()
        headers = [(str(name).lower(), str(value)) for name, value in (result.get("headers") or {}).items()]
        cookies = [("set-cookie", str(cookie)) for cookie in result.get("cookies") or []]
    except (TypeError, ValueError, AttributeError, binascii.Error) as error:
        raise BadResponse(str(error)) from None
    if not 100 <= status <= 599:
        raise BadResponse(f"status {status}")
    if content and not any(name == "content-type" for name, _ in headers):
        headers.append(("content-type", "text/plain; charset=utf-8"))
    return Response(status, content, headers + cookies)
