"""The recorded API Gateway events of `tests/events/`, brought up to date and signed."""

import base64
import json
import time
from datetime import UTC, datetime
from typing import Any

from standardwebhooks import Webhook

from infra.local.template import REPOSITORY

EVENTS = REPOSITORY / "tests" / "events"


def names() -> list[str]:
    return sorted(path.stem for path in EVENTS.glob("*.json"))


def event(name: str, call_id: str, secret: str, *, encoded: bool = False) -> dict[str, Any]:
    """The event as it comes now, for this call, signed with this secret; `encoded` as API Gateway does for binary."""
    recorded: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))
    body = recorded["body"].replace("{created_at}", str(int(time.time()))).replace("{call_id}", call_id)
    now, webhook_id = datetime.now(UTC), f"wh_{call_id}"
    recorded["headers"] |= {
        "content-length": str(len(body.encode())),
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(webhook_id, now, body),
    }
    recorded["body"] = base64.b64encode(body.encode()).decode() if encoded else body
    recorded["isBase64Encoded"] = encoded
    return recorded
