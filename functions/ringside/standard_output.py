"""Lines on standard output, which neither harm nor hold up whoever writes them: what cannot be written is lost.

A Lambda function and a container have nothing else to log to, and a call must not end because a log does: when the
reader is gone, the disk is full, the file is closed, or the reader does not read (the log driver of a container blocks
by default once its buffer is full, and with it all calls of the process).
"""

import select
import sys
import threading
from os import write as write_bytes

PATIENCE_MS = 50
"""How long a full pipe is waited for, once: a busy reader catches up in that time, a dead one does not."""

AT_ONCE = 4096
"""Bytes that a pipe which is ready takes without blocking (PIPE_BUF: pipe(7), "PIPE_BUF")."""


class StandardOutput:
    """What standard output is at the moment of each line. For any number of threads."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # a signal handler may log while a line is written
        self._is_stalled = False
        self._is_torn = False  # the last line was not written to its end

    def write(self, line: str) -> None:
        """Write one line whole, or not at all, or its beginning. Never raises."""
        text = f"{line}\n".encode("utf-8", "replace")  # half a surrogate pair cannot be written
        try:
            with self._lock:
                self._write(text)
        except Exception:  # noqa: S110  closed, full, gone or no file at all: there is nowhere left to say so
            pass

    def _write(self, text: bytes) -> None:
        try:
            file = sys.stdout.fileno()
        except (OSError, ValueError):  # something in memory, or closed
            sys.stdout.write(text.decode())
            sys.stdout.flush()
            return
        if self._is_torn:
            text = b"\n" + text
        while text:
            if not self._is_ready(file):
                return
            # Not through the stream, which would keep what it could not write, and try it again at every line and
            # at the end of the process.
            written = write_bytes(file, text[:AT_ONCE])
            text = text[written:]
            self._is_torn = bool(text)

    def _is_ready(self, file: int) -> bool:
        """Whether a write would not block. An error counts as ready: the write then raises it."""
        poll = select.poll()
        poll.register(file, select.POLLOUT)
        self._is_stalled = not poll.poll(0 if self._is_stalled else PATIENCE_MS)
        return not self._is_stalled
