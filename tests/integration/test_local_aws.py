"""The stand-in for AWS keeps AWS's promises: what one request does, no other request sees half done."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx
import pytest
from botocore.exceptions import ClientError

from infra.local.clients import Clients
from infra.local.host import listen
from infra.local.process import Guard, Process
from infra.local.template import REPOSITORY

AT_ONCE = 50
ROUNDS = 10

EAGER = "import sys; sys.setswitchinterval(1e-6); from infra.local.aws import main; main()"
"""Threads change places a thousand times as often as they would: with moto's own threaded server, every sixth round
of the updates below then has two winners."""


@pytest.fixture(scope="module")
def aws() -> Iterator[Clients]:
    listener = listen(0, "AWS")
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    guard = Guard()
    command = [sys.executable, "-c", EAGER, str(listener.fileno())]
    process = Process("aws", command, environment=os.environ, guard=guard, cwd=REPOSITORY, listener=listener)
    clients = Clients(url)
    yield clients
    clients.close()
    process.kill()
    guard.close()


@pytest.fixture(scope="module")
def table(aws: Clients) -> str:
    name = f"table-{uuid4().hex}"
    aws.dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
    )
    return name


@pytest.fixture
def queue(aws: Clients) -> str:
    attributes: Any = {"VisibilityTimeout": "30", "ReceiveMessageWaitTimeSeconds": "20"}
    return aws.sqs.create_queue(QueueName=f"queue-{uuid4().hex}", Attributes=attributes)["QueueUrl"]


def all_at_once(act: Callable[[int], Any], count: int = AT_ONCE) -> list[Any]:
    """What each of so many threads got, an error included."""

    def caught(number: int) -> Any:
        try:
            return act(number)
        except ClientError as error:
            return error.response["Error"]["Code"]

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(caught, range(count)))


@pytest.mark.parametrize("call", [f"call-{number}" for number in range(ROUNDS)])
def test_of_fifty_conditional_puts_of_one_key_exactly_one_wins(aws: Clients, table: str, call: str) -> None:
    def claim(number: int) -> str:
        aws.dynamodb.put_item(
            TableName=table,
            Item={"pk": {"S": call}, "owner": {"N": str(number)}},
            ConditionExpression="attribute_not_exists(pk)",
        )
        return "won"

    results = all_at_once(claim)

    assert results.count("won") == 1
    assert results.count("ConditionalCheckFailedException") == AT_ONCE - 1
    found = aws.dynamodb.get_item(TableName=table, Key={"pk": {"S": call}})["Item"]
    assert int(found["owner"]["N"]) == results.index("won")


@pytest.mark.parametrize("call", [f"call-{number}" for number in range(ROUNDS)])
def test_of_fifty_conditional_updates_of_one_item_exactly_one_wins(aws: Clients, table: str, call: str) -> None:
    call = f"owned-{call}"
    aws.dynamodb.put_item(TableName=table, Item={"pk": {"S": call}, "epoch": {"N": "0"}})

    def take(number: int) -> str:
        aws.dynamodb.update_item(
            TableName=table,
            Key={"pk": {"S": call}},
            UpdateExpression="SET epoch = epoch + :one, #owner = :me",
            ConditionExpression="epoch = :seen",
            ExpressionAttributeNames={"#owner": "owner"},
            ExpressionAttributeValues={":one": {"N": "1"}, ":seen": {"N": "0"}, ":me": {"N": str(number)}},
        )
        return "won"

    results = all_at_once(take)

    assert results.count("won") == 1
    found = aws.dynamodb.get_item(TableName=table, Key={"pk": {"S": call}})["Item"]
    assert (found["epoch"]["N"], int(found["owner"]["N"])) == ("1", results.index("won"))


def test_fifty_receivers_get_each_message_once(aws: Clients, queue: str) -> None:
    for number in range(AT_ONCE):
        aws.sqs.send_message(QueueUrl=queue, MessageBody=str(number))

    def receive(_: int) -> list[str]:
        return [message["Body"] for message in aws.sqs.receive_message(QueueUrl=queue).get("Messages", [])]

    received = [body for bodies in all_at_once(receive) for body in bodies]

    assert sorted(received, key=int) == [str(number) for number in range(AT_ONCE)]


def test_a_waiting_receiver_is_woken_by_a_message_and_holds_nobody_up(aws: Clients, queue: str) -> None:
    def receive() -> tuple[list[str], float]:
        messages = aws.sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20).get("Messages", [])
        return [message["Body"] for message in messages], time.monotonic()

    with ThreadPoolExecutor(2) as threads:
        waiting = [threads.submit(receive) for _ in range(2)]
        for body in ("one", "two"):
            aws.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])
            aws.sqs.send_message(QueueUrl=queue, MessageBody=body)
        sent = time.monotonic()
        received = [future.result() for future in waiting]

    assert sorted(bodies for bodies, _ in received) == [["one"], ["two"]]
    assert max(at for _, at in received) - sent < 2


def test_a_message_made_visible_again_wakes_a_waiting_receiver(aws: Clients, queue: str) -> None:
    aws.sqs.send_message(QueueUrl=queue, MessageBody="call")
    (held,) = aws.sqs.receive_message(QueueUrl=queue)["Messages"]

    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(aws.sqs.receive_message, QueueUrl=queue, WaitTimeSeconds=20)
        aws.sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=held["ReceiptHandle"], VisibilityTimeout=0)
        (again,) = waiting.result(5)["Messages"]

    assert again["MessageId"] == held["MessageId"]


def test_a_message_whose_holder_is_silent_comes_back_to_a_waiting_receiver(aws: Clients, queue: str) -> None:
    aws.sqs.send_message(QueueUrl=queue, MessageBody="call")
    (held,) = aws.sqs.receive_message(QueueUrl=queue, VisibilityTimeout=1)["Messages"]
    received = time.monotonic()

    (again,) = aws.sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20)["Messages"]

    assert again["MessageId"] == held["MessageId"]
    assert 0.8 < time.monotonic() - received < 3


def test_a_long_poll_without_a_message_ends_empty_in_its_time(aws: Clients, queue: str) -> None:
    asked = time.monotonic()

    assert "Messages" not in aws.sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1)
    assert 0.9 < time.monotonic() - asked < 3


def test_a_receiver_that_hung_up_is_not_given_a_message(aws: Clients, queue: str) -> None:
    headers = {
        "X-Amz-Target": "AmazonSQS.ReceiveMessage",
        "Content-Type": "application/x-amz-json-1.0",
        "Authorization": "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/sqs/aws4_request",
    }
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(aws.url, headers=headers, json={"QueueUrl": queue, "WaitTimeSeconds": 20}, timeout=0.3)

    aws.sqs.send_message(QueueUrl=queue, MessageBody="call")

    (message,) = aws.sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=0)["Messages"]
    assert message["Body"] == "call"


def test_only_the_newest_receipt_of_a_message_counts(aws: Clients, queue: str) -> None:
    aws.sqs.send_message(QueueUrl=queue, MessageBody="again")

    def receive() -> str:
        (message,) = aws.sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=3, VisibilityTimeout=1)["Messages"]
        return message["ReceiptHandle"]

    first, second = receive(), receive()
    entries: Any = [{"Id": "1", "ReceiptHandle": first, "VisibilityTimeout": 60}]
    outdated = aws.sqs.change_message_visibility_batch(QueueUrl=queue, Entries=entries)
    assert [failed["Code"] for failed in outdated["Failed"]] == ["ReceiptHandleIsInvalid"]
    aws.sqs.delete_message(QueueUrl=queue, ReceiptHandle=first)
    third = receive()
    assert len({first, second, third}) == 3
    aws.sqs.delete_message(QueueUrl=queue, ReceiptHandle=third)
    assert "Messages" not in aws.sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=2)


def test_a_query_returns_one_partition_in_order_and_every_kind_of_value_as_it_was_put(aws: Clients) -> None:
    name = f"table-{uuid4().hex}"
    aws.dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("pk", "sk", "live")],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "live",
                "KeySchema": [{"AttributeName": "live", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["text"]},
            }
        ],
    )
    values: Any = {
        "text": {"S": "naïve"},
        "number": {"N": "1.5"},
        "yes": {"BOOL": True},
        "nothing": {"NULL": True},
        "bytes": {"B": b"\x00\xff"},
        "set": {"SS": ["a", "b"]},
        "list": {"L": [{"S": "a"}, {"M": {"deep": {"N": "2"}}}]},
        "map": {"M": {"bytes": {"B": b"\x01"}, "list": {"L": []}}},
    }
    for call in ("b", "a"):
        for turn in ("2", "10", "1"):
            key = {"pk": {"S": call}, "sk": {"S": turn}}
            aws.dynamodb.put_item(TableName=name, Item={**key, **values, "live": {"S": "yes"}})

    found = aws.dynamodb.query(
        TableName=name, KeyConditionExpression="pk = :call", ExpressionAttributeValues={":call": {"S": "a"}}
    )["Items"]
    live = aws.dynamodb.query(
        TableName=name,
        IndexName="live",
        KeyConditionExpression="live = :yes",
        ExpressionAttributeValues={":yes": {"S": "yes"}},
    )["Items"]
    none = aws.dynamodb.query(
        TableName=name, KeyConditionExpression="pk = :call", ExpressionAttributeValues={":call": {"S": "c"}}
    )["Items"]

    assert [(item["pk"]["S"], item["sk"]["S"]) for item in found] == [("a", "1"), ("a", "10"), ("a", "2")]
    for item in found:
        item["set"]["SS"] = sorted(item["set"]["SS"])
        assert {attribute: value for attribute, value in item.items() if attribute in values} == values
    assert len(live) == 6
    assert set(live[0]) == {"pk", "sk", "live", "text"}
    assert none == []


@pytest.mark.parametrize("forward", [True, False])
@pytest.mark.parametrize(
    ("condition", "more", "wanted"),
    [
        ("day = :day", {}, range(40)),
        ("day = :day AND begins_with(moment, :a)", {":a": {"S": "1"}}, range(10, 20)),
        ("day = :day AND moment BETWEEN :a AND :b", {":a": {"S": "07"}, ":b": {"S": "31"}}, range(7, 32)),
    ],
)
def test_an_index_is_read_in_order_page_by_page_with_what_it_projects(
    aws: Clients, indexed: str, forward: bool, condition: str, more: Any, wanted: range
) -> None:
    pages = aws.dynamodb.get_paginator("query").paginate(
        TableName=indexed,
        IndexName="by_day",
        KeyConditionExpression=condition,
        ExpressionAttributeValues={":day": {"S": "monday"}, **more},
        ScanIndexForward=forward,
        PaginationConfig={"PageSize": 5},
    )
    found = [page["Items"] for page in pages]

    numbers = [int(item["number"]["N"]) for items in found for item in items]
    assert numbers == (list(wanted) if forward else list(reversed(wanted)))
    assert [len(items) for items in found[:-1]] == [5] * (len(found) - 1)
    assert {name for items in found for item in items for name in item} == {"pk", "sk", "day", "moment", "number"}


@pytest.fixture(scope="module")
def indexed(aws: Clients) -> str:
    """A table with an index, in which other items are, too: of another day, and of none."""
    name = f"table-{uuid4().hex}"
    keys: Any = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]
    of_index: Any = [{"AttributeName": "day", "KeyType": "HASH"}, {"AttributeName": "moment", "KeyType": "RANGE"}]
    projection: Any = {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["number"]}
    aws.dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=keys,
        AttributeDefinitions=[{"AttributeName": each, "AttributeType": "S"} for each in ("pk", "sk", "day", "moment")],
        GlobalSecondaryIndexes=[{"IndexName": "by_day", "KeySchema": of_index, "Projection": projection}],
    )
    for number in range(40):
        item: Any = {"pk": {"S": f"call-{number * 7 % 40}"}, "sk": {"S": "CALL"}, "secret": {"S": "not projected"}}
        at = {"moment": {"S": f"{number:02d}"}, "number": {"N": str(number)}}
        aws.dynamodb.put_item(TableName=name, Item={**item, **at, "day": {"S": "monday"}})
        aws.dynamodb.put_item(TableName=name, Item={**item, **at, "sk": {"S": "OTHER"}, "day": {"S": "tuesday"}})
        aws.dynamodb.put_item(TableName=name, Item={**item, "sk": {"S": "ENTRY"}})
    return name
