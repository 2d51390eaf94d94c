"""The recorded events of `tests/events/`, made deliverable: of now, for a call, signed.

A file is an event as AWS sends it. In its body, `{created_at}` and `{call_id}` are replaced; the signature's headers
are added in the case and in the places in which the file has its other headers. `shapes/` has the guide's event in the
other forms that reach a function, and what is refused; `answers.yaml` has the answer to each. `functions/` has what
reaches the other functions: API Gateway's request of somebody with IAM's leave, and the end of a call in the stream.
"""

import base64
import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from standardwebhooks import Webhook

from infra.local.template import REPOSITORY

EVENTS = REPOSITORY / "tests" / "events"
SHAPES = EVENTS / "shapes"


def names() -> list[str]:
    """The names of all events."""
    return sorted(_files())


def answers() -> dict[str, dict[str, Any]]:
    """What the webhook answers to each event: `statusCode`, and `body` where it is always the same."""
    found: dict[str, dict[str, Any]] = yaml.safe_load((EVENTS / "answers.yaml").read_text(encoding="utf-8"))
    return found


def event(name: str, call_id: str, secret: str, *, encoded: bool = False) -> dict[str, Any]:
    """The event, of now, for this call, signed with this secret. `encoded` sends its body in base64."""
    recorded: dict[str, Any] = json.loads(_files()[name].read_text(encoding="utf-8"))
    if "body" not in recorded:
        return recorded
    body = recorded["body"].replace("{created_at}", str(int(time.time()))).replace("{call_id}", call_id)
    signed_at = int((recorded.get("headers") or {}).get("webhook-timestamp", time.time()))
    webhook_id, moment = f"wh_{call_id}", datetime.fromtimestamp(signed_at, UTC)
    added = {
        "content-length": str(len(body.encode())),
        "webhook-id": webhook_id,
        "webhook-timestamp": str(signed_at),
        "webhook-signature": Webhook(secret).sign(webhook_id, moment, body),
    }
    for place in ("headers", "multiValueHeaders"):
        if place in recorded:
            recorded[place] = with_headers(recorded[place], added)
    encoded = encoded or bool(recorded.get("isBase64Encoded"))
    recorded["body"] = base64.b64encode(body.encode()).decode() if encoded else body
    recorded["isBase64Encoded"] = encoded
    return recorded


def example(function: str) -> dict[str, Any]:
    """What AWS sends to another function than the webhook; the schedule's events say nothing that is read."""
    path = EVENTS / "functions" / f"{function}.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return found


def with_headers(headers: dict[str, Any], added: dict[str, str]) -> dict[str, Any]:
    """With these headers added, in the case and the form of those that are there. A header of the signature that the
    file has itself stays: it is there to be wrong."""
    titled = any(name != name.lower() for name in headers)
    lists = any(isinstance(value, list) for value in headers.values())
    named = {name.title() if titled else name: [value] if lists else value for name, value in added.items()}
    kept = {name: value for name, value in headers.items() if name.lower().startswith("webhook-")}
    return {**headers, **named, **kept}


def new_call_id() -> str:
    """The id of a call that the emulator knows nothing of."""
    return f"rtc_local_{int(time.time())}"


def _files() -> dict[str, Path]:
    return {path.stem: path for folder in (EVENTS, SHAPES) for path in folder.glob("*.json")}
