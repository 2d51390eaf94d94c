"""The sweeper's handler over a real table and an OpenAI with real calls; its clock runs ahead instead of us waiting."""

import logging
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import sweeper
from infra.emulator.calls.call import Call
from ringside import telemetry
from ringside.aws.actions import Asked
from ringside.aws.record import Fenced, Ownership
from ringside.calls import CLAIM_SECONDS, End, EndReason, Status
from ringside.conversation.items import Action
from ringside.sweeping import GRACE_SECONDS, RESUME_SECONDS, SILENT_SECONDS, SWEEP_EVERY, TAKE_SECONDS
from tests.integration.frontdoor import Door, asked, event_of, front_door, metrics_and_logs

RING_LIMIT, CAP = 60.0, 900.0  # the settings' default, and the example agent's
STUCK = RING_LIMIT + CLAIM_SECONDS + SWEEP_EVERY + 1


@pytest.fixture(scope="module")
def house() -> Iterator[Door]:
    with front_door() as door:
        yield door


@pytest.fixture
def door(house: Door) -> Iterator[Door]:
    """With no call in it."""
    logger = logging.getLogger("ringside")
    before = (logger.handlers, logger.level, logger.propagate)
    record = house.wiring.record
    for call in record.open_calls():
        taken = record.take(call["call_id"], "cleaner", "", {}, record.call(call["call_id"]))
        end = End(Status.ENDED, EndReason.SWEPT, time.time())
        record.end(Ownership(call["call_id"], "cleaner", taken["epoch"]), end, {})
    house.queued()
    telemetry.log_as_json("sweeper")
    yield house
    house.sweeper_wiring.sweeper.clock = time.time
    logger.handlers, logger.level, logger.propagate = before


def sweep(door: Door, after: float) -> dict[str, int]:
    """What the handler returns, so many seconds from now, without what was left alone."""
    door.sweeper_wiring.sweeper.clock = lambda: time.time() + after
    counts = sweeper.handler({}, None)
    return {what: count for what, count in counts.items() if count and what != "leave"}


def ringing(door: Door, verdict: str = "accept", **faults: Any) -> Call:
    """A call whose webhook died after it had claimed and decided it."""
    call = door.openai.ring(**faults)
    now = time.time()
    item: dict[str, Any] = {"call_id": call.call_id, "agent": "concierge", "caller": call.caller}
    item["decision"] = {"verdict": verdict, "rule": None}
    steps = {"created": float(event_of(call)["created_at"]), "received": now, "claimed": now}
    door.wiring.record.claim({**item, "steps": steps}, now)
    return call


def accepted(door: Door, **faults: Any) -> Call:
    """A call that is accepted, and whose message is lost."""
    call = door.openai.ring(**faults)
    assert door.deliver_call(call) == 200
    door.queued()
    return call


def live(door: Door, **faults: Any) -> tuple[Call, Ownership]:
    """A call with a monitor."""
    call = accepted(door, **faults)
    owner = f"monitor-of-{call.call_id}"
    taken = door.wiring.record.take(call.call_id, owner, "m1", {}, None)
    return call, Ownership(call.call_id, owner, taken["epoch"])


def beats(door: Door, mine: Ownership, after: float) -> None:
    """Its monitor is alive, so many seconds from now."""
    door.wiring.record.beat(mine.owner, time.time() + after + 15, 1, 500)


def outcome(door: Door, call: Call) -> tuple[str, str | None]:
    item = door.item(call)
    return item["status"], item.get("end_reason")


# --- ringing ----------------------------------------------------------------------------------


def test_a_call_that_may_still_be_answered_is_left_to_its_webhook(door: Door) -> None:
    call = ringing(door)

    assert sweep(door, after=RESUME_SECONDS - 1) == {}
    assert outcome(door, call) == ("ringing", None)
    assert call.requests == []


def test_a_call_that_nobody_answered_is_missed(door: Door, capsys: pytest.CaptureFixture[str]) -> None:
    call = ringing(door, gone_before_accept=True)

    assert sweep(door, after=STUCK) == {"hang_up": 1}

    assert outcome(door, call) == ("missed", "caller_gone_before_accept")
    item = door.item(call)
    assert item["end_detail"] == "closed by the sweeper"
    assert "live_pk" not in item
    counts, logs = metrics_and_logs(capsys.readouterr().out)
    assert counts == {"SweptHungUp": 1}
    assert [line["message"] for line in logs if line["message"] != "openai.asked"] == ["call.swept", "sweep.done"]
    assert sweep(door, after=STUCK) == {}


def test_a_call_that_was_accepted_by_a_webhook_that_died_before_it_queued_it_is_queued(door: Door) -> None:
    call = ringing(door)
    door.openai.accept(call)

    assert sweep(door, after=RESUME_SECONDS + 1) == {"queue": 1}
    assert door.queued() == {call.call_id: 1}
    assert (call.state, outcome(door, call)) == ("accepted", ("ringing", None))
    taken = door.wiring.record.take(call.call_id, "monitor", "m1", {}, None)
    assert taken["status"] == "live"


def test_a_call_that_was_to_be_rejected_is_not_queued(door: Door) -> None:
    ringing(door, "reject")

    assert sweep(door, after=STUCK - 3) == {}


def test_a_call_that_was_accepted_and_that_no_monitor_took_is_hung_up(door: Door) -> None:
    call = ringing(door)
    door.openai.accept(call)

    assert sweep(door, after=STUCK) == {"hang_up": 1}
    assert call.state == "ended"
    assert outcome(door, call) == ("ended", "swept")


# --- accepted ---------------------------------------------------------------------------------


def test_an_accepted_call_has_time_to_be_taken(door: Door) -> None:
    accepted(door)

    assert sweep(door, after=TAKE_SECONDS - 2) == {}
    assert door.queued() == {}


def test_an_accepted_call_that_was_never_taken_is_queued_again(door: Door, capsys: pytest.CaptureFixture[str]) -> None:
    call = accepted(door)

    assert sweep(door, after=TAKE_SECONDS + 1) == {"queue": 1}

    assert door.queued() == {call.call_id: 1}
    assert outcome(door, call) == ("accepted", None)
    assert call.state == "accepted"
    counts, logs = metrics_and_logs(capsys.readouterr().out)
    assert counts["SweptQueued"] == 1
    assert "call.queued_again" in [line["message"] for line in logs]


def test_a_call_left_in_silence_is_hung_up_and_closed(door: Door) -> None:
    call = accepted(door)

    assert sweep(door, after=SILENT_SECONDS + 1) == {"hang_up": 1}

    assert call.state == "ended"
    item = door.item(call)
    assert outcome(door, call) == ("ended", "swept")
    assert item["end_detail"] == "hung up by the sweeper"
    assert item["duration"] == pytest.approx(SILENT_SECONDS + 1, abs=3)
    assert not {"live_pk", "owner", "message_id"} & set(item)


def test_a_call_that_was_over_unseen_ends_when_it_was_last_heard_of(door: Door) -> None:
    call, mine = live(door)
    said = {"kind": "turn", "role": "caller", "text": "hello", "item_id": "i1"}
    answered = door.item(call)["steps"]["accepted"]
    door.wiring.record.save(mine, 1, {**said, "started_at": answered + 5, "ended_at": answered + 7})
    door.openai.hang_up(call)

    assert sweep(door, after=CAP + 5) == {"hang_up": 1}

    item = door.item(call)
    assert outcome(door, call) == ("ended", "supervision_lost")
    assert item["end_detail"] == "had already ended, at an unknown time"
    assert item["duration"] == pytest.approx(7, abs=0.01)


# --- live -------------------------------------------------------------------------------------


def test_a_call_whose_owner_lives_is_left_to_it(door: Door) -> None:
    call, mine = live(door)
    beats(door, mine, after=CAP)

    assert sweep(door, after=CAP) == {}
    assert outcome(door, call) == ("live", None)
    door.wiring.record.note(mine, {"fine": True})


def test_a_call_whose_owner_is_dead_or_has_left_is_queued_for_another(door: Door) -> None:
    dead, _ = live(door)
    released, mine = live(door)
    door.wiring.record.release(mine, time.time(), None)

    assert sweep(door, after=20) == {"queue": 2}
    assert door.queued() == {dead.call_id: 1, released.call_id: 1}
    assert (dead.state, released.state) == ("accepted", "accepted")


def test_a_call_that_nobody_supervises_is_hung_up_when_its_time_is_up(door: Door) -> None:
    call, mine = live(door)

    assert sweep(door, after=CAP + 1) == {"hang_up": 1}

    assert call.state == "ended"
    assert outcome(door, call) == ("ended", "supervision_lost")
    with pytest.raises(Fenced):
        door.wiring.record.note(mine, {"too_late": True})


def test_what_operators_asked_for_in_vain_is_said_to_have_come_too_late(door: Door) -> None:
    call, mine = live(door)
    record = door.wiring.record
    taken = Action("action_a1", "say", "arn:ada", time.time(), time.time(), "One moment.")
    record.save(mine, 1, taken.as_item())
    for wanted in (
        Asked(call.call_id, "a1", "say", "arn:ada", time.time()),
        Asked(call.call_id, "a2", "hang_up", "arn:ada", time.time()),
    ):
        record.ask(record.call(call.call_id) or {}, wanted)

    assert sweep(door, after=CAP + 1) == {"hang_up": 1}

    whole = record.whole_call(call.call_id)
    assert whole is not None
    came = [(item["item_id"], item["action"], item["outcome"]) for item in whole[1] if item["kind"] == "action"]
    assert came == [("action_a1", "say", "unknown"), ("action_a2", "hang_up", "expired")]
    assert all(item["ended_at"] for item in whole[1])


def test_an_owner_that_forgets_to_hang_up_is_helped_and_fenced(door: Door) -> None:
    call, mine = live(door)
    after = CAP + GRACE_SECONDS + 1
    beats(door, mine, after)

    assert sweep(door, after) == {"hang_up": 1}

    assert call.state == "ended"
    assert outcome(door, call) == ("ended", "max_duration")
    with pytest.raises(Fenced):
        door.wiring.record.note(mine, {"too_late": True})


def test_a_call_past_its_cap_that_was_over_unseen_did_not_end_by_the_cap(door: Door) -> None:
    call, mine = live(door)
    after = CAP + GRACE_SECONDS + 1
    beats(door, mine, after)
    door.openai.hang_up(call)

    assert sweep(door, after) == {"hang_up": 1}
    assert outcome(door, call) == ("ended", "swept")


def test_a_call_that_is_over_is_never_looked_at_again(door: Door) -> None:
    call, mine = live(door)
    door.wiring.record.end(mine, End(Status.ENDED, EndReason.CALLER_HUNG_UP, time.time()), {})

    assert sweep(door, after=10 * CAP) == {}
    assert outcome(door, call) == ("ended", "caller_hung_up")


def test_the_index_may_lag_behind_and_the_item_decides(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    call, mine = live(door)
    record = door.sweeper_wiring.record
    seen = record.open_calls()
    door.wiring.record.end(mine, End(Status.ENDED, EndReason.CALLER_HUNG_UP, time.time()), {})
    monkeypatch.setattr(record, "open_calls", lambda: seen)

    assert sweep(door, after=10 * CAP) == {}
    assert outcome(door, call) == ("ended", "caller_hung_up")
    assert asked(call, "hangup") == []


# --- when it goes wrong -----------------------------------------------------------------------


def test_a_hang_up_that_fails_is_tried_again_a_minute_later(door: Door, capsys: pytest.CaptureFixture[str]) -> None:
    call = accepted(door, hangup={"status": 500, "times": 2})

    assert sweep(door, after=SILENT_SECONDS + 1) == {"failed": 1}
    assert outcome(door, call) == ("accepted", None)
    assert metrics_and_logs(capsys.readouterr().out)[0]["SweepsFailed"] == 1

    assert sweep(door, after=SILENT_SECONDS + 61) == {"hang_up": 1}
    assert outcome(door, call) == ("ended", "swept")


def test_a_call_that_cannot_be_swept_does_not_keep_the_others_from_it(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, other = accepted(door), accepted(door)
    send = door.sweeper_wiring.queue.send

    def fails(call_id: str) -> None:
        if call_id == broken.call_id:
            raise ConnectionError
        send(call_id)

    monkeypatch.setattr(door.sweeper_wiring.queue, "send", fails)

    assert sweep(door, after=TAKE_SECONDS + 1) == {"queue": 1, "failed": 1}
    assert door.queued() == {other.call_id: 1}


def test_an_openai_that_does_not_answer_does_not_hold_the_sweep_longer_than_it_may_take(door: Door) -> None:
    calls = [accepted(door, hangup={"hang": True}) for _ in range(20)]
    swept = door.sweeper_wiring.sweeper
    before, swept.sweep_seconds = swept.sweep_seconds, 0.5
    started = time.monotonic()
    try:
        assert sweep(door, after=SILENT_SECONDS + 1) == {"failed": 20}
    finally:
        swept.sweep_seconds = before

    assert time.monotonic() - started < 2.5
    assert {outcome(door, call) for call in calls} == {("accepted", None)}


def test_two_sweepers_at_once_close_every_call_once(door: Door) -> None:
    calls = [accepted(door) for _ in range(10)]
    door.sweeper_wiring.sweeper.clock = lambda: time.time() + SILENT_SECONDS + 1
    with ThreadPoolExecutor(2) as threads:
        one, other = threads.map(lambda _: sweeper.handler({}, None), range(2))

    assert one["failed"] == other["failed"] == 0
    for call in calls:
        item = door.item(call)
        assert (item["status"], item["end_reason"]) == ("ended", "swept")
        assert item["epoch"] in (1, 2)
        assert call.state == "ended"
    # Both saw them all; those that the other had closed were left.
    assert 10 <= one["hang_up"] + other["hang_up"] <= 20


def test_a_call_whose_agent_was_removed_is_swept_by_openais_own_limit(door: Door) -> None:
    call, _ = live(door)
    swept = door.sweeper_wiring.sweeper
    agents, swept.agents = swept.agents, type(swept.agents)({})
    try:
        assert sweep(door, after=CAP + 1) == {"queue": 1}
        assert sweep(door, after=3601) == {"hang_up": 1}
    finally:
        swept.agents = agents
    assert outcome(door, call) == ("ended", "supervision_lost")


def test_an_empty_house_is_swept_too(door: Door, capsys: pytest.CaptureFixture[str]) -> None:
    assert sweep(door, after=0) == {}
    counts, logs = metrics_and_logs(capsys.readouterr().out)
    assert counts == {}
    assert [line["message"] for line in logs] == ["sweep.done"]


def test_a_day_that_cannot_be_kept_hinders_no_sweep(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(now: float) -> int:
        raise OSError

    accepted(door)
    monkeypatch.setattr(door.sweeper_wiring.sweeper, "keep_days", fails)

    assert sweep(door, TAKE_SECONDS + 1)["queue"] >= 1
