"""Forty phones ring at the same moment, and twenty may be answered."""

import asyncio
from collections import Counter

import pytest

from infra.emulator.client import Control, Shown
from infra.local.cloud import LocalCloud
from tests.e2e.house import TWENTY, agent, script

CALLS, MOST = 40, 20
PATIENCE = 150.0
TALK = script(agent("Hello?"), stay=True)


async def ring(control: Control, count: int) -> list[Shown]:
    """That many calls at once; what OpenAI's side knows of each as soon as it is decided."""
    numbers = [f"+1425555{number:04}" for number in range(count)]
    patient = {"ring_limit_s": PATIENCE}  # so many rings in one instant take a slow machine a while
    rings = (control.ring(number, TWENTY, script=TALK, faults=patient) for number in numbers)
    ids = await asyncio.gather(*rings)
    async with asyncio.timeout(PATIENCE):
        while any(call["state"] == "ringing" for call in await control.calls() if call["call_id"] in ids):
            await asyncio.sleep(0.1)
    return [await control.shown(call_id) for call_id in ids]


def taken(calls: list[Shown]) -> list[str]:
    return [call["call_id"] for call in calls if call["state"] in ("accepted", "live")]


async def closed(house: LocalCloud, call_ids: list[str]) -> None:
    """Wait until these calls are over in the record."""
    await asyncio.gather(*(asyncio.to_thread(house.records.wait_for_end, call_id) for call_id in call_ids))


@pytest.mark.timeout(400)
async def test_of_forty_calls_at_once_twenty_get_in_and_their_slots_become_free_again(house: LocalCloud) -> None:
    async with house.emulator.control() as control:
        calls = await ring(control, CALLS)
        first = taken(calls)
        assert len(first) == MOST, Counter(call["state"] for call in calls)
        assert [call["state"] for call in calls].count("rejected") == CALLS - MOST
        rejections = Counter(
            request["body"]["status_code"]
            for call in calls
            for request in call["requests"]
            # Who gets no answer in time asks again, on a busy machine; OpenAI rejects once.
            if request["path"].endswith("/reject") and request["status"] == 200
        )
        assert rejections == {486: CALLS - MOST}
        records = [await asyncio.to_thread(house.records.get, call["call_id"]) for call in calls]
        rules = Counter(str(record.call["decision"]["rule"]) for record in records)
        assert rules == {"no rule matched": MOST, "twenty at most": CALLS - MOST}

        # Twelve callers ring off: there is room for twelve.
        for call_id in first[:12]:
            await control.hang_up(call_id)
        await closed(house, first[:12])
        second = taken(await ring(control, 30))
        assert len(second) == 12

        # The others end as well, and nobody releases their reservations, as when a monitor dies: the sweeper does.
        dynamodb, table = house.aws.dynamodb, house.table
        condition, values = "pk = :pk", {":pk": {"S": "RESERVATIONS#live#agent#twenty"}}
        kept = dynamodb.query(TableName=table, KeyConditionExpression=condition, ExpressionAttributeValues=values)
        assert len(kept["Items"]) == MOST + 1  # and how many there are
        for call_id in first[12:] + second:
            await control.hang_up(call_id)
        await closed(house, first[12:] + second)
        for item in kept["Items"]:
            await asyncio.to_thread(dynamodb.put_item, TableName=table, Item=item)
        await asyncio.to_thread(house.run_sweeper)
        third = taken(await ring(control, MOST + 1))
        assert len(third) == MOST
        for call_id in third:
            await control.hang_up(call_id)
        await closed(house, third)
