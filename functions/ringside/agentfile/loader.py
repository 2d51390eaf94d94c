"""The agent files: `agents/*.yaml`, one agent each, checked before any call sees them.

Every error names file, line and field, and all errors are reported at once.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ringside.agentfile import pasted, tokens, tool_schema, yaml_lines
from ringside.agentfile.agent import Agent
from ringside.agentfile.agents import Agents
from ringside.agentfile.problems import problems
from ringside.agentfile.tool_keys import visible
from ringside.agentfile.yaml_lines import AgentFileError, FieldPath, YamlFile
from ringside.conversation import builtin_tools

DEFAULTS = "_defaults.yaml"
"""Fields that all agents of a folder share; no agent can be called so."""

_OWN = ("answers", "name")  # fields that agents cannot share


@dataclass(frozen=True)
class AgentFile:
    """One agent, and where each of its fields was written."""

    agent: Agent
    source: YamlFile


def load_agents(folder: Path, tools: Collection[str] | None = None) -> Agents:
    """Read `folder/*.yaml`; raise `AgentFileError` with every problem found.

    `tools`: the keys of the tools that there are besides the built-in ones; None leaves them unchecked.
    """
    files = read_agents(folder, tools)
    return Agents({name: file.agent for name, file in files.items()})


def read_agents(folder: Path, tools: Collection[str] | None = None) -> dict[str, AgentFile]:
    """As `load_agents`, but with the places of the fields."""
    paths = sorted(path for path in folder.glob("*.yaml") if path.name != DEFAULTS)
    found = list(_passed_over(folder))
    if not paths and not found:
        raise AgentFileError(f"{folder}: contains no agent file (*.yaml)")
    defaults = None
    if (folder / DEFAULTS).exists():
        try:
            defaults = _defaults(folder / DEFAULTS)
        except AgentFileError as error:  # what agents lack because of it would only distract
            raise AgentFileError("\n".join([*found, str(error)])) from None
    files: dict[str, AgentFile] = {}
    numbers: dict[str, Path] = {}
    for path in paths:
        try:
            file = _read(path, defaults)
            if tools is not None:
                check_tools(file, tools)
        except AgentFileError as error:
            found += [problem for problem in str(error).splitlines() if problem not in found]
            continue
        agent = file.agent
        files[agent.name] = file
        for index, number in enumerate(agent.answers):
            if number in numbers:
                what = f"{number} is already answered by {numbers[number].name}"
                found.append(f"{file.source.where(('answers', index))}: answers: {what}")
            numbers[number] = path
    if found:
        raise AgentFileError("\n".join(found))
    return files


def _passed_over(folder: Path) -> Iterator[str]:
    """Files that are meant as agent files, but would not be read."""
    for path in sorted(folder.glob("*")):
        if path.suffix.lower() in (".yaml", ".yml") and path.suffix != ".yaml":
            yield f"{path}:1: agent files must end in .yaml; rename this one"
    for path in sorted(folder.rglob("*")):
        parents = path.relative_to(folder).parts[:-1]
        if not parents or any(part.startswith((".", "_")) or part == "tests" for part in parents):
            continue
        if path.suffix.lower() in (".yaml", ".yml") and path.is_file() and _is_an_agent(path):
            yield f"{path}:1: agent files in sub-folders are not read; move this one to {folder}"


def _is_an_agent(path: Path) -> bool:
    text = path.read_bytes().decode("utf-8", "replace")
    return all(re.search(rf"^{name}\s*:", text, re.MULTILINE) for name in ("answers", "instructions(_file)?"))


def _defaults(path: Path) -> YamlFile:
    file = yaml_lines.read(path)
    wrong = [file.problem((name,), "belongs to one agent, not to all") for name in _OWN if name in file.values]
    known = Agent.model_fields
    hints = pasted.recognise(file, frozenset(known))
    for name in file.values:
        if name not in known and not any(hint.covers((name,)) for hint in hints):
            wrong.append(file.problem((name,), "there is no such field"))
    wrong += [file.problem(hint.path, hint.text) for hint in hints]
    if wrong:
        raise AgentFileError("\n".join(wrong))
    return file


def _read(path: Path, defaults: YamlFile | None) -> AgentFile:
    own = yaml_lines.read(path)
    file = _with_defaults(own, defaults) if defaults else own
    name = file.values.setdefault("name", path.stem)
    if name != path.stem:
        raise AgentFileError(file.problem(("name",), f"must be {path.stem}, like the file"))
    if file.values.get("instructions_file") is not None:
        _read_instructions(file)
    try:
        agent = Agent.model_validate(file.values)
    except ValidationError as error:
        hints = pasted.recognise(file, frozenset(Agent.model_fields))
        raise AgentFileError("\n".join(problems(error, file, Agent, hints))) from None
    wrong = [*_free_form(agent, file), *_too_long(agent, file)]
    if wrong:
        raise AgentFileError("\n".join(wrong))
    return AgentFile(agent, file)


def _with_defaults(own: YamlFile, defaults: YamlFile) -> YamlFile:
    """An agent that says how it greets, or what it is to do, takes no other way of saying it from the defaults."""
    values = dict(defaults.values)
    for one_of in (("instructions", "instructions_file"), ("greeting", "greeting_instructions")):
        if any(name in own.values for name in one_of):
            for name in one_of:
                values.pop(name, None)
    return yaml_lines.with_defaults(own, YamlFile(defaults.path, values, defaults.lines, defaults.texts))


def _read_instructions(file: YamlFile) -> None:
    """Put the text of `instructions_file` in the place of `instructions`."""
    path: FieldPath = ("instructions_file",)
    named = file.values["instructions_file"]
    if "instructions" in file.values:
        raise AgentFileError(file.problem(path, "give either instructions or instructions_file, not both"))
    if not isinstance(named, str):
        raise AgentFileError(file.problem(path, "must be text: the name of a file"))
    folder = file.where(path).file.parent.resolve()
    found = (folder / named).resolve()
    if not found.is_relative_to(folder):
        raise AgentFileError(file.problem(path, f"{named} is outside the agents' folder, so it would not be deployed"))
    try:
        text = found.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise AgentFileError(file.problem(path, f"{named} cannot be read: {error.strerror}")) from None
    except UnicodeDecodeError:
        raise AgentFileError(file.problem(path, f"{named} is not UTF-8")) from None
    if not text.strip():
        raise AgentFileError(file.problem(path, f"{named} is empty"))
    file.values["instructions"] = text
    file.lines[("instructions",)] = yaml_lines.Where(folder / named, 1)


def _free_form(agent: Agent, file: YamlFile) -> Iterator[str]:
    """What is wrong with the schemas of Lambda tools, and with what YAML made of them."""
    for index, entry in enumerate(agent.lambda_tools):
        start: FieldPath = ("lambda_tools", index, "parameters")
        found = {(*start, *path): what for path, what in tool_schema.problems(entry.parameters, reserved=("ringside",))}
        for path, text in file.texts.items():
            is_inside = path[: len(start)] == start
            if is_inside and file.is_trap(path) and (path in found or _is_data(path, entry.parameters)):
                found[path] = _as_written(file, path, text)
                found.pop(path[:-1], None)  # the list that it is in: this is closer to the mistake
        for path, what in found.items():
            yield file.problem(path, what)


def _as_written(file: YamlFile, path: FieldPath, text: str) -> str:
    """A problem with a value that YAML reads as something else than what is written."""
    value: Any = file.values
    for part in path:
        value = value[part]
    shown = str(value).lower() if isinstance(value, bool) else value
    return f'YAML reads {text} as {shown}; put it in quotes: "{text}"'


def _is_data(path: FieldPath, parameters: Mapping[str, object]) -> bool:
    """Whether a value is the tool's own (in `enum`, a default), and not a flag such as additionalProperties: no."""
    value: object = parameters
    declared: object = None
    for part in path[3:]:
        if isinstance(value, Mapping):
            declared = value.get("type", declared)
            value = value.get(part)
        elif isinstance(value, list) and isinstance(part, int):
            value = value[part]
    if isinstance(value, bool):
        data = any(part in ("enum", "const", "default", "examples") for part in path[3:])
        return data and not (declared == "boolean" or (isinstance(declared, list) and "boolean" in declared))
    return True


def _too_long(agent: Agent, file: YamlFile) -> Iterator[str]:
    least = tokens.at_least(agent.instructions)
    if least > tokens.LIMIT:
        what = f"at least {least:,} tokens; OpenAI takes {tokens.LIMIT:,} for instructions and tools together"
        yield file.problem(("instructions",), what)


def check_tools(file: AgentFile, tools: Collection[str]) -> None:
    """Raise `AgentFileError` if an agent lists a tool that is neither built in nor one of these, by their keys."""
    agent, source = file.agent, file.source
    known = visible(agent.name, dict.fromkeys(tools)).keys() | builtin_tools.NAMES
    wrong = [
        f"{source.where(('tools', index))}: tools: there is no tool named {name}; there are {', '.join(sorted(known))}"
        for index, name in enumerate(agent.tools)
        if name not in known
    ]
    wrong += [
        f"{source.where(('lambda_tools', index))}: lambda_tools: the name {tool.name} is already used"
        for index, tool in enumerate(agent.lambda_tools)
        if tool.name in known or tool.name in [other.name for other in agent.lambda_tools[:index]]
    ]
    if wrong:
        raise AgentFileError("\n".join(wrong))
