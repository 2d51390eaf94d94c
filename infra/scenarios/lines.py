"""The lines of a scenario's script: what the caller does, and what the model does when the emulator plays it. Pure."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Discriminator, Field, Tag, model_validator

from ringside.strict_model import Strict


class Then(Strict):
    """What has changed in the world once the line was played: new values for keys of the state."""

    state: dict[str, Any]


class ToolCall(Strict):
    """A function call of the model's."""

    name: str = Field(min_length=1)
    arguments: dict[str, Any] = Field(default={})


class AgentLine(Strict):
    """One response of the model: what it says, the tools it calls in it, or both."""

    agent: str | None = Field(default=None, min_length=1)
    tool: ToolCall | None = None
    tools: tuple[ToolCall, ...] = ()
    then: Then | None = None

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        return (*((self.tool,) if self.tool else ()), *self.tools)


class CallerLine(Strict):
    """What the caller says, as soon as the agent is silent or (`interrupts`) while it speaks."""

    caller: str = Field(min_length=1)
    interrupts: bool = False
    after_ms: int = Field(default=800, ge=0)
    heard_as: str | None = None
    hangs_up: bool = False
    then: Then | None = None


class KeysLine(Strict):
    """Keys that the caller presses."""

    dtmf: str = Field(pattern=r"^[0-9*#A-D]{1,64}$")
    then: Then | None = None


class SilenceLine(Strict):
    """The caller says nothing for so many seconds of the agent's clock."""

    silence: float = Field(gt=0, le=3600)
    then: Then | None = None


class HangUpLine(Strict):
    """The caller hangs up, as soon as the agent is silent or after so many milliseconds of its words."""

    hang_up: Literal["caller"]
    after_ms: int | None = Field(default=None, ge=0)
    then: Then | None = None


_KINDS = ("caller", "dtmf", "silence", "hang_up", "agent", "tool", "tools")


def _kind(line: Any) -> str:
    """In angle brackets: no field is called so, and what is wrong is reported at the field."""
    given = line.model_dump(exclude_unset=True) if isinstance(line, BaseModel) else line
    key = next((key for key in _KINDS if isinstance(given, dict) and key in given), "?")
    return f"<{'agent' if key in ('tool', 'tools') else key}>"


class Unknown(Strict):
    """Any line that has none of the known words."""

    @model_validator(mode="before")
    @classmethod
    def _refuse(cls, data: Any) -> Any:
        raise ValueError(f"a line has one of {', '.join(_KINDS)}")


Line = Annotated[
    Annotated[CallerLine, Tag("<caller>")]
    | Annotated[KeysLine, Tag("<dtmf>")]
    | Annotated[SilenceLine, Tag("<silence>")]
    | Annotated[HangUpLine, Tag("<hang_up>")]
    | Annotated[AgentLine, Tag("<agent>")]
    | Annotated[Unknown, Tag("<?>")],
    Discriminator(_kind),
]
