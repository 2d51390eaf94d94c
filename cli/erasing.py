"""Erasing calls from the record: everything that has their ids, and what was counted for their callers.

An erasure is written down before anything is deleted, with the ids of its calls, so whoever comes next can finish it.
A call's item goes first: without it no command, page or index shows the call, and no write brings it back, since each
asks for the item. Then the rest of its partition goes, until a consistent query finds nothing.

What agents have cost on a day (`SPENT#`) stays: it says nothing about one call.
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from cli import audit
from cli.cloud import Cloud
from cli.errors import CliError
from ringside.aws import requests, reservations
from ringside.aws.attributes import Item, marshal, unmarshal
from ringside.aws.call_writes import call_key, caller_keys
from ringside.aws.entries import CALL, partition_of
from ringside.aws.table import Table, pause
from ringside.calls import Status

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

ERASURES = "ERASURES"
DONE = "done"
AGAIN = "something came while it was erased: run `ringside erase` again in a minute, it goes on"

CALLS_OF_ONE = 1_000
"""Calls whose ids fit into one item: an erasure of more is several."""

BATCH = 25
"""Deletions in one request (API reference, BatchWriteItem)."""

TRIES = 8
"""Of what DynamoDB leaves undone of a batch when it is busy."""

SETTLED_SECONDS = 120.0
"""After its end a call may still get its last words, which are written without asking for its item."""

ROUNDS = 5
"""How often a partition is looked at again before that is an error."""

RECOVERABLE_DAYS = 35
"""For which point-in-time recovery can bring a table back as it was (developer guide, "Point-in-time recovery")."""


@dataclass
class Found:
    """What would be erased: the calls' items, and how many items there are in all."""

    calls: list[Item] = field(default_factory=list)  # of a call without an item of its own: `call_id` and `status`
    sizes: dict[str, int] = field(default_factory=dict)  # items of each call

    @property
    def items(self) -> int:
        return sum(self.sizes.values())

    @property
    def days(self) -> list[str]:
        """On which they began (UTC), as far as their items say so."""
        return sorted({str(call["started_at"])[:10] for call in self.calls if call.get("started_at")})

    def unsettled(self, now: float) -> list[str]:
        """The ids of the calls that are not over, or not for long enough."""
        return [str(call["call_id"]) for call in self.calls if not _is_settled(call, now)]


class Eraser:
    """Erases from one table. All methods block."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._client: DynamoDBClient = cloud.dynamodb
        self._name = cloud.table
        self._table = Table(self._client, cloud.table)

    # --- what there is, also what has expired and is not deleted yet ---

    def calls(self, call_ids: Iterable[str]) -> Found:
        """What there is of these calls."""
        found = Found()
        for call_id in call_ids:
            items = self._items(call_id)
            if items:
                found.sizes[call_id] = len(items)
                call = items[0] if items[0]["sk"] == CALL else {"status": Status.ENDED}
                found.calls.append({**call, "call_id": call_id})
        return found

    def calls_of(self, caller: str) -> Found:
        """What there is of the calls from a number or an extension."""
        ids = (
            str(call["call_id"])
            for key in caller_keys(caller)
            for call in self._table.query(
                IndexName="by_caller", KeyConditionExpression="caller_pk = :pk", values={":pk": key}
            )
        )
        return self.calls(ids)

    def log(self) -> list[Item]:
        """Every erasure, oldest first."""
        return self._table.run(requests.partition(ERASURES))

    def unfinished(self) -> list[Item]:
        """Those that were begun and not finished."""
        return [one for one in self.log() if one["state"] != DONE]

    # --- erasing ---

    def begin(self, found: Found, of: str, reason: str | None) -> list[Item]:
        """Write down who erases what, for `finish`. `of`: `call` or `caller`, whose number is not written."""
        by, at, calls, begun = audit.caller(self._cloud), audit.now(), iter(found.calls), []
        while part := list(islice(calls, CALLS_OF_ONE)):
            erasure: Item = {
                **audit.key(ERASURES),
                "state": "begun",
                "by": by,
                "of": of,
                "reason": reason,
                "begun_at": at,
                "calls": (ids := [str(call["call_id"]) for call in part]),
                "items": sum(found.sizes[call_id] for call_id in ids),
                "counted": sorted({key for call in part for key in _counted(call)}),
            }
            self._table.send(requests.put(_key(erasure), erasure))
            begun.append(erasure)
        return begun

    def finish(self, erasure: Item) -> Iterator[int]:
        """Delete what an erasure names, and write down that nothing is left. Yields how many items each call had."""
        call_ids = list(map(str, erasure["calls"]))
        for call_id in call_ids:
            yield self._erase(call_id)
        for key in map(str, erasure["counted"]):
            self._uncount(key, None if erasure["of"] == "caller" else call_ids)
        if self.calls(call_ids).items:
            raise CliError(AGAIN)
        done = {"state": DONE, "done_at": audit.now()}
        # A caller's number is part of the keys under which the calls were counted.
        self._table.send(requests.update(_key(erasure), done, remove=("counted",)))

    def _erase(self, call_id: str) -> int:
        """Delete a call's partition; how many items there were."""
        count = int(self._delete_call(call_id))
        for _ in range(ROUNDS):
            keys = [_key(item) for item in self._items(call_id)]
            if not keys:
                return count
            count += len(keys)
            for first in range(0, len(keys), BATCH):
                self._delete(keys[first : first + BATCH])
        raise CliError(AGAIN)

    def _items(self, call_id: str) -> list[Item]:
        """Everything of a call, its own item first, and what operators want of it."""
        partitions = (partition_of(call_id), f"ACTIONS#{call_id}", f"ANYWHERE#{call_id}")
        return [item for pk in partitions for item in self._table.run(requests.partition(pk))]

    def _delete_call(self, call_id: str) -> bool:
        """Delete the call's item, if the call is over; whether there was one."""
        final = {f":{status}": status for status in Status if status.is_final}
        try:
            answer = self._client.delete_item(
                TableName=self._name,
                Key=marshal(call_key(call_id)),
                ConditionExpression=f"attribute_not_exists(pk) OR #status IN ({', '.join(final)})",
                ExpressionAttributeNames={"#status": "status"},
                ExpressionAttributeValues=marshal(final),
                ReturnValues="ALL_OLD",
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            raise CliError(f"{call_id} is not over: hang it up first") from None
        return "Attributes" in answer

    def _delete(self, keys: list[Item]) -> None:
        waiting: Mapping[str, Any] = {self._name: [{"DeleteRequest": {"Key": marshal(key)}} for key in keys]}
        for tried in range(TRIES):
            waiting = self._client.batch_write_item(RequestItems=waiting)["UnprocessedItems"]
            if not waiting:
                return
            time.sleep(pause(tried))
        raise CliError(AGAIN)

    def _uncount(self, key: str, call_ids: list[str] | None) -> None:
        """Delete what was counted for a caller: all of it, or these calls."""
        place = marshal({"pk": f"CALLERS#{key}", "sk": "CALLERS"})
        if call_ids is not None:
            found = self._table.send(requests.get(unmarshal(place)))
            members = set((found or {}).get("members") or ())
            gone = {member for member in members if member.partition("#")[2] in call_ids}
            if gone:
                self._table.send(requests.update(unmarshal(place), {}, drop={"members": gone}))
            if members - gone:
                return
        self._client.delete_item(TableName=self._name, Key=place)


def _key(item: Item) -> Item:
    return {"pk": item["pk"], "sk": item["sk"]}


def _counted(call: Item) -> list[str]:
    """The keys under which the call is counted for its caller (`ringside.aws.counters`)."""
    return [str(key) for key in call.get("reservations") or () if not reservations.is_live(str(key))]


def _is_settled(call: Item, now: float) -> bool:
    if not Status(str(call["status"])).is_final:
        return False
    last = max(map(float, (call.get("steps") or {}).values()), default=0.0)
    return now - last > SETTLED_SECONDS
