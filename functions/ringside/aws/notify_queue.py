"""SQS: messages to receivers that wait for their next attempt."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types_boto3_sqs.client import SQSClient


class NotifyQueue:
    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client = client
        self._url = url

    def send(self, text: str) -> None:
        self._client.send_message(QueueUrl=self._url, MessageBody=text)

    def postpone(self, receipt: str, seconds: float) -> None:
        """Hide a message that was received for so long; Lambda then gives it to the function again."""
        self._client.change_message_visibility(
            QueueUrl=self._url, ReceiptHandle=receipt, VisibilityTimeout=round(seconds)
        )
