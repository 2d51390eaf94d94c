"""Conversations as data: the lines of a script, checked, with errors that name file, line and field.

A script says what is said, never what to do if: the reply to a tool's result is simply
the next line. README.md explains every kind of line.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError, field_validator, model_validator

from infra.emulator.problems import BadInput, place, sentence

SHIPPED = Path(__file__).parent / "scripts"
MOST_LINES = 20_000


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Tool(Strict):
    """A function call. `arguments` as a string goes out as it is: broken JSON on purpose."""

    name: str = Field(min_length=1)
    arguments: dict[str, Any] | str = {}

    @property
    def json_arguments(self) -> str:
        return self.arguments if isinstance(self.arguments, str) else json.dumps(self.arguments, ensure_ascii=False)


class McpCall(Tool):
    server_label: str
    output: str | None = None
    error: str | None = None


class McpApproval(Tool):
    server_label: str


class Failure(Strict):
    type: str = "server_error"
    code: str | None = None
    message: str = "The server had an error while processing your request. Sorry about that!"


class Agent(Strict):
    """What the model says or does in one response."""

    agent: str | None = None
    tool: Tool | None = None
    tools: list[Tool] = []
    mcp_call: McpCall | None = None
    mcp_approval: McpApproval | None = None
    fails: Failure | None = None
    incomplete: Literal["max_output_tokens", "content_filter"] | None = None
    thinking_ms: int = Field(300, ge=0)

    @property
    def calls(self) -> list[Tool]:
        return ([self.tool] if self.tool else []) + self.tools


class Late(Strict):
    late_ms: int = Field(ge=0)


Transcription = Literal["before", "after", "never", "failed"] | Late


class Caller(Strict):
    caller: str = Field(min_length=1)
    transcription: Transcription | None = None
    heard_as: str | None = None
    interrupts: bool = False
    after_ms: int = Field(800, ge=0)
    pause_ms: int = Field(500, ge=0)
    hangs_up: bool = False


class Dtmf(Strict):
    dtmf: str = Field(pattern=r"^[0-9*#A-D]+$")
    pause_ms: int = Field(500, ge=0)


class Silence(Strict):
    silence: float = Field(ge=0)


class HangUp(Strict):
    hang_up: Literal["caller"]
    after_ms: int | None = Field(None, ge=0)
    pause_ms: int = Field(500, ge=0)


class Close(Strict):
    code: int | None = Field(None, ge=1000, le=4999)


class Drop(Strict):
    drop: Close


class Freeze(Strict):
    freeze: float = Field(ge=0)


class Expire(Strict):
    expire: Literal[True]


class Raw(Strict):
    """A frame that is no event of the API: a text as it stands, or an object sent as JSON."""

    raw: str | dict[str, Any]
    bytes: int | None = Field(None, ge=1, le=64 * 1024 * 1024)


class Rate(Strict):
    events_per_s: float = Field(gt=0, le=20_000)
    seconds: float = Field(gt=0)
    event: dict[str, Any] | None = None


class Flood(Strict):
    flood: Rate


class ErrorDetails(Strict):
    type: str = "server_error"
    code: str | None = None
    message: str
    param: str | None = None


class Error(Strict):
    error: ErrorDetails


class McpListing(Strict):
    server_label: str
    tools: list[dict[str, Any]] = []
    fails: bool = False


class McpTools(Strict):
    mcp_tools: McpListing


class Repeat(Strict):
    repeat: int = Field(ge=1, le=MOST_LINES)
    lines: "list[Line]" = Field(min_length=1)


_AGENT_KEYS = ("agent", "tool", "tools", "mcp_call", "mcp_approval", "fails", "incomplete")
_KINDS = (
    *_AGENT_KEYS,
    *("caller", "dtmf", "silence", "hang_up", "drop", "freeze", "expire", "raw", "flood", "error", "mcp_tools"),
    "repeat",
)


def _kind(line: Any) -> str:
    if isinstance(line, BaseModel):
        line = line.model_dump(exclude_unset=True)
    if isinstance(line, dict):
        for key in _KINDS:
            if key in line:
                return f"<{'agent' if key in _AGENT_KEYS else key}>"
    return "<?>"


class Unknown(Strict):
    """Any line that begins with none of the known words."""

    @model_validator(mode="before")
    @classmethod
    def refuse(cls, data: Any) -> Any:
        raise ValueError(f"a line has one of {', '.join(_KINDS)}.")


Line = Annotated[
    Annotated[Agent, Tag("<agent>")]
    | Annotated[Caller, Tag("<caller>")]
    | Annotated[Dtmf, Tag("<dtmf>")]
    | Annotated[Silence, Tag("<silence>")]
    | Annotated[HangUp, Tag("<hang_up>")]
    | Annotated[Drop, Tag("<drop>")]
    | Annotated[Freeze, Tag("<freeze>")]
    | Annotated[Expire, Tag("<expire>")]
    | Annotated[Raw, Tag("<raw>")]
    | Annotated[Flood, Tag("<flood>")]
    | Annotated[Error, Tag("<error>")]
    | Annotated[McpTools, Tag("<mcp_tools>")]
    | Annotated[Repeat, Tag("<repeat>")]
    | Annotated[Unknown, Tag("<?>")],
    Discriminator(_kind),
]
Repeat.model_rebuild()


class Script(Strict):
    name: str = Field("inline", min_length=1)
    description: str = ""
    speed: float = Field(1.0, gt=0)
    transcription: Transcription = "after"
    transcription_usage: Literal["tokens", "duration"] = "tokens"
    wait_for_sideband_s: float = Field(10.0, ge=0)
    then: Literal["hang_up", "stay"] = "hang_up"
    hang_up_after_s: float = Field(1.0, ge=0)
    lines: list[Line] = []

    @field_validator("lines", mode="after")
    @classmethod
    def unroll(cls, lines: list[Any]) -> list[Any]:
        flat: list[Any] = []
        for line in _unrolled(lines):
            flat.append(line)
            if len(flat) > MOST_LINES:
                raise ValueError(f"a script has at most {MOST_LINES} lines once its repeats are unrolled.")
        return flat


def _unrolled(lines: list[Any]) -> Iterator[Any]:
    for line in lines:
        if isinstance(line, Repeat):
            for _ in range(line.repeat):
                yield from _unrolled(line.lines)
        else:
            yield line


def parse(data: object) -> Script:
    """A script given inline, as an object of the control API."""
    try:
        return Script.model_validate(data)
    except ValidationError as error:
        raise BadInput(sentence(error, inside="script")[0]) from None


def load(path: Path) -> Script:
    """A script file. An error names the file, the line and the field."""
    source = path.read_text(encoding="utf-8")
    try:
        data = yaml.safe_load(source)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise BadInput(f"{path.name}{line}: not valid YAML ({getattr(error, 'problem', error)}).") from None
    if not isinstance(data, dict):
        raise BadInput(f"{path.name}: a script is a mapping with name and lines.")
    try:
        return Script.model_validate({"name": path.stem, **data})
    except ValidationError as error:
        text, where = sentence(error)
        raise BadInput(f"{path.name}, line {_line(source, where)}: {text}") from None


def _line(source: str, where: tuple[int | str, ...]) -> int:
    """The line of the deepest node on that path that exists in the file."""
    node = yaml.compose(source, Loader=yaml.SafeLoader)
    line = 0
    for step in where:
        line = node.start_mark.line if node else line
        if isinstance(node, yaml.MappingNode):
            found = next(((key, value) for key, value in node.value if key.value == step), None)
            if found is None:
                break
            line, node = found[0].start_mark.line, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line
        else:
            break
    return line + 1


def load_all(*folders: Path) -> dict[str, Script]:
    """Every script of these folders by name; a later folder wins."""
    found: dict[str, Script] = {}
    for folder in folders:
        if not folder.is_dir():
            raise BadInput(f"{folder} is not a folder of scripts.")
        for path in sorted(folder.glob("*.y*ml")):
            script = load(path)
            found[script.name] = script
    return found


__all__ = ["SHIPPED", "Script", "load", "load_all", "parse", "place"]
