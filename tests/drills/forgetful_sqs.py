"""SQS that no longer honours the receipts it gave, for a while: nothing is extended, and every message comes again."""

import json
import time
from collections import Counter
from typing import Any

import moto.sqs.models
from aiohttp import web
from moto.core.models import DEFAULT_ACCOUNT_ID

from infra.local.aws import Answer, Aws


class ForgetfulSqs(Aws):
    """PUT /_receipts {"seconds": 10}: it forgets for so long. GET shows how often each call's message was received."""

    def __init__(self) -> None:
        super().__init__()
        self._forgets_until = 0.0

    async def receipts(self, request: web.Request) -> web.Response:
        if request.method == "PUT":
            self._forgets_until = time.monotonic() + float((await request.json())["seconds"])
        received: Counter[str] = Counter()
        for backend in moto.sqs.models.sqs_backends[DEFAULT_ACCOUNT_ID].values():
            for queue in backend.queues.values():
                for message in queue._messages:
                    received[message.body] += message.approximate_receive_count
        return web.json_response({json.loads(body)["call_id"]: count for body, count in received.items()})

    async def _sqs(self, request: web.Request, body: bytes, region: str) -> Answer:
        extends = request.headers.get("X-Amz-Target", "").endswith(".ChangeMessageVisibilityBatch")
        entries: list[dict[str, Any]] = json.loads(body)["Entries"] if extends else []
        if time.monotonic() < self._forgets_until and any(entry["VisibilityTimeout"] for entry in entries):
            failed = [{"Id": each["Id"], "SenderFault": True, "Code": "ReceiptHandleIsInvalid"} for each in entries]
            answer = {"Successful": [], "Failed": failed}
            return 200, [("Content-Type", "application/x-amz-json-1.0")], json.dumps(answer).encode()
        return await super()._sqs(request, body, region)
