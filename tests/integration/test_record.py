"""The record, against a DynamoDB on the wire with the table of template.yaml."""

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from ringside.aws import limits
from ringside.aws.record import DAY_SHARDS, LIST_ATTRIBUTES, Fenced, Ownership, Record, as_json, day_of
from ringside.aws.table import Conflict, Item
from ringside.calls import End, EndReason, Status, Step
from ringside.conversation.events import Usage
from ringside.conversation.items import ToolRun, Turn

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

NOON = 1795348800.0  # 2026-11-22 12:00 UTC
ALICE = "+14255550112"
HUNG_UP = End(Status.ENDED, EndReason.CALLER_HUNG_UP, NOON + 60, "the socket closed")


def a_call(call_id: str = "rtc_1", at: float = NOON, caller: str | None = ALICE, **more: Any) -> Item:
    return {
        "call_id": call_id,
        "agent": "concierge",
        "caller": caller,
        "dialled": "+18005551212",
        "decision": {"verdict": "accept", "rule": "no rule matched", "sip_status": None},
        "steps": {Step.CREATED: at, Step.RECEIVED: at + 0.2},
        **more,
    }


def owned(record: Record, call_id: str = "rtc_1", owner: str = "monitor-1") -> Ownership:
    """A call that is live with its first owner."""
    record.claim(a_call(call_id), NOON + 0.3)
    taken = record.take(call_id, owner, "message-1", {Step.TAKEN: NOON + 1}, None)
    return Ownership(call_id, owner, taken["epoch"])


def taken_over(record: Record, call_id: str = "rtc_1", owner: str = "monitor-2") -> Ownership:
    """The same call with its next owner, who found the first one silent."""
    taken = record.take(call_id, owner, "message-2", {}, found(record, call_id))
    return Ownership(call_id, owner, taken["epoch"])


def found(record: Record, call_id: str = "rtc_1") -> Item:
    call = record.call(call_id)
    assert call is not None
    return call


def a_turn(item_id: str = "item_a", text: str = "Hello", **more: Any) -> dict[str, Any]:
    return {**Turn(item_id, "agent", NOON + 2, text, "final", NOON + 3).as_item(), **more}


def said(record: Record, call_id: str = "rtc_1") -> list[str]:
    whole = record.whole_call(call_id)
    assert whole is not None
    return [item["text"] for item in whole[1]]


# --- claiming, the webhook's part ---


def test_the_first_claim_of_a_call_writes_it_down(record: Record) -> None:
    record.claim(a_call(), NOON + 0.3)
    call = found(record)
    assert call["status"] == "ringing"
    assert call["started_at"] == "2026-11-22T12:00:00.000+00:00"
    assert call["claimed_at"] == NOON + 0.3
    assert call["epoch"] == 0
    assert call["steps"] == {"created": NOON, "received": NOON + 0.2}
    assert call["expires_at"] == int(NOON) + 36_500 * 86_400


def test_a_second_claim_is_refused_and_carries_the_call_that_is_there(record: Record) -> None:
    record.claim(a_call(), NOON)
    with pytest.raises(Conflict) as refused:
        record.claim(a_call(agent="somebody else"), NOON + 5)
    assert refused.value.found["agent"] == "concierge"
    assert found(record)["agent"] == "concierge"


def test_what_the_webhook_brings_cannot_set_the_status_of_a_claim(record: Record) -> None:
    record.claim(a_call(status="ended", epoch=7), NOON)
    assert (found(record)["status"], found(record)["epoch"]) == ("ringing", 0)


def test_a_claim_whose_holder_died_is_taken_over_by_one_of_two(record: Record) -> None:
    record.claim(a_call(), NOON)
    seen = found(record)
    record.claim_again("rtc_1", seen, NOON + 20)
    with pytest.raises(Conflict) as refused:
        record.claim_again("rtc_1", seen, NOON + 20.1)
    assert refused.value.found["claimed_at"] == NOON + 20


def test_a_claim_that_was_given_back_is_free_at_once(record: Record) -> None:
    record.claim(a_call(), NOON + 0.123456789)
    record.unclaim("rtc_1", NOON + 0.123456789)
    assert found(record)["claimed_at"] == 0
    record.claim_again("rtc_1", found(record), NOON + 1)


def test_a_claim_is_given_back_by_its_holder_alone(record: Record) -> None:
    record.claim(a_call(), NOON)
    record.claim_again("rtc_1", found(record), NOON + 20)
    with pytest.raises(Conflict):
        record.unclaim("rtc_1", NOON)
    assert found(record)["claimed_at"] == NOON + 20


def test_a_claim_is_not_taken_over_once_the_call_was_accepted(record: Record) -> None:
    record.claim(a_call(), NOON)
    seen = found(record)
    record.accepted("rtc_1", {Step.ACCEPTED: NOON + 1})
    with pytest.raises(Conflict):
        record.claim_again("rtc_1", seen, NOON + 20)
    with pytest.raises(Conflict):
        record.unclaim("rtc_1", NOON)


def test_an_accepted_call_says_so_and_when(record: Record) -> None:
    record.claim(a_call(), NOON)
    record.accepted("rtc_1", {Step.ACCEPTED: NOON + 1, Step.QUEUED: NOON + 1.1}, "no clear answer")
    call = found(record)
    assert call["status"] == "accepted"
    assert call["steps"] == {"created": NOON, "received": NOON + 0.2, "accepted": NOON + 1, "queued": NOON + 1.1}
    assert call["accept_detail"] == "no clear answer"


def test_a_monitor_that_was_faster_than_the_webhook_keeps_the_call_live(record: Record) -> None:
    owned(record)
    record.accepted("rtc_1", {Step.ACCEPTED: NOON + 1})
    call = found(record)
    assert call["status"] == "live"
    assert call["steps"]["accepted"] == NOON + 1


def test_a_call_that_is_not_there_cannot_be_accepted(record: Record) -> None:
    with pytest.raises(Conflict) as refused:
        record.accepted("rtc_1", {Step.ACCEPTED: NOON})
    assert refused.value.found == {}
    assert record.call("rtc_1") is None


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (Status.REJECTED, None),
        (Status.MISSED, EndReason.CALLER_GONE_BEFORE_ACCEPT),
        (Status.FAILED, EndReason.ACCEPT_FAILED),
    ],
)
def test_a_call_that_was_never_answered_is_closed(record: Record, status: Status, reason: EndReason | None) -> None:
    record.claim(a_call(), NOON)
    record.close_unanswered("rtc_1", End(status, reason, NOON + 1, "why"), {Step.REJECTED: NOON + 1})
    call = found(record)
    assert (call["status"], call["end_reason"], call["end_detail"]) == (status, reason, "why")
    assert call["steps"]["rejected"] == NOON + 1
    assert record.open_calls() == []
    assert [call["call_id"] for call in record.calls_of_day("2026-11-22")] == ["rtc_1"]


def test_closing_a_call_as_unanswered_does_nothing_to_one_that_is_live(record: Record) -> None:
    owned(record)
    record.close_unanswered("rtc_1", End(Status.MISSED, EndReason.CALLER_GONE_BEFORE_ACCEPT, NOON), {})
    assert found(record)["status"] == "live"
    assert len(record.open_calls()) == 1


def test_closing_a_call_that_is_not_there_is_refused(record: Record) -> None:
    with pytest.raises(Conflict):
        record.close_unanswered("rtc_1", End(Status.REJECTED, None, NOON), {})


# --- owning ---


def test_a_call_without_an_owner_can_be_taken_once(record: Record) -> None:
    mine = owned(record)
    assert mine.epoch == 1
    with pytest.raises(Conflict) as refused:
        record.take("rtc_1", "monitor-2", "message-1", {}, None)
    assert refused.value.found["owner"] == "monitor-1"


def test_a_silent_owner_is_replaced_by_one_of_two(record: Record) -> None:
    owned(record)
    seen = found(record)
    assert record.take("rtc_1", "monitor-2", "message-2", {}, seen)["epoch"] == 2
    with pytest.raises(Conflict) as refused:
        record.take("rtc_1", "monitor-3", "message-3", {}, seen)
    assert refused.value.found["owner"] == "monitor-2"


def test_only_the_first_owner_sets_when_the_call_was_taken(record: Record) -> None:
    owned(record)
    taken = record.take("rtc_1", "monitor-2", "message-2", {Step.TAKEN: NOON + 30}, found(record))
    assert taken["steps"]["taken"] == NOON + 1


def test_a_released_call_waits_for_its_next_owner(record: Record) -> None:
    record.release(owned(record), NOON + 30, NOON + 29)
    assert "owner" not in found(record)
    assert found(record)["released_at"] == NOON + 30
    assert record.take("rtc_1", "monitor-2", "message-2", {}, None)["epoch"] == 2


def test_a_call_that_is_over_cannot_be_taken(record: Record) -> None:
    record.end(owned(record), HUNG_UP, {})
    for seen in (None, found(record)):
        with pytest.raises(Conflict) as refused:
            record.take("rtc_1", "monitor-2", "message-2", {}, seen)
        assert refused.value.found["status"] == "ended"


def test_a_call_that_is_not_there_cannot_be_taken(record: Record) -> None:
    with pytest.raises(Conflict) as refused:
        record.take("rtc_1", "monitor-1", "message-1", {}, None)
    assert refused.value.found == {}


OWNERS_WRITES: Mapping[str, Callable[[Record, Ownership], object]] = {
    "claim_effect": lambda record, mine: record.claim_effect(mine, "greeting"),
    "mark": lambda record, mine: record.mark(mine, {Step.FIRST_AUDIO: NOON}),
    "save_usage": lambda record, mine: record.save_usage(mine, Usage(), 0.1),
    "note": lambda record, mine: record.note(mine, {"hang_up_reason": "silence"}),
    "count_failure": lambda record, mine: record.count_failure(mine),
    "release": lambda record, mine: record.release(mine, NOON, None),
    "end": lambda record, mine: record.end(mine, HUNG_UP, {}),
}

AGAIN = {"release": "released", "end": "over"}
"""What an owner may say twice, of a call of which it has said so: the answer to the first may have been lost."""


@pytest.mark.parametrize("write", OWNERS_WRITES.values(), ids=OWNERS_WRITES)
def test_a_former_owner_is_refused_everywhere(record: Record, write: Callable[[Record, Ownership], object]) -> None:
    former = owned(record)
    taken_over(record)
    before = found(record)
    with pytest.raises(Fenced):
        write(record, former)
    assert found(record) == before


@pytest.mark.parametrize("write", OWNERS_WRITES.values(), ids=OWNERS_WRITES)
def test_an_owner_that_comes_back_under_its_old_name_is_fenced_by_the_epoch(
    record: Record, write: Callable[[Record, Ownership], object]
) -> None:
    former = owned(record, owner="monitor-1")
    taken_over(record, owner="monitor-1")
    with pytest.raises(Fenced):
        write(record, former)


@pytest.mark.parametrize("name", OWNERS_WRITES)
def test_nobody_owns_a_call_that_was_released_or_is_over(record: Record, name: str) -> None:
    formers = {"released": owned(record), "over": owned(record, "rtc_2")}
    record.release(formers["released"], NOON, None)
    record.end(formers["over"], HUNG_UP, {})
    for state, former in formers.items():
        before = found(record, former.call_id)
        if AGAIN.get(name) == state:
            OWNERS_WRITES[name](record, former)
        else:
            with pytest.raises(Fenced):
                OWNERS_WRITES[name](record, former)
        assert found(record, former.call_id) == before


def test_an_effect_is_claimed_once_in_a_call_whoever_owns_it(record: Record) -> None:
    first = owned(record)
    assert record.claim_effect(first, "tool:fc_1", {Step.GREETED: NOON + 2}, {"hang_up_reason": "silence"}) is True
    assert record.claim_effect(first, "tool:fc_1") is False
    second = taken_over(record)
    assert record.claim_effect(second, "tool:fc_1", {Step.GREETED: NOON + 9}) is False
    assert record.claim_effect(second, "tool:fc_2") is True
    call = found(record)
    assert call["steps"]["greeted"] == NOON + 2
    assert call["hang_up_reason"] == "silence"
    assert call["effects"] == 2  # however many there are, the item does not grow with them


def test_a_claim_that_is_tried_again_with_its_token_is_the_same_claim(record: Record) -> None:
    mine = owned(record)
    assert record.claim_effect(mine, "tool:fc_1", token="a")
    assert record.claim_effect(mine, "tool:fc_1", token="a")
    assert not record.claim_effect(mine, "tool:fc_1", token="b")
    assert record.claim_effect(mine, "tool:fc_2", token="b")
    record.note(mine, {"notes": {}})
    assert record.claim_effect(mine, "tool:fc_1", token="a")  # whatever else was written meanwhile


def test_a_step_keeps_its_first_time(record: Record) -> None:
    mine = owned(record)
    record.mark(mine, {Step.FIRST_AUDIO: NOON + 2})
    record.mark(mine, {Step.FIRST_AUDIO: NOON + 9})
    assert found(record)["steps"]["first_audio"] == NOON + 2


def test_usage_and_cost_are_kept_and_an_unknown_cost_is_null(record: Record) -> None:
    mine = owned(record)
    record.save_usage(mine, Usage(input_audio=1200, transcription_seconds=3.5), 0.0384)
    assert found(record)["usage"]["input_audio"] == 1200
    assert found(record)["usage"]["transcription_seconds"] == 3.5
    assert found(record)["cost"] == 0.0384
    record.save_usage(mine, Usage(unsplit=5), None)
    assert found(record)["cost"] is None


def test_failures_are_counted_over_all_owners_and_one_for_each(record: Record) -> None:
    mine = owned(record)
    assert [record.count_failure(mine), record.count_failure(mine)] == [1, 1]
    assert record.count_failure(taken_over(record)) == 2


def test_the_end_closes_the_call_with_everything_known(record: Record) -> None:
    record.end(owned(record), HUNG_UP, {"duration": 59.0, "cost": None, "prices_as_of": "2026-11-22"})
    call = found(record)
    assert (call["status"], call["end_reason"], call["end_detail"]) == ("ended", "caller_hung_up", "the socket closed")
    assert call["steps"]["ended"] == NOON + 60
    assert (call["duration"], call["cost"], call["prices_as_of"]) == (59, None, "2026-11-22")
    assert not {"owner", "message_id", "live_pk", "live_sk"} & set(call)
    assert record.open_calls() == []


# --- what was said ---


def test_one_read_has_the_whole_call_in_conversation_order(record: Record) -> None:
    mine = owned(record)
    run = ToolRun("fc_1", "item_c", "opening_hours", '{"day":"monday"}', NOON + 4, "ok", "9 to 6", 0.0125)
    record.save(mine, 3 << 20, a_turn("item_d", "From nine to six."))
    record.save(mine, 10, a_turn("item_b", "When are you open?"))
    record.save(mine, 9, a_turn("item_a", "Hello"))
    record.save(mine, 1 << 20, run.as_item())
    whole = record.whole_call("rtc_1")
    assert whole is not None
    call, items = whole
    assert call["call_id"] == "rtc_1"
    assert [item["item_id"] for item in items] == ["item_a", "item_b", "item_c", "item_d"]
    assert items[2] | {"kind": "tool", "outcome": "ok", "output": "9 to 6", "seconds": 0.0125} == items[2]


def test_there_is_no_whole_call_without_a_call_item(record: Record) -> None:
    assert record.whole_call("rtc_1") is None
    record.save(Ownership("rtc_1", "monitor-1", 1), 1, a_turn())
    assert record.whole_call("rtc_1") is None


def test_a_turn_that_is_written_again_replaces_itself(record: Record) -> None:
    mine = owned(record)
    record.save(mine, 5, a_turn(text="Hello", state="pending"))
    record.save(mine, 5, a_turn(text="Hello there"))
    assert said(record) == ["Hello there"]


def test_a_former_owner_never_overwrites_what_a_later_one_wrote(record: Record) -> None:
    former = owned(record)
    record.save(former, 5, a_turn(text="begun"))
    later = taken_over(record)
    record.save(later, 5, a_turn(text="begun and finished"))
    record.save(former, 5, a_turn(text="begun, and stale"))
    assert said(record) == ["begun and finished"]


def test_what_only_a_former_owner_heard_is_shown_however_late_it_was_written(record: Record) -> None:
    former = owned(record)
    later = taken_over(record)
    record.save(later, 7, a_turn("item_b", "second"))
    record.save(former, 3, a_turn("item_a", "first"))
    assert said(record) == ["first", "second"]


def test_what_a_former_owner_heard_before_the_next_one_began_stands_before_what_began_with_that_one(
    record: Record,
) -> None:
    former = owned(record)
    record.save(former, 10, a_turn("item_a", "first"))
    later = taken_over(record)
    record.save(later, 20, a_turn("item_d", "fourth"))
    record.save(later, 30, a_turn("item_e", "fifth"))
    for position, item_id, text in ((20, "item_b", "second"), (30, "item_c", "third"), (40, "item_d", "also heard")):
        record.save(former, position, a_turn(item_id, text), late=True)

    assert said(record) == ["first", "second", "third", "fourth", "fifth"]
    positions = [position for position, _ in record.history("rtc_1")]
    assert positions == sorted(set(positions))


def test_a_former_owners_late_copy_of_an_item_is_not_shown(record: Record) -> None:
    former = owned(record)
    later = taken_over(record)
    record.save(later, 7, a_turn(text="new"))
    record.save(former, 3, a_turn(text="stale"))
    assert said(record) == ["new"]


@pytest.mark.parametrize(("old", "new"), [(9, 3), (3, 9)])
def test_an_item_that_moves_is_where_it_was_written_last_though_nobody_deleted_its_former_copy(
    record: Record, old: int, new: int
) -> None:
    mine = owned(record)
    record.save(mine, 5, a_turn("item_b", "other"))
    record.save(mine, old, a_turn("item_a", "stale"))
    record.save(mine, new, a_turn("item_a", "moved"))
    assert said(record) == (["moved", "other"] if new < 5 else ["other", "moved"])
    record.save(mine, old, a_turn("item_a", "and back"))
    assert said(record) == (["and back", "other"] if old < 5 else ["other", "and back"])


def test_two_items_that_stand_at_one_position_for_a_moment_spare_each_other(record: Record) -> None:
    mine = owned(record)
    record.save(mine, 5, a_turn("item_a", "first"))
    record.save(mine, 5, a_turn("item_b", "second"))
    record.save(mine, 3, a_turn("item_a", "first"))
    assert said(record) == ["first", "second"]


def test_what_is_too_long_is_cut_between_two_characters_and_says_so(record: Record) -> None:
    mine = owned(record)
    run = ToolRun("fc_1", "item_c", "long_story", "x" * 500_000, NOON + 4, "ok", "ü" * 250_000, 0.0125)
    record.save(mine, 1, run.as_item())
    record.save(mine, 2, a_turn("item_d", "Hello."))
    whole = record.whole_call("rtc_1")
    assert whole is not None
    tool, turn = whole[1]
    assert (tool["outcome"], tool["cut"]) == ("ok", True)
    assert tool["full_bytes"] == {"arguments": 500_000, "output": 500_000}
    assert tool["output"] == "ü" * (limits.TEXT_BYTES // 2)
    assert "cut" not in turn


def test_facts_of_any_size_leave_a_call_that_can_be_closed(record: Record) -> None:
    mine = owned(record)
    record.note(mine, {"notes": {f"note {number} {'n' * 3000}": "ü" * 100_000 for number in range(99)}})
    record.note(mine, {"conversation": {"epoch": 1, "tools": ["x" * 500_000]}, "transfer": {"why": "y" * 900_000}})
    record.end(mine, End(Status.ENDED, EndReason.SILENCE, NOON, "z" * 900_000), {})
    assert (found(record)["status"], len(found(record)["notes"])) == ("ended", limits.NOTES)
    assert len(as_json(found(record)).encode()) < 200_000


def test_the_usage_of_a_call_is_what_its_owners_have_seen_whoever_died(record: Record) -> None:
    former = owned(record)
    record.save_share(former, Usage(input_text=1))
    record.save_share(former, Usage(input_text=5))
    later = taken_over(record)
    record.save_share(later, Usage(input_text=30))
    whole = record.whole_call("rtc_1")
    assert whole is not None
    assert whole[0]["usage"]["input_text"] == 35


def test_entries_without_an_id_are_all_shown(record: Record) -> None:
    mine = owned(record)
    for position in (1, 2):
        record.save(mine, position, {"kind": "gap", "started_at": NOON + position, "text": f"gap {position}"})
    assert said(record) == ["gap 1", "gap 2"]


def test_a_call_longer_than_one_page_is_read_to_its_end(record: Record) -> None:
    mine = owned(record)
    for position in range(1, 5):
        record.save(mine, position, a_turn(f"item_{position}", str(position) * 300_000))
    assert [text[0] for text in said(record)] == ["1", "2", "3", "4"]


def test_every_part_of_a_call_expires(dynamodb: "DynamoDBClient", table: str) -> None:
    short = Record(dynamodb, table, retention_days=2, clock=lambda: NOON)
    mine = owned(short)
    short.save(mine, 1, a_turn())
    whole = short.whole_call("rtc_1")
    assert whole is not None
    assert whole[0]["expires_at"] == int(NOON + 0.3) + 2 * 86_400
    assert whole[1][0]["expires_at"] == int(NOON + 2) + 2 * 86_400


def test_a_call_whose_time_has_passed_is_not_shown_although_dynamodb_has_not_deleted_it_yet(
    record: Record, dynamodb: "DynamoDBClient", table: str
) -> None:
    later = {"now": NOON + 86_399}
    short = Record(dynamodb, table, retention_days=1, clock=lambda: later["now"])
    short.claim(a_call("rtc_old"), NOON + 0.3)
    record.claim(a_call("rtc_kept"), NOON + 0.3)

    def seen() -> list[list[str]]:
        lists = (short.calls_of_day("2026-11-22"), short.calls_of_caller(ALICE), short.open_calls())
        alone = [call_id for call_id in ("rtc_kept", "rtc_old") if short.call(call_id) and short.whole_call(call_id)]
        return [alone, *(sorted(ids(calls)) for calls in lists)]

    assert seen() == [["rtc_kept", "rtc_old"]] * 4
    later["now"] += 1
    assert seen() == [["rtc_kept"]] * 4
    assert short.whole_call("rtc_old") is None
    assert ids(short.calls_of_day("2026-11-22", limit=1)) == ["rtc_kept"]


# --- monitors ---


def test_a_monitor_is_alive_as_long_as_its_last_heartbeat_says(record: Record) -> None:
    assert record.last_beat("monitor-1").until == 0
    for until in (NOON + 15, NOON + 20):
        record.beat("monitor-1", until, calls=3, slots=500)
        assert record.last_beat("monitor-1").until == until
    assert record.last_beat("monitor-2").until == 0


# --- lists ---


def ring_often(record: Record, count: int, at: float = NOON) -> list[str]:
    """So many calls, a minute apart; their ids, newest first."""
    for index in range(count):
        record.claim(a_call(f"rtc_{index}", at + 60 * index, agent="even" if index % 2 == 0 else "odd"), at)
    return [f"rtc_{index}" for index in reversed(range(count))]


def ids(calls: list[Item]) -> list[str]:
    return [call["call_id"] for call in calls]


def test_the_calls_of_a_day_come_newest_first_from_all_shards(record: Record) -> None:
    expected = ring_often(record, 12)
    record.claim(a_call("rtc_tomorrow", NOON + 86_400), NOON)
    assert ids(record.calls_of_day("2026-11-22")) == expected
    assert ids(record.calls_of_day("2026-11-23")) == ["rtc_tomorrow"]
    assert record.calls_of_day("2026-11-21") == []
    assert ids(record.calls_of_day("2026-11-22", limit=5)) == expected[:5]
    assert ids(record.calls_of_day("2026-11-22", limit=4, keep=lambda call: call["agent"] == "odd")) == expected[:8:2]


def test_a_short_list_reads_a_short_page_of_each_shard(record: Record, dynamodb: "DynamoDBClient") -> None:
    ring_often(record, 12)
    limits: list[int] = []

    def note(params: Mapping[str, Any], **_: Any) -> None:
        limits.append(params["Limit"])

    dynamodb.meta.events.register("provide-client-params.dynamodb.Query", note)
    try:
        record.calls_of_day("2026-11-22", limit=2)
    finally:
        dynamodb.meta.events.unregister("provide-client-params.dynamodb.Query", note)
    assert len(limits) == DAY_SHARDS
    assert max(limits) < 6


def test_a_list_carries_the_documented_columns(record: Record) -> None:
    record.end(owned(record), HUNG_UP, {"duration": 59.5, "cost": 0.25})
    (call,) = record.calls_of_day("2026-11-22")
    assert set(LIST_ATTRIBUTES) - {"owner"} <= set(call)  # whoever hung up owns nothing
    assert (call["duration"], call["cost"], call["end_reason"]) == (59.5, 0.25, "caller_hung_up")


def test_the_calls_of_a_caller_are_found_on_one_day_or_on_all(record: Record) -> None:
    record.claim(a_call("rtc_1"), NOON)
    record.claim(a_call("rtc_2", NOON + 86_400), NOON)
    record.claim(a_call("rtc_3", caller="+4930123456"), NOON)
    record.claim(a_call("rtc_4", caller=None), NOON)
    assert ids(record.calls_of_caller(ALICE)) == ["rtc_2", "rtc_1"]
    assert ids(record.calls_of_caller(ALICE, limit=1)) == ["rtc_2"]
    assert ids(record.calls_of_caller(ALICE, day="2026-11-22")) == ["rtc_1"]
    assert record.calls_of_caller("+1") == []


def test_open_calls_are_those_that_are_not_over(record: Record) -> None:
    record.claim(a_call("ringing"), NOON)
    record.claim(a_call("accepted", NOON + 1), NOON)
    record.accepted("accepted", {Step.ACCEPTED: NOON + 2})
    owned(record, "live")
    record.end(owned(record, "over"), HUNG_UP, {})
    assert sorted(ids(record.open_calls())) == ["accepted", "live", "ringing"]


# --- values ---


def test_numbers_and_nested_values_come_back_as_they_went(record: Record) -> None:
    mine = owned(record)
    facts = {
        "whole": 3,
        "fraction": 0.1 + 0.2,
        "moment": 1795348800.123457,
        "large": 123456789012,
        "negative": -1.5,
        "nothing": None,
        "yes": True,
        "nested": {"list": [1, 2.5, {"text": "ü\u0000\U0001f600"}], "empty": []},
        "status": Status.LIVE,
        "pair": (1, "two"),
    }
    record.note(mine, facts)
    call = found(record)
    assert {name: call[name] for name in facts} == {
        **facts,
        "fraction": 0.3,
        "nested": {"list": [1, 2.5, {"text": "ü\u0000\U0001f600"}], "empty": []},
        "status": "live",
        "pair": [1, "two"],
    }
    assert isinstance(call["whole"], int)
    assert isinstance(call["moment"], float)
    assert call["yes"] is True


def test_an_items_sets_become_sorted_lists_in_json() -> None:
    assert json.loads(as_json({"members": {"b", "a"}})) == {"members": ["a", "b"]}


def test_a_number_is_stored_with_the_digits_it_shows(record: Record, dynamodb: "DynamoDBClient", table: str) -> None:
    record.note(owned(record), {"cost": 0.1})
    key = {"pk": {"S": "CALL#rtc_1"}, "sk": {"S": "CALL"}}
    assert Decimal(dynamodb.get_item(TableName=table, Key=key)["Item"]["cost"]["N"]) == Decimal("0.1")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_dynamodb_cannot_hold_is_an_error_and_changes_nothing(record: Record, value: float) -> None:
    mine = owned(record)
    with pytest.raises((TypeError, ValueError)):
        record.note(mine, {"cost": value})
    assert "cost" not in found(record)


def test_the_day_of_a_call_is_counted_in_utc() -> None:
    assert day_of(NOON + 12 * 3600 - 0.001) == "2026-11-22"
    assert day_of(NOON + 12 * 3600) == "2026-11-23"


def test_another_error_of_dynamodb_is_not_taken_for_a_conflict(dynamodb: "DynamoDBClient") -> None:
    nowhere = Record(dynamodb, "no-such-table", retention_days=90)
    with pytest.raises(dynamodb.exceptions.ResourceNotFoundException):
        nowhere.claim(a_call(), NOON)


def test_what_the_next_owner_had_to_know_goes_when_the_call_ends(record: Record) -> None:
    record.claim({"call_id": "rtc_1", "caller": None, "steps": {Step.CREATED: 1795348800.0}}, 1795348800.0)
    record.take("rtc_1", "monitor-1", "message", {}, None)
    mine = Ownership("rtc_1", "monitor-1", 1)
    record.note(mine, {"conversation": {"keypad": {"digits": "4711"}}, "notes": {"name": "Ana"}})
    record.end(mine, End(Status.ENDED, EndReason.SILENCE, 1795348860.0), {})
    call = record.call("rtc_1")
    assert call is not None
    assert (call["notes"], "conversation" in call) == ({"name": "Ana"}, False)
