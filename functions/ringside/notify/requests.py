"""Who asks the notifier for something, and how they are answered: the table's stream, its queue, and people."""

from collections.abc import Mapping
from typing import Any

from ringside.notify.notifier import Message, Notifier


def answer(notifier: Notifier, event: Mapping[str, Any]) -> dict[str, Any]:
    """A batch of the stream, a batch of the queue (answered with what is to come again), or one message by name.

    `{"call_id", "event", "receiver"}` sends that message now, `{"agent", "receiver"}` a test.
    """
    records = event.get("Records")
    if records is None:
        if "agent" in event:
            return notifier.test(str(event["agent"]), str(event.get("receiver")))
        return notifier.send(Message.read(event), 1, again=True)
    if records and records[0].get("eventSource") == "aws:sqs":
        return {
            "batchItemFailures": [{"itemIdentifier": each["messageId"]} for each in records if _again(notifier, each)]
        }
    notifier.happened(records)
    return {}


def _again(notifier: Notifier, record: Mapping[str, Any]) -> bool:
    """Whether a queued message has to come again; then it is hidden until it is due."""
    attempt = int(record["attributes"]["ApproximateReceiveCount"])
    pause = notifier.deliver(record["body"], attempt)
    if pause is None:
        return False
    notifier.queue.postpone(record["receiptHandle"], pause)
    return True
