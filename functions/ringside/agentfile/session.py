"""The Realtime session as an agent file may set it, checked against the documented shape. Pure.

It is checked here because OpenAI may not: a malformed accept has answered 200, and then the call died (reported
in 2026; the shape is `RealtimeSessionCreateRequest` of the API reference). There are no fields for audio formats:
SIP negotiates them. One module, since it mirrors one object of the API, part by part.
"""

import json
import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from ringside.strict_model import Strict

BUILT_IN_VOICES = Literal["alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar"]

_NOT_REASONING = re.compile(r"gpt-realtime(-1\.5|-mini.*|-2025-08-28)?|gpt-4o-.*|gpt-audio-.*")
"""Models that refuse `reasoning` and `parallel_tool_calls` (`RealtimeSessionCreateRequest`, both fields)."""

_WITHOUT_KEYWORDS = re.compile(r"whisper-1|gpt-realtime-whisper|gpt-4o-.*")


def _json(value: dict[str, Any]) -> dict[str, Any]:
    try:
        json.dumps(value, allow_nan=False).encode()
    except (TypeError, ValueError):
        raise ValueError("contains a value that JSON cannot represent, for example a date: put it in quotes") from None
    return value


JsonObject = Annotated[dict[str, Any], AfterValidator(_json)]


LANGUAGE = r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$"


def _language(tag: str) -> str:
    if not re.fullmatch(LANGUAGE, tag):
        raise ValueError(f"{tag} is not a language tag (for example en or zh-tw)")
    return tag


Language = Annotated[str, AfterValidator(_language), Field(json_schema_extra={"pattern": LANGUAGE})]
"""ISO 639, with a region or script where one is meant (BCP 47): `en`, `zh-tw`."""


class Transcription(Strict):
    """The caller's words as text, by a separate model at OpenAI."""

    model: str = Field(default="gpt-transcribe", min_length=1)
    language: Language | None = None
    languages: tuple[Language, ...] | None = None
    prompt: str | None = None
    keywords: tuple[str, ...] | None = None
    delay: Literal["minimal", "low", "medium", "high", "xhigh"] | None = None

    @model_validator(mode="after")
    def _belongs(self) -> Self:
        """Which model takes which field (`AudioTranscription` of OpenAI's Python library 3.54.0)."""
        whisper = self.model == "gpt-realtime-whisper"
        refused = {
            "delay": not whisper,
            "prompt": whisper or self.model == "gpt-4o-transcribe-diarize",
            "keywords": _WITHOUT_KEYWORDS.fullmatch(self.model),
            "languages": _WITHOUT_KEYWORDS.fullmatch(self.model),
        }
        for name, is_refused in refused.items():
            if is_refused and getattr(self, name) is not None:
                raise ValueError(f"{name} cannot be used with {self.model}")
        if self.language is not None and self.languages is not None:
            raise ValueError("give either language or languages, not both")
        return self


class TurnDetection(Strict):
    """When the caller has finished speaking.

    `create_response`: whether the model then answers on its own; if false, it speaks only when a response is asked for:
    the greeting, after tools and keys, after a silence, the goodbye.
    `idle_timeout_ms`: documented for 5000 to 30000; smaller values are reported to work, so others are left to OpenAI.
    """

    type: Literal["server_vad", "semantic_vad"] = "semantic_vad"
    eagerness: Literal["low", "medium", "high", "auto"] | None = None
    threshold: float | None = Field(default=None, ge=0, le=1)
    prefix_padding_ms: int | None = Field(default=None, ge=0, le=10_000)
    silence_duration_ms: int | None = Field(default=None, ge=0, le=10_000)
    idle_timeout_ms: int | None = Field(default=None, ge=500, le=600_000)
    create_response: bool | None = None
    interrupt_response: bool | None = None

    @model_validator(mode="after")
    def _belongs(self) -> Self:
        server_only = "threshold prefix_padding_ms silence_duration_ms idle_timeout_ms"
        for name in ("eagerness" if self.type == "server_vad" else server_only).split():
            if getattr(self, name) is not None:
                raise ValueError(f"{name} cannot be used with {self.type}")
        return self


class NoiseReduction(Strict):
    type: Literal["near_field", "far_field"]
    strength: float | None = Field(default=None, ge=0, le=1)


class Voice(Strict):
    """A custom voice; a built-in one is given by its name alone."""

    id: str = Field(pattern=r"^voice_")


class TokenLimits(Strict):
    post_instructions: int = Field(ge=0)


class RetentionRatio(Strict):
    """How much of a conversation is kept when it exceeds the context window."""

    type: Literal["retention_ratio"] = "retention_ratio"
    retention_ratio: float = Field(ge=0, le=1)
    token_limits: TokenLimits | None = None


class Tracing(Strict):
    workflow_name: str | None = None
    group_id: str | None = None
    metadata: JsonObject | None = None


class Prompt(Strict):
    """A prompt stored at OpenAI."""

    id: str = Field(min_length=1)
    version: str | None = None
    variables: dict[str, str] | None = None


class ToolFilter(Strict):
    """Some of an MCP server's tools."""

    read_only: bool | None = None
    tool_names: tuple[str, ...] | None = None


_NOT_FILLED_IN = re.compile(
    r"\$\{|\$\(|^(Bearer )?\$[A-Za-z_]|\{\{|^(Bearer )?<[^<>]*>$|^(Bearer )?%\w+%$|^(Bearer )?(YOUR|MY|your|my)[-_ ]|"
    r"^(Bearer )?\[[^]]*\]$|^(Bearer )?(os\.environ|process\.env|env[:.]|secrets?[:.])"
)
"""Placeholders for a secret, as other programs fill them in."""


class McpServer(Strict):
    """An MCP server whose tools OpenAI calls. A tool that asks for approval gets it only if `approve` lists it.

    `approve`: tool names; or `all`, with which OpenAI never asks; or `{read_only: true, tool_names: […]}`, with
    which it does not ask for tools that the server marks as read-only.
    """

    server_label: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,63}$")
    server_url: str | None = Field(default=None, pattern=r"^https://\S+$")
    connector_id: str | None = Field(default=None, pattern=r"^connector_[a-z]+$")
    tunnel_id: str | None = Field(default=None, min_length=1)
    server_description: str | None = None
    authorization: str | None = Field(default=None, repr=False)
    headers: dict[str, str] | None = Field(default=None, repr=False)
    allowed_tools: tuple[str, ...] | ToolFilter | None = None
    allowed_callers: tuple[Literal["direct", "programmatic"], ...] | None = None
    defer_loading: bool | None = None
    approve: Literal["all"] | ToolFilter | tuple[str, ...] = ()

    @property
    def approved_tools(self) -> tuple[str, ...]:
        """The tools that get an approval when they ask for one."""
        if isinstance(self.approve, ToolFilter):
            return self.approve.tool_names or ()
        return () if self.approve == "all" else self.approve

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        allowed = self.allowed_tools.tool_names if isinstance(self.allowed_tools, ToolFilter) else self.allowed_tools
        for name in self.approved_tools:
            if allowed is not None and name not in allowed:
                raise ValueError(f"approve: {name} is not in allowed_tools, so the model cannot call it")
        if isinstance(self.approve, ToolFilter) and self.approve.read_only is False:
            raise ValueError("approve: read_only can only be true: list the tools that may change something by name")
        return self

    @field_validator("authorization")
    @classmethod
    def _is_a_token(cls, value: str | None) -> str | None:
        if value is not None and _NOT_FILLED_IN.search(value):
            raise ValueError("is sent as it is written: variables are not filled in, so put the token itself here")
        return value

    @field_validator("headers")
    @classmethod
    def _are_values(cls, value: dict[str, str] | None) -> dict[str, str] | None:
        for name, text in (value or {}).items():
            if _NOT_FILLED_IN.search(text):
                raise ValueError(f"{name} is sent as it is written: variables are not filled in")
        return value

    @model_validator(mode="after")
    def _one_address(self) -> Self:
        if sum(address is not None for address in (self.server_url, self.connector_id, self.tunnel_id)) != 1:
            raise ValueError("an MCP server needs exactly one of server_url, connector_id and tunnel_id")
        return self

    def as_tool(self) -> dict[str, Any]:
        """The server as an entry of the session's `tools`. OpenAI's own default is to ask before every call."""
        fields = self.model_dump(mode="json", exclude_none=True, exclude={"approve"})
        asks: Any = "always"
        if self.approve == "all":
            asks = "never"
        elif isinstance(self.approve, ToolFilter) and self.approve.read_only:
            asks = {"never": {"read_only": True}}
        return {"type": "mcp", **fields, "require_approval": asks}


class FunctionChoice(Strict):
    """The model must call this function in every response."""

    type: Literal["function"]
    name: str


class McpChoice(Strict):
    """The model must call this server in every response."""

    type: Literal["mcp"]
    server_label: str
    name: str | None = None


ForcedChoice = Annotated[FunctionChoice | McpChoice, Field(discriminator="type")]


class SessionConfig(Strict):
    """The model, and how it speaks and listens: the part of an agent file that OpenAI receives."""

    model: str = Field(default="gpt-realtime-2.1", min_length=1)
    voice: BUILT_IN_VOICES | Voice = "marin"
    speed: float = Field(default=1.0, ge=0.25, le=1.5)
    prompt: Prompt | None = None
    instructions: str = Field(default="", validate_default=True)  # may be left to the prompt
    transcription: Transcription | None = Transcription()
    turn_detection: TurnDetection = TurnDetection()
    noise_reduction: NoiseReduction | None = None
    max_output_tokens: Annotated[int, Field(ge=1, le=4096)] | Literal["inf"] | None = None
    reasoning_effort: Literal["minimal", "low", "medium", "high", "xhigh"] | None = None
    tool_choice: Literal["auto", "none", "required"] | ForcedChoice = "auto"
    parallel_tool_calls: bool | None = None
    truncation: Literal["auto", "disabled"] | RetentionRatio | None = None
    tracing: Literal["auto"] | Tracing | None = None
    mcp_servers: tuple[McpServer, ...] = ()

    @field_validator("instructions")
    @classmethod
    def _given(cls, value: str, info: ValidationInfo) -> str:
        if not value and info.data.get("prompt") is None:
            raise PydanticCustomError("missing", "is missing")
        return value

    @field_validator("mcp_servers")
    @classmethod
    def _labels_differ(cls, value: tuple[McpServer, ...]) -> tuple[McpServer, ...]:
        if len({server.server_label for server in value}) < len(value):
            raise ValueError("two servers have the same server_label")
        return value

    @model_validator(mode="after")
    def _model_can(self) -> Self:
        for name in ("reasoning_effort", "parallel_tool_calls"):
            if getattr(self, name) is not None and _NOT_REASONING.fullmatch(self.model):
                raise ValueError(f"{name}: {self.model} does not reason, so this field cannot be used with it")
        return self

    def as_body(self, instructions: str, functions: list[dict[str, Any]]) -> dict[str, Any]:
        """The body of accept, with the instructions filled in for this call."""
        audio_input = {
            "turn_detection": _plain(self.turn_detection),
            "transcription": _plain(self.transcription),
            "noise_reduction": _plain(self.noise_reduction),
        }
        body: dict[str, Any] = {
            "type": "realtime",
            "model": self.model,
            "output_modalities": ["audio"],
            "audio": {
                "input": {name: value for name, value in audio_input.items() if value is not None},
                "output": {"voice": _plain(self.voice), "speed": self.speed},
            },
            "tools": [*functions, *(server.as_tool() for server in self.mcp_servers)],
            "tool_choice": _plain(self.tool_choice),
        }
        if instructions:
            body["instructions"] = instructions
        if self.reasoning_effort is not None:
            body["reasoning"] = {"effort": self.reasoning_effort}
        for name in ("max_output_tokens", "parallel_tool_calls", "truncation", "tracing", "prompt"):
            value = _plain(getattr(self, name))
            if value is not None:
                body[name] = value
        return body


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json", exclude_none=True) if isinstance(value, BaseModel) else value
