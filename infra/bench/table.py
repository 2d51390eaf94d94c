"""DynamoDB, SQS and Secrets Manager for the benchmark: the shortest answer with which a monitor goes on. Pure.

Nothing is kept and nothing is checked: what a monitor does with real answers is the business of the tests, and here
the stand-in must never be what limits. Every call is there, accepted, and nobody's.
"""

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

API_KEY = "sk-of-the-bench"
WEBHOOK_SECRET = "whsec_" + "c3RhbmQtaW5zIGhhdmUgc2VjcmV0cyB0b28h"

KEY_SECRET, SIGNING_SECRET = "bench-key", "bench-signing"
"""The names of the secrets."""

_SECRETS = {KEY_SECRET: {"api_key": API_KEY}, SIGNING_SECRET: {"webhook_secrets": [WEBHOOK_SECRET]}}

Answer = dict[str, Any]


def answer(operation: str, params: Mapping[str, Any]) -> Answer:
    """What the service says; `operation` as in the last part of `X-Amz-Target`."""
    match operation:
        case "GetSecretValue":
            return {"SecretString": json.dumps(_SECRETS[params["SecretId"]])}
        case "UpdateItem" if "ReturnValues" in params:
            return {"Attributes": _call(params)}
        case "Query":
            return {"Items": [], "Count": 0}
        case "BatchWriteItem":
            return {"UnprocessedItems": {}}
        case "ChangeMessageVisibilityBatch":
            return {"Successful": [{"Id": entry["Id"]} for entry in params["Entries"]], "Failed": []}
        case "PutEvents":
            return {"FailedEntryCount": 0, "Entries": []}
        case "SendMessage":
            return {"MessageId": "1"}
        case _:
            return {}


def message(call_id: str) -> Answer:
    """A call in the queue."""
    return {
        "MessageId": call_id,
        "ReceiptHandle": call_id,
        "Body": json.dumps({"call_id": call_id}),
        "Attributes": {"SentTimestamp": str(int(time.time() * 1000)), "ApproximateReceiveCount": "1"},
    }


def _call(params: Mapping[str, Any]) -> Answer:
    """The call's item after its monitor has taken it."""
    moment = time.time()
    now = {"N": repr(round(moment, 3))}
    values = params.get("ExpressionAttributeValues", {})
    steps = dict.fromkeys(("created", "received", "claimed", "decided", "accept_sent", "accepted", "queued"), now)
    return {
        **params["Key"],
        "call_id": {"S": params["Key"]["pk"]["S"].removeprefix("CALL#")},
        "status": {"S": "live"},
        "agent": {"S": "desk"},
        "caller": {"S": "+14255550112"},
        "dialled": {"S": "+18005551212"},
        "epoch": {"N": "1"},
        "started_at": {"S": datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")},
        "claimed_at": now,
        "expires_at": {"N": str(int(moment) + 90 * 86_400)},
        "steps": {"M": steps},
        "owner": next((value for value in values.values() if "-" in value.get("S", "")), {"S": "monitor-1"}),
    }
