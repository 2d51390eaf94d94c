"""`make local` follows the agent files: what is in order is in force for the next call, what is not never is."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.in_process import Done, local
from tests.integration.test_local_up import WITHOUT_CREDENTIALS, Up, eventually

AGENT = """
answers: "+12025550120"
greeting: {greeting}
instructions: Be brief.
tools: [hang_up, fortune]
"""
TOOLS = '''
def fortune() -> str:
    """Tell a fortune."""
    raise LookupError("the stars are out")
'''
ALL = "Change the agent files"


class Home:
    """A running local cloud with one monitor, and its agents."""

    def __init__(self, directory: Path) -> None:
        self.agents = directory / "agents"
        self.agents.mkdir()
        self.directory = directory / "local"
        self.write("Hello from the first.")
        (self.agents / "desk.py").write_text(TOOLS)
        environment = {**WITHOUT_CREDENTIALS, "RINGSIDE_AGENTS": str(self.agents)}
        self.environment = environment
        self.up = Up(self.directory, "--pace", "0.05", environment=environment, logs=False, monitors=1)

    def write(self, greeting: str, more: str = "") -> None:
        """As editors do it: a new file in the place of the old one."""
        unfinished = self.agents / ".desk.yaml.new"
        unfinished.write_text(AGENT.format(greeting=greeting) + more)
        os.replace(unfinished, self.agents / "desk.yaml")

    def call(self, *flags: str) -> Done:
        return local("call", "--directory", str(self.directory), *flags, environment=self.environment)

    def until_said(self, text: str, times: int = 1) -> None:
        eventually(
            lambda: sum(text in line for line in self.up.lines) >= times or self.up.process.poll() is not None,
            self.up.lines,
            60,
        )
        assert sum(text in line for line in self.up.lines) >= times, self.up.lines


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    running = Home(tmp_path)
    try:
        yield running
    finally:
        running.up.process.terminate()
        running.up.end()


@pytest.mark.timeout(300)
def test_a_change_is_in_force_for_the_next_call_and_a_mistake_never_is(home: Home) -> None:
    home.until_said(ALL)
    first = home.call("--agent", "desk")
    assert (first.returncode, first.stderr) == (0, "")
    assert "Hello from the first." in first.stdout
    assert "agent_hung_up" in first.stdout

    home.write("Hello from the second.")
    home.until_said("desk.yaml: in force for the next call")
    assert "Hello from the second." in home.call("--agent", "desk").stdout

    home.write("Hello from nobody.", "voice: nonsense\n")
    home.until_said("desk.yaml: the former agents stay in force.")
    assert any("desk.yaml:6: voice: must be" in line for line in home.up.lines)
    assert "Hello from the second." in home.call("--to", "+12025550120").stdout

    home.write("Hello from the third.")
    home.until_said("desk.yaml: in force for the next call", 2)
    assert "Hello from the third." in home.call("--agent", "desk").stdout

    (home.directory.parent / "mine.yaml").write_text(
        "lines: [{agent: Hi.}, {caller: A fortune please}, {tool: {name: fortune}}, {agent: Sorry.}]"
    )
    scripted = home.call("--agent", "desk", "--script", str(home.directory.parent / "mine.yaml"))
    assert "fortune()" in scripted.stdout
    # Calls are shown as they happen, log lines are not; what a tool raises is, in full.
    home.until_said("Hello from the third.")
    home.until_said("LookupError: the stars are out")
    assert not [line for line in home.up.lines if "call.queued" in line or "monitor.ready" in line]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--agent", "nobody"), "--agent: there is no agent nobody; there are: desk"),
        (("--agent", "desk", "--to", "+14255550100"), "+14255550100 is answered by no agent, not by desk"),
        (("--script", "nobody-wrote-it"), "--script: there is no script nobody-wrote-it; there are caller-hangs-up"),
        (("--script", "./missing.yaml"), "--script: missing.yaml: No such file or directory"),
        (("--agent", "desk", "--from", "12"), "--from: 12 is not an international number"),
    ],
)
def test_what_cannot_be_called_is_one_line(tmp_path: Path, flags: tuple[str, ...], message: str) -> None:
    (tmp_path / "desk.yaml").write_text(AGENT.format(greeting="Hi.").replace(", fortune", ""))
    environment = {**WITHOUT_CREDENTIALS, "RINGSIDE_AGENTS": str(tmp_path)}
    done = local("call", "--directory", str(tmp_path), *flags, environment=environment)
    assert done.returncode == 1
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
