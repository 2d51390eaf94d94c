"""An operator's action whose monitor dies before it, in its middle, or hands the call over."""

from collections.abc import Callable, Iterator

import pytest

from infra.local.records import CallRecord
from ringside.aws.actions import Asked
from ringside.records.acting import Acting
from tests.drills.ground import Ground
from tests.drills.talk import GREETING, script
from tests.integration.orphans import record_of

WHO = "arn:aws:iam::123456789012:user/ada"


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    with Ground(monitors=0, pace=0.2, lease=3, poll=1) as ground:
        yield ground


def live(ground: Ground) -> tuple[str, int, Acting]:
    """A call that was greeted, its only monitor, and a hand on it."""
    (monitor,) = ground.fresh_monitors(1)
    call_id = ground.emulator.ring(script([{"agent": GREETING}], then="stay"))
    ground.wait_for_greetings([call_id], 20)
    return call_id, monitor, Acting(record_of(ground))


def said(ground: Ground, call_id: str) -> list[str]:
    return [turn["text"] for turn in ground.emulator.shown(call_id)["spoken"] if turn["role"] == "agent"]


def under_way(asked: Asked) -> Callable[[CallRecord], bool]:
    return lambda record: any(item.get("item_id") == f"action_{asked.action_id}" for item in record.items)


def hang_up(ground: Ground, acting: Acting, call_id: str) -> None:
    acting.ask(call_id, "hang_up", WHO, silent=True)
    assert ground.records.wait_for_end(call_id).call["end_reason"] == "operator_hung_up"


def test_what_was_asked_of_a_monitor_that_is_dead_is_done_by_the_next(ground: Ground) -> None:
    call_id, monitor, acting = live(ground)
    ground.kill_monitor(monitor)
    asked = acting.ask(call_id, "say", WHO, "Please hold the line.")
    ground.add_monitor()

    outcome = acting.outcome(asked, 25)
    assert outcome is not None
    assert outcome["outcome"] == "done"
    assert said(ground, call_id).count("Please hold the line.") == 1
    hang_up(ground, acting, call_id)


def test_a_goodbye_whose_monitor_dies_in_its_middle_ends_the_call_all_the_same(ground: Ground) -> None:
    call_id, monitor, acting = live(ground)
    asked = acting.ask(call_id, "hang_up", WHO)
    ground.records.wait(call_id, under_way(asked))
    ground.kill_monitor(monitor)
    ground.add_monitor()

    assert ground.records.wait_for_end(call_id).call["end_reason"] == "operator_hung_up"
    outcome = acting.outcome(asked, 5)
    assert outcome is not None
    assert outcome["outcome"] == "done"


def test_words_whose_monitor_died_are_not_said_twice(ground: Ground) -> None:
    """They wait for a caller who talks and talks, when it dies."""
    call_id, monitor, acting = live(ground)
    ground.emulator.until(call_id, lambda known: GREETING in str(known["spoken"]))
    ground.emulator.say(call_id, " ".join(["and so on"] * 80))
    asked = acting.ask(call_id, "say", WHO, "Please hold the line.")
    ground.records.wait(call_id, under_way(asked))
    ground.kill_monitor(monitor)
    ground.add_monitor()

    outcome = acting.outcome(asked, 25)
    assert outcome is not None
    assert outcome["outcome"] == "unknown"
    assert "Please hold the line." not in said(ground, call_id)
    hang_up(ground, acting, call_id)


def test_a_deployment_hands_an_agent_on_hold_over(ground: Ground) -> None:
    call_id, monitor, acting = live(ground)
    held = acting.outcome(acting.ask(call_id, "hold", WHO), 10)
    assert held is not None
    assert held["outcome"] == "done"
    before = said(ground, call_id)
    ground.add_monitor()
    assert ground.stop_monitor(monitor) == 0
    ground.emulator.say(call_id, "Hello? Anybody?")
    ground.records.wait(call_id, lambda record: any(item.get("text") == "Hello? Anybody?" for item in record.items))

    told = acting.outcome(acting.ask(call_id, "say", WHO, "A colleague is coming."), 20)
    assert told is not None
    assert told["outcome"] == "done"
    assert said(ground, call_id) == [*before, "A colleague is coming."]
    resumed = acting.outcome(acting.ask(call_id, "resume", WHO), 10)
    assert resumed is not None
    assert resumed["outcome"] == "done"
    hang_up(ground, acting, call_id)


def test_actions_are_taken_within_a_second(ground: Ground) -> None:
    call_id, _, acting = live(ground)
    took = []
    for number in range(20):
        outcome = acting.outcome(acting.ask(call_id, "instruct", WHO, f"Fact {number}.", silent=True), 10)
        assert outcome is not None
        took.append(outcome["started_at"] - outcome["asked_at"])
    print(f"from the request to the monitor: {sum(took) / len(took):.2f} s on average, {max(took):.2f} s at most")
    assert sorted(took)[len(took) // 2] < 1.0
    hang_up(ground, acting, call_id)
