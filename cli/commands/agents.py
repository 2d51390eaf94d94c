"""`ringside agents check`: what is wrong with the agent files; `ringside agents import`: a file made from a
session body."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from cli.options import AgentFiles

app = App(name="agents")


@app.command
def check(*, agents: AgentFiles = None) -> int:
    """Check the agent files and their tools, without a cloud. The exit status is 1 if anything is wrong.

    More than is looked at when a function starts: what OpenAI would refuse, rules that are never reached, targets
    without the tool transfer, tools that the instructions name and nobody has, packages that do not ship.
    """
    import os

    from cli import check as checking
    from cli.doctor.agents import agents_folder
    from cli.terminal import safe

    folder = agents or agents_folder(os.environ)
    checked = checking.check(folder)
    for problem in checked.problems:
        print(safe(problem.text if problem.is_wrong else f"{problem.text} (may be meant so)"))
    wrong = sum(problem.is_wrong for problem in checked.problems)
    agents_found = f"{len(checked.agents)} agent{'' if len(checked.agents) == 1 else 's'}"
    tools_found = f"{len(checked.tools)} tool{'' if len(checked.tools) == 1 else 's'}"
    print(f"{agents_found}, {tools_found}: {f'{wrong} wrong' if wrong else 'nothing wrong'}")
    return int(bool(wrong))


@app.command(name="import")
def import_(
    session: Annotated[str, Parameter(metavar="FILE", help="The session body (JSON), or `-` for standard input.")],
    /,
    *,
    output: Annotated[
        Path | None, Parameter(name=["--output", "-o"], metavar="FILE", help="The agent file (default: shown).")
    ] = None,
) -> int:
    """Write an agent file from a Realtime session body, of the current shape or of the beta."""
    from cli import session_import
    from cli.errors import CliError
    from cli.terminal import safe
    from ringside.agentfile.loader import load_agents
    from ringside.agentfile.yaml_lines import AgentFileError

    try:
        text = sys.stdin.read() if session == "-" else Path(session).read_text(encoding="utf-8")
        found = session_import.imported(session_import.loads(text))
    except OSError as error:
        raise CliError(f"{session}: {error.strerror}") from None
    except (UnicodeDecodeError, session_import.NotASession) as error:
        raise CliError(f"{session}: {error}") from None
    written = found.text(session)
    for each in found.left_out:
        print(f"{safe(each.what)}: {safe(each.why)}", file=sys.stderr)
    if output is None:
        print(written, end="")
        return 0
    if output.suffix != ".yaml":
        raise CliError(f"{output}: agent files must end in .yaml")
    try:
        with output.open("x", encoding="utf-8") as file:  # an agent that is there already is not written over
            file.write(written)
    except OSError as error:
        raise CliError(f"{output}: {error.strerror}") from None
    try:
        load_agents(output.parent)
    except AgentFileError as error:
        wrong = [line for line in str(error).splitlines() if line.startswith(f"{output}:")]
        print("\n".join(safe(line) for line in wrong), file=sys.stderr)
        return int(bool(wrong))
    return 0
