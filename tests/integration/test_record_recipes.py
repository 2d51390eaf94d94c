"""The recipes of docs/record.md, run as they stand there, against a table on the wire."""

import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest

from ringside.aws.record import Ownership, Record
from ringside.calls import End, EndReason, Status, Step
from ringside.conversation.items import Turn
from tests import record_page
from tests.integration.conftest import REGION

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

NOON = 1795348800.0  # 2026-11-22 12:00 UTC
ALICE, BOB = "+14255550112", "+4930123456"


def call(record: Record, call_id: str, at: float, reason: EndReason, caller: str = ALICE, cost: float = 0.25) -> None:
    """A call that was answered, in which the agent said two things, and that ended so."""
    steps = {Step.CREATED: at, Step.ACCEPTED: at + 1}
    record.claim({"call_id": call_id, "agent": "concierge", "caller": caller, "steps": steps}, at)
    record.take(call_id, "monitor-1", "message", {}, None)
    mine = Ownership(call_id, "monitor-1", 1)
    for number, text in enumerate(("Hello.", "The refund is on its way."), start=1):
        record.save(mine, number, Turn(f"item_{number}", "agent", at + number, text, "final").as_item())
    facts = {"cost": cost, "duration": 61.5}
    record.end(mine, End(Status.ENDED, reason, at + 62), facts)


def run(command: list[str], table: str) -> str:
    """What a recipe prints, in a shell of its own in which `aws` is the one of this environment."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "TABLE": table, "AWS_DEFAULT_REGION": REGION, "AWS_PAGER": ""}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def shell(recipe: str, table: str) -> str:
    return run(["bash", "-euc", recipe], table)


def test_the_table_is_found_by_the_stack_s_output(operator: str, aws_url: str) -> None:
    outputs = {"TableName": {"Value": operator}}
    topic = {"Topic": {"Type": "AWS::SNS::Topic"}}
    cloudformation = boto3.client("cloudformation", region_name=REGION, endpoint_url=aws_url)
    cloudformation.create_stack(StackName="ringside", TemplateBody=json.dumps({"Resources": topic, "Outputs": outputs}))
    (recipe,) = record_page.recipes("sh")[:1]

    assert shell(f"{recipe}\necho $TABLE", "") == f"{operator}\n"
    cloudformation.delete_stack(StackName="ringside")


def test_one_query_has_the_whole_call_in_order(operator: str, record: Record) -> None:
    call(record, "rtc_1", NOON, EndReason.TRANSFERRED)
    query, statement = record_page.recipes("sh", "One call")

    found = json.loads(shell(query, operator))["Items"]
    said = [item["text"]["S"] for item in found if "text" in item]
    assert (found[0]["sk"]["S"], said) == ("CALL", ["Hello.", "The refund is on its way."])
    by_statement = json.loads(shell(statement, operator))["Items"]
    assert [item["text"]["S"] for item in by_statement if "text" in item] == said


def test_the_calls_of_a_caller_come_newest_first_and_without_those_that_have_expired(
    operator: str, record: Record, dynamodb: "DynamoDBClient"
) -> None:
    call(record, "rtc_1", NOON, EndReason.TRANSFERRED)
    call(record, "rtc_2", NOON + 60, EndReason.CALLER_HUNG_UP)
    call(record, "rtc_bob", NOON, EndReason.CALLER_HUNG_UP, BOB)
    call(Record(dynamodb, operator, retention_days=1), "rtc_old", time.time() - 90_000, EndReason.SILENCE)
    (recipe,) = record_page.recipes("sh", "The calls of one caller")

    lines = [line.split("\t") for line in shell(recipe, operator).splitlines()]

    assert [line[1:] for line in lines] == [
        ["rtc_2", "ended", "caller_hung_up"],
        ["rtc_1", "ended", "transferred"],
    ]


def test_a_statement_reads_the_eight_partitions_of_a_day(operator: str, record: Record) -> None:
    for number in range(12):
        reason = EndReason.TRANSFERRED if number % 2 else EndReason.SILENCE
        call(record, f"rtc_{number}", NOON + number, reason)
    (recipe,) = record_page.recipes("sh", "The calls of a day")
    # The stand-in knows no index in PartiQL; the table has the index's attributes, too.
    of_table = recipe.replace(r".\"by_day\"", "")
    assert of_table != recipe

    found = sorted(line.split("\t")[1] for line in shell(of_table, operator).splitlines())

    assert found == sorted(f"rtc_{number}" for number in range(1, 12, 2))


@pytest.mark.parametrize("days_ago", [0, 6])
def test_last_week_s_transfers_and_what_each_agent_cost_on_each_day(
    operator: str, record: Record, days_ago: int
) -> None:
    now = time.time() - days_ago * 86_400
    for number in range(3):
        call(record, f"rtc_{number}", now - number / 10, EndReason.TRANSFERRED if number == 1 else EndReason.SILENCE)
    call(record, "rtc_before", now - 8 * 86_400, EndReason.TRANSFERRED)
    (recipe,) = record_page.recipes("python", "The calls of a day")

    lines = run([sys.executable, "-c", recipe], operator).splitlines()

    transferred = [line.split() for line in lines if line.startswith("transferred")]
    assert [(call_id, caller) for _, _, call_id, caller in transferred] == [("rtc_1", ALICE)]
    dollars = sum(float(line.split()[-1]) for line in lines if line.startswith(f"cost {_day(now)} concierge"))
    assert dollars == 0.75


def _day(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).date().isoformat()
