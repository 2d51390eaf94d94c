"""A new agent, copied from an example together with its tools and tests. Nothing that is there is written over."""

import os
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from cli import headers
from cli.doctor.agents import agents_folder
from cli.errors import CliError, UsageError
from ringside.agentfile.agent import DEFAULT
from ringside.agentfile.agents import Agents
from ringside.agentfile.loader import load_agents
from ringside.agentfile.yaml_lines import AgentFileError
from ringside.settings import SHIPPED

DOCS = SHIPPED.parent / "docs"
EXAMPLES = DOCS / "examples" / "agents"
FICTIONAL = [f"+120255501{last:02d}" for last in range(20, 100)]
"""Numbers that no phone has (NANPA: 555-0100 to 555-0199 are for fiction)."""

_ANSWERS = re.compile(r"^answers:.*$", re.MULTILINE)
_SCHEMA = re.compile(r"^(# yaml-language-server: \$schema=)\S+$", re.MULTILINE)


def make(name: str, example: str, numbers: Sequence[str], folder: Path | None) -> None:
    """Write the files and say what can be done with them; raises `CliError` and writes nothing if any is there."""
    if not re.fullmatch(r"[a-z][a-z0-9_-]{0,62}", name):
        raise UsageError(f"{name} is not a name for an agent: small letters, digits, - and _, beginning with a letter")
    folder = folder or agents_folder(os.environ)
    if not EXAMPLES.is_dir():
        raise CliError("the examples belong to the repository: run this in a clone of it")
    if not folder.is_dir():
        raise CliError(f"{folder}: there is no such folder")
    answers = _answers(numbers, _known(folder))
    files = dict(_files(name, example, folder, answers))
    for path in files:
        if path.exists():
            raise CliError(f"{path} is there already: choose another name, or move it away")
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(f"wrote {_here(path)}")
    print(f"\n{name} answers {', '.join(answers)}. Next:")
    steps = {
        f".venv/bin/ringside test -k {name}": "play its tests",
        f".venv/bin/ringside talk {name} --stand-in": "type with it; with OPENAI_API_KEY leave out --stand-in",
        f"make call AGENT={name}": "ring it, once `make local` runs in another terminal",
    }
    for command, meaning in steps.items():
        print(f"  {command}\n      {meaning}")


def _known(folder: Path) -> Agents:
    try:
        return load_agents(folder)
    except AgentFileError as error:
        if "there is no agent" in str(error) or not list(folder.glob("*.yaml")):
            return Agents({})
        raise CliError("; ".join(str(error).splitlines())) from None


def _answers(numbers: Sequence[str], known: Agents) -> list[str]:
    """The numbers that it is to answer. At a terminal they are asked for if none is given."""
    given = list(numbers)
    taken = {number: agent.name for agent in known for number in agent.answers}
    fictional = next(number for number in FICTIONAL if number not in taken)
    if not given and sys.stdin.isatty() and sys.stdout.isatty():
        text = input(f"Which number does it answer? (such as +14255550112; Enter for {fictional}, a fictional one): ")
        given = text.replace(",", " ").split()
    found = [entry if entry == DEFAULT else headers.number(entry, "--number") for entry in given] or [fictional]
    for number in found:
        if number in taken:
            raise UsageError(f"--number: {number} is answered by {taken[number]} already")
    return found


def _files(name: str, example: str, folder: Path, answers: Sequence[str]) -> Iterator[tuple[Path, str]]:
    """What to write, by path."""
    listed = ", ".join(number if number == DEFAULT else f'"{number}"' for number in answers)
    text = _ANSWERS.sub(f"answers: [{listed}]", (EXAMPLES / f"{example}.yaml").read_text(encoding="utf-8"), count=1)
    text = "".join(line for line in text.splitlines(keepends=True) if not line.startswith("# Copy: "))
    yield folder / f"{name}.yaml", _with_schema(text, folder, "agent.schema.json")
    tools = EXAMPLES / f"{example}.py"
    if tools.is_file():
        yield folder / f"{name}.py", tools.read_text(encoding="utf-8")
    tests = folder / "tests"
    for path in sorted((EXAMPLES / "tests").glob("*.scenario.yaml")):
        scenario = path.read_text(encoding="utf-8")
        if not re.search(rf"^agent: {example}$", scenario, re.MULTILINE):
            continue
        scenario = re.sub(rf"^agent: {example}$", f"agent: {name}", scenario, count=1, flags=re.MULTILINE)
        scenario = scenario.replace(f"fakes/{example}.py", f"fakes/{name}.py")
        copy = path.name if path.name.startswith(f"{name}.") else f"{name}-{path.name}"
        yield tests / copy, _with_schema(scenario, tests, "scenario.schema.json")
    fakes = EXAMPLES / "tests" / "fakes" / f"{example}.py"
    if fakes.is_file():
        yield tests / "fakes" / f"{name}.py", fakes.read_text(encoding="utf-8")


def _with_schema(text: str, folder: Path, schema: str) -> str:
    """With the comment by which editors find the schema, as it is from there."""
    where = os.path.relpath(DOCS / schema, folder)
    return _SCHEMA.sub(lambda found: f"{found[1]}{where}", text)


def _here(path: Path) -> str:
    """As it is from here, if it is below."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
