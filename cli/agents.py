"""`ringside agents import`: an agent file from a session body."""

import argparse
import sys
from pathlib import Path
from typing import Any

from cli import session_import
from cli.errors import CliError
from cli.terminal import safe
from ringside.agentfile.loader import load_agents
from ringside.agentfile.yaml_lines import AgentFileError


def add_to(commands: "argparse._SubParsersAction[Any]") -> None:
    parser = commands.add_parser("agents", help="agent files")
    importing = parser.add_subparsers(metavar="COMMAND", required=True).add_parser(
        "import", help="write an agent file from a Realtime session body (JSON, GA or beta)"
    )
    importing.add_argument("session", metavar="FILE", help="the session body; - for standard input")
    importing.add_argument(
        "--output", "-o", type=Path, metavar="FILE", help="the agent file to write (default: standard output)"
    )
    importing.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the agent file, and say on standard error what was left out; 1 if the file still has to be corrected."""
    try:
        text = sys.stdin.read() if args.session == "-" else Path(args.session).read_text(encoding="utf-8")
        found = session_import.imported(session_import.loads(text))
    except (OSError, UnicodeDecodeError, session_import.NotASession) as error:
        raise CliError(f"{args.session}: {error}") from None
    written = found.text(args.session)
    for each in found.left_out:
        print(f"{safe(each.what)}: {safe(each.why)}", file=sys.stderr)
    if args.output is None:
        print(written, end="")
        return 0
    if args.output.suffix != ".yaml":
        raise CliError(f"{args.output}: agent files must end in .yaml")
    try:
        with args.output.open("x", encoding="utf-8") as file:  # an agent that is there already is not written over
            file.write(written)
    except OSError as error:
        raise CliError(f"{args.output}: {error.strerror}") from None
    try:
        load_agents(args.output.parent)
    except AgentFileError as error:
        wrong = [line for line in str(error).splitlines() if line.startswith(f"{args.output}:")]
        print("\n".join(safe(line) for line in wrong), file=sys.stderr)
        return int(bool(wrong))
    return 0
