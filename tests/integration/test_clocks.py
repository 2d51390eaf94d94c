"""A wall clock that jumps, as one may when a machine wakes up or its time is set, ends no call and loses none."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from ringside.monitor.lease import BEATS_PER_LEASE
from ringside.monitor.monitor import Monitor
from tests.drills.compare import Lived, flaws_of
from tests.drills.ground import Ground
from tests.drills.talk import GREETING, exchange, script
from tests.integration.resident import resident_monitor

HOUR = 3600.0
PACE = 0.2


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    with Ground(monitors=0, pace=PACE, poll=1) as ground:
        yield ground


class Clock:
    """The time of day, wrong by `off` seconds."""

    def __init__(self) -> None:
        self.off = 0.0

    def __call__(self) -> float:
        return time.time() + self.off


def beats(ground: Ground, monitor: Monitor) -> int:
    """How often the monitor has renewed its lease."""
    key: Any = {"pk": {"S": "MONITORS"}, "sk": {"S": monitor.owner}}
    found = ground.aws.dynamodb.get_item(TableName=ground.table, Key=key, ConsistentRead=True)
    return int(found["Item"]["beats"]["N"])


def wait_for_a_lease(ground: Ground, monitor: Monitor) -> None:
    """Until a whole lease has been lived through: every renewal and every check of it was made at least once."""
    wanted, deadline = beats(ground, monitor) + BEATS_PER_LEASE + 1, time.monotonic() + 30
    while beats(ground, monitor) < wanted and time.monotonic() < deadline:
        time.sleep(0.05)
    assert beats(ground, monitor) >= wanted


def wait_for_turns(ground: Ground, call_id: str, count: int) -> None:
    ground.records.wait(call_id, lambda record: sum(turn["state"] == "final" for turn in record.items) == count)


@pytest.mark.parametrize("jump", [HOUR, -HOUR], ids=["forwards", "backwards"])
def test_a_clock_that_jumps_by_an_hour_costs_no_call_and_no_word(ground: Ground, jump: float) -> None:
    clock, talk = Clock(), script([{"agent": GREETING}, *exchange(1)], then="stay")
    with resident_monitor(ground, lease=2, clock=clock) as monitor:
        call_id = ground.emulator.ring(talk)
        # So that whoever speaks after the jump, a lease later, interrupts nobody.
        wait_for_turns(ground, call_id, len(talk["lines"]))

        clock.off = jump
        wait_for_a_lease(ground, monitor)
        assert (monitor.calls, monitor.holds()) == (1, True)
        ground.ask(lambda control: control.say(call_id, "What time is it?"))
        wait_for_turns(ground, call_id, len(talk["lines"]) + 2)
        ground.ask(lambda control: control.hang_up(call_id))
        record = ground.records.wait_for_end(call_id)

    call = Lived(ground.emulator.shown(call_id), record, {})
    assert flaws_of(call, reason="caller_hung_up", pace=PACE) == []
    assert (record.call["epoch"], len(call.attached)) == (1, 1)
    lasted = call.known["ended"]["at"] - float(record.call["steps"]["accepted"])
    assert float(record.call["duration"]) == pytest.approx(lasted, abs=2.0)
