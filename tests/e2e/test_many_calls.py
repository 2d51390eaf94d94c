"""A hundred calls at the same time, each of them as well kept as if it were the only one."""

import asyncio
from collections import Counter

from infra.emulator.client import Control, Shown
from infra.local.cloud import LocalCloud

CALLS = 100


async def ring_and_wait(control: Control, number: int) -> Shown:
    call_id = await control.ring(f"+1425555{number:04}", script="opening-hours")
    return await control.until_ended(call_id, within_s=60)


async def test_a_hundred_calls_at_once_are_all_recorded_and_none_twice(cloud: LocalCloud) -> None:
    async with cloud.emulator.control() as control:
        known = await asyncio.gather(*(ring_and_wait(control, number) for number in range(CALLS)))
    records = [await asyncio.to_thread(cloud.records.wait_for_end, call["call_id"]) for call in known]

    assert Counter(record.call["end_reason"] for record in records) == {"agent_hung_up": CALLS}
    for call, record in zip(known, records, strict=True):
        said = [(turn["role"], turn["text"]) for turn in call["spoken"]]
        assert [(item["role"], item["text"]) for item in record.items if item["kind"] == "turn"] == said
        assert [item["name"] for item in record.items if item["kind"] == "tool"] == ["opening_hours", "hang_up"]
        verbs = Counter(asked["path"].rpartition("/")[2] for asked in call["requests"] if asked["method"] == "POST")
        assert verbs == {"accept": 1, "hangup": 1}
        greetings = [command for command in call["commands"] if "instructions" in command["event"].get("response", {})]
        assert len(greetings) == 1
    recorded = Counter(call["call_id"] for call in await asyncio.to_thread(lambda: list(cloud.records.calls())))
    assert all(recorded[call["call_id"]] == 1 for call in known)
    taken = Counter(str(record.call["epoch"]) for record in records)
    assert taken == {"1": CALLS}  # no call changed hands
