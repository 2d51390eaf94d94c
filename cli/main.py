"""`ringside`: the command line. Exit status: 0 well, 1 something is wrong, 2 wrong usage, 130 interrupted."""

import argparse
import contextlib
import io
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from botocore.exceptions import BotoCoreError, ClientError

from cli import agents, calls, decide, doctor, setup
from cli.errors import CliError, UsageError, explain
from cli.terminal import safe

COMMANDS = (agents, calls, decide, doctor, setup)
"""The modules that add a command. Each has `add_to(commands)`, and sets `run(args) -> exit status` on its parser."""


class _Parser(argparse.ArgumentParser):
    """Tells an error in one line, where argparse would print the usage first."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see {self.prog} --help)")


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    whole = _Parser(prog="ringside", description="Answers phone calls with OpenAI's Realtime API, in your AWS account.")
    commands = whole.add_subparsers(metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_to(commands)
    return whole


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status. Every error is one line on standard error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that knows no "→" still shows the rest
    try:
        args = parser().parse_args(argv)
        status: int = args.run(args)
        sys.stdout.flush()
        return status
    except SystemExit as asked:  # --help
        return int(asked.code or 0)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        _forget_output()
        return 141  # as a shell shows SIGPIPE
    except CliError as error:
        return _fail(str(error), 2 if isinstance(error, UsageError) else 1)
    except (BotoCoreError, ClientError) as error:
        return _fail(explain(error), 1)


def _fail(message: str, status: int) -> int:
    with contextlib.suppress(BrokenPipeError):
        print(f"ringside: {safe(message)}", file=sys.stderr)
    return status


def _forget_output() -> None:
    """Whoever read us is gone: the interpreter shall not complain of it when it flushes at exit."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
