"""`ringside calls export` as a user starts it, against a table on the wire; DuckDB reads what it writes."""

import csv
import io
import json
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from cli.export import columns
from ringside.aws.record import Ownership, Record
from ringside.calls import End, EndReason, Status, Step
from ringside.conversation.items import ToolRun, Turn
from ringside.records import shapes
from tests import record_page
from tests.integration.test_cli_calls import Done, Ringside

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

NOON = 1795348800.0  # 2026-11-22 12:00 UTC
DAY, NEXT = "2026-11-22", "2026-11-23"
DAYS = ("--from-day", DAY, "--to-day", NEXT)
WORDS = '=HYPERLINK("x"), said \x1b[2J\nthe "caller"'


@pytest.fixture
def ringside(operator: str, capsys: pytest.CaptureFixture[str]) -> Ringside:
    return Ringside(capsys)


def ring(record: Record, call_id: str, at: float = NOON, agent: str = "concierge") -> Ownership:
    """A call that is live."""
    record.claim(
        {
            "call_id": call_id,
            "agent": agent,
            "caller": "+14255550112",
            "dialled": "+18005551212",
            "decision": {"verdict": "accept", "rule": "no rule matched", "sip_status": None},
            "steps": {Step.CREATED: at, Step.ACCEPTED: at + 1},
        },
        at,
    )
    record.take(call_id, "monitor-1", "message", {}, None)
    return Ownership(call_id, "monitor-1", 1)


def call(record: Record, call_id: str, at: float = NOON, agent: str = "concierge", words: str = "A refund?") -> None:
    """A call that is over."""
    mine = ring(record, call_id, at, agent)
    record.save(mine, 1, Turn("item_1", "caller", at + 2, words, "final", at + 3).as_item())
    run = ToolRun("fc_1", "item_2", "opening_hours", '{"day":"monday"}', at + 4, "ok", '{"open": true}', 0.01, at + 5)
    record.save(mine, 2, run.as_item())
    facts = {"cost": 0.25, "duration": 61.5, "notes": {"name": "Ana"}, "transfer": {"target": "sales"}}
    record.end(mine, End(Status.ENDED, EndReason.TRANSFERRED, at + 62), facts)


def whole(ringside: Ringside, call_id: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(ringside("calls", "show", call_id, "--json").out)
    return found


def table(query: str) -> duckdb.DuckDBPyRelation:
    found = duckdb.sql(query)
    assert found is not None
    return found


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_each_line_is_a_call_as_show_has_it_oldest_first(ringside: Ringside, record: Record) -> None:
    for number in range(50):
        call(record, f"rtc_{number}", NOON + number, words=WORDS)
    call(record, "rtc_next", NOON + 86_400)
    call(record, "rtc_after", NOON + 2 * 86_400)

    done = ringside("calls", "export", *DAYS, "--items")

    found = lines(done.out)
    assert [line["call_id"] for line in found] == [*(f"rtc_{number}" for number in range(50)), "rtc_next"]
    assert found[7] == whole(ringside, "rtc_7")
    assert (done.status, done.err) == (0, "exported 51 calls of 2 days\n")
    assert "\x1b" not in done.out


def test_without_items_nothing_that_was_said_leaves_the_record(ringside: Ringside, record: Record) -> None:
    call(record, "rtc_1")
    (line,) = lines(ringside("calls", "export", *DAYS).out)
    assert list(line) == list(shapes.CALL)
    (row,) = csv.DictReader(io.StringIO(ringside("calls", "export", *DAYS, "--format", "csv").out))
    assert list(row) == [column.name for column in columns.CALLS]
    assert (row["transfer_target"], row["steps_accepted"], row["notes"]) == ("sales", str(NOON + 1), '{"name": "Ana"}')


def test_one_agent_s_calls_can_be_chosen(ringside: Ringside, record: Record) -> None:
    call(record, "rtc_1")
    call(record, "rtc_2", agent="sales")
    assert [line["call_id"] for line in lines(ringside("calls", "export", *DAYS, "--agent", "sales").out)] == ["rtc_2"]


def test_calls_of_one_outcome_can_be_chosen(ringside: Ringside, record: Record) -> None:
    for call_id, outcome in (("rtc_1", "refund"), ("rtc_2", "order")):
        call(record, call_id)
        record.analysed(call_id, {"state": "done", "run": "1", "outcome": outcome}, None)
    call(record, "rtc_3")

    found = lines(ringside("calls", "export", *DAYS, "--outcome", "refund").out)
    assert [(line["call_id"], line["analysis"]["outcome"]) for line in found] == [("rtc_1", "refund")]


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_tables_have_what_the_record_has(ringside: Ringside, record: Record, format: str) -> None:
    call(record, "rtc_1", words=WORDS)
    call(record, "rtc_2", NOON + 86_400)

    done = ringside("calls", "export", *DAYS, "--format", format, "--items", "--output", "out")

    assert done == Done(0, "", "exported 2 calls of 2 days to out\n")
    read = "read_csv('out/{}/*/*.csv', all_varchar=false)" if format == "csv" else "'out/{}/*/*.parquet'"
    calls = table(f"FROM {read.format('calls')} ORDER BY call_id")
    assert calls.columns == [*(column.name for column in columns.CALLS), "day"]
    (first, second) = [dict(zip(calls.columns, row, strict=True)) for row in calls.fetchall()]
    assert str(first["day"]) == DAY
    assert (second["cost"], second["duration"], second["end_reason"]) == (0.25, 61.5, "transferred")
    assert second["started_at"].astimezone(UTC) == datetime(2026, 11, 23, 12, tzinfo=UTC)
    assert first["steps_accepted"] == NOON + 1
    items = table(f"SELECT call_id, position, kind, text, outcome FROM {read.format('items')} ORDER BY ALL")
    text = '\'=HYPERLINK("x"), said \\x1b[2J\\nthe "caller"' if format == "csv" else WORDS
    assert items.fetchall() == [
        ("rtc_1", 0, "turn", text, None),
        ("rtc_1", 1, "tool", None, "ok"),
        ("rtc_2", 0, "turn", "A refund?", None),
        ("rtc_2", 1, "tool", None, "ok"),
    ]


def test_the_recipes_of_the_page_read_the_files(
    ringside: Ringside, record: Record, capsys: pytest.CaptureFixture[str]
) -> None:
    call(record, "rtc_1")
    call(record, "rtc_2", words="No, thank you.")
    for format, folder in (("jsonl", "november"), ("parquet", "november-parquet")):
        done = ringside("calls", "export", *DAYS, "--items", "--format", format, "--output", folder)
        assert done.status == 0
    said, tables = record_page.recipes("python", "What was said")

    exec(said, {})
    out = capsys.readouterr().out
    assert "A refund?" in out
    assert "rtc_2" not in out
    assert DAY in out
    exec(tables, {})
    assert "opening_hours" in capsys.readouterr().out


def test_the_same_command_again_reads_only_what_may_have_changed(ringside: Ringside, record: Record) -> None:
    now = time.time()
    before = datetime.fromtimestamp(now, UTC).date() - timedelta(days=2)
    call(record, "rtc_1", now - 2 * 86_400)
    mine = ring(record, "rtc_2", now - 86_400)  # which is not over yet
    command = ("calls", "export", "--from-day", str(before), "--output", "out")

    assert ringside(*command).err == "exported 2 calls of 3 days to out\n"
    record.end(mine, End(Status.ENDED, EndReason.SILENCE, now - 80_000), {"cost": 0.5})
    assert ringside(*command).err == "exported 1 call of 2 days to out; 1 day was there already\n"
    again = ringside(*command)

    assert again.err == "exported 0 calls of 1 day to out; 2 days were there already\n"
    found = [line for path in sorted(Path("out").glob("calls/*/*.jsonl")) for line in lines(path.read_text())]
    assert [(line["call_id"], line["status"]) for line in found] == [("rtc_1", "ended"), ("rtc_2", "ended")]


def test_an_interrupted_day_leaves_no_half_of_a_file_and_is_read_again(
    ringside: Ringside, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(60):
        call(record, f"rtc_{number}", NOON + number)
    call(record, "rtc_next", NOON + 86_400)
    whole_call, read = Record.whole_call, list[str]()

    def interrupted(self: Record, call_id: str) -> Any:
        read.append(call_id)
        if len(read) == 61:  # the first of the second day
            raise KeyboardInterrupt
        return whole_call(self, call_id)

    monkeypatch.setattr(time, "time", lambda: NOON + 10 * 86_400)
    monkeypatch.setattr(Record, "whole_call", interrupted)
    command = ("calls", "export", *DAYS, "--output", "out")
    assert ringside(*command).status == 130
    assert [path.name for path in Path("out/calls").rglob("*.*")] == ["calls.jsonl"]

    assert ringside(*command).err == "exported 1 call of 1 day to out; 1 day was there already\n"
    text = "".join(path.read_text() for path in sorted(Path("out").glob("calls/*/*.jsonl")))
    assert [line["call_id"] for line in lines(text)] == [*(f"rtc_{number}" for number in range(60)), "rtc_next"]


def test_a_call_whose_retention_has_passed_is_not_exported(
    ringside: Ringside, operator: str, dynamodb: "DynamoDBClient"
) -> None:
    yesterday = time.time() - 86_400
    call(Record(dynamodb, operator, retention_days=0), "rtc_old", yesterday)
    call(Record(dynamodb, operator, retention_days=9), "rtc_kept", yesterday)
    day = str(datetime.fromtimestamp(yesterday, UTC).date())
    found = lines(ringside("calls", "export", "--from-day", day, "--items").out)
    assert [line["call_id"] for line in found] == ["rtc_kept"]


def test_a_folder_takes_one_export_and_nothing_else(ringside: Ringside, record: Record, tmp_path: Path) -> None:
    call(record, "rtc_1")
    ringside("calls", "export", *DAYS, "--output", "out")
    other = ringside("calls", "export", *DAYS, "--items", "--output", "out")
    assert (other.status, other.err) == (
        1,
        "ringside: out holds another export (items False): choose another --output\n",
    )
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").touch()
    err = ringside("calls", "export", *DAYS, "--output", "mine").err
    assert err == "ringside: mine is there already, and is no export: choose another --output\n"


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (("--from-day", NEXT, "--to-day", DAY), f"--from-day {NEXT} is after --to-day {DAY}"),
        (("--format", "parquet"), "add --output FOLDER"),
        (("--format", "csv", "--items"), "CSV with --items is two tables: add --output FOLDER"),
        (("--output", "calls.csv"), "name a folder"),
        (("--format", "xlsx"), "xlsx"),
        (("--from-day", "november"), "november is not a date"),
    ],
)
def test_what_cannot_be_meant_is_refused(ringside: Ringside, argv: tuple[str, ...], says: str) -> None:
    done = ringside("calls", "export", *argv)
    assert (done.status, done.out, done.err.count("\n")) == (2, "", 1)
    assert says in done.err


def test_without_pyarrow_parquet_says_what_to_install(ringside: Ringside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    done = ringside("calls", "export", "--format", "parquet", "--output", "out")
    assert done == Done(1, "", "ringside: Parquet needs the package pyarrow: pip install 'ringside[cli,parquet]'\n")
    assert not Path("out").exists()


def test_an_export_is_noted_in_the_record_before_anything_leaves_it(
    ringside: Ringside, operator: str, dynamodb: "DynamoDBClient"
) -> None:
    ringside("calls", "export", *DAYS, "--output", "out")
    key = {":pk": {"S": "EXPORTS"}}
    (noted,) = dynamodb.query(TableName=operator, KeyConditionExpression="pk = :pk", ExpressionAttributeValues=key)[
        "Items"
    ]
    assert (noted["first_day"]["S"], noted["last_day"]["S"], noted["output"]["S"]) == (DAY, NEXT, "out")
    assert noted["by"]["S"].startswith("arn:aws:")


def test_athena_s_table_has_the_columns_of_the_files() -> None:
    types = {"text": "string", "integer": "bigint", "number": "double", "moment": "timestamp", "json": "string"}
    for statement, wanted in zip(
        record_page.recipes("sql", "In S3, by Athena"), (columns.CALLS, columns.ITEMS), strict=True
    ):
        inside = statement.split("(\n", 1)[1].split("\n)", 1)[0]
        found = [tuple(part.split()) for part in inside.replace("\n", " ").split(",")]
        assert found == [(f"`{column.name}`", types[column.kind]) for column in wanted]
