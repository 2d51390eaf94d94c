"""A program run in the test's own process, where a process of its own would show nothing more."""

import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

from infra import command_line
from infra.local.template import REPOSITORY


@dataclass(frozen=True)
class Done:
    """What it left."""

    returncode: int
    stdout: str
    stderr: str


def in_process(main: Callable[[], int], *, environment: Mapping[str, str], folder: Path = REPOSITORY) -> Done:
    """Run `main` in a folder, with these variables and no others. All of it is afterwards as before, signals too."""
    with (
        _signals_kept(),
        patch.dict(os.environ, environment, clear=True),
        chdir(folder),
        redirect_stdout(StringIO()) as out,
        redirect_stderr(StringIO()) as errors,
    ):
        status = main()
    return Done(status, out.getvalue(), errors.getvalue())


def local(*arguments: str, environment: Mapping[str, str]) -> Done:
    """`python -m infra.local`."""
    from infra.local import commands

    return _infra(commands, arguments, environment)


def deploy(*arguments: str, environment: Mapping[str, str]) -> Done:
    """`python -m infra.deploy`."""
    from infra.deploy import commands

    return _infra(commands, arguments, environment)


def _infra(commands: Any, arguments: Sequence[str], environment: Mapping[str, str]) -> Done:
    with patch("sys.argv", ["", *arguments]):
        return in_process(lambda: command_line.run(commands.program, *commands.EXPECTED), environment=environment)


@contextmanager
def _signals_kept() -> Iterator[None]:
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
