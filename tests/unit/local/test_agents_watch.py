"""Which files make the agents, and what has changed; what is shown where log lines are not."""

import json
import os
from pathlib import Path

import pytest

from infra.local.agents_watch import changed, contents
from infra.local.up import is_worth_a_look


def test_contents_count_and_not_times(tmp_path: Path) -> None:
    (tmp_path / "desk.yaml").write_text("answers: default")
    before = contents(tmp_path)
    os.utime(tmp_path / "desk.yaml", (0, 0))
    assert contents(tmp_path) == before
    (tmp_path / "desk.yaml").write_text("answers: [default]")
    (tmp_path / "desk.py").write_text("")
    assert changed(before, contents(tmp_path)) == ["desk.py", "desk.yaml"]
    (tmp_path / "desk.yaml").unlink()
    assert changed(before, contents(tmp_path)) == ["desk.py", "desk.yaml"]


def test_tests_caches_and_editors_files_are_not_the_agents(tmp_path: Path) -> None:
    for name in ("tests", "__pycache__"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "some.py").write_text("")
    (tmp_path / ".desk.yaml.swp").write_text("")
    assert contents(tmp_path) == {}


@pytest.mark.parametrize(
    ("name", "line", "shown"),
    [
        ("monitor-0", "a tool prints this", True),
        ("monitor-0", json.dumps({"level": "INFO", "message": "call.queued"}), False),
        ("monitor-0", json.dumps({"level": "ERROR", "message": "tool.hangs"}), True),
        ("gateway", "gateway listening on http://127.0.0.1:1", False),
        ("gateway", "WebhookFunction: FunctionError: timed out", True),
        ("aws", "whatever", False),
    ],
)
def test_only_errors_and_what_tools_say_are_shown_beside_the_calls(name: str, line: str, shown: bool) -> None:
    assert is_worth_a_look(name, line) is shown
