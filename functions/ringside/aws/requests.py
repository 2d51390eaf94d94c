"""Requests to DynamoDB as values, and sentences made of them. Pure: who sends them is not known here.

A sentence is a generator: it yields a `Request`, is sent the answer or thrown a `Conflict`, and returns what came of
it. `table.Table` speaks it with boto3, `async_table.AsyncTable` on an event loop, so no expression exists twice.
"""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ringside.aws.attributes import Item, marshal
from ringside.errors import RecordError

T = TypeVar("T")

TOLD = frozenset({"status", "decision", "transfer", "analysis"})
"""The attributes of whose writes others hear (`event_bus.kinds`)."""


class Conflict(RecordError):
    """A conditional write was refused; `found` is the item that stood in the way (empty: there is none).

    Of a transaction `refused` has those items by the number of the write that was refused.
    """

    def __init__(self, found: Item, refused: Mapping[int, Item] | None = None) -> None:
        super().__init__("the item is not as expected")
        self.found = found
        self.refused = dict(refused) if refused is not None else {0: found}


@dataclass(frozen=True)
class Request:
    """One request, without the table's name. `changed` is what it writes, `key` of which item."""

    operation: str
    params: Mapping[str, Any]
    key: Item = field(default_factory=dict)
    changed: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_told(self) -> bool:
        """Whether others want to hear of it."""
        return not TOLD.isdisjoint(self.changed)

    @property
    def as_part(self) -> dict[str, Any]:
        """This write as part of a transaction, which returns no attributes."""
        kind = "ConditionCheck" if self.operation == "ConditionCheckItem" else self.operation.removesuffix("Item")
        return {kind: {name: value for name, value in self.params.items() if name != "ReturnValues"}}


Sentence = Generator[Request, Any, T]


def put(
    key: Item, item: Mapping[str, Any], condition: str | None = None, values: Mapping[str, Any] | None = None
) -> Request:
    params: Item = {"Item": marshal({**key, **item})}
    return Request("PutItem", params | _if(condition, values), key, item)


def update(
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
    whole: bool = False,
) -> Request:
    """One UpdateItem, conditional if there is a `condition`. It is answered with the whole item if that is wanted.

    `sets` sets, `first` sets only what is not set, `add` adds to numbers and sets, `drop` takes from sets, `remove`
    removes. Dots in a name lead into a map.
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
    clauses = [f"SET {', '.join(assignments)}"] if assignments else []
    if add:
        clauses.append("ADD " + ", ".join(f"{name(path)} {value(given)}" for path, given in add.items()))
    if drop:
        clauses.append("DELETE " + ", ".join(f"{name(path)} {value(given)}" for path, given in drop.items()))
    if remove:
        clauses.append("REMOVE " + ", ".join(name(path) for path in remove))
    params: Item = {"Key": marshal(key), "UpdateExpression": " ".join(clauses), **_if(condition, all_values)}
    if all_names:
        params["ExpressionAttributeNames"] = all_names
    if whole:
        params["ReturnValues"] = "ALL_NEW"
    return Request("UpdateItem", params, key, sets)


def delete(key: Item, condition: str, values: Mapping[str, Any] | None = None) -> Request:
    return Request("DeleteItem", {"Key": marshal(key), **_if(condition, values)}, key)


def check(key: Item, condition: str, values: Mapping[str, Any], names: Mapping[str, str]) -> Request:
    """A condition on an item that is not written, as part of a transaction."""
    params: Item = {"Key": marshal(key), **_if(condition, values), "ExpressionAttributeNames": dict(names)}
    return Request("ConditionCheckItem", params, key)


def transaction(token: str, *writes: Request) -> Request:
    """Several writes, all of them or none. A second request of the same token does nothing for ten minutes
    (API reference, TransactWriteItems: ClientRequestToken); others hear of the first write."""
    params = {"TransactItems": [write.as_part for write in writes], "ClientRequestToken": token}
    return Request("TransactWriteItems", params, writes[0].key, writes[0].changed)


def get(key: Item) -> Request:
    """Answered with the item, or None."""
    return Request("GetItem", {"Key": marshal(key), "ConsistentRead": True}, key)


def query(
    pk: str,
    begins: str = "",
    limit: int | None = None,
    start: Mapping[str, Any] | None = None,
    *,
    consistent: bool = True,
) -> Request:
    """One page of a partition: answered with `Items` and, if there is more, `LastEvaluatedKey`."""
    condition, values = "pk = :pk", {":pk": pk}
    if begins:
        condition += " AND begins_with(sk, :begins)"
        values[":begins"] = begins
    params: Item = {
        "KeyConditionExpression": condition,
        "ExpressionAttributeValues": marshal(values),
        "ConsistentRead": consistent,
    }
    if limit is not None:
        params["Limit"] = limit
    if start:
        params["ExclusiveStartKey"] = start
    return Request("Query", params)


def partition(pk: str, begins: str = "", *, consistent: bool = True) -> Sentence[list[Item]]:
    """Every item of a partition, or those whose sort key begins so, in the order of the sort keys."""
    found: list[Item] = []
    start: Mapping[str, Any] | None = None
    while True:
        page = yield query(pk, begins, start=start, consistent=consistent)
        found += page["Items"]
        start = page.get("LastEvaluatedKey")
        if not start:
            return found


def _if(condition: str | None, values: Mapping[str, Any] | None) -> Item:
    params: Item = {}
    if condition is not None:
        params |= {"ConditionExpression": condition, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    if values:
        params["ExpressionAttributeValues"] = marshal(values)
    return params
