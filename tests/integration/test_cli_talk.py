"""`ringside talk` as a program: typed into a terminal, piped into, and tried wrongly."""

import asyncio
import gc
import json
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path

import pytest

from cli.main import main
from infra.emulator.testing import KEY, emulated
from tests.in_process import Done, in_process
from tests.integration.terminal import Terminal

RINGSIDE = str(Path(sys.executable).parent / "ringside")
AGENT = """
answers: "+18005551212"
instructions: You are the dentist's receptionist. You are speaking with {{caller}}.
greeting: Smile Dental, good morning!
tools: [free_times, broken, hang_up, transfer, note]
transfer: {desk: "tel:+14255550101"}
time_zone: America/New_York
opening_hours: {tuesday: "09:00-17:00"}
admission:
  - {name: closed, outside_hours: true, reject: 480}
  - {name: busy, agent_calls: 20, reject: 486}
"""
TOOLS = '''
from ringside.tools import CallContext


def free_times(day: str, call: CallContext) -> dict[str, object]:
    """The free times of a day."""
    return {"caller": call.caller, "times": ["09:00"]}


def broken() -> str:
    """Does not work."""
    raise ValueError("no table of that name")
'''
TUESDAY = ("--at", "2026-12-01T10:00")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "dental.yaml").write_text(AGENT)
    (tmp_path / "agents" / "tools.py").write_text(TOOLS)
    return tmp_path


def _environment(home: Path, **more: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(home), "RINGSIDE_AGENTS": str(home / "agents"), **more}


def _talk(
    home: Path, *arguments: str, typed: str = "", environment: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [RINGSIDE, "talk", *arguments],
        input=typed,
        env=_environment(home, **(environment or {})),
        cwd=home,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _run(home: Path, *arguments: str) -> Done:
    """The command in this process: for what reads no keyboard."""
    return in_process(lambda: main(arguments), environment=_environment(home), folder=home)


def _records(home: Path) -> list[dict[str, object]]:
    return [json.loads(path.read_text()) for path in (home / ".ringside" / "calls").glob("*.json")]


def test_a_whole_call_without_a_key_piped_in_and_out(home: Path) -> None:
    lines = "free times please\n/keys 12\n/wait 15\n/nonsense\nthat is all, goodbye\nnever read\n"
    done = _talk(home, "dental", "--stand-in", *TUESDAY, typed=lines)
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    shown = [line.split(None, 1) for line in done.stdout.splitlines()]
    assert ["call", "+12025550143 rings +18005551212, Tuesday 2026-12-01 10:00 America/New_York"] in shown
    decided = "accept, by agent dental: no rule matched, if no limit is reached (calls are not counted here)"
    assert ["decision", decided] in shown
    said = [line for line in shown if line[0] in ("agent", "you", "tool", "keys")]
    assert said[0] == ["agent", "Smile Dental, good morning!"]
    assert said[1] == ["you", "free times please"]
    assert said[3][1].startswith(
        'free_times(day="free times please") → {"caller": "+12025550143", "times": ["09:00"]} [ok'
    )
    assert ["keys", "12"] in said
    assert ["agent", "Are you still there?"] in said
    assert ["agent", "Thank you for calling. Goodbye."] in said
    assert "there is no /nonsense" in done.stdout
    assert "never read" not in done.stdout
    assert any(line[0] == "the" and "agent_hung_up" in line[1] and "cost $0.0" in line[1] for line in shown)
    [record] = _records(home)
    assert record["end_reason"] == "agent_hung_up"
    assert record["agent"] == "dental"
    assert record["items"]


def test_a_record_that_was_kept_is_shown_like_any_call(home: Path) -> None:
    _talk(home, "--stand-in", *TUESDAY, typed="free times\n")
    [path] = (home / ".ringside" / "calls").glob("*.json")
    shown = _run(home, "calls", "show", str(path))
    assert "Smile Dental, good morning!" in shown.stdout
    (home / "other.json").write_text("{}")
    wrong = _run(home, "calls", "show", "other.json")
    assert (wrong.returncode, wrong.stderr) == (1, "ringside: other.json is not a call that ringside talk kept\n")


def test_in_a_terminal_lines_are_typed_below_the_talk_and_ctrl_c_hangs_up(home: Path) -> None:
    command = [RINGSIDE, "talk", "--stand-in", *TUESDAY]
    with Terminal(command, _environment(home), home) as terminal:
        terminal.until("Smile Dental, good morning!")
        terminal.type("free times\r")
        terminal.until("free_times answered")
        terminal.type("half a line")
        terminal.until("half a line")
        terminal.type("\x03")
        terminal.until("caller_hung_up")
        assert terminal.ends() == 0
    [record] = _records(home)
    assert record["end_reason"] == "caller_hung_up"


def test_a_transfer_is_shown_and_not_made(home: Path) -> None:
    done = _talk(home, "--stand-in", *TUESDAY, typed="a human please\n")
    assert "transfer  to desk: asked for; nobody is called here" in done.stdout
    assert "the end   transferred" in done.stdout
    stays = _talk(home, "--stand-in", "--transfers", "stays", *TUESDAY, typed="a human please\n/hangup\n")
    assert "transfer  to desk: failed (the caller was still here)" in stays.stdout
    assert "the end   caller_hung_up" in stays.stdout


def test_a_tool_that_raises_is_shown_with_its_traceback_and_the_call_goes_on(home: Path) -> None:
    done = _talk(home, "--stand-in", *TUESDAY, typed="try the broken one\nstill there\n")
    assert "ValueError: no table of that name" in done.stdout
    assert "tools.py" in done.stdout
    assert "you       still there" in done.stdout


def test_json_is_one_object_a_line_with_the_documented_shapes(home: Path) -> None:
    done = _talk(home, "--stand-in", "--json", *TUESDAY, typed="free times\nbye\n")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert events[0]["event"] == "call"
    assert {"entry", "used", "ended", "kept"} <= {event["event"] for event in events}
    assert events[0]["call"]["decision"]["verdict"] == "accept"
    [ended] = [event["call"] for event in events if event["event"] == "ended"]
    assert (ended["end_reason"], ended["status"]) == ("agent_hung_up", "ended")
    entries = {event["entry"]["item_id"]: event["entry"] for event in events if event["event"] == "entry"}
    assert [entry["outcome"] for entry in entries.values() if entry["kind"] == "tool"] == ["ok", "ok"]


def test_without_a_key_it_says_what_it_needs_and_offers_the_stand_in(home: Path) -> None:
    done = _run(home, "talk", "dental", *TUESDAY)
    assert done.returncode == 1
    assert "decision  accept" in done.stdout  # admission needs no key
    assert done.stderr.count("\n") == 1
    assert "OPENAI_API_KEY is not set" in done.stderr
    assert "ringside talk dental --stand-in" in done.stderr


def test_a_call_that_is_rejected_is_only_shown(home: Path) -> None:
    done = _run(home, "talk", "dental", "--at", "2026-12-01T20:00")
    assert (done.returncode, done.stderr) == (0, "")
    assert "decision  reject with SIP 480, by agent dental: closed" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["nobody"], 2, "there is no agent nobody; there are: dental"),
        (["dental", "--to", "+12025550100"], 2, "+12025550100 is answered by no agent, not by dental"),
        (["--from", "12"], 2, "--from: 12 is not an international number"),
        (["--at", "noon"], 2, "--at: noon is not a time"),
        (["--header", "nonsense"], 2, "--header: nonsense is not a header"),
        (["--script", "missing.yaml", *TUESDAY], 1, "--script: missing.yaml: No such file or directory"),
        (["--transfers", "maybe"], 2, "--transfers"),
        (["--agents", "nowhere"], 1, "nowhere"),
        (["--headphones", *TUESDAY], 2, "--headphones is for --voice"),
    ],
)
def test_what_is_wrong_is_one_line(home: Path, arguments: list[str], status: int, message: str) -> None:
    done = _run(home, "talk", *arguments)
    assert done.returncode == status
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_broken_agent_file_names_its_place(home: Path) -> None:
    (home / "agents" / "dental.yaml").write_text(AGENT + "voice: nonsense\n")
    done = _run(home, "talk", "dental")
    assert done.returncode == 1
    assert "dental.yaml:" in done.stderr
    assert "voice" in done.stderr


def test_the_stand_in_says_what_a_script_has_for_it(home: Path) -> None:
    (home / "mine.yaml").write_text("lines: [{agent: Scripted hello.}, {agent: Scripted answer.}]")
    done = _talk(home, "--script", "mine.yaml", *TUESDAY, typed="Hello\n")
    assert "agent     Scripted hello." in done.stdout
    assert "agent     Scripted answer." in done.stdout


async def _against_the_emulator(home: Path, *arguments: str, key: str = KEY) -> tuple[int, str, str]:
    async with emulated(pace=0.01) as world:
        environment = {"OPENAI_API_KEY": key, "OPENAI_BASE_URL": world.emulator.base_url}
        done = await asyncio.to_thread(_talk, home, *arguments, *TUESDAY, typed="Hello\n", environment=environment)
    return done.returncode, done.stdout, done.stderr


async def test_with_a_key_the_session_is_opened_at_openai(home: Path) -> None:
    status, shown, problems = await _against_the_emulator(home)
    assert (status, problems) == (0, "")
    assert "model     gpt-realtime-2.1, in text." in shown
    assert "the end   caller_hung_up" in shown  # standard input has ended


async def test_a_refused_key_and_an_unknown_model_are_one_clear_line(home: Path) -> None:
    status, _, problem = await _against_the_emulator(home, key="sk-wrong-0123456789abcdef")
    assert (status, problem) == (1, "ringside: OpenAI refused the key: check OPENAI_API_KEY\n")
    (home / "agents" / "dental.yaml").write_text(AGENT + "model: gpt-realtime-9\n")
    status, _, problem = await _against_the_emulator(home)
    assert status == 1
    assert problem.count("\n") == 1
    assert "The model `gpt-realtime-9` does not exist" in problem


def test_an_interrupt_hangs_up_and_keeps_the_record(home: Path) -> None:
    command = [RINGSIDE, "talk", "--stand-in", *TUESDAY]
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=_environment(home),
        cwd=home,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    with process:
        assert process.stdout is not None
        while "good morning" not in process.stdout.readline():
            pass
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
    assert process.returncode == 130
    assert "caller_hung_up" in rest
    assert [record["end_reason"] for record in _records(home)] == ["caller_hung_up"]


def test_ctrl_c_before_the_conversation_has_begun_is_quiet(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(main: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(asyncio, "run", interrupted)
    arguments = ["talk", "dental", "--stand-in", "--agents", str(home / "agents"), *TUESDAY]

    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        assert main(arguments) == 130
        gc.collect()

    assert [str(each.message) for each in warned if each.category is RuntimeWarning] == []
