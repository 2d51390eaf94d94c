"""The agent files: `agents/*.yaml`, one agent each, checked whole before any call sees them.

Every error names file, line and field, and all errors of a file are told at once.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from ringside import policy, sip
from ringside.conversation import HANG_UP, Manners

DEFAULT = "default"
"""Among the numbers an agent answers: every one that no other agent answers."""


def _answered(entry: str) -> str:
    found = entry if entry == DEFAULT else sip.number(entry)
    if found is None:
        raise ValueError(f'neither an international number such as "+14255550112" nor {DEFAULT}')
    return found


Answered = Annotated[str, AfterValidator(_answered)]


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
    answers: tuple[Answered, ...] = Field(min_length=1)
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
    def _one_or_many(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @field_validator("tools")
    @classmethod
    def _each_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        twice = sorted({name for name in value if value.count(name) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)} stands there twice")
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

    def __iter__(self) -> Iterator[Agent]:
        return iter(self._by_name.values())

    def named(self, name: str) -> Agent | None:
        return self._by_name.get(name)

    def answering(self, dialled: str | None) -> Agent | None:
        """The agent for this number, else the one that answers "default", else None."""
        return self._by_number.get(dialled or "") or self._by_number.get(DEFAULT)


def load(folder: Path, tools: frozenset[str] | set[str] | None = None) -> Agents:
    """Read `folder/*.yaml`; raise `AgentFileError` with every problem found.

    `tools`: the names an agent may use besides the built-in ones; None leaves them unchecked.
    """
    paths = sorted(folder.glob("*.yaml"))
    problems = [f"{path}:1: an agent file's name ends in .yaml: rename it" for path in sorted(folder.glob("*.yml"))]
    if not paths and not problems:
        raise AgentFileError(f"{folder}: there is no agent file (*.yaml) in it")
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


_Place = tuple[str | int, ...]  # ("limits", "silence"), ("answers", 0)
_Lines = Mapping[_Place, int]


def _read(path: Path) -> tuple[Agent, _Lines]:
    document = _Document(path, _compose(path))
    if document.problems:
        raise AgentFileError("\n".join(document.problems))
    values = document.values
    if not isinstance(values, dict):
        raise AgentFileError(f"{path}:1: an agent file is a mapping of fields such as instructions: and answers:")
    name = values.setdefault("name", path.stem)
    if name != path.stem:
        where = _line(document.lines, ("name",))
        raise AgentFileError(f"{path}:{where}: name: must be {path.stem}, as the file is called")
    try:
        return Agent.model_validate(values), document.lines
    except ValidationError as error:
        told = []
        found = error.errors()
        for problem in found:
            if problem["type"] == "too_short" and any(_is_within(other["loc"], problem["loc"]) for other in found):
                continue  # its entries were wrong, and have been told
            line = _line(document.lines, problem["loc"])
            field = ".".join(str(part) for part in problem["loc"]) or "agent"
            what = _WORDS.get(problem["type"]) or problem["msg"].removeprefix("Value error, ")
            told.append((line, f"{path}:{line}: {field}: {what}"))
        raise AgentFileError("\n".join(text for _, text in sorted(told))) from None


def _is_within(place: _Place, other: _Place) -> bool:
    return len(place) > len(other) and place[: len(other)] == other


_WORDS = {
    "extra_forbidden": "there is no such field",
    "missing": "is missing",
    "model_type": "must be a mapping of fields",
    "string_type": "must be text; put a number or a date in quotes",
    "tuple_type": "must be a list",
    "too_short": "must not be empty",
}
"""Pydantic's kinds of errors in the words of somebody who writes YAML."""


def _compose(path: Path) -> yaml.Node | None:
    try:
        content = path.read_bytes()
        return yaml.compose(content.decode(), Loader=yaml.SafeLoader)
    except OSError as error:
        raise AgentFileError(f"{path}:1: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise AgentFileError(f"{path}:{line}: not YAML: not UTF-8") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise AgentFileError(f"{path}:{mark.line + 1 if mark else 1}: not YAML: {error.problem}") from None
    except yaml.reader.ReaderError as error:
        line = content.decode().count("\n", 0, error.position) + 1
        raise AgentFileError(f"{path}:{line}: not YAML: {error.reason}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise AgentFileError(f"{path}:1: not YAML: {type(error).__name__}") from None


class _Document:
    """A YAML document as plain values, with the line of every field, and what YAML itself says against it."""

    LARGEST = 10_000
    """Values in a file; anchors can make a few lines mean billions."""

    def __init__(self, path: Path, node: yaml.Node | None) -> None:
        self.lines: dict[_Place, int] = {(): 1}
        self.problems: list[str] = []
        self._path = path
        self._loader = yaml.SafeLoader("")
        self._above: list[yaml.Node] = []
        self._count = 0
        self.values = self._plain(node, ()) if node is not None else None

    def _plain(self, node: yaml.Node, place: _Place) -> Any:
        self._count += 1
        if self._count > self.LARGEST or node in self._above:
            if self._count <= self.LARGEST + 1:
                self._object(node, place, "is too large" if self._count > self.LARGEST else "contains itself")
            return None
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, place)
        self._above.append(node)
        try:
            if isinstance(node, yaml.SequenceNode):
                return [self._child(child, child, (*place, index)) for index, child in enumerate(node.value)]
            result: dict[str, Any] = {}
            for key_node, value_node in node.value:
                key = self._key(key_node, place)
                if key in result:
                    self._object(key_node, (*place, key), "stands here twice")
                result[key] = self._child(key_node, value_node, (*place, key))
            return result
        finally:
            self._above.pop()

    def _child(self, at: yaml.Node, node: yaml.Node, place: _Place) -> Any:
        self.lines.setdefault(place, at.start_mark.line + 1)
        return self._plain(node, place)

    def _key(self, node: yaml.Node, place: _Place) -> str:
        if isinstance(node, yaml.ScalarNode):
            if node.tag not in ("tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"):
                self._object(node, place, f"a field's name must be text: put {node.value} in quotes")
            return str(node.value)
        self._object(node, place, "a field's name must be text")
        return ""

    def _scalar(self, node: yaml.ScalarNode, place: _Place) -> Any:
        try:
            return self._loader.construct_object(node)
        except yaml.MarkedYAMLError:
            self._object(node, place, f"the tag {node.tag} is not known")
        except (ValueError, OverflowError):
            self._object(node, place, f"{node.value} is no value that YAML knows: put it in quotes")
        return None

    def _object(self, node: yaml.Node, place: _Place, what: str) -> None:
        field = "".join(f"{part}." for part in place)[:-1]
        self.problems.append(f"{self._path}:{node.start_mark.line + 1}: {field + ': ' if field else ''}{what}")


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


def _line(lines: _Lines, where: _Place) -> int:
    while where not in lines:
        where = where[:-1]
    return lines[where]
