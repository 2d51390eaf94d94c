"""The agent files: `agents/*.yaml`, one agent each, checked whole before any call sees them.

Every error names file, line and field, and all errors of a file are told at once.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator, model_validator

from ringside import policy, sip
from ringside.conversation import HANG_UP, Manners

E164 = Annotated[str, StringConstraints(pattern=r"^\+[0-9]{4,15}$")]


class AgentFileError(Exception):
    """One or more agent files are wrong. One line for each problem: `file:line: field: what`."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Transcription(_Strict):
    """The caller's words as text; a separate model on OpenAI's side, off unless it is named."""

    model: str = "gpt-transcribe"
    language: str | None = Field(default=None, pattern=r"^[a-z]{2,3}$")
    prompt: str | None = None


class TurnDetection(_Strict):
    """When the caller has finished (API reference, Realtime: turn_detection)."""

    type: Literal["server_vad", "semantic_vad"] = "semantic_vad"
    eagerness: Literal["low", "medium", "high", "auto"] | None = None
    threshold: float | None = Field(default=None, ge=0, le=1)
    prefix_padding_ms: int | None = Field(default=None, ge=0, le=10_000)
    silence_duration_ms: int | None = Field(default=None, ge=0, le=10_000)

    @model_validator(mode="after")
    def _belongs(self) -> Self:
        wrong = "eagerness" if self.type == "server_vad" else "threshold prefix_padding_ms silence_duration_ms"
        for name in wrong.split():
            if getattr(self, name) is not None:
                raise ValueError(f"{name} does not belong to {self.type}")
        return self


class Limits(_Strict):
    """All in seconds. OpenAI itself ends a session after 60 minutes."""

    max_duration: float = Field(default=1800, gt=0, le=3500)
    silence: float = Field(default=12, gt=0, le=600)
    silence_prompts: int = Field(default=2, ge=0, le=10)
    tool_seconds: float = Field(default=10, gt=0, le=120)


class Agent(_Strict):
    """One agent: the numbers it answers, what it is told, what it may do."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")
    answers: tuple[E164 | Literal["default"], ...] = Field(min_length=1)
    model: str = Field(default="gpt-realtime-2.1", min_length=1)
    voice: str = Field(default="marin", min_length=1)
    speed: float = Field(default=1.0, ge=0.25, le=1.5)
    instructions: str = Field(min_length=1)
    greeting: str | None = None  # said word for word
    greeting_instructions: str | None = None  # or said as instructed
    transcription: Transcription | None = Transcription()
    turn_detection: TurnDetection = TurnDetection()
    noise_reduction: Literal["near_field", "far_field"] | None = None
    tools: tuple[str, ...] = ()
    limits: Limits = Limits()
    admission: tuple[policy.Rule, ...] = ()

    @field_validator("answers", mode="before")
    @classmethod
    def _numbers(cls, value: Any) -> Any:
        if isinstance(value, str):
            value = [value]
        if isinstance(value, list):
            return [sip.number(entry) or entry if isinstance(entry, str) else entry for entry in value]
        return value

    @model_validator(mode="after")
    def _one_greeting(self) -> Self:
        if self.greeting and self.greeting_instructions:
            raise ValueError("give either greeting or greeting_instructions, not both")
        return self

    @property
    def manners(self) -> Manners:
        if self.greeting:
            greeting = f'Say exactly this, in these words, and nothing else: "{self.greeting}"'
        else:
            greeting = self.greeting_instructions or "Greet the caller briefly and ask how you can help."
        return Manners(
            greeting=greeting,
            silence_after=self.limits.silence,
            silence_prompts=self.limits.silence_prompts,
            max_duration=self.limits.max_duration,
        )


class Agents:
    """All agents of a deployment, found by the number that was dialled."""

    def __init__(self, agents: Mapping[str, Agent]) -> None:
        self._by_name = dict(agents)
        self._by_number = {number: agent for agent in agents.values() for number in agent.answers}

    def __iter__(self) -> Any:
        return iter(self._by_name.values())

    def named(self, name: str) -> Agent | None:
        return self._by_name.get(name)

    def answering(self, dialled: str | None) -> Agent | None:
        """The agent for this number, else the one that answers "default", else None."""
        return self._by_number.get(dialled or "") or self._by_number.get("default")


def load(folder: Path, tools: frozenset[str] | set[str] | None = None) -> Agents:
    """Read `folder/*.yaml`; raise `AgentFileError` with every problem found.

    `tools`: the names an agent may use besides the built-in ones; None leaves them unchecked.
    """
    paths = sorted(folder.glob("*.yaml"))
    if not paths:
        raise AgentFileError(f"{folder}: there is no agent file (*.yaml) in it")
    problems: list[str] = []
    agents: dict[str, Agent] = {}
    numbers: dict[str, Path] = {}
    for path in paths:
        try:
            agent, lines = _read(path)
            _check_tools(agent, tools, path, lines)
        except AgentFileError as error:
            problems.append(str(error))
            continue
        agents[agent.name] = agent
        for index, number in enumerate(agent.answers):
            if number in numbers:
                where = _line(lines, ("answers", index))
                problems.append(f"{path}:{where}: answers: {number} is answered by {numbers[number].name} already")
            numbers[number] = path
    if problems:
        raise AgentFileError("\n".join(problems))
    return Agents(agents)


_Lines = dict[tuple[str | int, ...], int]


def _read(path: Path) -> tuple[Agent, _Lines]:
    try:
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise AgentFileError(f"{path}:{mark.line + 1 if mark else 1}: not YAML: {error.problem}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise AgentFileError(f"{path}:1: not YAML: {error}") from None
    lines: _Lines = {(): 1}
    document = _plain(node, (), lines, path)
    if not isinstance(document, dict):
        raise AgentFileError(f"{path}:1: an agent file is a mapping of fields such as instructions: and answers:")
    name = document.setdefault("name", path.stem)
    if name != path.stem:
        raise AgentFileError(f"{path}:{_line(lines, ('name',))}: name: must be {path.stem}, as the file is called")
    try:
        return Agent.model_validate(document), lines
    except ValidationError as error:
        told = []
        for problem in error.errors():
            where = tuple(part for part in problem["loc"] if not (isinstance(part, str) and _is_branch(part)))
            field = ".".join(str(part) for part in where) or "agent"
            what = problem["msg"].removeprefix("Value error, ")
            told.append(f"{path}:{_line(lines, where)}: {field}: {what}")
        raise AgentFileError("\n".join(dict.fromkeys(told))) from None


def _is_branch(part: str) -> bool:
    """Pydantic puts the branch of a union into the location; a reader of the file never wrote it."""
    return re.search(r"[(\[]", part) is not None


def _check_tools(agent: Agent, tools: frozenset[str] | set[str] | None, path: Path, lines: _Lines) -> None:
    if tools is None:
        return
    known = set(tools) | {HANG_UP}
    problems = [
        f"{path}:{_line(lines, ('tools', index))}: tools: there is no tool named {name}; "
        f"tools.py and the built-in ones have {', '.join(sorted(known))}"
        for index, name in enumerate(agent.tools)
        if name not in known
    ]
    if problems:
        raise AgentFileError("\n".join(problems))


def _line(lines: _Lines, where: tuple[str | int, ...]) -> int:
    while where and where not in lines:
        where = where[:-1]
    return lines[where]


def _plain(node: yaml.Node | None, where: tuple[str | int, ...], lines: _Lines, path: Path) -> Any:
    """The node as plain values, with the line of every field noted on the way."""
    if isinstance(node, yaml.MappingNode):
        result: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            key = yaml.SafeLoader("").construct_object(key_node, deep=True)
            line = key_node.start_mark.line + 1
            if not isinstance(key, str):
                raise AgentFileError(f"{path}:{line}: a field's name must be text, not {key!r}")
            if key in result:
                raise AgentFileError(f"{path}:{line}: {key}: stands here twice")
            lines[(*where, key)] = line
            result[key] = _plain(value_node, (*where, key), lines, path)
        return result
    if isinstance(node, yaml.SequenceNode):
        for index, child in enumerate(node.value):
            lines[(*where, index)] = child.start_mark.line + 1
        return [_plain(child, (*where, index), lines, path) for index, child in enumerate(node.value)]
    return yaml.SafeLoader("").construct_object(node, deep=True) if node is not None else None
