"""The examples of what can come after a call: their rules take Ringside's events, and what they send is readable."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.events.models import EventPattern
from moto.ses.models import ses_backends

from infra.local.mailbox import EXAMPLES, transformed
from infra.local.template import of_type
from ringside.agentfile.afterwards import Events
from ringside.aws import event_bus
from tests.infra.after_the_call import Spreadsheet, document, function, spreadsheet

CALL: dict[str, Any] = {
    "sk": "CALL",
    "call_id": "rtc_1",
    "status": "ended",
    "agent": "voicemail",
    "caller": "+14255550112",
    "started_at": "2026-11-22T12:00:00.000+00:00",
    "end_reason": "caller_hung_up",
    "duration": 31.5,
    "cost": 0.0421,
    "notes": {"name": 'Robin "Bob" Sample', "number": "+14255550134", "reason": "Two boxes\nare missing."},
    "analysis": {"state": "done", "summary": "Robin misses two boxes.", "outcome": "message taken"},
}
ALL = Events(notes=True, summary=True, numbers="full")


def example(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The pattern and the target of an example's rule, with the parameters' defaults."""
    (rule,) = of_type(document(name), "AWS::Events::Rule").values()
    (target,) = rule["Targets"]
    return rule["EventPattern"], target


def event(kind: str, content: Events, **more: Any) -> dict[str, Any]:
    detail = {"stack": "ringside", **event_bus.detail({**CALL, **more}, content)}
    return {"source": "ringside", "detail-type": kind, "detail": json.loads(json.dumps(detail))}


def sent(target: dict[str, Any], told: dict[str, Any]) -> str:
    return transformed(target["InputTransformer"], told)


def matches(pattern: dict[str, Any], told: dict[str, Any]) -> bool:
    whole: Any = told
    return bool(EventPattern.load(json.dumps(pattern)).matches_event(whole))


def test_a_voicemail_s_note_becomes_a_mail() -> None:
    pattern, target = example("mail")
    told = event("Call Ended", ALL)

    assert matches(pattern, told)
    lines = [json.loads(line) for line in sent(target, told).splitlines()]
    assert "Number: +14255550134" in lines
    assert 'Name: Robin "Bob" Sample' in lines
    assert lines[0] == "voicemail took a message at 2026-11-22T12:00:00.000+00:00, from +14255550112."


@pytest.mark.parametrize(
    "told",
    [
        event("Call Started", ALL),
        event("Call Ended", Events()),  # the agent's file allows no notes
        event("Call Ended", ALL, notes={}),
        event("Call Ended", ALL, agent="concierge"),
    ],
)
def test_nobody_is_mailed_about_anything_else(told: dict[str, Any]) -> None:
    assert not matches(example("mail")[0], told)


def test_what_was_found_out_becomes_a_line_in_slack() -> None:
    pattern, target = example("slack")
    told = event("Call Analysed", ALL)

    assert matches(pattern, told)
    assert json.loads(sent(target, told)) == {
        "text": "voicemail, called by +14255550112: message taken. Robin misses two boxes. (ringside calls show rtc_1)"
    }
    skipped = {"state": "skipped", "reason": "shorter than 5 s"}
    assert not matches(pattern, event("Call Analysed", ALL, analysis=skipped))


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_an_example_names_only_what_events_have(path: Path) -> None:
    _, target = example(path.stem)
    known = event_bus.detail(CALL, ALL)

    for where in target.get("InputTransformer", {}).get("InputPathsMap", {}).values():
        assert where.removeprefix("$.detail.").split(".")[0] in {*known, "stack"}, where


# --- a spreadsheet ---


@pytest.fixture
def sheet(monkeypatch: pytest.MonkeyPatch) -> Iterator[Spreadsheet]:
    with spreadsheet("0123456789abcdef") as made:
        for name, value in {"URL": made.url, "TOKEN": made.token, "no_proxy": "127.0.0.1"}.items():
            monkeypatch.setenv(name, value)
        yield made


def test_a_call_becomes_a_row(sheet: Spreadsheet) -> None:
    told = event("Call Ended", ALL)
    assert matches(example("spreadsheet")[0], told)
    function("spreadsheet")["handler"](told, None)

    assert sheet.rows == [
        [
            *("rtc_1", "2026-11-22T12:00:00.000+00:00", "voicemail", "'+14255550112", "ended", "caller_hung_up"),
            *(31.5, 0.0421, "message taken", "Robin misses two boxes."),
            'name: Robin "Bob" Sample; number: +14255550134; reason: Two boxes\nare missing.',
        ]
    ]


def test_a_row_s_columns_are_what_events_have_and_what_is_kept_out_of_them_stays_empty(sheet: Spreadsheet) -> None:
    run = function("spreadsheet")
    assert set(run["COLUMNS"]) <= set(event_bus.detail(CALL, ALL))
    run["handler"](event("Call Ended", Events()), None)

    assert sheet.rows[0][8:] == ["", "", ""]
    assert sheet.rows[0][3] == "'+1425…12"


@pytest.mark.parametrize("said", ["=HYPERLINK(1)", "+1+1", "-1", "@SUM(A1)", "\t=1"])
def test_what_a_caller_says_is_not_a_formula(sheet: Spreadsheet, said: str) -> None:
    analysis = {"state": "done", "summary": said}
    function("spreadsheet")["handler"](event("Call Analysed", ALL, analysis=analysis, notes={}), None)

    assert sheet.rows[0][9] == f"'{said}"


def test_a_row_that_was_not_added_is_tried_again_and_then_kept(sheet: Spreadsheet) -> None:
    """Lambda invokes again what raised, twice, and sends it to the dead letters then."""
    sheet.token = "another"
    with pytest.raises(RuntimeError, match="Token"):
        function("spreadsheet")["handler"](event("Call Ended", ALL), None)

    (properties,) = of_type(document("spreadsheet"), "AWS::Lambda::Function").values()
    assert properties["DeadLetterConfig"] == {"TargetArn": {"Fn::GetAtt": ["Failed", "Arn"]}}


STAND_INS = """
const rows = [], text = said => said;
const LockService = {getScriptLock: () => ({waitLock() {}, releaseLock() {}})};
const ContentService = {createTextOutput: text};
const find = id => ({matchEntireCell: () => ({findNext: () => rows.find(row => row[0] === id) || null})});
const sheet = {createTextFinder: find, appendRow: row => rows.push(row)};
const SpreadsheetApp = {getActiveSpreadsheet: () => ({getSheets: () => [sheet]}), flush() {}};
const post = contents => doPost({postData: {contents: JSON.stringify(contents)}});
"""


def ran(script: str, *sent: dict[str, Any]) -> Any:
    """What Google's script answers, and the rows that there are then."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs Node")
    asked = f"console.log(JSON.stringify([{json.dumps(sent)}.map(post), rows]))"
    done = subprocess.run([node, "-e", STAND_INS + script + asked], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_script_adds_a_row_once_for_whoever_knows_the_token() -> None:
    script = (EXAMPLES / "spreadsheet.gs").read_text(encoding="utf-8")
    good, strange = {"token": "secret", "row": ["rtc_1", "a"]}, {"token": "", "row": ["rtc_2", "b"]}

    answers, rows = ran(script.replace("TOKEN = ''", "TOKEN = 'secret'"), good, good, strange)
    assert (answers, rows) == (["ok", "ok", "wrong token"], [["rtc_1", "a"]])
    answers, rows = ran(script, strange)  # as it comes, without a token
    assert (answers, rows) == (["wrong token"], [])


# --- a mail by SES ---


@pytest.fixture
def mails(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    for name, value in {"AWS_DEFAULT_REGION": "us-east-1", "FROM": "phone@example.com", "TO": "me@example.com"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        backend = ses_backends[DEFAULT_ACCOUNT_ID]["us-east-1"]
        backend.verify_email_identity("phone@example.com")
        yield backend.sent_messages


def test_a_note_becomes_a_mail_by_ses(mails: list[Any]) -> None:
    told = event("Call Ended", ALL)
    assert matches(example("mail-ses")[0], told)
    function("mail-ses")["handler"](told, None)

    (mail,) = mails
    assert (mail.source, mail.destinations["ToAddresses"]) == ("phone@example.com", ["me@example.com"])
    assert mail.subject == 'voicemail: a message from Robin "Bob" Sample'
    assert mail.body.splitlines() == [
        "voicemail took a message at 2026-11-22T12:00:00.000+00:00, from +14255550112.",
        "",
        'Name: Robin "Bob" Sample',
        "Number: +14255550134",
        "Reason: Two boxes are missing.",
        "",
        "All of the call: ringside calls show rtc_1",
    ]


def test_nobody_is_mailed_by_ses_about_anything_else() -> None:
    assert not matches(example("mail-ses")[0], event("Call Ended", ALL, notes={}))
    assert not matches(example("mail-ses")[0], event("Call Ended", ALL, agent="concierge"))


def test_a_caller_writes_no_header_of_a_mail(mails: list[Any]) -> None:
    notes = {"name": "Robin\r\nBcc: all@example.com", "reason": "x"}
    function("mail-ses")["handler"](event("Call Ended", ALL, notes=notes), None)

    assert mails[0].subject == "voicemail: a message from Robin Bcc: all@example.com"


# --- what they may do ---


@pytest.mark.parametrize(
    ("name", "actions"),
    [
        ("slack", {"events:InvokeApiDestination"}),
        ("spreadsheet", {"sqs:SendMessage"}),
        ("mail-ses", {"sqs:SendMessage", "ses:SendEmail"}),
    ],
)
def test_an_example_s_role_may_do_what_it_does_and_write_its_logs(name: str, actions: set[str]) -> None:
    (role,) = of_type(document(name), "AWS::IAM::Role").values()
    statements = [each for policy in role["Policies"] for each in policy["PolicyDocument"]["Statement"]]
    logs = [each for each in statements if each.get("Sid") == "WriteLogs"]

    assert {each["Action"] for each in statements if each not in logs} == actions
    assert all("log-group:/aws/lambda/${AWS::StackName}-*" in each["Resource"]["Fn::Sub"] for each in logs)
    for each in statements:
        assert each["Resource"] != "*"
        if each["Action"] == "ses:SendEmail":
            assert "ses:FromAddress" in each["Condition"]["StringEquals"]


@pytest.mark.parametrize("name", ["spreadsheet", "mail-ses"])
def test_an_example_s_function_is_invoked_by_its_rule_alone(name: str) -> None:
    (permission,) = of_type(document(name), "AWS::Lambda::Permission").values()

    assert permission["Principal"] == "events.amazonaws.com"
    assert permission["SourceArn"] == {"Fn::GetAtt": ["Rule", "Arn"]}
