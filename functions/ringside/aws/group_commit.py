"""Writes without a condition, in groups: while one request is under way, the next gathers what comes meanwhile.

Sent at once when nothing is under way; under load after `LINGER` seconds at most, or when a request is full. Up to
`UNDER_WAY` requests at a time. A write is done when its group was answered. Of two waiting writes of one key the later
one is sent; while one is under way, the next of its key waits. What DynamoDB has not processed, and what fails, is
reported write by write: whoever wrote it knows whether to try again.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from ringside.aws.attributes import Item, marshal
from ringside.aws.json_client import Client

BATCH = 25
"""Items of one request (DynamoDB API reference, BatchWriteItem)."""

BATCH_BYTES = 4_000_000
"""Of one request, at most 16 MB: so much at a time keeps the others' writes quick."""

UNDER_WAY = 8
LINGER = 0.05  # seconds

Key = tuple[str, str]


@dataclass(slots=True)
class _Write:
    request: Mapping[str, Any]
    done: "asyncio.Future[None]"
    size: int


class GroupCommit:
    def __init__(self, client: Client, table: str) -> None:
        self._client = client
        self._table = table
        self._waiting: dict[Key, _Write] = {}
        self._under_way: set[Key] = set()
        self._requests: set[asyncio.Task[None]] = set()
        self._timer: asyncio.Handle | None = None

    def put(self, item: Item) -> "asyncio.Future[None]":
        """Write an item; done when it is durable. Raises (when awaited) what `Client.call` raises.

        `ValueError` or `TypeError` at once for what DynamoDB cannot hold.
        """
        content = marshal(item)
        return self._add((item["pk"], item["sk"]), {"PutRequest": {"Item": content}}, _size(content))

    def delete(self, key: Item) -> "asyncio.Future[None]":
        return self._add((key["pk"], key["sk"]), {"DeleteRequest": {"Key": marshal(key)}}, 200)

    def _add(self, key: Key, request: Mapping[str, Any], size: int) -> "asyncio.Future[None]":
        waiting = self._waiting.get(key)
        if waiting is None:
            done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            done.add_done_callback(_seen)
            waiting = self._waiting[key] = _Write(request, done, size)
            self._schedule()
        else:  # nobody has seen the earlier one: this one is in its place, and says when both are done
            waiting.request, waiting.size = request, size
        return waiting.done

    def _schedule(self) -> None:
        loop = asyncio.get_running_loop()
        if len(self._requests) >= UNDER_WAY:
            return
        if not self._requests or len(self._waiting) >= BATCH:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = loop.call_soon(self._send)  # with it goes whatever else is written in this moment
        elif self._timer is None:
            self._timer = loop.call_later(LINGER, self._send)

    def _send(self) -> None:
        self._timer = None
        while len(self._requests) < UNDER_WAY and (group := self._next_group()):
            self._start(group)
            if len(self._waiting) < BATCH:
                break
        if self._waiting and self._requests and len(self._requests) < UNDER_WAY and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(LINGER, self._send)

    def _next_group(self) -> dict[Key, _Write]:
        group: dict[Key, _Write] = {}
        size = 0
        for key, write in self._waiting.items():
            if key in self._under_way:
                continue
            if group and size + write.size > BATCH_BYTES:
                break
            group[key] = write
            size += write.size
            if len(group) == BATCH:
                break
        for key in group:
            del self._waiting[key]
        return group

    def _start(self, group: dict[Key, _Write]) -> None:
        self._under_way |= group.keys()
        request = asyncio.create_task(self._write(group), name="group commit")
        self._requests.add(request)
        request.add_done_callback(self._requests.discard)

    async def _write(self, group: dict[Key, _Write]) -> None:
        try:
            await self._write_safely(group)
        finally:
            for key, write in group.items():
                self._under_way.discard(key)
                if not write.done.done():
                    write.done.cancel()
            asyncio.get_running_loop().call_soon(self._go_on)

    def _go_on(self) -> None:
        """A request has come back: what gathered meanwhile is next."""
        if self._waiting and not self._requests:
            self._send()
        elif self._waiting:
            self._schedule()

    async def _write_safely(self, group: dict[Key, _Write]) -> None:
        items = {self._table: [write.request for write in group.values()]}
        try:
            answer = await self._client.call("BatchWriteItem", {"RequestItems": items})
        except ClientError as error:
            if error.response["Error"]["Code"] == "ValidationException" and len(group) > 1:
                # One that DynamoDB will not take makes it refuse them all: each by itself.
                await asyncio.gather(*(self._write_safely({key: write}) for key, write in group.items()))
                return
            _fail(group.values(), error)
        except Exception as error:
            _fail(group.values(), error)
        else:
            left = {_key_of(request) for request in answer.get("UnprocessedItems", {}).get(self._table, ())}
            unprocessed = [write for key, write in group.items() if key in left]
            if unprocessed:
                _fail(unprocessed, not_processed())
            for write in group.values():
                if not write.done.done():
                    write.done.set_result(None)


def not_processed() -> ClientError:
    """What DynamoDB says of single writes for which it has no throughput left."""
    code = "ProvisionedThroughputExceededException"
    return ClientError({"Error": {"Code": code, "Message": "left out of a batch"}}, "BatchWriteItem")


def _seen(done: "asyncio.Future[None]") -> None:
    """Whoever waited may be gone: then nobody looks at what went wrong, and asyncio need not say so."""
    if not done.cancelled():
        done.exception()


def _fail(writes: Any, error: Exception) -> None:
    for write in writes:
        if not write.done.done():
            write.done.set_exception(error)


def _key_of(request: Mapping[str, Any]) -> Key:
    put, delete = request.get("PutRequest"), request.get("DeleteRequest")
    key = put["Item"] if put else delete["Key"] if delete else {}
    return key["pk"]["S"], key["sk"]["S"]


def _size(content: Mapping[str, Any]) -> int:
    """About how large an item is, by its texts: exact enough to keep requests small."""
    return 200 + sum(len(value["S"]) for value in content.values() if "S" in value)
