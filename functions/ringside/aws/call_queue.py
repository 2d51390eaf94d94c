"""SQS: how a call reaches a monitor, and the dead-man's timer while it has one.

A message lives as long as its call. Its visibility timeout is extended while the owner lives; when
the owner dies it runs out, and the message, and so the call, comes to another monitor.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ringside import calls

if TYPE_CHECKING:
    from types_boto3_sqs.client import SQSClient

BATCH = 10
"""Entries of one batch request (SQS API reference, ChangeMessageVisibilityBatch)."""


@dataclass(frozen=True)
class Message:
    """One delivery. `receipt` belongs to this delivery alone; `sent_at` in Unix seconds."""

    id: str
    receipt: str
    call_id: str | None  # None: somebody else's message, not to be understood
    sent_at: float
    deliveries: int


class CallQueue:
    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client = client
        self._url = url

    def send(self, call_id: str) -> None:
        self._client.send_message(QueueUrl=self._url, MessageBody=json.dumps({"call_id": call_id}))

    def waiting(self) -> int:
        """How many messages wait for a monitor, by SQS's estimate."""
        names: Any = ["ApproximateNumberOfMessages"]
        found = self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=names)
        return int(found["Attributes"]["ApproximateNumberOfMessages"])

    def receive(self, visibility: float, wait: float = 20, most: int = 1) -> list[Message]:
        """Long-poll for up to `wait` seconds. One message at a time spreads a burst over the monitors."""
        return messages(self._client.receive_message(**receiving(self._url, visibility, wait, most)))

    def extend(self, receipts: Sequence[str], visibility: float) -> set[str]:
        """Keep up to `BATCH` messages away from others; returns the receipts that were not extended."""
        answer = self._client.change_message_visibility_batch(**extending(self._url, receipts, visibility))
        return not_extended(answer, receipts)

    def delete(self, receipt: str) -> None:
        self._client.delete_message(QueueUrl=self._url, ReceiptHandle=receipt)


# --- requests and answers, shared with `monitor/async_queue` ---


def receiving(url: str, visibility: float, wait: float, most: int) -> dict[str, Any]:
    return {
        "QueueUrl": url,
        "MaxNumberOfMessages": most,
        "WaitTimeSeconds": round(wait),
        "VisibilityTimeout": round(visibility),
        "MessageSystemAttributeNames": ["SentTimestamp", "ApproximateReceiveCount"],
    }


def messages(answer: Mapping[str, Any]) -> list[Message]:
    return [_message(message) for message in answer.get("Messages", ())]


def extending(url: str, receipts: Sequence[str], visibility: float) -> dict[str, Any]:
    entries = [
        {"Id": str(index), "ReceiptHandle": receipt, "VisibilityTimeout": round(visibility)}
        for index, receipt in enumerate(receipts)
    ]
    return {"QueueUrl": url, "Entries": entries}


def not_extended(answer: Mapping[str, Any], receipts: Sequence[str]) -> set[str]:
    return {receipts[int(failed["Id"])] for failed in answer.get("Failed", ())}


def _message(message: Mapping[str, Any]) -> Message:
    attributes = message["Attributes"]
    try:
        call_id = json.loads(message["Body"])["call_id"]
    except (ValueError, TypeError, KeyError, RecursionError):
        call_id = None
    return Message(
        message["MessageId"],
        message["ReceiptHandle"],
        call_id if isinstance(call_id, str) and calls.CALL_ID.fullmatch(call_id) else None,
        int(attributes["SentTimestamp"]) / 1000,
        int(attributes["ApproximateReceiveCount"]),
    )
