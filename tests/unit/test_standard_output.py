"""A line that cannot be written harms nobody: tried in a process of its own, whose standard output is spoilt."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

import pytest

from ringside.standard_output import AT_ONCE, PATIENCE_MS, StandardOutput

FUNCTIONS = Path(__file__).parents[2] / "functions"

WORK = """
import logging, sys, time
from ringside import telemetry

telemetry.log_as_json("monitor")
log, metrics = logging.getLogger("ringside.test"), telemetry.Metrics("monitor")
before = time.monotonic()
for number in range({lines}):
    log.info("call.taken", extra={{"call_id": f"rtc_{{number}}", "padding": "x" * 500}})
    metrics.count("CallsAccepted")
    metrics.milliseconds("AcceptMs", number)
    metrics.flush()
    try:
        raise ValueError("what the caller said")
    except ValueError:
        log.exception("conversation.failed")
print(time.monotonic() - before, file=sys.stderr)
"""


def work(stdout: int | IO[bytes] | None, *, before: str = "", lines: int = 3) -> float:
    """Log and count in a process with that standard output. It ends well, writes no more to standard error than how
    many seconds it took, and that is returned."""
    code = before + WORK.format(lines=lines)
    done = subprocess.run(
        [sys.executable, "-B", "-c", code],
        cwd=FUNCTIONS,
        env={},
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    return float(done.stderr)


def test_what_can_be_written_is_written_line_by_line(tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb") as out:
        work(out, lines=50)

    lines = [json.loads(line) for line in (tmp_path / "out").read_text(encoding="utf-8").splitlines()]
    assert [line.get("message", "metrics") for line in lines[:3]] == ["call.taken", "metrics", "conversation.failed"]
    assert len(lines) == 150


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk_harms_nobody() -> None:
    with Path("/dev/full").open("wb") as full:
        work(full)


def test_a_closed_file_harms_nobody() -> None:
    work(subprocess.DEVNULL, before="import os; os.close(1)\n")


def test_a_closed_stream_harms_nobody() -> None:
    work(subprocess.DEVNULL, before="import sys; sys.stdout.close()\n")


def test_no_standard_output_at_all_harms_nobody() -> None:
    work(subprocess.DEVNULL, before="import sys; sys.stdout = None\n")


def test_a_reader_that_is_gone_harms_nobody() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        work(writing)
    finally:
        os.close(writing)


def test_a_reader_that_does_not_read_holds_nobody_up() -> None:
    reading, writing = os.pipe()
    try:
        seconds = work(writing, lines=1000)  # about 1 MB, and a pipe holds 64 KB
    finally:
        os.close(writing)
        os.close(reading)

    assert seconds < 20  # 3000 lines at 50 ms each are 150 s


class Pipe:
    """A pipe as this process's standard output, and its reading end."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reading, writing = os.pipe()
        self.writer = os.fdopen(writing, "w", encoding="utf-8")
        monkeypatch.setattr("sys.stdout", self.writer)
        os.set_blocking(self.reading, False)

    def read(self) -> str:
        found = b""
        while True:
            try:
                found += os.read(self.reading, 65536)
            except BlockingIOError:
                return found.decode()

    def fill(self) -> None:
        os.set_blocking(self.writer.fileno(), False)
        try:
            while True:
                os.write(self.writer.fileno(), b"." * 512)
        except BlockingIOError:
            os.set_blocking(self.writer.fileno(), True)

    def close(self) -> None:
        self.writer.close()
        os.close(self.reading)


def test_when_a_reader_reads_again_the_lines_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe, output = Pipe(monkeypatch), StandardOutput()
    pipe.fill()
    before = time.monotonic()
    for number in range(100):
        output.write(f"lost {number}")
    waited = time.monotonic() - before
    pipe.read()
    output.write("heard again")

    assert pipe.read() == "heard again\n"
    assert waited < 50 * PATIENCE_MS / 1000  # it waits once, not for each line
    pipe.close()


def test_a_line_that_broke_off_does_not_spoil_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe, output = Pipe(monkeypatch), StandardOutput()
    output.write("x" * 20 * 65536)  # more than the pipe holds
    beginning = pipe.read()
    output.write("whole")

    assert beginning == "x" * len(beginning)
    assert len(beginning) >= AT_ONCE
    assert pipe.read() == "\nwhole\n"
    pipe.close()


def test_a_long_line_is_written_whole_to_a_reader_that_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (tmp_path / "out").open("w", encoding="utf-8") as out:
        monkeypatch.setattr("sys.stdout", out)
        StandardOutput().write("ä" * AT_ONCE * 3)
        StandardOutput().write("half a \ud800")

    assert (tmp_path / "out").read_text(encoding="utf-8") == "ä" * AT_ONCE * 3 + "\nhalf a ?\n"
