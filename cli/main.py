"""`ringside` as a process. Imports next to nothing, so that Ctrl-C is quiet also while everything else is imported."""

import os
import signal
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

INTERRUPTED = 130
"""The exit status after Ctrl-C, as shells have it."""


def script() -> NoReturn:
    """The console script. Ctrl-C ends it without a word, unless whoever started it ignores Ctrl-C (`nohup`)."""
    interruptible = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if interruptible:  # an exception could surface anywhere in an import, or be swallowed by it
        signal.signal(signal.SIGINT, _end)
    run = _command()
    if interruptible:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    status = run(sys.argv[1:])
    if interruptible:
        signal.signal(signal.SIGINT, _end)
    sys.exit(status)


def main(argv: Sequence[str]) -> int:
    """Run one command line in this process; returns the exit status."""
    return int(_command()(argv))


def _command() -> Any:
    try:
        from cli.app import run
    except ModuleNotFoundError as missing:
        if missing.name not in ("cyclopts", "rich"):
            raise
        return _without_packages
    return run


def _without_packages(argv: Sequence[str]) -> int:
    print("ringside: the command needs its own packages: pip install 'ringside[cli]'", file=sys.stderr)
    return 1


def _end(*_: object) -> None:
    os._exit(INTERRUPTED)


if __name__ == "__main__":
    script()
