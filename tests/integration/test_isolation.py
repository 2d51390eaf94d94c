"""Many calls in one monitor: no more than it has slots for, and none that another one could hold up."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.drills.compare import flaws_of
from tests.drills.ground import AGENTS, Ground
from tests.drills.neighbours import lags_of
from tests.drills.talk import GREETING, Lines, endless, exchange, goodbye, script
from tests.integration.orphans import orphan, spoil

PACE = 0.2
PROMPT_SECONDS = 2.0
"""Generous for a step of ours on a busy machine, and half of what the slow tools take."""


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    with Ground(monitors=0, pace=PACE, lease=3, poll=1) as ground:
        yield ground


# --- slots ---


def owner_of(ground: Ground, call_id: str) -> str:
    """Its owner, once it has one."""
    return str(ground.records.wait(call_id, lambda record: "owner" in record.call).call["owner"])


def hang_up(ground: Ground, call_id: str) -> None:
    ground.ask(lambda control: control.hang_up(call_id))


def test_a_full_monitor_leaves_calls_to_others_and_takes_again_when_one_has_ended(ground: Ground) -> None:
    ground.fresh_monitors(0)
    ground.add_monitor({"RINGSIDE_MAX_CALLS": "2"})
    first = ground.owner(-1)
    ids = ground.ring_all([endless()] * 2, over=0)
    assert {owner_of(ground, call_id) for call_id in ids} == {first}

    ids += ground.ring_all([endless()] * 2, over=0)
    for call_id in ids[2:]:
        ground.records.wait(call_id, lambda record: record.status == "accepted")
    ground.add_monitor({"RINGSIDE_MAX_CALLS": "2"})
    second = ground.owner(-1)
    assert {owner_of(ground, call_id) for call_id in ids[2:]} == {second}

    ids += ground.ring_all([endless()], over=0)
    ground.records.wait(ids[4], lambda record: record.status == "accepted")
    hang_up(ground, ids[0])
    assert owner_of(ground, ids[4]) == first
    for call_id in ids[1:]:
        hang_up(ground, call_id)
    records = ground.wait_for_records(ids, 30)
    assert [(record.call["end_reason"], record.call["epoch"]) for record in records] == [("caller_hung_up", 1)] * 5


# --- bad company ---

MORE_TOOLS = '''

def explode(call: CallContext) -> str:
    """Fail as badly as a function can."""
    raise SystemExit("with words that nobody may see")


async def block() -> str:
    """Hold up the loop that it runs on."""
    time.sleep(SLOW_SECONDS)
    return "done"
'''


@pytest.fixture(scope="module")
def wild_agents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The agents of the drills, with tools that no one should write."""
    folder = tmp_path_factory.mktemp("wild") / "agents"
    shutil.copytree(AGENTS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    with (folder / "tools.py").open("a", encoding="utf-8") as tools:
        tools.write(MORE_TOOLS)
    drill = folder / "drill.yaml"
    text = drill.read_text(encoding="utf-8")
    drill.write_text(text.replace("tools: [book,", "tools: [explode, block, book,"), encoding="utf-8")
    return folder


def using(*tools: str) -> Lines:
    """The agent uses all of these at once, and then goes on."""
    called = [{"name": name, "arguments": {"reference": "seat-1"} if "_" in name else {}} for name in tools]
    return [
        {"caller": "Please see to it."},
        {"agent": "I see to it.", "tools": called},
        {"agent": "That is what I know."},
    ]


BAD_COMPANY: dict[str, Lines] = {
    "blocking": using(*["book_slowly"] * 8, "block"),
    "raising": using(*["explode"] * 8),
    "garbled": [{"raw": "{no json"}, {"raw": {"type": "response.done", "response": 7}}, {"raw": "[" * 20_000}],
    "noisy": [{"flood": {"events_per_s": 500, "seconds": 3}}],
}


def test_no_call_waits_for_what_another_one_does(ground: Ground, wild_agents: Path) -> None:
    """Greeted, heard and written in time, while tools block and fail, frames flood and supervision breaks."""
    ground.fresh_monitors(0)
    broken = orphan(ground, endless()).call_id
    spoil(ground, broken)
    ground.note_writes()
    before = ground.runs().total()
    ground.add_monitor({"RINGSIDE_AGENTS": str(wild_agents)})
    bad = [script([{"agent": GREETING}, *trouble, *goodbye()]) for trouble in BAD_COMPANY.values()]
    quiet = script([{"agent": GREETING}, *exchange(1), *exchange(2), *goodbye()])
    ids = ground.ring_all([*bad, quiet, quiet], over=0)
    ground.emulator.until(ids[0], lambda call: ground.runs().total() == before + 8, 20)
    ids += ground.ring_all([quiet] * 4, over=0.5)
    calls = ground.lived(ids, ended_within=60)

    beside = calls[len(bad) :]
    assert [flaw for call in beside for flaw in flaws_of(call, quiet, pace=PACE)] == []
    steps = [call.record.call["steps"] for call in beside]
    assert max(float(each["first_audio"] - each["queued"]) for each in steps) < PROMPT_SECONDS
    assert max(lags_of(beside, ground.note_writes())) < PROMPT_SECONDS
    assert {call.record.call["end_reason"] for call in calls} == {"agent_hung_up"}
    assert all(tool["answers"] == 1 for call in calls[:2] for tool in call.known["tool_calls"][:-1])
    assert ground.records.get(broken).call["failures"] >= 1
    assert {call.record.call["epoch"] for call in calls} == {1}
    assert ground.dead() is None
