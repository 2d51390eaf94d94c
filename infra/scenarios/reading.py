"""Scenario files, read and held against the agent that they name: every problem with file, line and field.

One module: what a file may say depends on the agent, its tools and the fakes together, and all of it is looked at in
one pass, so that all problems are reported at once.
"""

import importlib.util
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from pydantic import ValidationError

from infra.scenarios import fakes, matching
from infra.scenarios.model import Fake, Scenario
from ringside.agentfile import yaml_lines
from ringside.agentfile.agent import DEFAULT, Agent
from ringside.agentfile.agents import Agents
from ringside.agentfile.problems import problems
from ringside.agentfile.tool_keys import visible
from ringside.agentfile.yaml_lines import AgentFileError, FieldPath, YamlFile
from ringside.conversation import builtin_tools
from ringside.errors import UserMistake
from ringside.tools import lambda_tools
from ringside.tools.definition import Tool, ToolError
from ringside.tools.loader import load_agents_and_tools

SUFFIX = ".scenario.yaml"
UNANSWERED = "+12025550199"
"""What is dialled to reach an agent that answers every number that no other does."""


class ScenarioError(UserMistake):
    """One or more scenario files are wrong. One line for each problem: `file:line: field: what`."""


@dataclass(frozen=True)
class Prepared:
    """A scenario with everything that a run of it needs."""

    path: Path
    scenario: Scenario
    agent: Agent | None
    """The one it names; None if it only names a number."""
    agents: Agents
    tools: Mapping[str, Tool]
    """Of the agent: what it may call besides the built-in tools."""
    all_tools: Mapping[str, Tool]
    fakes: Mapping[str, Fake | Callable[..., Any]]
    dialled: str
    lines: Sequence[int] = field(default=())
    """Where each line of the script is in the file."""

    @property
    def name(self) -> str:
        return self.path.name.removesuffix(SUFFIX)


class Folder(NamedTuple):
    """A folder of agent files."""

    agents: Agents
    tools: Mapping[str, Tool]


def find(places: Sequence[Path]) -> list[Path]:
    """The scenario files of these files and folders, each once; raises `ScenarioError`."""
    found: dict[Path, None] = {}
    for place in places:
        if place.is_dir():
            below = sorted(place.rglob(f"*{SUFFIX}"))
            found |= dict.fromkeys(path for path in below if not _is_hidden(path.relative_to(place)))
        elif not place.exists():
            raise ScenarioError(f"{place}: there is no such file or folder")
        elif not place.name.endswith(SUFFIX):
            raise ScenarioError(f"{place}: scenario files must end in {SUFFIX}")
        else:
            found[place] = None
    return list(found)


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def read(path: Path, agents: Path | None = None) -> Prepared:
    """Read a file; raises `ScenarioError`. `agents`: the folder of agent files (default: found above the file)."""
    try:
        file = yaml_lines.read(path)
        scenario = Scenario.model_validate(file.values)
    except AgentFileError as error:
        text = str(error).replace(
            "an agent file must be a mapping of fields, such as answers: and instructions:", _SHAPE
        )
        raise ScenarioError(text) from None
    except ValidationError as error:
        found = "\n".join(problems(error, file, Scenario))
        raise ScenarioError(found.replace(f"{path}:1: agent: ", f"{path}:1: ")) from None  # about the file as a whole
    folder = agents or _agents_of(path, scenario)
    try:
        loaded = _load(folder.resolve())
    except (AgentFileError, ToolError) as error:
        raise ScenarioError(f"{path}:1: the agents cannot be read:\n{error}") from None
    return _Check(path, file, scenario, loaded, folder).prepared()


def of_code(
    scenario: Scenario, folder: Path, functions: Mapping[str, Callable[..., Any]], others: Mapping[str, Fake]
) -> Prepared:
    """A scenario that was made in Python, with functions as fakes; raises `ScenarioError`."""
    try:
        loaded = _load(folder.resolve())
    except (AgentFileError, ToolError) as error:
        raise ScenarioError(str(error)) from None
    agent = loaded.agents.named(scenario.agent or "")
    if agent is None:
        there = ", ".join(sorted(each.name for each in loaded.agents))
        raise ScenarioError(f"there is no agent {scenario.agent} in {folder}; there are {there}")
    tools = _tools_of(agent, loaded)
    wrong = [problem for name, each in functions.items() for problem in _misfit(name, each, agent, tools)]
    wrong += [problem for name in others for problem in _misfit(name, None, agent, tools)]
    wrong += [_no_such(name, agent, tools) for name in scenario.real if name not in tools]
    if wrong:
        raise ScenarioError("\n".join(wrong))
    dialled = _number(agent) or UNANSWERED
    return Prepared(folder, scenario, agent, loaded.agents, tools, loaded.tools, {**functions, **others}, dialled)


_SHAPE = "a scenario file must be a mapping of fields, such as agent:, script: and expect:"


def _agents_of(path: Path, scenario: Scenario) -> Path:
    """The nearest folder above that has an agent file of this name, or any agent file if none is named."""
    for folder in path.resolve().parent.parents:
        found = [each for each in folder.glob("*.yaml") if not each.name.endswith(SUFFIX)]
        if any(each.stem == scenario.agent for each in found) or (scenario.agent is None and found):
            return folder
    named = f"{scenario.agent}.yaml" if scenario.agent else "agent files"
    raise ScenarioError(
        f"{path}:1: agent: there is no {named} in a folder above: put the file into tests/ below the agents, or name "
        "their folder with --agents"
    )


@cache
def _load(folder: Path) -> Folder:
    return Folder(*load_agents_and_tools(folder))


class _Check:
    """Holds one scenario against its agent, and gathers what does not fit."""

    def __init__(self, path: Path, file: YamlFile, scenario: Scenario, loaded: Folder, folder: Path) -> None:
        self._path, self._file, self._scenario = path, file, scenario
        self._loaded, self._folder = loaded, folder
        self._found: dict[FieldPath, str] = {}

    def prepared(self) -> Prepared:
        scenario, agents = self._scenario, self._loaded.agents
        agent = self._agent()
        tools = _tools_of(agent, self._loaded) if agent else {}
        resolved = self._fakes(agent, tools) if agent else {}
        if agent:
            self._script(agent, tools)
            self._expectations(agent, tools)
        for name in ("state", "notes", "tools", "never"):
            for where, what in matching.wrong_matchers(self._file.values.get("expect", {}).get(name)):
                self._wrong(("expect", name, *where), what)
        if self._found:
            by_line = sorted(self._found.items(), key=lambda each: self._file.where(each[0]).line)
            raise ScenarioError("\n".join(self._file.problem(where, what) for where, what in by_line))
        dialled = scenario.call.to or _number(agent) or UNANSWERED
        count = len(scenario.script or ())
        lines = [self._file.where(("script", index)).line for index in range(count)]
        return Prepared(self._path, scenario, agent, agents, tools, self._loaded.tools, resolved, dialled, lines)

    def _wrong(self, path: FieldPath, what: str) -> None:
        self._found.setdefault(path, what)

    def _agent(self) -> Agent | None:
        """The agent that is named, or that answers the dialled number."""
        scenario, agents = self._scenario, self._loaded.agents
        answering = agents.answering(scenario.call.to) if scenario.call.to else None
        if scenario.agent is None:
            return answering
        agent = agents.named(scenario.agent)
        if agent is None:
            there = ", ".join(sorted(each.name for each in agents))
            self._wrong(("agent",), f"there is no agent {scenario.agent} in {self._folder}; there are {there}")
        elif scenario.call.to and (answering is None or answering.name != agent.name):
            other = answering.name if answering else "no agent"
            self._wrong(("call", "to"), f"{scenario.call.to} is answered by {other}, not by {agent.name}")
        return agent

    def _fakes(self, agent: Agent, tools: Mapping[str, Tool]) -> dict[str, Fake | Callable[..., Any]]:
        scenario = self._scenario
        found: dict[str, Fake | Callable[..., Any]] = {}
        if isinstance(scenario.fakes, str):
            module = self._module(("fakes",), scenario.fakes)
            functions = _functions(module) if module else {}
            for name, function in functions.items():
                found[name] = function
                for problem in _misfit(name, function, agent, tools):
                    self._wrong(("fakes",), problem)
        else:
            for name, fake in scenario.fakes.items():
                if fake.function is not None:
                    self._one_function(name, fake.function, agent, tools, found)
                    continue
                found[name] = fake
                for problem in _misfit(name, None, agent, tools):
                    self._wrong(("fakes", name), problem)
        for index, name in enumerate(scenario.real):
            if name not in tools:
                self._wrong(("real", index), _no_such(name, agent, tools))
            elif name in found and not isinstance(scenario.fakes, str):
                self._wrong(("real", index), f"{name} has a fake, too")
            found.pop(name, None)
        missing = [name for name in tools if name not in found and name not in scenario.real]
        called = {name for _, name in scenario.called()}
        for name in missing:
            if scenario.caller is not None or name in called:
                what = f"{name} has no fake; give it one, or list it under real: to run the tool itself"
                self._wrong(("fakes",) if ("fakes",) in self._file.lines else (), what)
        return found

    def _one_function(
        self, name: str, named: str, agent: Agent, tools: Mapping[str, Tool], found: dict[str, Any]
    ) -> None:
        at: FieldPath = ("fakes", name)
        file, _, function = named.partition(":")
        module = self._module(at, file)
        there = _functions(module) if module else {}
        if module and (function or name) not in there:
            self._wrong(at, f"{file} has no function {function or name}")
        elif module:
            found[name] = there[function or name]
            for problem in _misfit(name, found[name], agent, tools):
                self._wrong(at, problem)

    def _module(self, at: FieldPath, named: str) -> ModuleType | None:
        path = (self._path.parent / named).resolve()
        if not path.is_file():
            self._wrong(at, f"there is no file {named} beside the scenario")
            return None
        spec = importlib.util.spec_from_file_location(f"fakes_{path.stem}", path)
        if spec is None or spec.loader is None:
            self._wrong(at, f"{named} is not a Python file")
            return None
        module = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
        except (Exception, SystemExit) as error:
            self._wrong(at, f"{named} cannot be imported: {type(error).__name__}: {error}")
            return None
        return module

    def _script(self, agent: Agent, tools: Mapping[str, Tool]) -> None:
        known = {*tools, *builtin_tools.NAMES.intersection(agent.tools)}
        for index, name in self._scenario.called():
            if name not in known:
                self._wrong(("script", index), _no_such(name, agent, tools))
        for target in self._scenario.transfers:
            if target not in agent.transfer:
                there = ", ".join(agent.transfer) or "none"
                self._wrong(("transfers", target), f"{agent.name} has no such target; it has {there}")

    def _expectations(self, agent: Agent, tools: Mapping[str, Tool]) -> None:
        expect = self._scenario.expect
        known = {*tools, *builtin_tools.NAMES.intersection(agent.tools)}
        for kind in ("tools", "never"):
            for index, entry in enumerate(getattr(expect, kind)):
                if entry.name not in known:
                    self._wrong(("expect", kind, index), _no_such(entry.name, agent, tools))


def _tools_of(agent: Agent, loaded: Folder) -> dict[str, Tool]:
    """What the agent may call besides the built-in tools."""
    client: Any = None
    of_lambda = {name: tool for (_, name), tool in lambda_tools.tools(client, [agent]).items()}
    own = visible(agent.name, loaded.tools)
    return {name: own[name] for name in agent.tools if name in own} | of_lambda


def _misfit(name: str, function: Callable[..., Any] | None, agent: Agent, tools: Mapping[str, Tool]) -> Iterator[str]:
    if name in builtin_tools.NAMES:
        yield f"{name} is built in and needs no fake"
    elif name not in tools:
        yield f"a fake for a tool that the agent does not have: {_no_such(name, agent, tools)}"
    elif function is not None:
        yield from fakes.misfits(name, function, tools[name])


def _no_such(name: str, agent: Agent, tools: Mapping[str, Tool]) -> str:
    there = ", ".join(sorted({*tools, *builtin_tools.NAMES.intersection(agent.tools)})) or "none"
    return f"{agent.name} has no tool {name}; it has {there}"


def _number(agent: Agent | None) -> str | None:
    if agent is None:
        return None
    return next((number for number in agent.answers if number != DEFAULT), None)


def _functions(module: ModuleType) -> dict[str, Callable[..., Any]]:
    return {
        name: function
        for name, function in vars(module).items()
        if inspect.isfunction(function) and not name.startswith("_") and function.__module__ == module.__name__
    }
