"""`ringside decide`: what the rules say, without a call."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cli.main import main
from ringside.aws.counters import Counters
from ringside.aws.record import Record
from ringside.aws.table import Table
from ringside.calls import Step
from tests.integration.test_cli_calls import documented

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

CALLER, DESK, LINE = "+4930123456", "+18005551212", "+12025550101"
CHRISTMAS_EVE = "2026-12-24T20:00"

FILES = {
    "desk": f"""
answers: ["{DESK}"]
instructions: Be kind.
time_zone: Europe/Berlin
opening_hours: {{thursday: "09:00-18:00"}}
admission:
  - {{name: never, callers: ["+1900"], reject: 603}}
  - {{name: after hours, outside_hours: true, reject: 480}}
""",
    "line": f"""
answers: ["{LINE}"]
instructions: Be kind.
admission:
  - {{name: hidden, callers: [anonymous], reject: 403}}
  - {{name: too often, caller_calls: {{calls: 1, minutes: 60}}, reject: 486}}
""",
}

Decide = Callable[..., tuple[int, str, str]]


@pytest.fixture
def decide(operator: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Decide:
    for name, content in FILES.items():
        (tmp_path / f"{name}.yaml").write_text(content)

    def run(*argv: str) -> tuple[int, str, str]:
        capsys.readouterr()
        status = main(("decide", "--agents", str(tmp_path), *argv))
        return status, *capsys.readouterr()

    return run


def as_json(decide: Decide, *argv: str) -> dict[str, Any]:
    status, out, err = decide(*argv, "--json")
    assert (status, err) == (0, "")
    found: dict[str, Any] = json.loads(out)
    return found


def test_christmas_eve_at_eight_is_after_hours_in_the_agent_s_time_zone(decide: Decide) -> None:
    assert decide("--from", CALLER, "--to", DESK, "--at", CHRISTMAS_EVE) == (
        0,
        "reject with SIP 480: after hours\n"
        "  agent  desk\n"
        "  from   +4930123456\n"
        "  to     +18005551212\n"
        "  at     Thu 2026-12-24 20:00 (Europe/Berlin), closed\n",
        "",
    )


def test_a_time_with_an_offset_is_meant_there(decide: Decide) -> None:
    found = as_json(decide, "--from", CALLER, "--to", DESK, "--at", "2026-12-24T16:59:00+00:00")
    assert (found["verdict"], found["rule"], found["open"]) == ("accept", "no rule matched", True)


def test_nothing_but_the_agent_files_is_needed_where_no_rule_has_to_count(
    decide: Decide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RINGSIDE_TABLE")
    assert as_json(decide, "--from", "+19005550100", "--to", DESK)["sip_status"] == 603
    assert as_json(decide, "--from", "anonymous", "--to", LINE)["counted"] is False
    assert as_json(decide, "--from", CALLER, "--to", "+14255550199")["sip_status"] == 404
    status, _, err = decide("--from", CALLER, "--to", LINE)
    assert status == 1
    assert "no deployment" in err


def test_what_is_counted_is_read_from_the_record_and_left_alone(
    decide: Decide, dynamodb: "DynamoDBClient", operator: str
) -> None:
    at = 1798142400.0  # 2026-12-24 20:00 UTC
    counters = Counters(Table(dynamodb, operator))
    assert [as_json(decide, "--from", CALLER, "--to", LINE, "--at", CHRISTMAS_EVE)["verdict"] for _ in range(2)] == [
        "accept"
    ] * 2
    counters.count_caller(f"caller#line#3600#{CALLER}", f"{at - 60}#rtc_1", 1, lambda members: set(), at)
    found = as_json(decide, "--from", CALLER, "--to", LINE, "--at", CHRISTMAS_EVE)
    assert (found["rule"], found["sip_status"], found["counted"]) == ("too often", 486, True)


def an_earlier_call(record: Record, rule: str) -> None:
    record.claim(
        {
            "call_id": "rtc_1",
            "agent": "desk",
            "caller": CALLER,
            "dialled": DESK,
            "steps": {Step.CREATED: 1798142400.0},
            "decision": {"verdict": "accept", "rule": rule, "sip_status": None},
        },
        1798142400.0,
    )


def test_an_earlier_call_is_judged_by_today_s_rules_beside_what_was_decided(decide: Decide, record: Record) -> None:
    an_earlier_call(record, "everybody")
    status, out, _ = decide("--replay", "rtc_1")
    assert status == 0
    assert out.splitlines()[0] == "reject with SIP 480: after hours"
    assert out.splitlines()[-2:] == ["then: accept: everybody", "different: verdict, sip_status, rule"]


def test_json_has_the_documented_fields(decide: Decide, record: Record) -> None:
    an_earlier_call(record, "everybody")
    assert list(as_json(decide, "--from", CALLER, "--to", DESK)) == documented("A decision")
    replayed = as_json(decide, "--replay", "rtc_1")
    assert list(replayed) == documented("A replayed decision")
    assert replayed["then"] == {"agent": "desk", "verdict": "accept", "rule": "everybody", "sip_status": None}


def test_headers_are_read_as_the_webhook_reads_them(decide: Decide, monkeypatch: pytest.MonkeyPatch) -> None:
    forwarded = ("--header", f"Diversion: <sip:{CALLER}@c>;reason=no-answer", "--header", f"To: <sip:{DESK}@o>")
    found = as_json(decide, "--header", f"From: <sip:{CALLER}@c>", *forwarded)
    assert (found["agent"], found["caller"], found["dialled"]) == ("desk", CALLER, DESK)

    assert as_json(decide, "--header", "Privacy: id", "--from", "anonymous", *forwarded)["caller"] == "anonymous"
    verstat = f"P-Asserted-Identity: <sip:{CALLER};verstat=TN-Validation-Passed-B@c>"
    found = as_json(decide, "--header", "From: <sip:alice@c>", "--header", verstat, "--to", DESK)
    assert (found["caller"], found["attested"]) == (CALLER, "B")

    plain = ("--header", f"From: <sip:{CALLER[1:]}@c>", "--to", DESK)
    assert as_json(decide, *plain)["caller"] == "unknown"
    monkeypatch.setenv("RINGSIDE_PLAIN_NUMBERS", "E164")
    assert as_json(decide, *plain)["caller"] == CALLER


def test_an_earlier_call_s_headers_are_read_again(
    decide: Decide, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = {
        "call_id": "rtc_2",
        "agent": None,
        "caller": "unknown",
        "dialled": None,
        "sip_headers": [
            {"name": "From", "value": f"<sip:{CALLER[1:]}@c>"},
            {"name": "X-Dialled", "value": DESK},
            {"name": "To", "value": "<sip:proj_1@o>"},
        ],
        "steps": {Step.CREATED: 1798142400.0},
        "decision": {"verdict": "reject", "rule": "no agent answers this number", "sip_status": 404},
    }
    record.claim(call, 1798142400.0)

    assert as_json(decide, "--replay", "rtc_2")["agent"] is None
    monkeypatch.setenv("RINGSIDE_PLAIN_NUMBERS", "E164")
    monkeypatch.setenv("RINGSIDE_DIALLED_IN", "X-Dialled,To")
    found = as_json(decide, "--replay", "rtc_2")
    assert (found["agent"], found["caller"], found["dialled"]) == ("desk", CALLER, DESK)


@pytest.mark.parametrize(
    ("argv", "status", "told"),
    [
        (["--from", CALLER], 2, "give --from and --to, or --replay CALL_ID"),
        (["--from", "5551212", "--to", DESK], 2, "--from: 5551212 is not an international number"),
        (["--from", CALLER, "--to", "desk"], 2, "--to: desk is not an international number"),
        (["--from", CALLER, "--to", DESK, "--at", "christmas"], 2, "--at: christmas is not a time"),
        (["--header", "Diversion", "--to", DESK], 2, "--header: Diversion is not a header"),
        (["--replay", "rtc_1", "--to", DESK], 2, "--replay takes caller, number and time from the call"),
        (["--replay", "rtc_none"], 1, "there is no call rtc_none in the record"),
    ],
)
def test_a_question_that_cannot_be_answered_is_told_in_a_line(
    decide: Decide, argv: list[str], status: int, told: str
) -> None:
    got, out, err = decide(*argv)
    assert (got, out) == (status, "")
    assert told in err
    assert err.count("\n") == 1


def test_a_broken_agent_file_is_told_with_its_line(decide: Decide, tmp_path: Path) -> None:
    (tmp_path / "line.yaml").write_text("answers: [x]\n")
    status, _, err = decide("--from", CALLER, "--to", DESK)
    assert status == 1
    assert "line.yaml:1: answers.0: " in err
