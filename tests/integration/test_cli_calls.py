"""`ringside calls` as a user starts it, against a table on the wire."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import pytest

from cli import calls as calls_command
from cli import shapes, watch
from cli.errors import CliError
from cli.main import main
from ringside.aws.record import Ownership, Record
from ringside.calls import End, EndReason, Status, Step
from ringside.conversation.events import Usage
from ringside.conversation.items import ToolRun, Turn

REPOSITORY = Path(__file__).parents[2]
NOON = 1795348800.0  # 2026-11-22 12:00 UTC
DAY = "2026-11-22"
ALICE, BOB, SHOP = "+14255550112", "+4930123456", "+18005551212"
USAGE = Usage(input_audio=1000, output_audio=500)


class Done(NamedTuple):
    """What came of a command."""

    status: int
    out: str
    err: str


class Ringside:
    """Runs the command in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *argv: str) -> Done:
        self._capsys.readouterr()
        status = main(argv)
        out, err = self._capsys.readouterr()
        return Done(status, out, err)


@pytest.fixture
def ringside(operator: str, capsys: pytest.CaptureFixture[str]) -> Ringside:
    return Ringside(capsys)


def ring(record: Record, call_id: str, at: float = NOON, caller: str | None = ALICE, agent: str = "concierge") -> None:
    record.claim(
        {
            "call_id": call_id,
            "agent": agent,
            "model": "gpt-realtime-2.1",
            "caller": caller,
            "dialled": SHOP,
            "decision": {"verdict": "accept", "rule": "no rule matched", "sip_status": None},
            "steps": {Step.CREATED: at, Step.RECEIVED: at + 0.2},
        },
        at + 0.21,
    )


def answer(record: Record, call_id: str, at: float = NOON) -> Ownership:
    """A call that has been accepted and taken."""
    ring(record, call_id, at)
    record.accepted(call_id, {Step.ACCEPT_SENT: at + 0.3, Step.ACCEPTED: at + 1})
    record.take(call_id, "monitor-1", "message", {Step.TAKEN: at + 1.1}, None)
    return Ownership(call_id, "monitor-1", 1)


def say(record: Record, mine: Ownership, position: int, text: str, **more: object) -> None:
    turn = Turn(f"item_{position}", "agent", NOON + position, text, "final", NOON + position + 1)
    record.save(mine, position, turn.as_item() | more)


def hang_up(record: Record, mine: Ownership, at: float = NOON, cost: float | None = 0.064) -> None:
    facts = {"duration": 61.5, "usage": asdict(USAGE), "cost": cost, "prices_as_of": DAY}
    record.end(mine, End(Status.ENDED, EndReason.CALLER_HUNG_UP, at + 62.5), facts)


def a_whole_call(record: Record, call_id: str = "rtc_1", at: float = NOON) -> None:
    mine = answer(record, call_id, at)
    say(record, mine, 2, "Hello, how can I help?")
    say(record, mine, 5, "When are you open?", role="caller")
    run = ToolRun("fc_1", "item_7", "opening_hours", '{"day":"monday"}', NOON + 7, "ok", "9 am to 6 pm", 0.012)
    record.save(mine, 7, run.as_item())
    record.save(
        mine, 9, {"kind": "gap", "item_id": "gap_9", "started_at": NOON + 9, "ended_at": NOON + 12, "text": "x"}
    )
    record.save(mine, 13, {"kind": "digits", "item_id": "d_13", "started_at": NOON, "ended_at": NOON + 1, "text": "4"})
    hang_up(record, mine, at)


# --- show ---


def test_show_tells_the_whole_call(ringside: Ringside, record: Record) -> None:
    a_whole_call(record)
    status, out, err = ringside("calls", "show", "rtc_1", "--utc")
    assert (status, err) == (0, "")
    for expected in (
        "rtc_1  ended: caller_hung_up",
        f"{ALICE} → {SHOP}",
        "2026-11-22 12:00:00 +0000",
        "accepted              1000 ms",
        "0:01.0  agent   Hello, how can I help?",
        "0:04.0  caller  When are you open?",
        'opening_hours {"day":"monday"}',
        "→ 9 am to 6 pm [ok, 0.012 s]",
        "nobody listened for 3.0 s",
        "in 1000 audio tokens; out 500 audio tokens",
        "$0.0640, by the prices of 2026-11-22",
    ):
        assert expected in out
    assert out.index("Hello") < out.index("When are") < out.index("opening_hours") < out.index("nobody listened")


def test_show_of_a_call_that_there_is_not_is_an_error(ringside: Ringside) -> None:
    assert ringside("calls", "show", "rtc_\x1b[2J") == Done(
        1, "", "ringside: there is no call rtc_\\x1b[2J in the record\n"
    )


def documented(heading: str) -> list[str]:
    """The fields in the table below a heading of docs/cli.md, in their order."""
    text = (REPOSITORY / "docs" / "cli.md").read_text(encoding="utf-8")
    section = re.split(r"\n#+ ", text.partition(f"# {heading}\n")[2])[0]
    return re.findall(r"^\| `([a-z_]+)`", section, re.MULTILINE)


def test_json_has_the_documented_fields(ringside: Ringside, record: Record) -> None:
    a_whole_call(record)
    call = json.loads(ringside("calls", "show", "rtc_1", "--json").out)
    (in_list,) = json.loads(ringside("calls", "list", "--day", DAY, "--json").out)
    assert list(call) == documented("A call")
    assert list(in_list) == documented("A call in a list")
    assert list(call["usage"]) == documented("Usage")
    kinds = {item["kind"]: list(item) for item in call["items"]}
    assert kinds == {
        "turn": documented("A turn"),
        "tool": documented("A tool run"),
        "gap": documented("A gap"),
        "digits": documented("Digits"),
    }
    assert set(shapes.ITEMS) == set(kinds)


def test_json_has_the_values_of_the_record(ringside: Ringside, record: Record) -> None:
    a_whole_call(record)
    call = json.loads(ringside("calls", "show", "rtc_1", "--json").out)
    assert call["caller"] == ALICE
    assert call["cost"] == 0.064
    assert call["steps"]["accepted"] == NOON + 1
    assert call["handovers"] == 0
    assert call["usage"] == asdict(USAGE)
    assert call["items"][0]["text"] == "Hello, how can I help?"


def test_json_says_null_where_there_is_nothing(ringside: Ringside, record: Record) -> None:
    ring(record, "rtc_1", caller=None)
    call = json.loads(ringside("calls", "show", "rtc_1", "--json").out)
    assert list(call) == documented("A call")
    assert [call[name] for name in ("caller", "cost", "usage", "duration", "end_reason")] == [None] * 5


# --- list ---


def listed(done: Done) -> list[str]:
    """The ids in a list, in its order."""
    assert done.status == 0
    return [line.split()[2] for line in done.out.splitlines()[1:]]


@pytest.fixture
def a_day(record: Record) -> None:
    """Two calls of one day, one of the next that still rings; two callers, two agents."""
    a_whole_call(record, "rtc_1")
    ring(record, "rtc_2", NOON + 60, caller=BOB, agent="night")
    ring(record, "rtc_3", NOON + 86_400)


@pytest.mark.usefixtures("a_day")
def test_list_shows_a_day_newest_first(ringside: Ringside) -> None:
    done = ringside("calls", "list", "--day", DAY, "--utc")
    assert listed(done) == ["rtc_2", "rtc_1"]
    assert "2026-11-22 12:00:00  rtc_1  ended: caller_hung_up  concierge" in done.out
    assert done.err == ""


@pytest.mark.usefixtures("a_day")
def test_list_can_be_narrowed(ringside: Ringside) -> None:
    assert listed(ringside("calls", "list", "--from", ALICE)) == ["rtc_3", "rtc_1"]
    assert listed(ringside("calls", "list", "--from", "+1 (425) 555-0112", "--day", DAY)) == ["rtc_1"]
    assert listed(ringside("calls", "list", "--day", DAY, "--agent", "night")) == ["rtc_2"]
    assert listed(ringside("calls", "list", "--live")) == ["rtc_3", "rtc_2"]
    assert listed(ringside("calls", "list", "--live", "--agent", "night")) == ["rtc_2"]
    assert listed(ringside("calls", "list", "--live", "--from", ALICE)) == ["rtc_3"]
    assert listed(ringside("calls", "list", "--live", "--day", DAY)) == ["rtc_2"]


@pytest.mark.usefixtures("a_day")
def test_a_list_that_is_cut_says_so(ringside: Ringside) -> None:
    done = ringside("calls", "list", "--day", DAY, "--limit", "1")
    assert listed(done) == ["rtc_2"]
    assert done.err == "the newest 1; there are more (--limit)\n"
    assert ringside("calls", "list", "--day", DAY, "--limit", "2").err == ""


def test_list_means_today_by_default(ringside: Ringside, record: Record) -> None:
    ring(record, "rtc_now", time.time())
    assert listed(ringside("calls", "list")) == ["rtc_now"]
    assert listed(ringside("calls", "list", "--day", "today")) == ["rtc_now"]


def test_a_day_without_calls_is_no_error(ringside: Ringside) -> None:
    assert ringside("calls", "list", "--day", "yesterday") == Done(0, "no calls\n", "")
    assert ringside("calls", "list", "--day", "yesterday", "--json") == Done(0, "[]\n", "")


# --- watch ---


class Script:
    """Stands for the pauses between two looks: in each, the next thing happens. Then Ctrl-C."""

    def __init__(self, *steps: object) -> None:
        self._steps: Iterator[object] = iter(steps)

    def __call__(self, seconds: float) -> None:
        step = next(self._steps, None)
        if step is None:
            raise KeyboardInterrupt
        assert callable(step)
        step()


def happening(monkeypatch: pytest.MonkeyPatch, *steps: object) -> None:
    monkeypatch.setattr(calls_command, "sleep", Script(*steps))


def test_watch_follows_a_call_to_its_end(ringside: Ringside, record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = answer(record, "rtc_1")
    happening(
        monkeypatch,
        lambda: say(record, mine, 2, "Hello"),
        lambda: None,
        lambda: say(record, mine, 4, "Bye"),
        lambda: hang_up(record, mine),
    )
    status, out, err = ringside("calls", "watch", "rtc_1")
    assert (status, err) == (0, "")
    assert [line.split("  ")[-1].strip() for line in out.splitlines()] == [
        "live",
        "Hello",
        "Bye",
        "ended: caller_hung_up, 1 min 2 s, $0.0640",
    ]


def test_watch_of_all_tells_how_calls_begin_speak_and_end(
    ringside: Ringside, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = answer(record, "rtc_1")
    say(record, first, 2, "said before anybody watched")
    second: list[Ownership] = []
    happening(
        monkeypatch,
        lambda: second.append(answer(record, "rtc_2", NOON + 60)),
        lambda: say(record, second[0], 3, "Welcome"),
        lambda: hang_up(record, first),
        lambda: say(record, second[0], 5, "Goodbye"),
    )
    status, out, _ = ringside("calls", "watch")
    assert status == 130
    told = [(line.split()[0], line.split("  ")[-1].strip()) for line in out.splitlines()]
    assert told == [
        ("rtc_1", "live"),
        ("rtc_2", "live"),
        ("rtc_2", "Welcome"),
        ("rtc_1", "ended: caller_hung_up, 1 min 2 s, $0.0640"),
        ("rtc_2", "Goodbye"),
    ]


def test_watch_as_json_is_one_object_a_line(ringside: Ringside, record: Record) -> None:
    a_whole_call(record)
    lines = [json.loads(line) for line in ringside("calls", "watch", "rtc_1", "--json").out.splitlines()]
    assert [line["event"] for line in lines] == ["begin", *["entry"] * 5, "end"]
    assert {line["call_id"] for line in lines} == {"rtc_1"}
    assert list(lines[1]["item"]) == documented("A turn")
    assert list(lines[-1]["call"]) == documented("A call in a list")


def test_watch_of_a_call_that_there_is_not_is_an_error(ringside: Ringside, record: Record) -> None:
    assert ringside("calls", "watch", "rtc_1").err == "ringside: there is no call rtc_1 in the record\n"
    with pytest.raises(CliError):
        next(watch.follow(record, "rtc_1", lambda seconds: None))


# --- errors ---


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["calls", "list", "--day", "22.11.2026"], "argument --day: 22.11.2026 is not a date such as "),
        (["calls", "list", "--from", "5550112"], "argument --from: 5550112 is not an international number such as "),
        (["calls", "list", "--limit", "0"], "argument --limit: 0 is not a whole number above 0"),
        (["calls", "list", "--limit", "many"], "argument --limit: many is not a whole number above 0"),
        (["calls", "show"], "the following arguments are required: CALL_ID"),
        (["calls", "lisst"], "argument COMMAND: invalid choice: 'lisst'"),
        ([], "the following arguments are required: COMMAND"),
    ],
)
def test_wrong_usage_is_one_line_and_status_2(ringside: Ringside, argv: list[str], told: str) -> None:
    status, out, err = ringside(*argv)
    assert (status, out) == (2, "")
    assert err.startswith(f"ringside: {told}")
    assert err.endswith("--help)\n")
    assert err.count("\n") == 1


def test_help_is_no_error(ringside: Ringside) -> None:
    status, out, _ = ringside("calls", "list", "--help")
    assert status == 0
    assert "--day" in out


def test_a_table_that_is_not_there_is_told_by_its_name(ringside: Ringside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RINGSIDE_TABLE", "calls-of-nobody")
    told = "ringside: there is no table calls-of-nobody in eu-central-1, which the environment names\n"
    for argv in (["calls", "list"], ["calls", "show", "rtc_1"], ["calls", "watch"]):
        assert ringside(*argv) == Done(1, "", told)


def test_without_a_table_one_is_told_how_to_name_it(ringside: Ringside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RINGSIDE_TABLE")
    status, _, err = ringside("calls", "list")
    assert status == 1
    assert err.startswith("ringside: no table: name a stack (--stack NAME or RINGSIDE_STACK) or a table")


@pytest.mark.parametrize(
    ("without", "told"),
    [
        (["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"], "ringside: no AWS credentials: "),
        (["AWS_REGION"], "ringside: no AWS region: set AWS_REGION or give --region\n"),
    ],
)
def test_what_aws_misses_is_told(
    ringside: Ringside, monkeypatch: pytest.MonkeyPatch, without: list[str], told: str
) -> None:
    for name in without:
        monkeypatch.delenv(name)
    status, out, err = ringside("calls", "list")
    assert (status, out) == (1, "")
    assert err.startswith(told)
    assert err.count("\n") == 1


def test_a_profile_that_is_not_there_is_told(ringside: Ringside) -> None:
    assert ringside("calls", "list", "--profile", "nobody").err == (
        "ringside: AWS profile: The config profile (nobody) could not be found\n"
    )


def test_an_endpoint_that_is_down_is_told(ringside: Ringside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    status, _, err = ringside("calls", "list")
    assert status == 1
    assert err.startswith('ringside: Could not connect to the endpoint URL: "http://127.0.0.1:9/"')
    assert err.count("\n") == 1


def test_an_endpoint_that_is_no_url_is_told(ringside: Ringside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "localhost")
    assert ringside("calls", "list") == Done(1, "", "ringside: Invalid endpoint: localhost (AWS_ENDPOINT_URL)\n")


def as_a_process(*argv: str) -> "subprocess.Popen[str]":
    path = os.pathsep.join((str(REPOSITORY), str(REPOSITORY / "functions")))
    return subprocess.Popen(
        [sys.executable, "-m", "cli.main", *argv],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.usefixtures("operator")
def test_a_reader_that_goes_away_ends_it_quietly(record: Record) -> None:
    for index in range(5):
        ring(record, f"rtc_{index}_{'x' * 120}", NOON + index)
    process = as_a_process("calls", "list", "--day", DAY, "--json")
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    with process.stderr:
        assert process.stderr.read() == ""
    assert process.wait(10) == 141


@pytest.mark.usefixtures("operator")
def test_ctrl_c_ends_it_quietly(record: Record) -> None:
    answer(record, "rtc_1")
    with as_a_process("calls", "watch", "rtc_1") as process:
        assert process.stdout is not None
        assert "live" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=10)
    assert (process.returncode, err) == (130, "")
