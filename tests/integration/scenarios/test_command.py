"""`ringside test`: what is printed and written, and the exit status."""

import json
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest

from cli.main import main
from tests.unit.scenarios.files import BYE, END, FAKES, HELLO, write

PASSES = "agent: desk\n" + FAKES + "script:\n" + HELLO + BYE + END
FAILS = "agent: desk\n" + FAKES + "script:\n" + HELLO + "  - caller: Bye.\n" + END


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_failure_is_told_with_its_lines_and_where_to_read_more(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, PASSES, "good")
    write(tmp_path, FAILS, "bad")
    status = main(["test", str(tmp_path), "--junit", "out/results.xml"])
    lines = capsys.readouterr().out.splitlines()
    assert status == 1
    assert sorted(line.split()[1] for line in lines if line.startswith("desk ")) == ["bad", "good"]
    at = next(index for index, line in enumerate(lines) if "FAILED" in line)
    assert lines[at + 1] == "  end: expected agent_hung_up, got caller_hung_up"
    assert lines[at + 2 : at + 4] == ["  line 1   agent  Desk.", "  line 2   caller Bye."]
    assert lines[-1] == "1 passed, 1 failed. Read more: .ringside/tests/bad.log"
    assert "call.ended" in (tmp_path / ".ringside/tests/bad.log").read_text()
    suite = Xml.parse(tmp_path / "out/results.xml").getroot()[0]
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("2", "1", "0")
    (failure,) = suite.iter("failure")
    assert "line 2   caller Bye." in str(failure.text)


def test_json_is_one_object_per_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, PASSES, "good")
    assert main(["test", str(tmp_path), "--json"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    found = json.loads(line)
    assert (found["name"], found["outcome"], found["end_reason"]) == ("good", "passed", "agent_hung_up")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["none.scenario.yaml"], "ringside test: none.scenario.yaml: there is no such file or folder"),
        (["."], "ringside test: there is no *.scenario.yaml in ."),
        (["--only", "x", "."], "ringside test: there is no *.scenario.yaml with x in its name or among its tags in ."),
        (["--frob"], "ringside: Unknown option: --frob (see ringside test --help)"),
    ],
)
def test_a_wrong_command_line_is_one_line_and_status_2(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["test", *arguments]) == 2
    out, err = capsys.readouterr()
    assert (out, err.splitlines()[0].rstrip(".")) == ("", said.rstrip("."))


def test_scenarios_are_chosen_by_their_name_or_a_tag(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, PASSES, "good")
    write(tmp_path, "tags: [slow]\n" + PASSES, "other")
    write(tmp_path, PASSES.replace("end:", "ends:"), "bad")
    assert main(["test", str(tmp_path), "--only", "slow", "--json"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["name"] == "other"


def test_a_wrong_file_stops_everything_before_it_begins(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, PASSES, "good")
    path = write(tmp_path, PASSES.replace("end:", "ends:"), "bad")
    assert main(["test", str(tmp_path)]) == 2
    out, err = capsys.readouterr()
    assert (out, err) == ("", f"{path}:7: expect.ends: there is no such field; did you mean end?\n")


def test_a_draft_is_refused_until_somebody_has_read_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, "draft: Is this what should have happened?\n" + PASSES, "new")
    assert main(["test", str(path)]) == 2
    assert "Is this what should have happened?" in capsys.readouterr().err
