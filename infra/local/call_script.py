"""What `make call` plays, and to whom: a script that exists and fits the agent that answers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cli import headers
from cli.errors import UsageError
from infra.emulator.errors import BadInput
from infra.emulator.scripts import script as scripts
from infra.emulator.scripts.lines import Agent as AgentLine
from infra.emulator.scripts.script import SHIPPED, Script
from ringside.agentfile.agent import DEFAULT
from ringside.agentfile.loader import load_agents
from ringside.agentfile.yaml_lines import AgentFileError

ANY_NUMBER = "+18005551212"


def read(wanted: str) -> str | dict[str, Any]:
    """The name of a script that ships, or what a file has; `UsageError` if it is neither."""
    if "/" not in wanted and not wanted.endswith((".yaml", ".yml")):
        names = sorted(path.stem for path in SHIPPED.glob("*.yaml"))
        if wanted not in names:
            raise UsageError(
                f"--script: there is no script {wanted}; there are {', '.join(names)}. A file of your own is given "
                "with its path, such as ./mine.yaml"
            )
        return wanted
    return _load(Path(wanted)).model_dump(mode="json", exclude_unset=True)


def _load(path: Path) -> Script:
    try:
        return scripts.load(path)
    except OSError as error:
        raise UsageError(f"--script: {path}: {error.strerror}") from None
    except BadInput as error:
        raise UsageError(f"--script: {error}") from None


def number_of(agent: str | None, called: str | None, folder: Path) -> str:
    """The number to dial: the one that is given, or one that leads to the agent."""
    if called is not None:
        number = headers.number(called, "--to")
        if agent is not None:
            answering = load_agents(folder).answering(number)
            if answering is None or answering.name != agent:
                other = answering.name if answering else "no agent"
                raise UsageError(f"{number} is answered by {other}, not by {agent}: leave out --to, or --agent")
        return number
    if agent is None:
        return ANY_NUMBER
    found = load_agents(folder).named(agent)
    if found is None:
        known = ", ".join(sorted(each.name for each in load_agents(folder)))
        raise UsageError(f"--agent: there is no agent {agent}; there are: {known}")
    return next((number for number in found.answers if number != DEFAULT), ANY_NUMBER)


def check_fit(played: str | dict[str, Any], name: str, called: str, folder: Path) -> None:
    """Raise `UsageError` if the script has the model call a tool that the agent which answers does not have.

    A real model could not: it only knows the tools of its session.
    """
    try:
        agent = load_agents(folder).answering(called)
    except AgentFileError:  # the running cloud has the former ones in force
        return
    if agent is None:
        return
    script = _load(SHIPPED / f"{played}.yaml") if isinstance(played, str) else scripts.parse(played)
    has = {*agent.tools, *(tool.name for tool in agent.lambda_tools)}
    missing = sorted({tool for tool in _tools(script) if tool not in has})
    if missing:
        raise UsageError(
            f"--script: {name} calls {', '.join(missing)}, which the agent {agent.name} does not have. Play another "
            "one, or leave it out: then the emulator's stand-in answers, with the agent's own greeting and tools"
        )


def _tools(script: Script) -> Iterator[str]:
    for line in script.lines:
        if isinstance(line, AgentLine):
            yield from (call.name for call in line.calls)
