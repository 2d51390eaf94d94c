"""Fifty calls at the same time, each of them as well kept as if it were the only one."""

import asyncio
from collections import Counter

from infra.emulator.client import Control, Shown
from infra.local.cloud import LocalCloud

CALLS = 50
PATIENCE = 120.0

OVER = ("ended", "rejected", "missed")


async def ring_all(control: Control) -> list[Shown]:
    """Ring with all of them at once; what the emulator knows of each when all are over."""
    numbers = [f"+1425555{number:04}" for number in range(CALLS)]
    # So many rings in one instant take a slow machine a while; who waits for how long is not what is asked here.
    patient = {"ring_limit_s": PATIENCE}
    rings = (control.ring(number, script="opening-hours", faults=patient) for number in numbers)
    ids = set(await asyncio.gather(*rings))
    async with asyncio.timeout(PATIENCE):
        while not all(call["state"] in OVER for call in await control.calls() if call["call_id"] in ids):
            await asyncio.sleep(0.2)
    return [await control.shown(call_id) for call_id in ids]


async def test_fifty_calls_at_once_are_all_recorded_and_none_twice(cloud: LocalCloud) -> None:
    async with cloud.emulator.control() as control:
        known = await ring_all(control)
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
