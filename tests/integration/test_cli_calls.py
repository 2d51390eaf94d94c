"""`ringside calls` as a user starts it, against a table on the wire."""

import importlib.metadata
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import pytest

from cli import follow
from cli.commands import calls as calls_command
from cli.errors import CliError
from cli.main import main
from ringside.aws.record import Ownership, Record
from ringside.calls import End, EndReason, Status, Step
from ringside.conversation.events import Usage
from ringside.conversation.items import Action, ToolRun, Turn
from ringside.records import shapes

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
    wanted = Action("a_14", "say", "arn:aws:iam::1:user/ada", NOON, NOON, "We close at six.", outcome="done")
    record.save(mine, 14, wanted.as_item())
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
        "accepted            1000 ms",
        "0:01.0  agent   Hello, how can I help?",
        "0:04.0  caller  When are you open?",
        'opening_hours {"day":"monday"}',
        "→ 9 am to 6 pm [ok, 0.012 s]",
        "not monitored for 3.0 s",
        "action  say: We close at six. [done, by user/ada]",
        "in 1000 audio tokens; out 500 audio tokens",
        "$0.0640 (prices of 2026-11-22)",
    ):
        assert expected in out
    assert out.index("Hello") < out.index("When are") < out.index("opening_hours") < out.index("not monitored")


def test_show_of_a_call_that_there_is_not_is_an_error(ringside: Ringside) -> None:
    status, out, err = ringside("calls", "show", "rtc_\x1b[2J")
    assert (status, out) == (1, "")
    assert err.startswith("ringside: there is no call rtc_\\x1b[2J in the record (")
    assert err.count("\n") == 1


def test_a_call_is_found_by_the_beginning_of_its_id_and_the_newest_as_last(ringside: Ringside, record: Record) -> None:
    now = time.time()
    for age, call_id in ((200_000, "rtc_old"), (100, "rtc_u1_aa"), (50, "rtc_u1_ab"), (10, "rtc_u2_b"), (90, "rtc_u2")):
        ring(record, call_id, now - age)

    def shown(text: str) -> str:
        return str(json.loads(ringside("calls", "show", text, "--json").out)["call_id"])

    assert [shown(text) for text in ("rtc_o", "rtc_u1_aa", "rtc_u2_", "rtc_u2", "last")] == [
        "rtc_old",
        "rtc_u1_aa",
        "rtc_u2_b",
        "rtc_u2",
        "rtc_u2_b",
    ]
    assert ringside("calls", "show", "rtc_u1") == Done(1, "", "ringside: rtc_u1 is ambiguous: rtc_u1_ab, rtc_u1_aa\n")


def test_a_beginning_that_many_calls_share_names_some_of_them(ringside: Ringside, record: Record) -> None:
    for index in range(8):
        ring(record, f"rtc_{index}", time.time() - index)
    err = ringside("calls", "watch", "rtc_").err
    assert err.startswith("ringside: rtc_ is ambiguous: rtc_0, ")
    assert err.endswith(", ...\n")


def test_last_without_a_call_is_an_error(ringside: Ringside) -> None:
    err = "ringside: there is no call of the last 7 days in the record\n"
    assert ringside("calls", "show", "last") == Done(1, "", err)


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
        "action": documented("An action"),
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


def test_list_can_be_narrowed_by_words_in_a_note(ringside: Ringside, record: Record) -> None:
    for place, note in enumerate(("The tap leaks.", "Call back.")):
        record.note(answer(record, f"rtc_{place}", NOON + place), {"notes": {"reason": note}})

    assert listed(ringside("calls", "list", "--day", DAY, "--notes", "Tap")) == ["rtc_0"]
    assert listed(ringside("calls", "list", "--live", "--notes", "back")) == ["rtc_1"]
    assert ringside("calls", "list", "--day", DAY, "--notes", "roof").out == "no calls\n"


def test_list_shows_what_came_of_calls_and_can_be_narrowed_by_it(ringside: Ringside, record: Record) -> None:
    for place, outcome in enumerate(("refund", "order", "refund")):
        a_whole_call(record, f"rtc_{place}", NOON + place * 60)
        found = {"state": "done", "run": "1", "outcome": outcome, "summary": "Two boxes\nare missing."}
        record.analysed(f"rtc_{place}", found, None)
    ring(record, "rtc_3", NOON + 600)

    done = ringside("calls", "list", "--day", DAY)
    assert done.out.splitlines()[0].split()[-2:] == ["OUTCOME", "SUMMARY"]
    assert "refund   Two boxes are missing." in done.out
    assert listed(ringside("calls", "list", "--day", DAY, "--outcome", "refund")) == ["rtc_2", "rtc_0"]
    assert listed(ringside("calls", "list", "--day", DAY, "--outcome", "refund", "--limit", "1")) == ["rtc_2"]
    assert listed(ringside("calls", "list", "--from", ALICE, "--outcome", "order")) == ["rtc_1"]
    assert ringside("calls", "list", "--day", DAY, "--outcome", "complaint").out == "no calls\n"
    assert ringside("calls", "list", "--live", "--outcome", "refund").status == 2
    calls = json.loads(ringside("calls", "list", "--day", DAY, "--json").out)
    assert [(call["analysis"] or {}).get("outcome") for call in calls] == [None, "refund", "order", "refund"]


def test_callers_without_a_number_are_listed_too(ringside: Ringside, record: Record) -> None:
    for place, caller in enumerate(("anonymous", "unknown", "1001", "anonymous")):
        ring(record, f"rtc_{place}", NOON + place, caller=caller)

    assert listed(ringside("calls", "list", "--from", "anonymous")) == ["rtc_3", "rtc_0"]
    assert listed(ringside("calls", "list", "--from", "unknown")) == ["rtc_1"]
    assert listed(ringside("calls", "list", "--from", "ext:1001")) == ["rtc_2"]
    assert ringside("calls", "list", "--from", "1001").status == 2


def test_a_call_that_could_not_be_read_shows_its_headers(ringside: Ringside, record: Record) -> None:
    rows = [{"name": "From", "value": "<sip:alice@pbx>"}, {"name": "Diversion", "value": "<sip:desk@pbx>"}]
    call = {
        "call_id": "rtc_1",
        "agent": None,
        "caller": "unknown",
        "caller_shown": "alice",
        "dialled": None,
        "attested": "B",
        "sip_headers": rows,
        "decision": {"verdict": "reject", "rule": "no agent answers this number", "sip_status": 404},
        "steps": {Step.CREATED: NOON},
    }
    record.claim(call, NOON)

    shown = ringside("calls", "show", "rtc_1").out
    for told in ("unknown (alice)", "From: <sip:alice@pbx>", "Diversion: <sip:desk@pbx>", "attested", "B"):
        assert told in shown
    assert json.loads(ringside("calls", "show", "rtc_1", "--json").out)["sip_headers"] == rows


@pytest.mark.usefixtures("a_day")
def test_a_list_that_is_cut_says_so(ringside: Ringside) -> None:
    done = ringside("calls", "list", "--day", DAY, "--limit", "1")
    assert listed(done) == ["rtc_2"]
    assert done.err == "showing the newest 1; use --limit for more\n"
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
        "rtc_1",
        "Hello",
        "Bye",
        "ended: caller_hung_up, 1 min 2 s, $0.0640",
    ]


def test_watch_of_all_shows_how_calls_begin_speak_and_end(
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
        ("rtc_1", "said before anybody watched"),
        ("rtc_2", "live"),
        ("rtc_2", "Welcome"),
        ("rtc_1", "ended: caller_hung_up, 1 min 2 s, $0.0640"),
        ("rtc_2", "Goodbye"),
    ]


def test_a_call_that_has_ended_is_not_shown_again_when_the_index_steps_back(
    ringside: Ringside, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = answer(record, "rtc_1")
    stale = record.open_calls()
    monkeypatch.setattr(Record, "open_calls", lambda self: stale)
    happening(monkeypatch, lambda: hang_up(record, mine), lambda: None, stale.clear, lambda: None)
    out = ringside("calls", "watch").out
    assert [line.split("  ")[-1].strip() for line in out.splitlines()] == [
        "live",
        "ended: caller_hung_up, 1 min 2 s, $0.0640",
    ]


def test_watch_as_json_is_one_object_a_line(ringside: Ringside, record: Record) -> None:
    a_whole_call(record)
    lines = [json.loads(line) for line in ringside("calls", "watch", "rtc_1", "--json").out.splitlines()]
    assert [line["event"] for line in lines] == ["begin", *["entry"] * 6, "end"]
    assert {line["call_id"] for line in lines} == {"rtc_1"}
    assert list(lines[1]["item"]) == documented("A turn")
    assert list(lines[-1]["call"]) == documented("A call in a list")


def test_watch_of_a_call_that_there_is_not_is_an_error(ringside: Ringside, record: Record) -> None:
    assert ringside("calls", "watch", "rtc_1").err.startswith("ringside: there is no call rtc_1 in the record (")
    with pytest.raises(CliError):
        next(follow.follow(record, "rtc_1", lambda seconds: None))


# --- errors ---


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["calls", "list", "--day", "22.11.2026"], "Invalid value for --day: 22.11.2026 is not a date (for example "),
        (["calls", "list", "--from", "5550112"], "Invalid value for --from: 5550112 is not an international number ("),
        (["console", "--port", "abc"], "Invalid value for --port: abc is not a port (0 to 65535)"),
        (["console", "--port", "65536"], "Invalid value for --port: 65536 is not a port (0 to 65535)"),
        (["calls", "list", "--limit", "0"], "Invalid value for --limit: 0 is not a whole number from 1 to 100000"),
        (["calls", "list", "--limit", "many"], "Invalid value for --limit: many is not a whole number from 1 to "),
        (["calls", "list", "--limti", "3"], "Unknown option: --limti. Did you mean --limit?"),
        (["calls", "list", "rtc_1"], "unexpected argument: rtc_1"),
        (["calls", "list", "--\x1b[2J[red]"], "Unknown option: --\\x1b[2J[red]"),
        (["calls", "show"], "CALL_ID is missing"),
        (["calls", "list", "--limit"], "--limit needs a value"),
        (["calls", "lisst"], 'Unknown command "lisst". Did you mean "list"?'),
        (["setup", "--remove", "--by-hand"], "give only one of --rotate-secret, --by-hand and --remove"),
        (["doctor", "--local", "--stack", "x"], "use either --local or --stack, not both"),
    ],
)
def test_wrong_usage_is_one_line_and_status_2(ringside: Ringside, argv: list[str], told: str) -> None:
    status, out, err = ringside(*argv)
    assert (status, out) == (2, "")
    assert err.startswith(f"ringside: {told}")
    assert err.count("\n") == 1


@pytest.mark.parametrize("command", ["calls list", "calls show", "calls watch", "decide", "doctor", "setup"])
def test_every_option_of_every_command_is_explained(ringside: Ringside, command: str) -> None:
    status, out, err = ringside(*command.split(), "--help")
    assert (status, err) == (0, "")
    usage, description, *_ = out.split("\n\n")
    assert usage.startswith(f"Usage: ringside {command} ")
    assert description.endswith((".", "again at any time."))
    options = re.findall(r"^  (--?\S+)(.*)$", out, re.MULTILINE)
    assert {"--stack", "--local"} <= {name for name, _ in options}
    assert all(re.search(r"  \w", explained) for _, explained in options)


def test_without_a_command_there_is_help_and_no_error(ringside: Ringside) -> None:
    status, out, err = ringside()
    assert (status, err) == (0, "")
    assert all(f"  {command} " in out for command in ("calls", "decide", "doctor", "setup"))
    assert ringside("calls").status == 0
    assert "  watch " in ringside("calls").out


def test_the_version_is_shown(ringside: Ringside) -> None:
    assert ringside("--version") == Done(0, f"{importlib.metadata.version('ringside')}\n", "")


def test_help_needs_neither_aws_nor_anything_else_that_takes_long() -> None:
    script = "import sys; from cli.main import main; main(sys.argv[1:]); print(*sys.modules)"
    argv = [sys.executable, "-c", script, "calls", "list", "--help"]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, cwd=REPOSITORY)
    assert not {"boto3", "botocore", "httpx", "phonenumbers", "pydantic"} & set(done.stdout.split())


def test_without_its_packages_the_command_says_how_to_get_them() -> None:
    script = "import sys; sys.modules['cyclopts'] = None; from cli.main import script; script()"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=REPOSITORY)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "ringside: the command needs its own packages: pip install 'ringside[cli]'\n"


def test_what_nobody_expected_is_shown_with_its_place_and_without_a_stranger_s_escapes(
    ringside: Ringside, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise LookupError("what \x1b[2J [red]\u202e a caller said")

    monkeypatch.setattr(Record, "whole_call", broken)
    status, out, err = ringside("calls", "show", "rtc_1")
    assert (status, out) == (1, "")
    assert "LookupError" in err
    assert "\\x1b[2J [red]\\u202e" in err
    assert "\x1b" not in err


def test_a_table_that_is_not_there_is_named(ringside: Ringside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RINGSIDE_TABLE", "calls-of-nobody")
    missing = "there is no table calls-of-nobody in eu-central-1 (named by the environment)"
    told = f"ringside: {missing}: is it in another region or account?\n"
    for argv in (["calls", "list"], ["calls", "show", "rtc_1"], ["calls", "watch"]):
        assert ringside(*argv) == Done(1, "", told)


def test_without_a_table_one_is_told_how_to_name_it(ringside: Ringside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RINGSIDE_TABLE")
    status, _, err = ringside("calls", "list")
    assert status == 1
    assert err.startswith("ringside: no deployment: name a stack (--stack NAME or RINGSIDE_STACK) or a table")


@pytest.mark.parametrize(
    ("without", "told"),
    [
        (["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"], "ringside: no AWS credentials: "),
        (["AWS_REGION"], "ringside: no AWS region: set AWS_REGION or use --region\n"),
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


@contextmanager
def interruptible() -> Iterator[None]:
    """What is started here hears Ctrl-C, also where these tests were started by something that ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def as_a_process(*argv: str, program: Sequence[str] = ("-m", "cli.main")) -> "subprocess.Popen[str]":
    path = os.pathsep.join((str(REPOSITORY), str(REPOSITORY / "functions")))
    with interruptible():
        return subprocess.Popen(
            [sys.executable, *program, *argv],
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
@pytest.mark.parametrize("form", [(), ("--json",)])
def test_ctrl_c_ends_it_quietly(record: Record, form: Sequence[str]) -> None:
    answer(record, "rtc_1")
    with as_a_process("calls", "watch", "rtc_1", *form) as process:
        assert process.stdout is not None
        assert "live" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=10)
    assert (process.returncode, err) == (130, "")


IMPORTING = """
import os, signal, sys
class Interrupted:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupted())
from cli.main import script
script()
"""


@pytest.mark.usefixtures("operator", "record")
@pytest.mark.parametrize("module", ["cli.app", "cyclopts", "rich", "cli.commands.calls", "boto3", "cli.views.calls"])
def test_ctrl_c_while_it_still_starts_ends_it_quietly(module: str) -> None:
    with as_a_process("calls", "list", program=("-c", IMPORTING.format(module=module))) as process:
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (130, "", "")


@pytest.mark.parametrize("module", ["cli", "cli.main"])
def test_the_command_is_also_a_module(module: str) -> None:
    done = subprocess.run([sys.executable, "-m", module, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"{importlib.metadata.version('ringside')}\n"


# --- stats ---


@pytest.mark.usefixtures("a_day")
def test_stats_have_the_documented_fields_of_the_days_that_are_asked_for(ringside: Ringside) -> None:
    found = json.loads(ringside("stats", "--since", DAY, "--until", "2026-11-23", "--json").out)

    assert list(found) == documented("Statistics")
    assert [(day["day"], day["calls"]) for day in found["days"]] == [(DAY, 2), ("2026-11-23", 1)]
    assert (found["calls"], found["answered"], found["end_reasons"]) == (3, 1, {"caller_hung_up": 1})
    assert found["days"][0].keys() == {"day", *documented("Statistics")[6:14]}


@pytest.mark.usefixtures("a_day")
def test_stats_are_shown_for_people(ringside: Ringside) -> None:
    done = ringside("stats", "--day", DAY, "--agent", "concierge")

    assert (done.status, done.err) == (0, "")
    lines = [" ".join(line.split()) for line in done.out.splitlines()]
    for told in (f"{DAY} (UTC)", "calls 1", "cost $0.0640", "caller_hung_up 1", "concierge 1"):
        assert told in lines
    assert "answered after 1.00 s 1.00 s 1.00 s 1.00 s 1" in lines


def test_stats_of_a_day_without_calls_are_zeros(ringside: Ringside) -> None:
    done = ringside("stats", "--day", DAY)

    assert (done.status, done.err) == (0, "")
    assert "$0.0000" in done.out


def test_stats_of_too_many_days_say_how_many_are_possible(ringside: Ringside) -> None:
    done = ringside("stats", "--since", "2020-01-01")

    assert done.status == 2
    assert "days are more than 92" in done.err
