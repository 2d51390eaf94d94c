"""`python -m cli.check [DIR]`: everything that is wrong with a folder of agents, without an account, and what may be.

More than is looked at when a function starts: schemas against the JSON Schema metaschema, the session's tokens, the
packages that tools import. The doctor, `make check`, `make local` and a deployment all ask here, so that what
OpenAI would refuse, and what works only on the machine where it was written, never goes live.
"""

import ast
import importlib.metadata
import json
import re
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, SchemaError

from ringside import prices
from ringside.agentfile import tokens
from ringside.agentfile.advice import Known, advise
from ringside.agentfile.loader import AgentFile, check_tools, read_agents
from ringside.agentfile.yaml_lines import AgentFileError
from ringside.openai import accept
from ringside.settings import SHIPPED
from ringside.tools.definition import Tool, ToolError
from ringside.tools.loader import load_tools

ALMOST = 0.8
"""Of the tokens that OpenAI takes: above it there is a warning, for tokens are estimated here."""


@dataclass(frozen=True)
class Problem:
    """`text` begins with `file:line: field:` where that is known. Only what `is_wrong` keeps a deployment back."""

    text: str
    is_wrong: bool = True


@dataclass(frozen=True)
class Checked:
    """What was found in a folder: its agents and tools, as far as they can be read, and what is wrong with them."""

    agents: dict[str, AgentFile]
    tools: dict[str, Tool]
    problems: list[Problem]


def check(folder: Path, listed: Collection[str] = ()) -> Checked:
    """Look at a folder of agents closely. `listed`: the models that OpenAI lists for the key, if they are known."""
    found: list[Problem] = []
    files: dict[str, AgentFile] = {}
    tools: dict[str, Tool] = {}
    names: set[str] | None = None
    try:
        files = read_agents(folder)
        names = {name for file in files.values() for name in file.agent.tools}
    except AgentFileError as error:
        found += map(Problem, str(error).splitlines())
    found += _imports(folder)
    try:
        tools = load_tools(folder, names)
    except ToolError as error:
        found.append(Problem(" ".join(str(error).split())))
    else:
        for file in files.values():
            try:
                check_tools(file, tools)
            except AgentFileError as error:
                found += map(Problem, str(error).splitlines())
    table = prices.load()
    known = Known(table.realtime, table.transcription, listed)
    for file in files.values():
        for advice in advise(file.agent, known):
            found.append(Problem(file.source.problem(advice.path, advice.text), advice.is_wrong))
        found += _session(file, tools)
    found += [
        Problem(f"{tool.function.__code__.co_filename}: {tool.name}: its schema is not a JSON schema: {what}")
        for tool in tools.values()
        if (what := _against_metaschema(tool.schema))
    ]
    return Checked(files, tools, found)


def _session(file: AgentFile, tools: dict[str, Tool]) -> Iterator[Problem]:
    """What OpenAI would say against the session that is sent."""
    agent, source = file.agent, file.source
    for index, tool in enumerate(agent.lambda_tools):
        if what := _against_metaschema(tool.parameters):
            yield Problem(source.problem(("lambda_tools", index, "parameters"), f"is not a JSON schema: {what}"))
    session: dict[str, Any] = accept.session(agent, tools, agent.instructions)
    text = str(session.get("instructions", "")) + "".join(
        json.dumps(tool, ensure_ascii=False, separators=(",", ":")) for tool in session["tools"]
    )
    least, about = tokens.at_least(text), tokens.about(text)
    what = f"instructions and tools have %s {max(least, about):,} tokens; OpenAI takes {tokens.LIMIT:,}"
    if least > tokens.LIMIT:
        yield Problem(source.problem(("instructions",), what % "at least"))
    elif about > tokens.LIMIT * ALMOST:
        yield Problem(source.problem(("instructions",), f"{what % 'about'} (estimated)"), is_wrong=False)


def _against_metaschema(schema: dict[str, Any]) -> str | None:
    """What the JSON Schema metaschema says, and whether defaults and examples are what their own schema says."""
    try:
        Draft202012Validator.check_schema(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    except SchemaError as error:
        where = ".".join(str(part) for part in error.absolute_path)
        return f"{where}: {error.message}" if where else str(error.message)
    return next(_values(schema, schema), None)


def _values(schema: Any, root: dict[str, Any]) -> Iterator[str]:
    if isinstance(schema, dict):
        validator = Draft202012Validator({"$defs": root.get("$defs", {}), **_without(schema)})
        given = [("default", schema["default"])] if "default" in schema else []
        given += [("examples", value) for value in schema.get("examples", ())]
        for keyword, value in given:
            if not validator.is_valid(value):
                yield f"{keyword} {json.dumps(value, default=str)} does not fit {json.dumps(_without(schema))}"
        for keyword in ("properties", "$defs", "patternProperties"):
            for inner in schema.get(keyword, {}).values():
                yield from _values(inner, root)
        for keyword in ("items", "additionalProperties"):
            yield from _values(schema.get(keyword), root)
        for keyword in ("anyOf", "oneOf", "allOf"):
            for inner in schema.get(keyword, ()):
                yield from _values(inner, root)


def _without(schema: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in schema.items() if name not in ("default", "examples", "description")}


# --- packages ---


def _imports(folder: Path) -> Iterator[Problem]:
    """Packages that the user's code imports and that are not among those that ship."""
    requirements = SHIPPED / "requirements.txt"
    if (
        not folder.is_dir() or not requirements.is_file()
    ):  # where only the product is installed, there is nothing to compare with
        return
    shipped = set(
        re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==", requirements.read_text(encoding="utf-8"), re.MULTILINE)
    )
    names = {_normal(name) for name in shipped}
    providers = importlib.metadata.packages_distributions()
    own = {path.stem for path in folder.glob("*.py")} | {path.name for path in folder.iterdir() if path.is_dir()}
    for path in sorted(folder.rglob("*.py")):
        if "tests" in path.relative_to(folder).parts:
            continue
        try:
            tree = ast.parse(path.read_bytes(), str(path))
        except (SyntaxError, ValueError):
            continue  # loading it says so
        for line, module in sorted(_imported(tree)):
            if module in sys.stdlib_module_names or module in _OURS or module in own:
                continue
            distributions = {_normal(name) for name in providers.get(module, ())}
            if not distributions & names:
                package = min(distributions, default=module)
                yield Problem(
                    f"{path}:{line}: import {module}: {package} is not among the packages that ship; add it with "
                    f"`.venv/bin/uv add --group agents {package}` and `make lock`"
                )


_OURS = {"ringside", "agents"}


def _imported(tree: ast.AST) -> set[tuple[int, str]]:
    """The top-level modules that a file imports, wherever in it; not those that only a type checker imports."""
    found: set[tuple[int, str]] = set()
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            for other in node.orelse:
                found |= _imported(other)
        elif isinstance(node, ast.Try) and any("ImportError" in _caught(handler) for handler in node.handlers):
            continue  # it does without, if it has to
        elif isinstance(node, ast.Import):
            found |= {(node.lineno, alias.name.partition(".")[0]) for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add((node.lineno, node.module.partition(".")[0]))
        elif (
            isinstance(node, ast.Call)
            and ast.unparse(node.func) in ("__import__", "import_module", "importlib.import_module")
            and node.args
            and isinstance(node.args[0], ast.Constant)
        ):
            found.add((node.lineno, str(node.args[0].value).partition(".")[0]))
            found |= _imported(node)
        else:
            found |= _imported(node)
    return found


def _caught(handler: ast.ExceptHandler) -> str:
    """The exceptions of a handler; all of them include ImportError."""
    text = "ImportError" if handler.type is None else ast.unparse(handler.type)
    return text.replace("ModuleNotFoundError", "ImportError").replace("Exception", "ImportError")


def _normal(name: str) -> str:
    """A distribution's name as package indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def main(argv: list[str]) -> int:
    """1 if anything is wrong."""
    folders = [Path(given) for given in argv] or [SHIPPED / "agents"]
    wrong = False
    for folder in folders:
        for problem in check(folder).problems:
            wrong = wrong or problem.is_wrong
            print(("" if problem.is_wrong else "warning: ") + problem.text, file=sys.stderr)
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
