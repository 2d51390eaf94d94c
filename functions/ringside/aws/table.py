"""DynamoDB itself: one table's items as plain dicts, and conditional writes. Knows nothing of calls."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

from ringside.errors import RecordError

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

Item = dict[str, Any]

Heard = Callable[[Mapping[str, Any], Item], None]
"""Whoever hears of a write: what was written, and the whole item as it now is. Must not block or raise."""


class Conflict(RecordError):
    """A conditional write was refused; `found` is the item that stood in the way (empty: there is none)."""

    def __init__(self, found: Item) -> None:
        super().__init__("the item is not as expected")
        self.found = found


class Table:
    """All methods block; asyncio callers use a thread."""

    def __init__(self, client: "DynamoDBClient", name: str, heard: Heard | None = None) -> None:
        self._client = client
        self._name = name
        self._heard = heard or (lambda changed, item: None)

    def put(
        self, key: Item, item: Mapping[str, Any], condition: str | None = None, values: Mapping[str, Any] | None = None
    ) -> None:
        request: Item = {"TableName": self._name, "Item": _marshal({**key, **item})}
        if condition is not None:
            request |= {"ConditionExpression": condition, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
        if values:
            request["ExpressionAttributeValues"] = _marshal(values)
        with _conflicts():
            self._client.put_item(**request)
        self._heard(item, {**key, **item})

    def update(
        self,
        key: Item,
        sets: Mapping[str, Any],
        condition: str | None = None,
        values: Mapping[str, Any] | None = None,
        *,
        names: Mapping[str, str] | None = None,
        first: Mapping[str, Any] | None = None,
        add: Mapping[str, Any] | None = None,
        drop: Mapping[str, Any] | None = None,
        remove: Sequence[str] = (),
    ) -> Item:
        """One UpdateItem, conditional if there is a `condition`. Returns the item as it then is, raises `Conflict`.

        `sets` sets, `first` sets only what is not set, `add` adds to numbers and sets, `drop` takes from
        sets, `remove` removes. Dots in a name lead into a map.
        """
        all_names, all_values = dict(names or {}), dict(values or {})

        def name(path: str) -> str:
            parts = path.split(".")
            all_names.update({f"#{part}": part for part in parts})
            return ".".join(f"#{part}" for part in parts)

        def value(given: Any) -> str:
            token = f":v{len(all_values)}"
            all_values[token] = given
            return token

        assignments = [f"{name(path)} = {value(given)}" for path, given in sets.items()]
        for path, given in (first or {}).items():
            assignments.append(f"{name(path)} = if_not_exists({name(path)}, {value(given)})")
        expression = f"SET {', '.join(assignments)} " if assignments else ""
        if add:
            expression += "ADD " + ", ".join(f"{name(path)} {value(given)}" for path, given in add.items()) + " "
        if drop:
            expression += "DELETE " + ", ".join(f"{name(path)} {value(given)}" for path, given in drop.items()) + " "
        if remove:
            expression += "REMOVE " + ", ".join(name(path) for path in remove)
        request: Item = {
            "TableName": self._name,
            "Key": _marshal(key),
            "UpdateExpression": expression.strip(),
            "ReturnValues": "ALL_NEW",
        }
        if condition is not None:
            request |= {"ConditionExpression": condition, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
        if all_names:
            request["ExpressionAttributeNames"] = all_names
        if all_values:
            request["ExpressionAttributeValues"] = _marshal(all_values)
        with _conflicts():
            written = _unmarshal(self._client.update_item(**request)["Attributes"])
        self._heard(sets, written)
        return written

    def get(self, key: Item) -> Item | None:
        answer = self._client.get_item(TableName=self._name, Key=_marshal(key), ConsistentRead=True)
        return _unmarshal(answer["Item"]) if "Item" in answer else None

    def query(self, *, values: Mapping[str, Any], page_size: int | None = None, **request: Any) -> Iterator[Item]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._name,
            ExpressionAttributeValues=_marshal(values),
            ConsistentRead="IndexName" not in request,
            PaginationConfig={"PageSize": page_size} if page_size else {},
            **request,
        )
        for page in pages:
            yield from map(_unmarshal, page["Items"])

    def delete(self, key: Item, condition: str, values: Mapping[str, Any]) -> None:
        """Delete an item, or raise `Conflict`."""
        with _conflicts():
            self._client.delete_item(
                TableName=self._name,
                Key=_marshal(key),
                ConditionExpression=condition,
                ExpressionAttributeValues=_marshal(values),
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )


@contextmanager
def _conflicts() -> Iterator[None]:
    """Turn a refused condition into `Conflict`, with the item that was found."""
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        # The item is in the answer, but not in the type that the stubs give to errors.
        raise Conflict(_unmarshal(error.response.get("Item") or {})) from None  # type: ignore[arg-type]


_serialize, _deserialize = TypeSerializer().serialize, TypeDeserializer().deserialize


def _marshal(item: Mapping[str, Any]) -> Any:
    return {name: _serialize(_to_dynamodb(value)) for name, value in item.items()}


def _to_dynamodb(value: Any) -> Any:
    """DynamoDB's own numbers are decimals; a float is written with the digits that it shows."""
    if isinstance(value, float):
        return Decimal(repr(round(value, 6)))
    if isinstance(value, Mapping):
        return {name: _to_dynamodb(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_to_dynamodb(inner) for inner in value]
    return str(value) if isinstance(value, str) else value


def _unmarshal(item: Mapping[str, Any]) -> Item:
    return {name: _from_dynamodb(_deserialize(value)) for name, value in item.items()}


def _from_dynamodb(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dict):
        return {name: _from_dynamodb(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_from_dynamodb(inner) for inner in value]
    return value
