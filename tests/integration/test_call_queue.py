"""The queue as SQS has it: a message lives as long as its call, and comes back when nobody extends it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING
from uuid import uuid4

import boto3
import pytest
from botocore.config import Config

from ringside.aws.call_queue import BATCH, CallQueue

if TYPE_CHECKING:
    from types_boto3_sqs.client import SQSClient


@pytest.fixture(scope="module")
def sqs(aws_url: str) -> Iterator["SQSClient"]:
    session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="eu-central-1")
    client: SQSClient = session.client("sqs", endpoint_url=aws_url, config=Config(proxies={}))
    yield client
    client.close()


@pytest.fixture
def url(sqs: "SQSClient") -> str:
    return sqs.create_queue(QueueName=f"calls-{uuid4().hex}", Attributes={"VisibilityTimeout": "15"})["QueueUrl"]


@pytest.fixture
def queue(sqs: "SQSClient", url: str) -> CallQueue:
    return CallQueue(sqs, url)


def test_a_call_comes_out_as_it_went_in(queue: CallQueue) -> None:
    queue.send("rtc_1")

    (message,) = queue.receive(visibility=15, wait=0)

    assert (message.call_id, message.deliveries) == ("rtc_1", 1)
    assert 1.7e9 < message.sent_at < 1e10
    assert queue.receive(visibility=15, wait=0) == []


def test_a_message_that_was_let_go_comes_at_once_and_says_how_often(queue: CallQueue) -> None:
    queue.send("rtc_1")
    (first,) = queue.receive(visibility=15, wait=0)
    assert queue.extend([first.receipt], 0) == set()

    (second,) = queue.receive(visibility=15, wait=0)

    assert (second.id, second.deliveries) == (first.id, 2)
    assert second.sent_at == first.sent_at


def test_a_deleted_message_does_not_come_back(queue: CallQueue) -> None:
    queue.send("rtc_1")
    (message,) = queue.receive(visibility=0, wait=0)
    queue.delete(message.receipt)

    assert queue.receive(visibility=15, wait=0) == []


def test_one_message_at_a_time_spreads_a_burst(queue: CallQueue) -> None:
    for number in range(3):
        queue.send(f"rtc_{number}")

    assert len(queue.receive(visibility=15, wait=0)) == 1
    assert len(queue.receive(visibility=15, wait=0, most=BATCH)) == 2


def test_a_batch_is_extended_and_what_is_not_is_told(queue: CallQueue) -> None:
    for number in range(BATCH):
        queue.send(f"rtc_{number}")
    receipts = [message.receipt for message in queue.receive(visibility=15, wait=0, most=BATCH)]

    assert queue.extend(receipts, 15) == set()
    assert queue.extend([*receipts[1:], "no-receipt"], 15) == {"no-receipt"}


@pytest.mark.parametrize(
    "body",
    [
        "not JSON",
        "[]",
        '"rtc_1"',
        "{}",
        '{"call_id": 7}',
        '{"call_id": null}',
        '{"call_id": ".."}',
        '{"call_id": "a/b"}',
        '{"call_id": ""}',
        f'{{"call_id": "{"x" * 3000}"}}',
        "[" * 10_000,
    ],
)
def test_somebody_elses_message_has_no_call(sqs: "SQSClient", url: str, queue: CallQueue, body: str) -> None:
    sqs.send_message(QueueUrl=url, MessageBody=body)

    (message,) = queue.receive(visibility=15, wait=0)

    assert message.call_id is None
