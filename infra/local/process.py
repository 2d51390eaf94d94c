"""One component of the local cloud: a process in a group of its own, and the lines it writes."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

KEPT_LINES = 20_000

Sink = Callable[[str, str], None]
"""Called with the component's name and each line it writes, from a thread of the component's."""


class ProcessDied(Exception):
    """A component ended unexpectedly; the message has its last lines."""


class Guard:
    """The process that ends every component when this one dies without having done so. See `guard.py`."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(Path(__file__).with_name("guard.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._lock = threading.Lock()

    def tell(self, sign: str, group: int) -> None:
        with self._lock:
            assert self._process.stdin is not None
            self._process.stdin.write(f"{sign}{group}\n".encode())
            self._process.stdin.flush()

    def close(self) -> None:
        with self._lock:
            assert self._process.stdin is not None
            self._process.stdin.close()
        self._process.wait()


class Process:
    """A running component."""

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        *,
        environment: Mapping[str, str],
        guard: Guard,
        cwd: Path,
        listener: socket.socket | None = None,
        waits: bool = False,
        sink: Sink | None = None,
    ) -> None:
        """Start it. `listener` is inherited, and closed here. One that `waits` is `given` its standard input later."""
        self.name = name
        self.lines: deque[str] = deque(maxlen=KEPT_LINES)
        self.expected_to_end = False
        self._guard = guard
        self._sink = sink
        self._changed = threading.Condition()
        self._finished = False
        self._gone = False
        # A group of its own: Ctrl-C in a terminal reaches the foreground's group, and the order of stopping is ours.
        self._process = subprocess.Popen(
            list(arguments),
            env=dict(environment),
            cwd=cwd,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=[listener.fileno()] if listener else [],
            start_new_session=True,
        )
        guard.tell("+", self._process.pid)
        if listener:
            listener.close()
        if not waits:
            self.give("")
        self._reader = threading.Thread(target=self._read, name=f"{name}-lines", daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as output:
            for raw in output:
                line = raw.decode(errors="replace").rstrip("\n")
                with self._changed:
                    self.lines.append(line)
                    self._changed.notify_all()
                if self._sink:
                    self._sink(self.name, line)
        with self._changed:
            self._finished = True
            self._changed.notify_all()

    def give(self, text: str) -> None:
        """All that it is to read from its standard input, which ends with it."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it died already, which its reader will notice
            self._process.stdin.write(text.encode())
            self._process.stdin.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    @property
    def returncode(self) -> int | None:
        return self._process.poll()

    def wait_for_line(self, wanted: Callable[[str], bool], seconds: float) -> str:
        """The first line that is wanted, also if it was written before; `ProcessDied` when it cannot come any more."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while True:
                for line in self.lines:
                    if wanted(line):
                        return line
                if self._finished:
                    raise ProcessDied(self.obituary())
                if not self._changed.wait(deadline - time.monotonic()):
                    raise ProcessDied(f"{self.name} was not ready within {seconds:.0f} s\n{self.last_lines()}")

    def obituary(self) -> str:
        """How it ended, and its last lines."""
        try:
            status = self._process.wait(1)
        except subprocess.TimeoutExpired:
            return f"{self.name} closed its output\n{self.last_lines()}"
        how = f"was killed by signal {-status}" if status < 0 else f"exited with status {status}"
        return f"{self.name} {how}\n{self.last_lines()}"

    def last_lines(self, count: int = 15) -> str:
        return "\n".join(f"  {line}" for line in list(self.lines)[-count:])

    def terminate(self) -> None:
        """Send SIGTERM and do not wait."""
        self.expected_to_end = True
        if self.alive:
            self._process.send_signal(signal.SIGTERM)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal that does not end it."""
        if self.alive:
            self._process.send_signal(number)

    def kill(self) -> None:
        """`kill -9` of the component and whatever it started, and wait until it is gone."""
        self.expected_to_end = True
        if self._gone:
            return
        self._kill_group()
        self._process.wait()
        self._reader.join(5)  # its last lines are read
        self._gone = True  # its number may be somebody else's from now on
        self._guard.tell("-", self.pid)

    def stop(self, seconds: float = 10.0) -> None:
        """SIGTERM, and `kill -9` for what still runs after so many seconds."""
        self.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        self.kill()

    def wait(self, seconds: float | None = None) -> int:
        """Its exit status, once it has one; `subprocess.TimeoutExpired` when that takes longer."""
        return self._process.wait(seconds)

    def _kill_group(self) -> None:
        with suppress(ProcessLookupError, PermissionError):  # the group is empty; macOS reports it the second way
            os.killpg(self.pid, signal.SIGKILL)


def logged(event: str) -> Callable[[str], bool]:
    """Whether a line is this event of a log in JSON: a condition for `wait_for_line`."""

    def is_it(line: str) -> bool:
        try:
            content = json.loads(line)
        except ValueError:
            return False
        return isinstance(content, dict) and content.get("message") == event

    return is_it
