"""What a new owner makes of a call in whose middle the former one died."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import pytest

from infra.emulator.client import Shown
from infra.local.records import CallRecord
from ringside.conversation.events import Usage
from tests.drills.ground import Ground
from tests.drills.talk import GREETING, endless, exchange, goodbye, script
from tests.integration.orphans import orphan, record_of


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    with Ground(monitors=0, pace=0.2, lease=3, poll=1) as ground:
        yield ground


def calling(tool: str) -> dict[str, Any]:
    """A call in which the agent uses this tool."""
    lines: list[dict[str, Any]] = [
        {"agent": GREETING},
        {"caller": "Please see to it."},
        {"agent": "I see to it.", "tool": {"name": tool, "arguments": {"reference": "seat-1"}}},
        {"agent": "That is what I know."},
    ]
    return script([*lines, *goodbye()])


def killed_during(ground: Ground, tool: str) -> tuple[Shown, CallRecord]:
    """The call, whose owner was killed while the tool ran, and its record, when another owner has ended it."""
    (victim,) = ground.fresh_monitors(1)
    before = ground.runs().total()
    call_id = ground.emulator.ring(calling(tool))
    ground.emulator.until(call_id, lambda call: call["tool_calls"] and ground.runs().total() > before, 20)
    ground.kill_monitor(victim)
    ground.add_monitor()
    ground.emulator.until_ended(call_id, 60)
    return ground.emulator.shown(call_id), ground.records.wait_for_end(call_id)


def told(known: Shown, tool: str) -> tuple[int, str]:
    (call,) = [call for call in known["tool_calls"] if call["name"] == tool]
    return call["answers"], call["output"]


def test_a_tool_whose_owner_died_is_not_run_again_and_the_model_learns_that_nobody_knows(ground: Ground) -> None:
    known, record = killed_during(ground, "book_slowly")

    tool_call = known["tool_calls"][0]["call_id"]
    answers, output = told(known, "book_slowly")
    assert (ground.runs()[tool_call], answers) == (1, 1)
    assert "not known" in output
    assert [item["outcome"] for item in record.items if item["kind"] == "tool"] == ["unknown", "ok"]
    assert record.call["end_reason"] == "agent_hung_up"


def test_a_repeatable_tool_whose_owner_died_is_run_again_and_answered_once(ground: Ground) -> None:
    known, record = killed_during(ground, "look_up_slowly")

    tool_call = known["tool_calls"][0]["call_id"]
    assert ground.runs()[tool_call] == 2
    assert told(known, "look_up_slowly") == (1, "found seat-1")
    assert record.call["end_reason"] == "agent_hung_up"


@pytest.mark.parametrize("status", [403, 404, 409])
def test_a_call_is_handed_over_where_only_one_sideband_is_allowed(ground: Ground, status: int) -> None:
    ground.emulator.settings(max_attachments=1, attach_refusal_status=status)
    (first,) = ground.fresh_monitors(1)
    talk = script([{"agent": GREETING}, *(line for number in range(1, 11) for line in exchange(number)), *goodbye()])
    call_id = ground.emulator.ring(talk)
    ground.wait_for_greetings([call_id], 20)

    ground.add_monitor()
    assert ground.stop_monitor(first) == 0
    ground.emulator.until_ended(call_id, 60)
    ground.emulator.settings(max_attachments=None)

    record = ground.records.wait_for_end(call_id)
    assert (record.call["end_reason"], record.call["epoch"]) == ("agent_hung_up", 2)


def test_a_call_in_which_a_newer_version_counted_something_more_is_taken_over_by_an_older_one(ground: Ground) -> None:
    """As when a deployment is rolled back under living calls."""
    ground.fresh_monitors(0)
    gone = orphan(ground, endless())
    record_of(ground).note(gone, {"usage": {**asdict(Usage()), "smell_in": 7}})

    ground.fresh_monitors(1)
    ground.emulator.until(gone.call_id, lambda call: call["attachments"], 10)
    ground.ask(lambda control: control.hang_up(gone.call_id))

    assert ground.records.wait_for_end(gone.call_id).call["end_reason"] == "caller_hung_up"
