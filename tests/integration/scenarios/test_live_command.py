"""`ringside test --live` and `ringside test label`, as a person uses them."""

import asyncio
import io
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.main import main
from infra.emulator.app import Emulator
from infra.emulator.settings import Settings
from tests.unit.scenarios.files import END, FAKES, HELLO, write

KEY = "sk-test"
MODEL = [{"agent": "Desk."}, {"agent": "Goodbye.", "tool": {"name": "hang_up"}}]
SCENARIO = "agent: desk\n" + FAKES + "script:\n" + HELLO + "  - caller: Bye.\njudge:\n  - Was the agent polite?\n" + END
VERDICT = {"answers": [{"question": 1, "answer": "yes", "line": 1, "why": "it was"}]}


@pytest.fixture
def openai(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    """The emulator, on a loop in a thread of its own."""
    settings = Settings.model_validate(
        {"pace": 0.002, "session_script": {"lines": MODEL}, "responses": [{"answer": VERDICT}]}
    )
    loop, made = asyncio.new_event_loop(), []

    async def start() -> None:
        made.append(Emulator(api_key=KEY, settings=settings))
        await made[0].start()

    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(start(), loop).result(10)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_BASE_URL", made[0].base_url)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    yield made[0]
    asyncio.run_coroutine_threadsafe(made[0].stop(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_live_runs_say_what_they_cost_and_can_be_compared_and_labelled(
    tmp_path: Path, openai: Emulator, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, SCENARIO)
    assert main(["test", str(path), "--live", "--repeat", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("desk  desk  passed")
    assert "2 of 2 (95 %: 34-100 %), $" in lines[0]
    assert lines[1] == "1 passed."
    assert re.fullmatch(
        r"Bill: \$0\.\d{4} for the agent's model; "
        r"\$0\.\d{4} for callers and judges \([\d,]+ \+ \d+ tokens of gpt-5\.6-luna\)",
        lines[2],
    )
    (kept,) = (tmp_path / ".ringside/tests").glob("live-*.jsonl")
    assert lines[3].startswith(f"Runs: {kept.relative_to(tmp_path)}")

    baseline = kept.rename(tmp_path / "before.jsonl")
    assert main(["test", str(path), "--live", "--baseline", str(baseline), "--json"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["passed"] == 1
    assert main(["test", str(path), "--live", "--baseline", str(baseline)]) == 0
    assert "against the baseline: 0 better, 0 worse, 1 the same (p = 1.00)" in capsys.readouterr().out

    monkeypatch.setattr("sys.stdin", io.StringIO("what\ny\nq\n"))
    assert main(["test", "label", str(baseline)]) == 0
    out = capsys.readouterr().out
    assert "caller: Bye." in out
    assert out.splitlines()[-1] == "too few labels: 1 of the 20 that say something"
    assert len((tmp_path / "before.labels.jsonl").read_text().splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["--live"],
            "ringside test: --live needs OPENAI_API_KEY; without --live nothing is spent, and no key needed",
        ),
        (["--repeat", "2"], "--judge-always and --text-model belong to --live"),
        (["--live", "--repeat", "0"], "0 is not a whole number"),
    ],
)
def test_what_live_needs_is_said_in_one_line(
    tmp_path: Path,
    arguments: list[str],
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.chdir(tmp_path)
    assert main(["test", str(write(tmp_path, SCENARIO)), *arguments]) == 2
    out, err = capsys.readouterr()
    assert (out, len(err.splitlines())) == ("", 1)
    assert said in err


def test_a_baseline_that_is_none_is_refused_before_anything_is_spent(
    tmp_path: Path, openai: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong: Any = tmp_path / "wrong.jsonl"
    wrong.write_text('{"a": 1}\n')
    assert main(["test", str(write(tmp_path, SCENARIO)), "--live", "--baseline", str(wrong)]) == 2
    assert capsys.readouterr().err == f"ringside test: {wrong}:1: is not a live run\n"
    assert main(["test", "label", "none.jsonl"]) == 2
    assert "none.jsonl: No such file or directory" in capsys.readouterr().err
