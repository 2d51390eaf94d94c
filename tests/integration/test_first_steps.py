"""The README's first screen, done as it says, with a folder of agents of its own."""

import os
import re
import subprocess
import time
from pathlib import Path

import pytest

from infra.local.template import REPOSITORY

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def _commands() -> list[str]:
    first = README.partition("\n## ")[0]
    found = re.findall(r"^    \.venv/bin/(ringside [^#\n]+?) *#", first, re.MULTILINE)
    assert [command.split()[1] for command in found] == ["new", "test", "talk"]
    return found


@pytest.mark.timeout(240)
def test_the_readmes_first_screen_ends_in_ones_own_agent_talking(tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "RINGSIDE_AGENTS": str(tmp_path)}
    new, test, talk = _commands()
    began = time.monotonic()

    def run(command: str, typed: str = "") -> str:
        program, *arguments = command.split()
        done = subprocess.run(
            [REPOSITORY / ".venv" / "bin" / program, *arguments],
            cwd=tmp_path,
            env=environment,
            input=typed,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
        return done.stdout

    run(new)
    agent = tmp_path / "dental.yaml"
    agent.write_text(
        re.sub(r"^greeting: .*$", "greeting: Good morning, my own practice!", agent.read_text(), flags=re.M)
    )
    # As in a checkout, where the command finds the agents' tests by itself.
    assert re.search(r"^1 passed", run(f"{test} {tmp_path}"), re.MULTILINE)
    shown = run(talk, "What are the free times for a check-up?\n")
    assert "agent     Good morning, my own practice!" in shown
    assert 'tool      free_times(subject="check-up") → ["' in shown
    assert time.monotonic() - began < 180


def test_agents_md_names_files_and_commands_that_exist() -> None:
    page = (REPOSITORY / "AGENTS.md").read_text(encoding="utf-8")
    for path in re.findall(r"`(docs/[\w./-]+|CONTRIBUTING\.md|CHANGELOG\.md)`", page):
        assert (REPOSITORY / path).exists(), path
    index = (REPOSITORY / "docs" / "README.md").read_text(encoding="utf-8")
    for page_path in re.findall(r"\]\(([^)#]+)\)", index):
        assert (REPOSITORY / "docs" / page_path).resolve().exists(), page_path
    for page_path in re.findall(r"\]\(((?!http)[^)#]+)\)", README):
        assert (REPOSITORY / page_path).exists(), page_path
