"""The tree of commands, and what becomes of errors.

Exit status: 0 well, 1 an error or something wrong, 2 wrong usage, 130 interrupted, 141 the reader went away.
"""

import contextlib
import io
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version

from cyclopts import App, Argument, CycloptsError, MissingArgumentError, Parameter, UnusedCliTokensError

from cli.errors import CliError, UsageError, explain, one_line
from cli.help import TwoColumns
from cli.main import INTERRUPTED
from cli.options import OPTIONS
from cli.terminal import console, safe

app = App(
    name="ringside",
    help="Look after phone calls that are answered with OpenAI's Realtime API in your AWS account.",
    version=lambda: version("ringside"),
    default_parameter=Parameter(negative=()),
    group_parameters=OPTIONS,
    help_format="plaintext",
    help_formatter=TwoColumns(),
    result_action="return_value",
    exit_on_error=False,
    print_error=False,
    suppress_keyboard_interrupt=False,
)
app["--help"].help = "Show this message and exit."
app["--version"].help = "Show the version and exit."

# By name: a command's module is imported when the command is used. Help shows the first sentence in the list of
# commands, and all of it with --help.
app.command("cli.commands.agents:app", name="agents", help="Check agent files, or turn a session body into one.")
app.command("cli.commands.calls:app", name="calls", help="Show recorded calls, and follow calls in progress.")
app.command(
    "cli.commands.console:console",
    name="console",
    help="""Show calls, live calls, numbers and agents in a browser, until Ctrl-C.

    A server on this machine only, which reads with your AWS credentials, and acts on live calls if you tell it to. The
    URL that it prints has a token: nobody without it sees anything.""",
)
app.command(
    "cli.commands.decide:decide",
    name="decide",
    help="""Show which rule would admit or reject a call, without placing one.

    The agent files of this checkout decide. The record is read only if a rule has to count; nothing is written.""",
)
app.command(
    "cli.commands.erase:erase",
    name="erase",
    help="""Erase a call, or every call of a caller, from the record for good.

    Shows what it is and asks first. Who did it and which calls they were is written down (--log). What was interrupted
    is finished by the next `ringside erase`. Exports that may hold the calls are named; docs/privacy.md says what else
    is kept, where and for how long.""",
)
app.command(
    "cli.commands.new:new",
    name="new",
    help="""Make an agent, with its tools and tests, from an example.

    Writes NAME.yaml, NAME.py and tests/NAME-*.scenario.yaml into the agents' folder, all of them working, and nothing
    over what is there.""",
)
app.command(
    "cli.commands.talk:talk",
    name="talk",
    help="""Talk to an agent as a caller would, typed or with --voice.

    The agent files of this checkout decide whether the call is accepted; then you type, and the agent answers with
    its own instructions and tools, over a Realtime session of your OPENAI_API_KEY. Transfers are shown and not made.
    Ctrl-C hangs up. Nothing is needed but the key, and with --stand-in not even that.""",
)
app.command(
    "cli.commands.doctor:doctor",
    name="doctor",
    help="""Check a deployment, and say how to fix what is wrong.

    Checks settings, credentials, table, queue, secret, OpenAI, tools, agent files, models and the webhook. The exit
    status is 1 if anything is wrong.""",
)
app.command(
    "cli.commands.canary:canary",
    name="canary",
    help="""Walk the path of a call without a call, and say which part does not work.

    Sends a signed event of a made-up type to the webhook, looks whether anything waits in the queue, whether a monitor
    holds a lease, and whether OpenAI's sideband is reached. Nothing is written. The exit status is 1 if a part does not
    work. The stack does the same every five minutes where its parameter Canary is true.""",
)
app.command(
    "cli.commands.notify:app",
    name="notify",
    help="Webhooks to the receivers of agent files: secrets, tests, what became of them, and sending them again.",
)
app.command(
    "cli.commands.setup:setup",
    name="setup",
    help="""Connect a deployment to OpenAI and to a phone number.

    Stores the API key, makes the webhook endpoint at OpenAI, stores its signing secret, sends a test event, and shows
    what to enter at the carrier. What is right already stays as it is, so it can be run again at any time.""",
)
app.command(
    "cli.commands.stats:stats",
    name="stats",
    help="""Show the numbers of some days: calls, ends, speed, length and cost.

    Of today, unless you choose others; at most 92 days. docs/cli.md defines each number.""",
)
app.command(
    "cli.commands.test:app",
    name="test",
    help="""Play the scenarios of your agents, without a phone, a cloud or a key.

    The exit status is 0 if all passed, 1 if something failed, 2 if a file or the command line is wrong, 3 if nothing
    failed but something is unsure or broken.""",
)


def run(argv: Sequence[str]) -> int:
    """Run one command line; returns the exit status. Every expected error is one line on standard error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that knows no "→" still shows the rest
    out = console()
    try:
        status: int | None = app(list(argv), console=out)
        sys.stdout.flush()
        return status or 0
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _forget_output()
        return 141  # as a shell shows SIGPIPE
    except CycloptsError as error:
        return _fail(_usage(error), 2)
    except CliError as error:
        return _fail(str(error), 2 if isinstance(error, UsageError) else 1)
    except Exception as error:
        return _fail_unexpectedly(error)


def _usage(error: CycloptsError) -> str:
    command = " ".join(["ringside", *(error.command_chain or ())])
    match error:
        case UnusedCliTokensError(unused_tokens=[*tokens]):
            message = f"unexpected argument: {' '.join(tokens)}"
        case MissingArgumentError(argument=Argument(name=name)):
            message = f"{name} needs a value" if name.startswith("-") else f"{name} is missing"
        case _:
            message = one_line(error).removesuffix(".")
    return f"{message} (see {command} --help)"


def _fail(message: str, status: int) -> int:
    with contextlib.suppress(BrokenPipeError):
        print(f"ringside: {safe(message)}", file=sys.stderr)
    return status


def _fail_unexpectedly(error: Exception) -> int:
    """AWS's errors in words; of anything else, which is a bug, the traceback."""
    # Here, because they take longer to import than help takes to show.
    from botocore.exceptions import BotoCoreError, ClientError

    if isinstance(error, BotoCoreError | ClientError):
        return _fail(explain(error), 1)
    from rich.traceback import Traceback

    trace = Traceback.extract(type(error), error, error.__traceback__, show_locals=False)
    for stack in trace.stacks:
        stack.exc_value = safe(stack.exc_value)  # it may quote what a stranger said
    console(stderr=True).print(Traceback(trace))
    return 1


def _forget_output() -> None:
    """The reader is gone: keep the interpreter from complaining about it when it flushes at exit."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
