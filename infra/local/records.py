"""The record as the table has it, read without the code under test."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer

from infra.emulator.client import until_next_look

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

FINAL = frozenset({"ended", "rejected", "missed", "failed"})

_deserialize = TypeDeserializer().deserialize


@dataclass(frozen=True)
class CallRecord:
    """One call: its call item, and its turns, tool runs and gaps in the conversation's order."""

    call: dict[str, Any] = field(default_factory=dict)
    items: list[dict[str, Any]] = field(default_factory=list)

    @property
    def status(self) -> str:
        return str(self.call.get("status", ""))

    @property
    def is_final(self) -> bool:
        return self.status in FINAL


class Records:
    """Reads the table."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def get(self, call_id: str) -> CallRecord:
        """A call as it is now; empty if there is none."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :call",
            ExpressionAttributeValues={":call": {"S": f"CALL#{call_id}"}},
            ConsistentRead=True,
        )
        items = [_plain(item) for page in pages for item in page["Items"]]
        (call,) = [item for item in items if item["sk"] == "CALL"] or [{}]
        return CallRecord(call, _newest([item for item in items if str(item["sk"]).startswith("ITEM#")]))

    def calls(self) -> Iterator[dict[str, Any]]:
        """Every call item there is, in no order."""
        for page in self._client.get_paginator("scan").paginate(TableName=self._table, ConsistentRead=True):
            yield from (item for item in map(_plain, page["Items"]) if item["sk"] == "CALL")

    def wait(self, call_id: str, until: Callable[[CallRecord], bool], seconds: float = 30.0) -> CallRecord:
        """A call as soon as the condition holds; `TimeoutError` when it does not come to hold in time."""
        began = time.monotonic()
        while not until(record := self.get(call_id)):
            if (waited := time.monotonic() - began) > seconds:
                raise TimeoutError(f"{call_id} is {record.status or 'not recorded'} after {seconds:.0f} s")
            time.sleep(until_next_look(waited))
        return record

    def wait_for_end(self, call_id: str, seconds: float = 60.0) -> CallRecord:
        """A call once its record is closed."""
        return self.wait(call_id, lambda record: record.is_final, seconds)


def _newest(copies: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of several copies of an entry the newest: the last owner's last (docs/design.md, "The record")."""
    by_age = sorted(copies, key=lambda item: (item["epoch"], item.get("version", 0)))
    entries = {item.get("item_id", item["sk"]): item for item in by_age}
    began = {
        item.get("item_id", item["sk"]): item["epoch"] for item in reversed(by_age) if not item.get("late")
    }  # with which owner

    def place(item: dict[str, Any]) -> tuple[str, bool, str]:
        # What an owner wrote when it was one no longer belongs before what began with the next.
        place = str(item["sk"])
        later = [str(each["sk"]) for name, each in entries.items() if began.get(name, 0) > item["epoch"]]
        first = min(later, default="~")
        return (first, False, place) if item.get("late") and first < place else (place, True, "")

    return sorted(entries.values(), key=place)


def _plain(item: dict[str, Any]) -> dict[str, Any]:
    return {name: _deserialize(value) for name, value in item.items()}
