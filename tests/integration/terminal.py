"""A program in a pseudo-terminal, driven by what it shows."""

import fcntl
import os
import pty
import re
import select
import struct
import termios
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

_ESCAPES = re.compile(rb"\x1b\[[0-9;?]*[a-zA-Z]|\x1b\][^\x07]*\x07|\x1b[=>]")
_WHERE_IS_THE_CURSOR = b"\x1b[6n"


class Terminal:
    """`with Terminal([...]) as terminal: terminal.until("text"); terminal.type("line\\r")`; 80 columns."""

    def __init__(self, command: list[str], environment: Mapping[str, str], directory: Path) -> None:
        self._command, self._environment, self._directory = command, environment, directory
        self._shown = b""
        self._looked = 0
        self.status: int | None = None

    def __enter__(self) -> Self:
        self._pid, self._fd = pty.fork()
        if self._pid == 0:
            os.chdir(self._directory)
            os.execve(self._command[0], self._command, {"TERM": "xterm", **self._environment})
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        os.close(self._fd)
        if self.status is None:
            os.kill(self._pid, 9)
            os.waitpid(self._pid, 0)

    @property
    def text(self) -> str:
        """All that was shown, without what moves the cursor and colours."""
        return _ESCAPES.sub(b"", self._shown).decode("utf-8", "replace").replace("\r", "")

    def until(self, wanted: str, within: float = 30.0) -> None:
        """Wait until it shows this, after what was waited for before."""
        ends = time.monotonic() + within
        while True:
            found = self.text.find(wanted, self._looked)
            if found >= 0:
                self._looked = found + len(wanted)
                return
            if not self._read(ends - time.monotonic()):
                raise AssertionError(f"{wanted!r} was not shown within {within:g} s:\n{self.text}")

    def type(self, keys: str) -> None:
        os.write(self._fd, keys.encode())

    def ends(self, within: float = 30.0) -> int:
        """Its exit status."""
        ends = time.monotonic() + within
        while self._read(ends - time.monotonic()):
            pass
        self.status = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
        return self.status

    def _read(self, seconds: float) -> bool:
        """Read on; False when there is nothing more, or not in time."""
        if seconds <= 0 or not select.select([self._fd], [], [], seconds)[0]:
            return False
        try:
            read = os.read(self._fd, 65_536)
        except OSError:  # Linux: the other side is closed
            return False
        if _WHERE_IS_THE_CURSOR in read:
            os.write(self._fd, b"\x1b[1;1R")
        self._shown += read
        return bool(read)
