"""The Realtime session as an agent file may set it, checked against the documented shape. Pure.

It is checked here because OpenAI may not: a malformed accept has answered 200, and then the call died (reported
in 2026; the shape is `RealtimeSessionCreateRequest` of the API reference). There are no fields for audio formats:
SIP negotiates them. One module, since it mirrors one object of the API, part by part.
"""

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from ringside.agentfile.mcp_server import McpServer
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

    @property
    def credential_names(self) -> frozenset[str]:
        """The credentials of MCP servers that the file names."""
        return frozenset(name for server in self.mcp_servers for name in server.credential_names)

    def as_body(
        self, instructions: str, functions: list[dict[str, Any]], credentials: Mapping[str, str]
    ) -> dict[str, Any]:
        """The body of accept, with the instructions filled in for this call.

        `credentials`: of MCP servers, by name. A server without its own is left out.
        """
        servers = [server for server in self.mcp_servers if server.credential_names <= credentials.keys()]
        labels = {server.server_label for server in servers}
        is_left_out = isinstance(self.tool_choice, McpChoice) and self.tool_choice.server_label not in labels
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
            "tools": [*functions, *(server.as_tool(credentials) for server in servers)],
            "tool_choice": "auto" if is_left_out else _plain(self.tool_choice),
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
