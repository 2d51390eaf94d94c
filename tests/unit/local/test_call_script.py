"""What `make call` plays, and to whom."""

from pathlib import Path

import pytest

from cli.errors import UsageError
from infra.local import call_script

AGENT = "answers: {answers}\ninstructions: Be brief.\ntools: [hang_up]\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "desk.yaml").write_text(AGENT.format(answers='"+12025550120"'))
    (tmp_path / "rest.yaml").write_text(AGENT.format(answers="default"))
    return tmp_path


def test_an_agent_is_rung_at_its_number(folder: Path) -> None:
    assert call_script.number_of("desk", None, folder) == "+12025550120"
    assert call_script.number_of("rest", None, folder) == call_script.ANY_NUMBER
    assert call_script.number_of("rest", "+1 202 555 0199", folder) == "+12025550199"
    assert call_script.number_of(None, None, folder) == call_script.ANY_NUMBER


def test_a_script_whose_tools_the_agent_has_not_is_refused_with_them(folder: Path) -> None:
    with pytest.raises(UsageError, match="opening-hours calls opening_hours, which the agent desk does not have"):
        call_script.check_fit("opening-hours", "opening-hours", "+12025550120", folder)
    call_script.check_fit("small-talk", "small-talk", "+12025550120", folder)
    call_script.check_fit({"lines": [{"tool": {"name": "hang_up"}}]}, "mine.yaml", "+12025550120", folder)


def test_agent_files_that_are_being_mended_keep_nobody_from_calling(folder: Path) -> None:
    (folder / "desk.yaml").write_text("answers: [")
    call_script.check_fit("opening-hours", "opening-hours", "+12025550120", folder)


def test_a_file_of_ones_own_is_read_and_its_mistakes_are_named(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("lines: [{agent: Hi.}]")
    assert call_script.read(str(tmp_path / "mine.yaml")) == {"name": "mine", "lines": [{"agent": "Hi."}]}
    (tmp_path / "mine.yaml").write_text("lines: [{agnet: Hi.}]")
    with pytest.raises(UsageError, match=r"--script: mine\.yaml, line 1: "):
        call_script.read(str(tmp_path / "mine.yaml"))
