"""`ringside new`: an agent with tools and tests from an example, and nothing written over."""

from pathlib import Path

import pytest

from cli.check import check
from cli.main import main
from ringside.agentfile.tool_keys import visible
from ringside.tools.loader import load_agents_and_tools

EXAMPLES = ("receptionist", "appointments", "voicemail", "blank")


def _new(folder: Path, *arguments: str) -> int:
    return main(["new", *arguments, "--agents", str(folder)])


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_makes_an_agent_that_has_nothing_wrong(tmp_path: Path, example: str) -> None:
    assert _new(tmp_path, "mine", "--from", example) == 0
    assert check(tmp_path).problems == []
    assert list((tmp_path / "tests").glob("mine-*.scenario.yaml"))
    text = (tmp_path / "mine.yaml").read_text()
    assert "Copy:" not in text
    schema = text.splitlines()[0].partition("$schema=")[2]
    assert (tmp_path / schema).resolve().name == "agent.schema.json"
    assert (tmp_path / schema).exists()


def test_two_of_one_kind_stand_beside_each_other_with_numbers_and_tools_of_their_own(tmp_path: Path) -> None:
    assert _new(tmp_path, "dental", "--from", "appointments") == 0
    assert _new(tmp_path, "salon", "--from", "appointments") == 0
    agents, tools = load_agents_and_tools(tmp_path)
    assert [agent.answers for agent in agents] == [("+12025550120",), ("+12025550121",)]
    assert visible("dental", tools)["book"] is not visible("salon", tools)["book"]
    assert (tmp_path / "tests" / "dental.scenario.yaml").exists()
    assert "agent: salon\n" in (tmp_path / "tests" / "salon-dental.scenario.yaml").read_text()
    assert "fakes: fakes/salon.py" in (tmp_path / "tests" / "salon-dental.scenario.yaml").read_text()


def test_numbers_are_taken_as_given(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _new(tmp_path, "desk", "--number", "+1 425 555 0112", "--number", "default") == 0
    assert 'answers: ["+14255550112", default]' in (tmp_path / "desk.yaml").read_text()
    shown = capsys.readouterr().out
    assert "ringside talk desk --stand-in" in shown
    assert "ringside test -k desk" in shown


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("Bad Name",), 2, "Bad Name is not a name for an agent"),
        (("../desk",), 2, "../desk is not a name for an agent"),
        (("other", "--number", "12"), 2, "--number: 12 is not an international number"),
        (("other", "--number", "+14255550112"), 2, "--number: +14255550112 is answered by desk already"),
        (("desk",), 1, "desk.yaml is there already"),
        (("other", "--from", "nothing"), 2, "--from"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], status: int, message: str
) -> None:
    assert _new(tmp_path, "desk", "--number", "+14255550112") == 0
    before = {path: path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    capsys.readouterr()
    assert _new(tmp_path, *arguments) == status
    assert message in capsys.readouterr().err
    assert {path: path.read_text() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _new(tmp_path / "nowhere", "desk") == 1
    assert "there is no such folder" in capsys.readouterr().err
