"""`python -m infra.local` in the test's own process: for whatever ends before a component is started."""

import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from unittest.mock import patch

from infra import command_line
from infra.local import commands


@dataclass(frozen=True)
class Done:
    """What it left."""

    returncode: int
    stdout: str
    stderr: str


def local(*arguments: str, environment: Mapping[str, str]) -> Done:
    """Run one command line with this environment and no other. Signals and variables are afterwards as before."""
    with (
        _signals_kept(),
        patch.dict(os.environ, environment, clear=True),
        patch("sys.argv", ["infra.local", *arguments]),
        redirect_stdout(StringIO()) as out,
        redirect_stderr(StringIO()) as errors,
    ):
        status = command_line.run(commands.program, *commands.EXPECTED)
    return Done(status, out.getvalue(), errors.getvalue())


@contextmanager
def _signals_kept() -> Iterator[None]:
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
