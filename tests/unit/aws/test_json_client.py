"""AWS's JSON protocol, against a server that answers as the test wants."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from botocore.credentials import Credentials
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from ringside.aws.json_client import TRIES, Connections, JsonClient, Keys


class Service:
    """Answers in this order, and then with {}; 0 closes the connection, -1 says nothing."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, Any]] = []
        self.asked: list[tuple[str, Any]] = []
        self.signed: list[str] = []
        self.slept: list[float] = []
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        self.asked.append((request.headers["X-Amz-Target"], await request.json()))
        self.signed.append(request.headers["Authorization"])
        status, body = self.answers.pop(0) if self.answers else (200, {})
        if status == 0:
            assert request.transport is not None
            request.transport.close()
        if status <= 0:
            await asyncio.sleep(5 * -status)
            status = 200
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return web.Response(status=status, body=content)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    service, application = Service(), web.Application()
    application.router.add_post("/", service.handle)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    service.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield service
    await runner.cleanup()


@pytest.fixture
async def client(service: Service) -> AsyncIterator[JsonClient]:
    http, keys = Connections(), Keys(Credentials("AKIDEXAMPLE", "secret"))
    yield JsonClient(http, keys, "dynamodb", "eu-central-1", service.url, "DynamoDB_20120810", service.sleep)
    await http.close()


async def test_a_request_is_signed_and_says_what_it_asks_for(service: Service, client: JsonClient) -> None:
    service.answers = [(200, {"Item": {"pk": {"S": "ü"}}})]

    assert await client.call("GetItem", {"TableName": "calls"}) == {"Item": {"pk": {"S": "ü"}}}
    assert service.asked == [("DynamoDB_20120810.GetItem", {"TableName": "calls"})]
    assert service.signed[0].startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
    assert "/eu-central-1/dynamodb/aws4_request" in service.signed[0]


async def test_an_error_is_the_one_that_boto3_raises(service: Service, client: JsonClient) -> None:
    kind = "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"
    service.answers = [(400, {"__type": kind, "message": "no", "Item": {"pk": {"S": "a"}}})]
    with pytest.raises(ClientError) as refused:
        await client.call("PutItem", {})

    response: Any = refused.value.response
    assert (response["Error"]["Code"], response["Item"]) == ("ConditionalCheckFailedException", {"pk": {"S": "a"}})
    assert (len(service.asked), refused.value.operation_name) == (1, "PutItem")


@pytest.mark.parametrize(
    "passing",
    [
        (500, {"__type": "x#InternalServerError"}),
        (503, b"<html>busy</html>"),
        (400, {"__type": "x#ThrottlingException"}),
        (400, {"__type": "x#ProvisionedThroughputExceededException"}),
        (0, b""),
    ],
    ids=lambda passing: f"{passing[0]} {str(passing[1])[:30]}",
)
async def test_what_fails_for_the_moment_is_tried_again_after_a_pause(
    service: Service, client: JsonClient, passing: tuple[int, Any]
) -> None:
    service.answers = [passing, passing, (200, {"done": True})]

    assert await client.call("PutItem", {}) == {"done": True}
    assert (len(service.asked), len(service.slept)) == (3, 2)
    assert 0 < service.slept[0] < service.slept[1] * 2 < 1


async def test_after_so_many_tries_it_is_for_the_caller_to_say_what_now(service: Service, client: JsonClient) -> None:
    service.answers = [(500, {})] * 9
    with pytest.raises(ClientError):
        await client.call("PutItem", {})

    assert len(service.asked) == TRIES


async def test_an_answer_that_does_not_come_is_an_error_of_botocores(service: Service, client: JsonClient) -> None:
    service.answers = [(-1, {})]
    with pytest.raises(ReadTimeoutError):
        await client.call("PutItem", {}, 0.05, 1)


async def test_a_service_that_is_not_there_is_an_error_of_botocores(service: Service) -> None:
    http, keys = Connections(), Keys(Credentials("a", "b"))
    nowhere = JsonClient(http, keys, "sqs", "eu-central-1", "http://127.0.0.1:9", "AmazonSQS", service.sleep)
    with pytest.raises(EndpointConnectionError):
        await nowhere.call("DeleteMessage", {})
    await http.close()

    assert len(service.slept) == TRIES - 1
