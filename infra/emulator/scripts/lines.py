"""The kinds of lines a script may have; README.md explains each.

A line says what is said or done, never what to do if: the reply to a tool's result is
simply the next line.
"""

import json
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Discriminator, Field, Tag, model_validator

from infra.emulator.strict_model import Strict

MAX_LINES = 20_000


class Tool(Strict):
    """A function call. `arguments` as a string goes out as it is: broken JSON on purpose."""

    name: str = Field(min_length=1)
    arguments: dict[str, Any] | str = Field(default_factory=dict)

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
    tools: list[Tool] = Field(default_factory=list)
    mcp_call: McpCall | None = None
    mcp_approval: McpApproval | None = None
    fails: Failure | None = None
    incomplete: Literal["max_output_tokens", "content_filter"] | None = None
    thinking_ms: int = Field(default=300, ge=0)

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
    after_ms: int = Field(default=800, ge=0)
    pause_ms: int = Field(default=500, ge=0)
    hangs_up: bool = False


class Dtmf(Strict):
    dtmf: str = Field(pattern=r"^[0-9*#A-D]+$")
    pause_ms: int = Field(default=500, ge=0)


class Silence(Strict):
    silence: float = Field(ge=0)


class HangUp(Strict):
    hang_up: Literal["caller"]
    after_ms: int | None = Field(default=None, ge=0)
    pause_ms: int = Field(default=500, ge=0)


class Close(Strict):
    code: int | None = Field(default=None, ge=1000, le=4999)


class Drop(Strict):
    drop: Close


class Freeze(Strict):
    freeze: float = Field(ge=0)


class Expire(Strict):
    expire: Literal[True]


class Raw(Strict):
    """A frame that is no event of the API: a text as it stands, or an object sent as JSON."""

    raw: str | dict[str, Any]
    bytes: int | None = Field(default=None, ge=1, le=64 * 1024 * 1024)


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
    tools: list[dict[str, Any]] = Field(default_factory=list)
    fails: bool = False


class McpTools(Strict):
    mcp_tools: McpListing


class Repeat(Strict):
    repeat: int = Field(ge=1, le=MAX_LINES)
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


def unrolled(lines: list[Any]) -> Iterator[Any]:
    """The lines with every repeat written out."""
    for line in lines:
        if isinstance(line, Repeat):
            for _ in range(line.repeat):
                yield from unrolled(line.lines)
        else:
            yield line
