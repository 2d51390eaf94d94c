"""`ringside erase` as a user starts it, against a table on the wire: nothing is left, whatever comes in between."""

import json
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import EndpointConnectionError

from cli import erasing
from ringside.aws.counters import Counters
from ringside.aws.record import Ownership, Record
from ringside.aws.table import Table
from ringside.calls import End, EndReason, Status, Step
from ringside.conversation.events import Usage
from ringside.conversation.items import Turn
from tests.integration.test_cli_calls import Done, Ringside

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

NOON = 1795348800.0  # 2026-11-22 12:00 UTC
ALICE, BOB = "+14255550112", "+4930123456"
OFTEN = "caller#desk#600#"

Items = list[dict[str, Any]]


@pytest.fixture
def ringside(operator: str, capsys: pytest.CaptureFixture[str]) -> Ringside:
    return Ringside(capsys)


@pytest.fixture
def counters(dynamodb: "DynamoDBClient", table: str) -> Counters:
    return Counters(Table(dynamodb, table))


def live(record: Record, counters: Counters, call_id: str, caller: str, at: float = NOON) -> Ownership:
    """A call that is counted for its caller, with everything that a call writes until its end."""
    counters.count_caller(f"{OFTEN}{caller}", f"{at:.3f}#{call_id}", 99, lambda members: set(), at)
    steps = {Step.CREATED: at, Step.ACCEPTED: at + 1}
    reservations = ["live#stack", f"{OFTEN}{caller}"]
    record.claim({"call_id": call_id, "caller": caller, "reservations": reservations, "steps": steps}, at)
    record.take(call_id, "monitor-1", "message", {}, None)
    mine = Ownership(call_id, "monitor-1", 1)
    record.claim_effect(mine, "greeting")
    record.save_share(mine, Usage(input_text=7))
    for number in range(30):
        record.save(mine, number, Turn(f"item_{number}", "caller", at + number, "My words.", "final").as_item())
    return mine


def call(record: Record, counters: Counters, call_id: str, caller: str = ALICE, at: float = NOON) -> None:
    mine = live(record, counters, call_id, caller, at)
    record.end(mine, End(Status.ENDED, EndReason.SILENCE, at + 62), {"cost": 0.25, "duration": 61.5}, agent="desk")


def everything(dynamodb: "DynamoDBClient", table: str) -> Items:
    return [item for page in dynamodb.get_paginator("scan").paginate(TableName=table) for item in page["Items"]]


def left(dynamodb: "DynamoDBClient", table: str, *words: str) -> Items:
    """The items that have any of these words anywhere, besides what was written down of the erasure."""
    return [
        item
        for item in everything(dynamodb, table)
        if item["pk"]["S"] != "ERASURES" and any(word in json.dumps(item) for word in words)
    ]


def spent(counters: Counters) -> float:
    return counters.spent("desk", NOON)


def test_of_an_erased_call_nothing_is_left_and_what_its_agent_cost_stays(
    ringside: Ringside, record: Record, counters: Counters, dynamodb: "DynamoDBClient", operator: str
) -> None:
    call(record, counters, "rtc_1")
    call(record, counters, "rtc_2")
    for partition in ("ACTIONS#rtc_1", "ANYWHERE#rtc_1"):  # what operators wanted of it
        dynamodb.put_item(TableName=operator, Item={"pk": {"S": partition}, "sk": {"S": "a1"}, "uri": {"S": ALICE}})

    done = ringside("erase", "--call", "rtc_1", "--yes")

    assert done.status == 0
    assert done.out.startswith("erased 1 call, 35 items; nothing of them is in the record\nuntil ")
    assert left(dynamodb, operator, "rtc_1") == []
    assert len(left(dynamodb, operator, "rtc_2")) == 34  # with what is counted for the caller
    assert spent(counters) == 0.5
    assert ringside("calls", "list", "--from", ALICE, "--json").out.count('"call_id"') == 1


def test_a_caller_is_erased_with_all_calls_also_those_that_have_expired(
    ringside: Ringside, record: Record, counters: Counters, dynamodb: "DynamoDBClient", operator: str
) -> None:
    for number in range(5):
        call(record, counters, f"rtc_{number}", at=NOON + 86_400 * number)
    call(Record(dynamodb, operator, retention_days=0), counters, "rtc_expired")
    call(record, counters, "rtc_bob", BOB)

    done = ringside("erase", "--caller", ALICE, "--yes")

    assert done.out.startswith("erased 6 calls, 198 items; nothing")
    assert left(dynamodb, operator, ALICE, "rtc_0", "rtc_4", "rtc_expired") == []
    assert len(left(dynamodb, operator, "rtc_bob")) == 34
    again = ringside("erase", "--caller", ALICE, "--yes")
    assert again.out == "there is nothing to erase: nothing of this is in the record\n"
    for each in (done, again):
        assert "not looked for: calls from other numbers in which this one was said" in each.err


def test_who_erased_what_is_written_down_without_the_caller_s_number(
    ringside: Ringside, record: Record, counters: Counters, dynamodb: "DynamoDBClient", operator: str
) -> None:
    call(record, counters, "rtc_1")
    ringside("erase", "--caller", ALICE, "--yes", "--reason", "request 4711")

    log = ringside("erase", "--log").out

    assert "1 call of a caller, 33 items, by arn:aws:" in log
    assert "request 4711\n  rtc_1\n" in log
    kept = everything(dynamodb, operator)
    assert sorted(item["pk"]["S"] for item in kept) == ["ERASURES", "SPENT#desk#2026-11-22"]
    assert ALICE not in json.dumps(kept)


def test_exports_that_may_hold_the_calls_are_named_before_one_is_asked(
    ringside: Ringside, record: Record, counters: Counters, monkeypatch: pytest.MonkeyPatch
) -> None:
    call(record, counters, "rtc_1")
    for first, last in (("2026-11-20", "2026-11-22"), ("2026-11-23", "2026-11-24")):
        ringside("calls", "export", "--from-day", first, "--to-day", last, "--output", first)
    answers = iter(["n", "y"])
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda question: next(answers))

    refused = ringside("erase", "--call", "rtc_1")
    assert (refused.status, refused.err.splitlines()[-1]) == (1, "ringside: nothing was erased")
    assert "2026-11-20 to 2026-11-22, jsonl, to 2026-11-20, by arn:aws:" in refused.err
    assert "2026-11-24" not in refused.err
    assert ALICE in refused.err
    assert ringside("calls", "show", "rtc_1").status == 0
    assert ringside("erase", "--call", "rtc_1").status == 0
    assert ringside("calls", "show", "rtc_1").status == 1


def test_a_call_that_is_not_over_is_left_alone_with_everything_else(
    ringside: Ringside, record: Record, counters: Counters
) -> None:
    call(record, counters, "rtc_1")
    live(record, counters, "rtc_live", ALICE)
    call(record, counters, "rtc_just_now", at=time.time() - 70)
    for named in ("rtc_live", "rtc_just_now"):
        done = ringside("erase", "--call", "rtc_1", "--call", named, "--yes")
        assert (done.status, done.out) == (1, "")
        assert done.err == (f"ringside: {named}: not over yet, or less than two minutes ago; nothing was erased\n")
    assert ringside("calls", "show", "rtc_1").status == 0


class Outage:
    """An AWS that answers no more writes after so many, until it is mended."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._call = BaseClient._make_api_call  # type: ignore[attr-defined]
        self.writes_left: float = float("inf")
        monkeypatch.setattr(BaseClient, "_make_api_call", lambda *given: self._answer(*given))

    def _answer(self, client: BaseClient, operation: str, params: dict[str, Any]) -> Any:
        if operation in ("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem"):
            if self.writes_left <= 0:
                raise EndpointConnectionError(endpoint_url="http://127.0.0.1")
            self.writes_left -= 1
        return self._call(client, operation, params)


@pytest.fixture
def outage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Outage]:
    return Outage(monkeypatch)  # type: ignore[return-value]


def test_an_erasure_that_was_interrupted_after_any_write_is_finished_by_the_next(
    ringside: Ringside,
    record: Record,
    counters: Counters,
    dynamodb: "DynamoDBClient",
    operator: str,
    outage: Outage,
) -> None:
    writes, done = 0, Done(1, "", "")
    while done.status:
        call(record, counters, "rtc_1")
        call(record, counters, "rtc_2")
        outage.writes_left, writes = writes, writes + 1
        done = ringside("erase", "--caller", ALICE, "--yes")
        outage.writes_left = float("inf")
        if done.status and writes > 1:  # it was written down
            assert "NOT FINISHED" in ringside("erase", "--log").out
            again = ringside("erase")
            assert again.status == 0
            assert again.out.startswith("finished an erasure that was interrupted: erased 2 calls")
        if writes > 1:
            assert left(dynamodb, operator, "rtc_", ALICE) == []
        else:
            ringside("erase", "--caller", ALICE, "--yes")
    assert writes > 8
    assert "NOT FINISHED" not in ringside("erase", "--log").out


def test_what_dynamodb_leaves_of_a_batch_is_sent_again(
    ringside: Ringside,
    record: Record,
    counters: Counters,
    dynamodb: "DynamoDBClient",
    operator: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    call(record, counters, "rtc_1")
    real, busy = BaseClient._make_api_call, [True, True]  # type: ignore[attr-defined]

    def answer(client: BaseClient, operation: str, params: dict[str, Any]) -> Any:
        if operation == "BatchWriteItem" and busy:
            busy.pop()
            ((table, writes),) = params["RequestItems"].items()
            real(client, operation, {"RequestItems": {table: writes[:1]}})
            return {"UnprocessedItems": {table: writes[1:]}}
        return real(client, operation, params)

    monkeypatch.setattr(BaseClient, "_make_api_call", answer)
    assert ringside("erase", "--call", "rtc_1", "--yes").status == 0
    assert (busy, left(dynamodb, operator, "rtc_1")) == ([], [])


def test_more_calls_than_one_note_holds_are_several(
    ringside: Ringside,
    record: Record,
    counters: Counters,
    dynamodb: "DynamoDBClient",
    operator: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(erasing, "CALLS_OF_ONE", 2)
    for number in range(5):
        call(record, counters, f"rtc_{number}")
    assert ringside("erase", "--caller", ALICE, "--yes").out.startswith("erased 5 calls, 165 items;")
    assert left(dynamodb, operator, "rtc_", ALICE) == []
    assert len(ringside("erase", "--log").out.splitlines()) == 3 + 5


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        ((), "name what to erase: --call CALL_ID or --caller +NUMBER"),
        (("--call", "rtc_1", "--caller", ALICE, "--yes"), "give either --call, --caller or --log"),
        (("--caller", "anonymous", "--yes"), "anonymous is not one caller"),
        (("--caller", "0171", "--yes"), "0171 is not an international number"),
        (("--call", "rtc_1"), "nobody can be asked here: add --yes"),
    ],
)
def test_what_cannot_be_meant_is_refused(ringside: Ringside, argv: tuple[str, ...], says: str) -> None:
    done = ringside("erase", *argv)
    assert (done.status, done.out, done.err.count("\n")) == (2, "", 1)
    assert says in done.err


def test_a_call_that_there_is_not_is_an_error_and_an_empty_log_says_so(ringside: Ringside) -> None:
    done = ringside("erase", "--call", "rtc_9", "--yes")
    assert (done.status, done.err.startswith("ringside: there is no call rtc_9")) == (1, True)
    assert ringside("erase", "--log") == Done(0, "nothing was erased\n", "")
