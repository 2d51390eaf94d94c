"""The Realtime session as an agent file may set it, checked against the documented shape. Pure.

Checked here because nobody else does: a malformed accept has answered 200, and the call died (facts of
2026; API reference, Realtime: RealtimeSessionCreateRequest). Audio formats are not among the fields:
SIP negotiates them.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Strict(BaseModel):
    """A part of an agent file: a field that is not known is a mistake, not a wish."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Transcription(Strict):
    """The caller's words as text; a separate model on OpenAI's side, off unless it is named."""

    model: str = Field(default="gpt-transcribe", min_length=1)
    language: str | None = Field(default=None, pattern=r"^[a-z]{2,3}$")
    languages: tuple[Annotated[str, Field(pattern=r"^[a-z]{2,3}$")], ...] | None = None
    prompt: str | None = None
    keywords: tuple[str, ...] | None = None
    delay: Literal["minimal", "low", "medium", "high", "xhigh"] | None = None


class TurnDetection(Strict):
    """When the caller has finished, and whether the model then answers by itself."""

    type: Literal["server_vad", "semantic_vad"] = "semantic_vad"
    eagerness: Literal["low", "medium", "high", "auto"] | None = None
    threshold: float | None = Field(default=None, ge=0, le=1)
    prefix_padding_ms: int | None = Field(default=None, ge=0, le=10_000)
    silence_duration_ms: int | None = Field(default=None, ge=0, le=10_000)
    idle_timeout_ms: int | None = Field(default=None, ge=5000, le=30_000)
    interrupt_response: bool | None = None

    @model_validator(mode="after")
    def _belongs(self) -> Self:
        server_only = "threshold prefix_padding_ms silence_duration_ms idle_timeout_ms"
        for name in ("eagerness" if self.type == "server_vad" else server_only).split():
            if getattr(self, name) is not None:
                raise ValueError(f"{name} does not belong to {self.type}")
        return self


class NoiseReduction(Strict):
    type: Literal["near_field", "far_field"]
    strength: float | None = Field(default=None, ge=0, le=1)


class Voice(Strict):
    """A custom voice; the built-in ones are named by a word."""

    id: str = Field(pattern=r"^voice_")


class TokenLimits(Strict):
    post_instructions: int = Field(ge=0)


class RetentionRatio(Strict):
    """How much of a conversation is kept when it outgrows the context."""

    type: Literal["retention_ratio"] = "retention_ratio"
    retention_ratio: float = Field(ge=0, le=1)
    token_limits: TokenLimits | None = None


class Tracing(Strict):
    workflow_name: str | None = None
    group_id: str | None = None
    metadata: dict[str, Any] | None = None


class Prompt(Strict):
    """A prompt stored at OpenAI."""

    id: str = Field(min_length=1)
    version: str | None = None
    variables: dict[str, str] | None = None


class McpServer(Strict):
    """An MCP server whose tools OpenAI calls. Tools that want an approval get it only if they stand in `approve`.

    `approve`: tool names, or `all`, which tells OpenAI to ask for none.
    """

    server_label: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,63}$")
    server_url: str | None = Field(default=None, pattern=r"^https://\S+$")
    connector_id: str | None = None
    server_description: str | None = None
    authorization: str | None = None
    headers: dict[str, str] | None = None
    allowed_tools: tuple[str, ...] | None = None
    approve: Literal["all"] | tuple[str, ...] = ()

    @model_validator(mode="after")
    def _one_address(self) -> Self:
        if (self.server_url is None) == (self.connector_id is None):
            raise ValueError("an MCP server has either a server_url or a connector_id")
        return self

    def as_tool(self) -> dict[str, Any]:
        """The server as the session's `tools` want it. OpenAI's own default is to ask for every call."""
        told = self.model_dump(exclude_none=True, exclude={"approve"})
        return {"type": "mcp", **told, "require_approval": "never" if self.approve == "all" else "always"}


class Session(Strict):
    """What the model is and how it speaks and listens: the part of an agent file that OpenAI gets."""

    model: str = Field(default="gpt-realtime-2.1", min_length=1)
    voice: str | Voice = Field(default="marin", min_length=1)
    speed: float = Field(default=1.0, ge=0.25, le=1.5)
    instructions: str = Field(min_length=1)
    transcription: Transcription | None = Transcription()
    turn_detection: TurnDetection = TurnDetection()
    noise_reduction: NoiseReduction | None = None
    max_output_tokens: Annotated[int, Field(ge=1, le=4096)] | Literal["inf"] | None = None
    reasoning_effort: Literal["minimal", "low", "medium", "high", "xhigh"] | None = None
    tool_choice: Literal["auto", "none", "required"] = "auto"
    parallel_tool_calls: bool | None = None
    truncation: Literal["auto", "disabled"] | RetentionRatio | None = None
    tracing: Literal["auto"] | Tracing | None = None
    prompt: Prompt | None = None
    mcp_servers: tuple[McpServer, ...] = ()

    def as_body(self, instructions: str, functions: list[dict[str, Any]]) -> dict[str, Any]:
        """The body of accept, with the instructions as this caller's call makes them."""
        heard = {
            "turn_detection": self.turn_detection.model_dump(exclude_none=True),
            "transcription": self.transcription and self.transcription.model_dump(exclude_none=True),
            "noise_reduction": self.noise_reduction and self.noise_reduction.model_dump(exclude_none=True),
        }
        voice = self.voice if isinstance(self.voice, str) else self.voice.model_dump()
        body: dict[str, Any] = {
            "type": "realtime",
            "model": self.model,
            "instructions": instructions,
            "output_modalities": ["audio"],
            "audio": {
                "input": {name: value for name, value in heard.items() if value is not None},
                "output": {"voice": voice, "speed": self.speed},
            },
            "tools": [*functions, *(server.as_tool() for server in self.mcp_servers)],
            "tool_choice": self.tool_choice,
        }
        if self.reasoning_effort is not None:
            body["reasoning"] = {"effort": self.reasoning_effort}
        for name in ("max_output_tokens", "parallel_tool_calls", "truncation", "tracing", "prompt"):
            value = getattr(self, name)
            if value is not None:
                body[name] = value.model_dump(exclude_none=True) if isinstance(value, BaseModel) else value
        return body
