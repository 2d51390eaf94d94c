"""`ringside agents`: `import` writes a file once and tells what was left out; `check` finds what is wrong."""

import json
from pathlib import Path

import pytest

from cli.main import main

SESSION = {"type": "realtime", "model": "gpt-realtime-2.1", "instructions": "Be kind.", "temperature": 0.8}


def test_a_session_becomes_an_agent_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "session.json").write_text(json.dumps(SESSION))
    agent = tmp_path / "desk.yaml"
    assert main(["agents", "import", str(tmp_path / "session.json"), "-o", str(agent)]) == 0
    assert "instructions: Be kind." in agent.read_text()
    assert "temperature: Realtime sessions no longer have one" in capsys.readouterr().err
    assert main(["agents", "import", str(tmp_path / "session.json"), "-o", str(agent)]) == 1
    assert "desk.yaml: File exists" in capsys.readouterr().err


def test_without_a_file_to_write_it_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "session.json").write_text(json.dumps({"type": "session.update", "session": SESSION}))
    assert main(["agents", "import", str(tmp_path / "session.json")]) == 0
    assert "\nmodel: gpt-realtime-2.1\n" in capsys.readouterr().out


def test_what_cannot_be_said_yet_is_told_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "session.json").write_text(json.dumps({**SESSION, "voice": "nobody"}))
    assert main(["agents", "import", str(tmp_path / "session.json"), "-o", str(tmp_path / "desk.yaml")]) == 1
    assert "desk.yaml:" in capsys.readouterr().err


@pytest.mark.parametrize(("content", "told"), [("{", "not JSON"), ("[]", "a session body is a JSON object")])
def test_what_is_no_session_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, told: str
) -> None:
    (tmp_path / "session.json").write_text(content)
    assert main(["agents", "import", str(tmp_path / "session.json")]) == 1
    assert told in capsys.readouterr().err


def test_a_file_that_is_not_there_is_named_without_an_error_number(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "session.json"
    assert main(["agents", "import", str(path)]) == 1
    assert capsys.readouterr().err == f"ringside: {path}: No such file or directory\n"


def test_good_agents_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "desk.yaml").write_text("answers: default\ninstructions: Be brief.\n")
    assert main(["agents", "check", "--agents", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "1 agent, 0 tools: nothing wrong\n"


def test_everything_that_is_wrong_is_shown_with_its_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "desk.yaml").write_text(
        "answers: default\ninstructions: Use look_up.\ntools: [nothing_there]\ntransfer: {sales: 'tel:+14255550100'}\n"
    )
    assert main(["agents", "check", "--agents", str(tmp_path)]) == 1
    shown = capsys.readouterr().out
    assert "desk.yaml:3: tools: there is no tool named nothing_there" in shown
    assert "desk.yaml:4: transfer: has no effect: tools does not list transfer (may be meant so)" in shown
    assert "desk.yaml:2: instructions: name look_up" in shown
    assert shown.endswith("1 agent, 0 tools: 1 wrong\n")


def test_a_folder_that_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["agents", "check", "--agents", str(tmp_path / "nowhere")]) == 1
    assert "nowhere" in "".join(capsys.readouterr())
