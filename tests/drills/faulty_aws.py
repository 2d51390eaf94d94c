"""The local cloud's AWS with a switch for faults. Run as `python -m tests.drills.faulty_aws FD`.

PUT /_faults {"share": 0.1, "seconds": 60}: for so long, that share of the requests to DynamoDB and SQS fails: refused
before anything was done (throttled, or a 5xx), or done and the answer lost. `services` limits it to some, `lost` says
of which share of the faults only the answer is lost (1: of writes alone). `per_second`: throttled to so many requests
a second. PUT /_faults {} ends it. GET tells how many failed, and how. GET /_writes tells when the items of calls were
written.
"""

import json
import random
import time
from collections import Counter
from typing import Any

from aiohttp import web

from infra.local.aws import CREDENTIAL_SCOPE, MAX_REQUEST_BYTES, be_a_process
from tests.drills.forgetful_sqs import ForgetfulSqs

Refusal = tuple[int, str]

REFUSALS: dict[str, tuple[Refusal, ...]] = {
    "dynamodb": (
        (400, "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"),
        (400, "com.amazon.coral.availability#ThrottlingException"),
        (500, "com.amazonaws.dynamodb.v20120810#InternalServerError"),
        (503, "com.amazon.coral.service#ServiceUnavailableException"),
    ),
    "sqs": (
        (400, "com.amazonaws.sqs#RequestThrottled"),
        (403, "com.amazonaws.sqs#OverLimit"),
        (500, "com.amazonaws.sqs#InternalFailure"),
        (503, "com.amazonaws.sqs#ServiceUnavailable"),
    ),
}
LOST = (500, "com.amazon.coral.service#InternalFailure")
LOST_SHARE = 0.4
"""Of the faults: those whose request was carried out all the same."""


class FaultyAws(ForgetfulSqs):
    """AWS on a bad day."""

    def __init__(self) -> None:
        super().__init__()
        self._share = 0.0
        self._services: set[str] = set()
        self._lost = LOST_SHARE
        self._per_second: float | None = None
        self._next_at = 0.0
        self._until = 0.0
        self._happened: Counter[str] = Counter()
        self._written: dict[str, float] = {}

    async def switch(self, request: web.Request) -> web.Response:
        """Set the faults, or show what they did."""
        if request.method == "PUT":
            wanted = await request.json()
            self._share = float(wanted.get("share", 0.0))
            self._services = set(wanted.get("services", REFUSALS))
            self._lost = float(wanted.get("lost", LOST_SHARE))
            self._per_second = wanted.get("per_second")
            self._until = time.monotonic() + float(wanted.get("seconds", 0.0))
            self._happened.clear()
        return web.json_response(self._happened)

    async def writes(self, request: web.Request) -> web.Response:
        """When each item of a call was last written (Unix seconds, by its `item_id`) since this was last asked."""
        written, self._written = self._written, {}
        return web.json_response(written)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        response = await self._handle(request)
        if request.headers.get("X-Amz-Target", "").endswith(".BatchWriteItem") and response.status == 200:
            for writes in json.loads(await request.read())["RequestItems"].values():
                for item in (write["PutRequest"]["Item"] for write in writes if "PutRequest" in write):
                    if "item_id" in item:
                        self._written[item["item_id"]["S"]] = time.time()
        return response

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        scope = CREDENTIAL_SCOPE.search(request.headers.get("Authorization", ""))
        service = scope[2] if scope else ""
        if service not in self._services or time.monotonic() > self._until:
            return await super().handle(request)
        operation = request.headers.get("X-Amz-Target", "").rpartition(".")[2]
        if self._per_second is not None:
            return await self._at_most_so_often(request, service)
        if random.random() >= self._share or (self._lost == 1 and operation in READS):
            return await super().handle(request)
        if random.random() < self._lost:
            await super().handle(request)
            self._happened[f"{service}: done, answer lost"] += 1
            return refusal(*LOST)
        return self._refused(service, random.choice(REFUSALS[service]))

    async def _at_most_so_often(self, request: web.Request, service: str) -> web.StreamResponse:
        now, every = time.monotonic(), 1 / (self._per_second or 1)
        if now < self._next_at:
            return self._refused(service, REFUSALS[service][0])
        self._next_at = max(now, self._next_at + every)
        return await super().handle(request)

    def _refused(self, service: str, how: Refusal) -> web.Response:
        status, code = how
        self._happened[f"{service}: {code.partition('#')[2]}"] += 1
        return refusal(status, code)


READS = frozenset({"GetItem", "Query", "ReceiveMessage"})


def refusal(status: int, code: str) -> web.Response:
    """An error as the JSON protocols of AWS write it."""
    body: dict[str, Any] = {"__type": code, "message": "on purpose"}
    return web.Response(status=status, body=json.dumps(body).encode(), content_type="application/x-amz-json-1.0")


def main() -> None:
    aws = FaultyAws()
    application = web.Application(client_max_size=MAX_REQUEST_BYTES)
    application.router.add_route("*", "/_faults", aws.switch)
    application.router.add_get("/_writes", aws.writes)
    application.router.add_route("*", "/_receipts", aws.receipts)
    be_a_process(aws, application)


if __name__ == "__main__":
    main()
