"""Writes in company: at once when nothing is under way, together under load, each with its own outcome."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ringside.aws import group_commit
from ringside.aws.group_commit import BATCH, UNDER_WAY, GroupCommit
from ringside.aws.json_client import Client

TABLE = "calls"


class Dynamo(Client):
    """Takes what it is given when the test lets it, but for what it leaves out or finds invalid."""

    def __init__(self) -> None:
        self.requests: list[list[str]] = []
        """The sort keys of each request, in the order of its items."""
        self.under_way = self.most_under_way = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.left_out: set[str] = set()
        self.invalid: set[str] = set()
        self.failing: list[Exception] = []
        self.items: dict[str, str] = {}

    async def call(
        self, operation: str, params: Mapping[str, Any], seconds: float = 0, tries: int = 0
    ) -> dict[str, Any]:
        writes = params["RequestItems"][TABLE]
        keys = [key_of(write) for write in writes]
        assert len(set(keys)) == len(keys) <= BATCH
        self.requests.append(keys)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        await self.gate.wait()
        self.under_way -= 1
        if self.failing:
            raise self.failing.pop(0)
        if self.invalid & set(keys):
            raise ClientError({"Error": {"Code": "ValidationException", "Message": ""}}, operation)
        for write in writes:
            if key_of(write) not in self.left_out:
                self._take(write)
        left = [write for write in writes if key_of(write) in self.left_out]
        return {"UnprocessedItems": {TABLE: left} if left else {}}

    def _take(self, write: Mapping[str, Any]) -> None:
        if "PutRequest" in write:
            self.items[key_of(write)] = write["PutRequest"]["Item"]["text"]["S"]
        else:
            self.items.pop(key_of(write), None)


def key_of(write: Mapping[str, Any]) -> str:
    content = write["PutRequest"]["Item"] if "PutRequest" in write else write["DeleteRequest"]["Key"]
    return str(content["sk"]["S"])


def item(sk: object, text: str = "") -> dict[str, Any]:
    return {"pk": "CALL#rtc_1", "sk": str(sk), "text": text}


async def code_of(write: "asyncio.Future[None]") -> str:
    with pytest.raises(ClientError) as refused:
        await write
    return str(refused.value.response["Error"]["Code"])


async def test_a_write_goes_at_once_when_nothing_is_under_way() -> None:
    dynamo = Dynamo()
    groups = GroupCommit(dynamo, TABLE)
    loop = asyncio.get_running_loop()
    began = loop.time()
    await groups.put(item(1))

    assert dynamo.requests == [["1"]]
    assert loop.time() - began < group_commit.LINGER


async def test_what_comes_while_a_request_is_under_way_goes_together() -> None:
    dynamo = Dynamo()
    dynamo.gate.clear()
    groups = GroupCommit(dynamo, TABLE)
    first = groups.put(item("first"))
    await asyncio.sleep(0.001)
    others = [groups.put(item(number)) for number in range(5)]
    assert dynamo.requests == [["first"]]
    dynamo.gate.set()
    await asyncio.gather(first, *others)

    assert dynamo.requests == [["first"], ["0", "1", "2", "3", "4"]]


async def test_a_request_that_does_not_come_back_keeps_the_next_waiting_only_for_a_moment() -> None:
    dynamo = Dynamo()
    dynamo.gate.clear()
    groups = GroupCommit(dynamo, TABLE)
    groups.put(item("first"))
    await asyncio.sleep(0.001)
    groups.put(item("second"))
    async with asyncio.timeout(5):
        while len(dynamo.requests) < 2:
            await asyncio.sleep(0.005)

    assert dynamo.requests == [["first"], ["second"]]
    dynamo.gate.set()


async def test_many_go_in_full_requests_several_at_a_time_and_no_more() -> None:
    dynamo = Dynamo()
    dynamo.gate.clear()
    groups = GroupCommit(dynamo, TABLE)
    writes = [groups.put(item(number)) for number in range(BATCH * (UNDER_WAY + 3))]
    await asyncio.sleep(0.01)
    assert dynamo.under_way == UNDER_WAY
    dynamo.gate.set()
    await asyncio.gather(*writes)

    assert (dynamo.most_under_way, len(dynamo.items)) == (UNDER_WAY, len(writes))
    assert max(map(len, dynamo.requests)) == BATCH


async def test_of_two_writes_of_one_key_the_later_one_stays_and_both_are_told() -> None:
    dynamo = Dynamo()
    groups = GroupCommit(dynamo, TABLE)
    await asyncio.gather(groups.put(item(1, "earlier")), groups.put(item(1, "later")))
    assert (dynamo.requests, dynamo.items) == ([["1"]], {"1": "later"})

    dynamo.gate.clear()
    under_way = groups.put(item(1, "under way"))
    await asyncio.sleep(0.001)
    after = groups.put(item(1, "after"))
    await asyncio.sleep(group_commit.LINGER * 2)
    assert dynamo.requests[1:] == [["1"]]  # two requests with one key may be carried out in either order
    dynamo.gate.set()
    await asyncio.gather(under_way, after)
    assert dynamo.items == {"1": "after"}


async def test_what_was_left_out_fails_alone_and_may_be_written_again() -> None:
    dynamo = Dynamo()
    dynamo.left_out = {"2"}
    groups = GroupCommit(dynamo, TABLE)
    one, two, three = (groups.put(item(number)) for number in (1, 2, 3))
    await asyncio.gather(one, three)
    assert await code_of(two) == "ProvisionedThroughputExceededException"
    dynamo.left_out.clear()
    await groups.put(item(2))

    assert set(dynamo.items) == {"1", "2", "3"}


async def test_one_that_will_never_be_taken_does_not_keep_the_others_from_being_written() -> None:
    dynamo = Dynamo()
    dynamo.invalid = {"2"}
    groups = GroupCommit(dynamo, TABLE)
    one, two, three = (groups.put(item(number)) for number in (1, 2, 3))
    await asyncio.gather(one, three)

    assert await code_of(two) == "ValidationException"
    assert set(dynamo.items) == {"1", "3"}


async def test_when_a_request_fails_each_of_its_writes_says_so_and_the_next_ones_go_on() -> None:
    dynamo = Dynamo()
    dynamo.failing = [ClientError({"Error": {"Code": "ThrottlingException", "Message": ""}}, "BatchWriteItem")]
    groups = GroupCommit(dynamo, TABLE)
    one, two = groups.put(item(1)), groups.put(item(2))
    assert [await code_of(one), await code_of(two)] == ["ThrottlingException"] * 2
    await groups.put(item(3))

    assert set(dynamo.items) == {"3"}


async def test_what_is_deleted_goes_with_what_is_written() -> None:
    dynamo = Dynamo()
    groups = GroupCommit(dynamo, TABLE)
    await groups.put(item(1))
    await asyncio.gather(groups.put(item(2)), groups.delete({"pk": "CALL#rtc_1", "sk": "1"}))

    assert (dynamo.requests, set(dynamo.items)) == ([["1"], ["2", "1"]], {"2"})


async def test_large_items_do_not_make_a_request_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "BATCH_BYTES", 1000)
    dynamo = Dynamo()
    groups = GroupCommit(dynamo, TABLE)
    await asyncio.gather(*(groups.put(item(number, "x" * 600)) for number in range(3)))

    assert [len(keys) for keys in dynamo.requests] == [1, 1, 1]
