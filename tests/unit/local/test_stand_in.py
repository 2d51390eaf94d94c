"""AWS's stand-in, in this process: how its long polls end, and which regions it knows."""

import asyncio
from typing import Any

import botocore.session
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from infra.local.aws import Aws
from infra.local.aws_session import REGION

SIGNED = f"AWS4-HMAC-SHA256 Credential=local/20260101/{REGION}/sqs/aws4_request"


async def test_receivers_wait_no_longer_once_they_are_released() -> None:
    aws = Aws()
    application = web.Application()
    application.router.add_post("/", aws.handle)
    async with TestClient(TestServer(application)) as client, asyncio.timeout(15):

        async def ask(operation: str, **asked: Any) -> dict[str, Any]:
            headers = {"X-Amz-Target": f"AmazonSQS.{operation}", "Authorization": SIGNED}
            headers["Content-Type"] = "application/x-amz-json-1.0"
            async with client.post("/", json=asked, headers=headers) as response:
                answer: dict[str, Any] = await response.json(content_type=None)
            return answer

        url = (await ask("CreateQueue", QueueName="released"))["QueueUrl"]
        waiting = [asyncio.create_task(ask("ReceiveMessage", QueueUrl=url, WaitTimeSeconds=20)) for _ in range(3)]
        await ask("GetQueueUrl", QueueName="released")  # they came first
        assert not any(poll.done() for poll in waiting)

        aws.release_receivers()

        assert await asyncio.gather(*waiting) == [{}] * 3
        assert await ask("ReceiveMessage", QueueUrl=url, WaitTimeSeconds=20) == {}
        await ask("SendMessage", QueueUrl=url, MessageBody="call")
        assert len((await ask("ReceiveMessage", QueueUrl=url, WaitTimeSeconds=20))["Messages"]) == 1


@pytest.mark.parametrize("service", ["dynamodb", "sqs", "secretsmanager", "cloudformation", "lambda", "events"])
def test_the_regions_that_the_stand_in_takes_for_all_are_all_that_a_service_has(service: str) -> None:
    endpoints = botocore.session.Session().get_component("endpoint_resolver")

    of_service = set(endpoints.get_available_endpoints(service)) - {"local"}  # DynamoDB's, on one's own machine

    assert of_service <= set(endpoints.get_available_endpoints("ec2"))
