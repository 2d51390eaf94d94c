"""A broken agent file is reported once, before anything of the local cloud is started."""

from pathlib import Path

import pytest

from infra.local import agents, commands
from infra.local.agents import BrokenAgents

AGENT = """
answers: [default]
instructions: Be brief.
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "front.yaml").write_text(AGENT)
    return tmp_path


def test_good_agents_are_fine(folder: Path) -> None:
    agents.check(folder)
    agents.check()


def test_every_place_is_named_and_nothing_else_is_said(folder: Path) -> None:
    (folder / "front.yaml").write_text(AGENT + "tools: [nobody_wrote_it]\nlimts: {}\n")
    (folder / "back.yaml").write_text("answers: [")

    with pytest.raises(BrokenAgents) as broken:
        agents.check(folder)

    back, *front = str(broken.value).splitlines()
    assert back.startswith(f"{folder / 'back.yaml'}:1: ")
    assert front
    assert all(line.startswith(f"{folder / 'front.yaml'}:") for line in front)


def test_a_tool_that_cannot_be_imported_is_named_and_does_no_harm_here(folder: Path) -> None:
    (folder / "tools.py").write_text("import sys\nprint('loud')\nsys.exit(7)\n")

    with pytest.raises(BrokenAgents) as broken:
        agents.check(folder)
    assert str(broken.value) == f"{folder / 'tools.py'}: cannot be imported: SystemExit: 7"


def test_nothing_is_started(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "front.yaml").write_text("answers: 7")
    monkeypatch.setenv("RINGSIDE_AGENTS", str(folder))

    with pytest.raises(BrokenAgents, match=r"front\.yaml:1: "):
        commands.program(["up"], exit_on_error=False, print_error=False)
    assert capsys.readouterr().out == ""
