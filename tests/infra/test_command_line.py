"""Programs for people end quietly: one line for Ctrl-C at any moment, one for an error, and a shell's exit status."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from infra import command_line
from infra.local.template import REPOSITORY

PROGRAMS = ("infra.local", "infra.deploy", "tests.drills")


def ignoring_ctrl_c() -> None:
    """As a shell starts a background job of a script."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@pytest.mark.parametrize("started", [None, ignoring_ctrl_c], ids=["in front", "in the background"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_ctrl_c_while_packages_are_imported_is_one_line(program: str, started: None, tmp_path: Path) -> None:
    (tmp_path / "cyclopts.py").write_text("import time\nprint('importing', flush=True)\ntime.sleep(60)\n")
    running = subprocess.Popen(
        [sys.executable, "-m", program],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=started,
    )
    assert running.stdout is not None
    assert running.stdout.readline() == "importing\n"
    running.send_signal(signal.SIGINT)

    assert running.communicate(timeout=20) == ("", "Interrupted.\n")
    assert running.returncode == command_line.INTERRUPTED


def test_a_child_hears_ctrl_c_although_whoever_started_its_parent_ignores_it() -> None:
    child = "import signal; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
    parent = f"""
import subprocess, sys
from infra import command_line
command_line.starting()
subprocess.run([sys.executable, "-c", {child!r}])
"""
    done = subprocess.run(
        [sys.executable, "-c", parent],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=ignoring_ctrl_c,
    )

    assert done.stdout == "True\n"


def run(body: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A program whose only command has this body."""
    script = f"""
import sys
from infra import command_line
program = command_line.program("it", "Does it.")
@program.default
def it(*, times: int = 1):
    {body}
sys.exit(command_line.run(program, ValueError))
"""
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("body", "arguments", "status", "line"),
    [
        ("return 0", [], 0, ""),
        ("return None", [], 0, ""),
        ("return 3", [], 3, ""),
        ("raise ValueError('mend this')", [], 1, "mend this\n"),
        ("raise KeyboardInterrupt", [], 130, "Interrupted.\n"),
        ("return 0", ["--tims", "2"], 2, "Unknown option: --tims. Did you mean --times? Try --help.\n"),
    ],
)
def test_the_exit_status_and_the_line_say_how_it_went(body: str, arguments: list[str], status: int, line: str) -> None:
    done = run(body, *arguments)

    assert (done.returncode, done.stdout, done.stderr) == (status, "", line)


def test_an_error_that_nobody_expects_keeps_its_traceback() -> None:
    assert "ZeroDivisionError" in run("return 1 // 0").stderr
