"""One DynamoDB table by way of boto3: sentences of `requests`, spoken where somebody waits for each answer.

What an answer means (`answered`, `refused`) is shared with `async_table`.
"""

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from ringside.aws import requests
from ringside.aws.attributes import Item, marshal, unmarshal
from ringside.aws.requests import Conflict, Request, Sentence, T

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

__all__ = ["Conflict", "Heard", "Item", "Table"]

Heard = Callable[[Mapping[str, Any], Item], None]
"""Whoever hears of a write: what was written, and the whole item as it now is. Must not block or raise."""

TRIES = 24
"""Of a transaction that met another one at the same item, which DynamoDB does not wait for: some three seconds, in
which the calls of an agent that all come or go at once get past its count one by one, even in a slow table."""

MAX_PAUSE = 0.3  # seconds

_METHODS = {
    "PutItem": "put_item",
    "UpdateItem": "update_item",
    "DeleteItem": "delete_item",
    "TransactWriteItems": "transact_write_items",
    "GetItem": "get_item",
    "Query": "query",
}


class Table:
    """All methods block; on an event loop `AsyncTable` speaks the same sentences."""

    def __init__(self, client: "DynamoDBClient", name: str, heard: Heard | None = None) -> None:
        self._client = client
        self._name = name
        self._heard = heard

    def run(self, sentence: Sentence[T]) -> T:
        """Send what a sentence asks for, until it has its result."""
        try:
            request = next(sentence)
            while True:
                try:
                    answer = self.send(request)
                except Conflict as conflict:
                    request = sentence.throw(conflict)
                else:
                    request = sentence.send(answer)
        except StopIteration as done:
            result: T = done.value
            return result

    def send(self, request: Request) -> Any:
        """Send one request. Raises `Conflict` if a condition was not met."""
        tells = self._heard is not None and request.is_told
        answer = self._send(addressed(request, self._name, whole=tells))
        result = answered(request, answer)
        if tells and self._heard is not None:
            item = result if request.operation == "UpdateItem" else self.send(requests.get(request.key))
            self._heard(request.changed, item or {})
        return result

    def _send(self, request: Request) -> Mapping[str, Any]:
        method = getattr(self._client, _METHODS[request.operation])
        for tried in range(TRIES):
            try:
                answer: Mapping[str, Any] = method(**request.params)
                return answer
            except ClientError as error:
                conflict = refused(error)
                if conflict is not None:
                    raise conflict from None
                if not met_another(error) or tried == TRIES - 1:
                    raise
            time.sleep(pause(tried))
        raise AssertionError("unreachable")

    def query(self, *, values: Mapping[str, Any], page_size: int | None = None, **request: Any) -> Iterator[Item]:
        """The items of a query, page by page as they are wanted."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._name,
            ExpressionAttributeValues=marshal(values),
            ConsistentRead="IndexName" not in request,
            PaginationConfig={"PageSize": page_size} if page_size else {},
            **request,
        )
        for page in pages:
            yield from map(unmarshal, page["Items"])

    def batch(self, keys: Sequence[Item], paths: Sequence[str]) -> Iterator[Item]:
        """These attributes of a hundred items at most, in any order (BatchGetItem). Dots in a path lead into a map."""
        wanted: Any = {
            "Keys": [marshal(key) for key in keys],
            "ProjectionExpression": ", ".join(".".join(f"#{part}" for part in path.split(".")) for path in paths),
            "ExpressionAttributeNames": {f"#{part}": part for path in paths for part in path.split(".")},
        }
        unread, tried = ({self._name: wanted} if keys else {}), 0
        while unread:  # what the table cannot give at all is an error of the client's
            answer = self._client.batch_get_item(RequestItems=unread)
            yield from map(unmarshal, answer["Responses"].get(self._name, ()))
            unread = answer.get("UnprocessedKeys") or {}
            if unread:
                time.sleep(pause(tried))
                tried = min(tried + 1, TRIES)


def addressed(request: Request, table: str, *, whole: bool = False) -> Request:
    """A request with the table's name; `whole`: the item is wanted as it then is."""
    if request.operation == "TransactWriteItems":
        parts = [
            {kind: {"TableName": table, **params} for kind, params in part.items()}
            for part in request.params["TransactItems"]
        ]
        return Request(request.operation, {**request.params, "TransactItems": parts}, request.key, request.changed)
    params = {"TableName": table, **request.params}
    if whole and request.operation == "UpdateItem":
        params["ReturnValues"] = "ALL_NEW"
    return Request(request.operation, params, request.key, request.changed)


def answered(request: Request, answer: Mapping[str, Any]) -> Any:
    """What a sentence gets: an item, None or a page, in plain values."""
    match request.operation:
        case "GetItem":
            return unmarshal(answer["Item"]) if answer.get("Item") else None
        case "UpdateItem":
            return unmarshal(answer.get("Attributes") or {})
        case "Query":
            return {**answer, "Items": [unmarshal(item) for item in answer["Items"]]}
    return {}


def refused(error: ClientError) -> Conflict | None:
    """A condition that was not met, with the items that were found; None for any other error."""
    code = error.response["Error"]["Code"]
    # The items are in the answer, but not in the type that the stubs give to errors.
    response: Mapping[str, Any] = error.response
    if code == "ConditionalCheckFailedException":
        return Conflict(unmarshal(response.get("Item") or {}))
    if code != "TransactionCanceledException":
        return None
    found = {
        number: unmarshal(reason.get("Item") or {})
        for number, reason in enumerate(response.get("CancellationReasons") or ())
        if reason.get("Code") == "ConditionalCheckFailed"
    }
    return Conflict(found.get(0, {}), found) if found else None


def met_another(error: ClientError) -> bool:
    """Whether it is another writer at the same item, at the same moment, that stood in the way."""
    response: Mapping[str, Any] = error.response
    reasons = {reason.get("Code") for reason in response.get("CancellationReasons") or ()}
    return "TransactionConflict" in reasons or response["Error"]["Code"] in (
        "TransactionConflictException",
        "TransactionInProgressException",
    )


def pause(tried: int) -> float:
    """Seconds before the next try: short, and of no two writers the same."""
    return random.uniform(0.005, min(0.02 * 2**tried, MAX_PAUSE))
