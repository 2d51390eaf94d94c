"""Programs for people: options by cyclopts, one clear line for an error, and the exit statuses of a shell.

0 is success and 1 an error; 2 is a wrong option, 130 is Ctrl-C. Imports next to nothing by itself, so that Ctrl-C is
one line also while everything else is imported.
"""

import os
import signal
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cyclopts import App

INTERRUPTED = 130


def starting() -> None:
    """Until `run`, Ctrl-C ends this process at once: nothing is under way yet.

    So it does where whoever started this process ignores Ctrl-C (a background job of a script, `nohup`). A child
    inherits that somebody ignores a signal, but never a handler: the children's Ctrl-C works again, too.
    """
    signal.signal(signal.SIGINT, _end)


def _end(*_: object) -> None:
    os.write(2, b"Interrupted.\n")
    os._exit(INTERRUPTED)


def program(name: str, description: str | None, **more: Any) -> "App":
    """A program with commands, or with one default; `name` is what is typed to start it."""
    from cyclopts import App, Parameter

    return App(
        name=name,
        help=description,
        version_flags=(),
        default_parameter=Parameter(negative=()),
        result_action="return_value",
        suppress_keyboard_interrupt=False,
        **more,
    )


def run(app: "App", *expected: type[Exception]) -> int:
    """Run what the command line asks for; its exit status. Errors of the `expected` types are said in one line."""
    from cyclopts import CycloptsError

    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        status: int | None = app(sys.argv[1:], exit_on_error=False, print_error=False)
    except CycloptsError as wrong:
        print(f"{wrong} Try --help.", file=sys.stderr)
        return 2
    except expected as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return INTERRUPTED
    finally:
        signal.signal(signal.SIGINT, _end)  # what is left to do is to leave
    return status or 0
