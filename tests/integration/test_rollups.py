"""The numbers of days whose calls are over, kept once, against a table on the wire."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from ringside.aws import day_facts
from ringside.aws.record import Ownership, Record
from ringside.calls import End, EndReason, Status, Step
from ringside.records import reader, rollups
from ringside.records.rollups import RollUps

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

NOON = 1795348800.0  # 2026-11-22 12:00 UTC
DAY, NEXT = "2026-11-22", "2026-11-23"
ONE = 1795395600.0 + 5  # 2026-11-23 01:00:05 UTC
RETENTION = 36_500 * 86_400.0


def ring(record: Record, call_id: str, at: float = NOON, rule: str = "", **more: str) -> None:
    decision = {"verdict": "reject" if rule else "accept", "rule": rule or "no rule matched", "sip_status": None}
    facts = {"agent": "concierge", "model": "m", "caller": "+14255550112", "dialled": "+18005551212", **more}
    record.claim({"call_id": call_id, "steps": {Step.CREATED: at}, "decision": decision, **facts}, at)


def answer(record: Record, call_id: str, at: float = NOON, **more: str) -> Ownership:
    ring(record, call_id, at, **more)
    record.accepted(call_id, {Step.ACCEPTED: at + 1.25})
    record.take(call_id, "monitor-1", "message", {Step.FIRST_AUDIO: at + 2.0625}, None)
    return Ownership(call_id, "monitor-1", 1)


def end(record: Record, mine: Ownership, at: float, **facts: Any) -> None:
    record.end(mine, End(Status.ENDED, EndReason.CALLER_HUNG_UP, at), facts)


def a_day(record: Record, at: float = NOON) -> None:
    """Eight calls, of two agents: with and without a known cost, one turned away, one missed."""
    for number in range(6):
        agent = "concierge" if number % 2 else "night"
        mine = answer(record, f"rtc_{at}_{number}", at + number * 600, agent=agent)
        cost = {} if number == 3 else {"cost": 0.0625 * number}
        end(record, mine, at + number * 600 + 60, duration=60.125 + number, **cost)
    ring(record, f"rtc_{at}_rejected", at, "premium rate")
    record.close_unanswered(f"rtc_{at}_rejected", End(Status.REJECTED, None, at), {Step.REJECTED: at})
    ring(record, f"rtc_{at}_missed", at)
    record.close_unanswered(f"rtc_{at}_missed", End(Status.MISSED, EndReason.CALLER_GONE_BEFORE_ACCEPT, at), {})


def numbers(record: Record, **more: str) -> Any:
    today = date(2026, 11, 23)
    return reader.numbers(record, reader.filters(today=today, first=DAY, last=NEXT, **more), today)


@contextmanager
def queries(dynamodb: "DynamoDBClient") -> Iterator[list[str]]:
    """Of which table or index each query is, meanwhile."""
    seen: list[str] = []

    def note(params: Mapping[str, Any], **_: Any) -> None:
        seen.append(params.get("IndexName", "table"))

    dynamodb.meta.events.register("provide-client-params.dynamodb.Query", note)
    try:
        yield seen
    finally:
        dynamodb.meta.events.unregister("provide-client-params.dynamodb.Query", note)


def test_the_numbers_are_the_same_before_and_after_a_day_is_kept_and_cost_one_query(
    record: Record, dynamodb: "DynamoDBClient"
) -> None:
    a_day(record)
    answer(record, "rtc_today", ONE)
    asked: list[dict[str, str]] = [{}, {"agent": "night"}, {"dialled": "+18005551212"}, {"agent": "nobody"}]
    before = [numbers(record, **more) for more in asked]

    assert RollUps(record, RETENTION).keep(ONE) == 1

    assert [numbers(record, **more) for more in asked] == before
    assert (before[0]["calls"], before[0]["pick_up"]["p50"], before[0]["first_word"]["p50"]) == (9, 1.25, 0.812)
    with queries(dynamodb) as seen:
        rollups.of_days(record, [DAY], NEXT)
    assert seen == ["table"]


def test_a_day_is_kept_when_the_last_of_its_calls_is_over_and_never_today(record: Record) -> None:
    a_day(record)
    late = answer(record, "rtc_late", NOON + 43_100)  # at 23:58
    days = RollUps(record, RETENTION)

    assert days.keep(ONE) == 0
    end(record, late, ONE + 60, duration=4000.0)
    assert days.keep(ONE - 3600 * 2) == 0  # 23:00: it is still today
    assert days.keep(ONE + 60) == 0  # only in the first minute of an hour
    assert days.keep(ONE + 3600) == 1
    assert days.keep(ONE + 7200) == 0  # it is there
    assert numbers(record)["calls"] == 9


def test_two_sweepers_at_once_keep_a_day_once(record: Record) -> None:
    a_day(record)
    with ThreadPoolExecutor(4) as sweepers:
        list(sweepers.map(lambda _: RollUps(record, RETENTION).keep(ONE), range(4)))

    kept = record.facts_of(DAY)
    assert kept is not None
    assert len(kept) == 8


def test_a_busy_day_is_kept_in_parts_and_counts_only_whole(record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(day_facts, "CALLS_A_PART", 3)
    a_day(record)
    before = numbers(record)
    facts = rollups.of_days(record, [DAY], NEXT)

    record.keep_facts(DAY, facts, 2**33)
    assert numbers(record) == before
    record.keep_facts(DAY, facts[:4], 2**33)  # somebody else's first two parts of another list
    assert record.facts_of(DAY) is None
    assert numbers(record) == before
    assert RollUps(record, RETENTION).keep(ONE) == 1


def test_a_day_of_too_many_calls_is_counted_when_it_is_asked_for(
    record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollups, "MAX_CALLS", 7)
    a_day(record)

    assert RollUps(record, RETENTION).keep(ONE) == 0
    assert numbers(record)["calls"] == 8


def test_nothing_of_the_caller_is_kept_with_a_day(record: Record) -> None:
    a_day(record)
    RollUps(record, RETENTION).keep(ONE)

    kept = record.facts_of(DAY)
    assert kept is not None
    assert "+14255550112" not in repr(kept)
    assert "rtc_" not in repr(kept)
