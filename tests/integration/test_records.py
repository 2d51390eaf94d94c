"""What the API and the console read, against a table on the wire."""

from datetime import date
from typing import Any

import pytest

from ringside.agentfile.agents import Agents
from ringside.aws.record import Ownership, Record
from ringside.calls import End, EndReason, Status, Step
from ringside.conversation.items import Turn
from ringside.records import query
from ringside.records.query import BadQuery
from ringside.records.reader import Reader, filters
from ringside.sip.trunk import Trunk

NOON = 1795348800.0  # 2026-11-22 12:00 UTC
DAY, NEXT = "2026-11-22", "2026-11-23"
TODAY = date(2026, 11, 23)
ALICE, BOB, SHOP = "+14255550112", "+4930123456", "+18005551212"


def ring(record: Record, call_id: str, at: float = NOON, caller: str = ALICE, agent: str = "concierge") -> None:
    decision = {"verdict": "accept", "rule": "no rule matched", "sip_status": None}
    facts = {"agent": agent, "model": "gpt-realtime-2.1", "caller": caller, "dialled": SHOP, "decision": decision}
    record.claim({"call_id": call_id, "steps": {Step.CREATED: at}, **facts}, at)


def answer(record: Record, call_id: str, at: float = NOON) -> Ownership:
    ring(record, call_id, at)
    record.accepted(call_id, {Step.ACCEPTED: at + 1})
    record.take(call_id, "monitor-1", "message", {Step.TAKEN: at + 1.1}, None)
    return Ownership(call_id, "monitor-1", 1)


def say(record: Record, mine: Ownership, position: int, text: str | None, state: Any = "final") -> None:
    turn = Turn(f"item_{position}", "caller", NOON + position, text, state, NOON + position + 1)
    record.save(mine, position, turn.as_item())


def asked(**more: str) -> query.Filters:
    return filters(today=TODAY, **more)


def pages(record: Record, limit: int, **more: str) -> list[list[str]]:
    """The ids of every page, from the first to the last."""
    found: list[list[str]] = []
    cursor = None
    while True:
        page = query.page(record, asked(**more), limit, cursor)
        found.append([str(call["call_id"]) for call in page.calls])
        cursor = page.cursor
        if cursor is None:
            return found


@pytest.fixture
def reader(record: Record) -> Reader:
    def none() -> Any:
        raise AssertionError("nothing has to be counted")

    return Reader(record, none, lambda: Agents({}), Trunk(), lambda: NOON + 100)


def test_pages_have_every_call_once_across_days(record: Record) -> None:
    for index in range(7):
        ring(record, f"rtc_{index}", NOON + index * 6 * 3600)

    found = pages(record, 3, first=DAY, last="2026-11-24")

    assert found == [["rtc_6", "rtc_5", "rtc_4"], ["rtc_3", "rtc_2", "rtc_1"], ["rtc_0"]]


def test_a_call_that_comes_while_one_reads_shifts_no_page(record: Record) -> None:
    for index in range(4):
        ring(record, f"rtc_{index}", NOON + index)
    first = query.page(record, asked(day=DAY), 2)
    ring(record, "rtc_new", NOON + 60)

    second = query.page(record, asked(day=DAY), 2, first.cursor)

    assert [call["call_id"] for call in second.calls] == ["rtc_1", "rtc_0"]
    assert second.cursor is None


def test_calls_of_the_same_moment_are_all_there(record: Record) -> None:
    for index in range(5):
        ring(record, f"rtc_{index}", NOON)

    found = [call_id for page in pages(record, 2, day=DAY) for call_id in page]

    assert sorted(found) == [f"rtc_{index}" for index in range(5)]


def test_a_list_is_narrowed_by_what_a_call_is(record: Record) -> None:
    ring(record, "rtc_1")
    ring(record, "rtc_2", NOON + 1, caller=BOB, agent="night")
    mine = answer(record, "rtc_3", NOON + 2)
    record.end(mine, End(Status.ENDED, EndReason.SILENCE, NOON + 60), {})

    assert pages(record, 9, day=DAY, agent="night") == [["rtc_2"]]
    assert pages(record, 9, day=DAY, caller=ALICE) == [["rtc_3", "rtc_1"]]
    assert pages(record, 9, day=DAY, status="ended") == [["rtc_3"]]
    assert pages(record, 9, day=DAY, end_reason="silence") == [["rtc_3"]]
    assert pages(record, 9, day=DAY, dialled=BOB) == [[]]


def analyse(record: Record, call_id: str, outcome: str | None, at: float = NOON) -> None:
    """A call that is over, with what was found out about it; None: nothing yet."""
    record.end(answer(record, call_id, at), End(Status.ENDED, EndReason.CALLER_HUNG_UP, at + 60), {})
    if outcome is not None:
        found = {"state": "done", "run": "1", "outcome": outcome, "summary": f"Wants a {outcome}.", "fields": {}}
        record.analysed(call_id, found, None)


def test_a_list_has_what_came_of_each_call_and_no_more_of_its_analysis(record: Record, reader: Reader) -> None:
    analyse(record, "rtc_1", "refund")
    analyse(record, "rtc_2", None, NOON + 1)
    ring(record, "rtc_3", NOON + 2)

    found = {call["call_id"]: call["analysis"] for call in reader.calls(asked(day=DAY), 9)["calls"]}

    assert found == {
        "rtc_3": None,
        "rtc_2": None,
        "rtc_1": {"state": "done", "outcome": "refund", "summary": "Wants a refund."},
    }


def test_a_list_is_narrowed_by_what_came_of_the_calls_page_by_page(
    record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(query, "BATCH", 2)
    for index in range(7):
        analyse(record, f"rtc_{index}", ("refund", "order", None)[index % 3], NOON + index)

    assert pages(record, 2, day=DAY, outcome="refund") == [["rtc_6", "rtc_3"], ["rtc_0"]]
    assert pages(record, 2, caller=ALICE, outcome="order") == [["rtc_4", "rtc_1"], []]
    assert pages(record, 9, day=DAY, outcome="refund", agent="night") == [[]]


def test_a_list_is_narrowed_by_words_in_a_note_of_calls_that_are_over_and_that_are_not(
    record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(query, "BATCH", 2)
    for index, note in enumerate(("The tap leaks.", "Call back.", "the  TAP\nLEAKS again", "leaks")):
        record.note(answer(record, f"rtc_{index}", NOON + index), {"notes": {"reason": note}})
    analyse(record, "rtc_4", "refund", NOON + 4)

    assert pages(record, 1, day=DAY, notes="tap leaks") == [["rtc_2"], ["rtc_0"]]
    assert pages(record, 9, caller=ALICE, notes="reason: call") == [["rtc_1"]]
    assert pages(record, 9, day=DAY, notes="tap", outcome="refund") == [[]]


def test_a_callers_calls_are_found_whenever_they_were_and_within_days(record: Record) -> None:
    for index in range(4):
        ring(record, f"rtc_{index}", NOON - index * 86_400)

    assert pages(record, 3, caller=ALICE) == [["rtc_0", "rtc_1", "rtc_2"], ["rtc_3"]]
    assert pages(record, 1, caller=ALICE, first="2026-11-20", last="2026-11-21") == [["rtc_1"], ["rtc_2"]]


def test_a_rare_call_is_found_by_going_on(record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query, "MAX_LOOKED_AT", 3)
    ring(record, "rtc_rare", NOON - 60, agent="night")
    for index in range(7):
        ring(record, f"rtc_{index}", NOON + index)

    assert pages(record, 5, day=DAY, agent="night") == [[], [], ["rtc_rare"]]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"day": "22.11.2026"}, "day: 22.11.2026 is not a date"),
        ({"first": NEXT, "last": DAY}, "from: 2026-11-23 is after 2026-11-22"),
        ({"first": "2020-01-01"}, "from: .* days are more than 92"),
        ({"day": DAY, "first": DAY}, "day: give either"),
        ({"status": "lost"}, "status: lost is not one of ringing, "),
        ({"end_reason": "lost"}, "end_reason: lost is not one of caller_hung_up, "),
    ],
)
def test_a_question_that_cannot_be_answered_is_named(wrong: dict[str, str], says: str) -> None:
    with pytest.raises(BadQuery, match=says):
        asked(**wrong)


@pytest.mark.parametrize("cursor", ["", "%%%", "bm90aGluZw", "\u2603"])
def test_a_cursor_that_no_list_has_given_is_refused(record: Record, cursor: str) -> None:
    with pytest.raises(BadQuery, match="cursor"):
        query.page(record, asked(day=DAY), 5, cursor)


def test_news_have_what_is_new_and_what_may_still_change(record: Record, reader: Reader) -> None:
    mine = answer(record, "rtc_1")
    say(record, mine, 2, "Hello")
    say(record, mine, 4, None, "pending")
    say(record, mine, 6, "Still there?")

    first = reader.news("rtc_1", None)
    assert first is not None
    assert [item["item_id"] for item in first["items"]] == ["item_2", "item_4", "item_6"]
    say(record, mine, 4, "Are you open?")
    second = reader.news("rtc_1", first["since"])
    assert second is not None
    assert [(item["item_id"], item["text"]) for item in second["items"]] == [
        ("item_4", "Are you open?"),
        ("item_6", "Still there?"),
    ]
    third = reader.news("rtc_1", second["since"])
    assert third is not None
    assert (third["items"], third["since"]) == ([], "item_6")
    assert reader.news("rtc_2", None) is None


def test_live_calls_come_with_their_last_words(record: Record, reader: Reader) -> None:
    mine = answer(record, "rtc_1")
    say(record, mine, 2, "Hello")
    say(record, mine, 4, "Are you open?")
    ring(record, "rtc_2", NOON + 60)
    over = answer(record, "rtc_3")
    record.end(over, End(Status.ENDED, EndReason.SILENCE, NOON + 60), {})

    found = reader.live()

    assert found["count"] == 2
    assert [(call["call_id"], call["last_words"]) for call in found["calls"]] == [
        ("rtc_2", None),
        ("rtc_1", {"role": "caller", "text": "Are you open?"}),
    ]


def test_monitors_that_are_alive_are_listed(record: Record, reader: Reader) -> None:
    record.beat("alive", NOON + 112, calls=3, slots=140)
    record.beat("dead", NOON + 99, calls=3, slots=140)

    assert reader.monitors() == [{"monitor": "alive", "calls": 3, "slots": 140, "lease": 12.0, "draining": False}]


def test_statistics_are_of_the_calls_that_are_asked_for(record: Record, reader: Reader) -> None:
    ring(record, "rtc_1")
    ring(record, "rtc_2", NOON + 1, agent="night")

    found = reader.statistics(asked(day=DAY, agent="night"))

    assert (found["calls"], found["agents"], found["from"], found["to"]) == (1, {"night": 1}, DAY, DAY)
