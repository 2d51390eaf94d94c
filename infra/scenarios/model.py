"""What a scenario file may say. docs/testing.md explains every field. Pure."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from infra.scenarios.lines import AgentLine, Line
from infra.scenarios.matching import Pattern
from ringside import phone_numbers
from ringside.calls import ANONYMOUS, UNKNOWN, EndReason
from ringside.strict_model import Strict


def _caller(text: str) -> str:
    if text in (ANONYMOUS, UNKNOWN):
        return text
    if text.startswith("ext:") and text.removeprefix("ext:").isdecimal():
        return text
    return _number(text)


def _number(text: str) -> str:
    found = phone_numbers.number(text)
    if found is None:
        raise ValueError(f'{text} is not an international number (for example "+12025550143")')
    return found


def _moment(text: str) -> str:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f'{text} is not a time (for example "2026-12-01T10:00", in the agent\'s time zone)') from None
    if found.tzinfo is not None:
        raise ValueError("is in the agent's time zone; leave out the offset")
    return text


class Call(Strict):
    """Who calls, which number, and when."""

    from_: Annotated[str, AfterValidator(_caller)] = Field(default="+12025550143", alias="from")
    to: Annotated[str, AfterValidator(_number)] | None = None
    at: Annotated[str, AfterValidator(_moment)] = "2026-12-01T10:00"
    headers: dict[str, str] = Field(default={})


class Answer(Strict):
    """What a fake does when it is called: returns something or fails, at once or after some seconds."""

    returns: Any = None
    fails: str | None = None
    seconds: float = Field(default=0, ge=0, le=3600)


class When(Answer):
    """The answer for some arguments: those that are named here must be equal."""

    arguments: dict[str, Any] = Field(default={})


class Fake(Answer):
    """A tool's stand-in. With `when` the first entry that fits answers; other arguments are an error."""

    when: tuple[When, ...] = ()
    function: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _function_alone(cls, value: Any) -> Any:
        return {"function": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        ways = [name for name in ("returns", "fails", "when", "function") if name in self.model_fields_set]
        if len(ways) > 1:
            raise ValueError(f"{ways[0]} and {ways[1]} exclude each other")
        if not ways and not self.seconds:
            raise ValueError("needs returns, fails, when, function or seconds")
        return self


ToolName = Annotated[str, Field(pattern=r"^[a-zA-Z0-9_]{1,64}$")]


class Times(Strict):
    """How often a tool may be called."""

    at_least: int = Field(default=0, ge=0)
    at_most: int | None = Field(default=None, ge=0)


class ToolExpected(Strict):
    """A tool that is called with these arguments among its own, so many times."""

    name: str = Field(min_length=1)
    arguments: dict[str, Any] = Field(default={})
    outcome: Literal["ok", "error", "timeout", "refused", "unknown"] | None = None
    output: Any = None
    times: Annotated[int, Field(ge=0)] | Times | None = None


class Accepted(Strict):
    """The call is let in, by this rule."""

    accept: str


class Rejected(Strict):
    """The call is turned away with a SIP status, by this rule."""

    reject: int = Field(ge=300, le=699)
    rule: str | None = None


class TransferExpected(Strict):
    """A transfer that was tried, and its verdict."""

    target: str | None = None
    verdict: Literal["left", "failed"] | None = None


Text = str | Pattern


class Expect(Strict):
    """What must hold when the call is over."""

    decision: Literal["accept"] | Accepted | Rejected | None = None
    tools: tuple[ToolExpected, ...] = ()
    never: tuple[ToolExpected, ...] = ()
    state: dict[str, Any] | None = None
    notes: dict[str, Any] | None = None
    transfer: TransferExpected | Literal["none"] | None = None
    end: EndReason | None = None
    said: tuple[Text, ...] = ()
    unsaid: tuple[Text, ...] = ()
    max_cost: float | None = Field(default=None, gt=0)

    @field_validator("said", "unsaid", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return [value] if isinstance(value, str | dict) else value


class Played(Strict):
    """A caller whom a text model plays (`--live`). It sees this, and neither expectations nor the agent's prompt."""

    who: str = Field(min_length=1)
    opens: str = Field(min_length=1)
    wants: str = Field(min_length=1)
    facts: dict[str, str] = Field(default={})
    then: tuple[str, ...] = ()
    turns: int = Field(default=14, ge=1, le=60)


class Scenario(Strict):
    """One call, and what is expected of it."""

    draft: str | None = None
    agent: str | None = Field(default=None, min_length=1)
    call: Call = Call()
    tags: tuple[str, ...] = ()
    pending: str | None = None
    state: dict[str, Any] = Field(default={})
    fakes: str | dict[ToolName, Fake] = Field(default={})
    real: tuple[ToolName, ...] = ()
    transfers: dict[str, Literal["left", "stays", "refused"]] = Field(default={})
    script: tuple[Line, ...] | None = None
    caller: Played | None = None
    facts: dict[str, str] = Field(default={})
    adapt: bool = False
    expect: Expect
    judge: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    repeat: int = Field(default=1, ge=1, le=200)
    passes: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.is_rejected:
            if self.script or self.caller:
                raise ValueError(
                    "expect.decision is a rejection, so there is nothing to say: leave out script and caller"
                )
        elif (self.script is None) == (self.caller is None):
            raise ValueError("needs either a script or a caller")
        if self.agent is None and self.call.to is None:
            raise ValueError("needs agent, or the dialled number in call.to")
        if self.passes is not None and self.passes > self.repeat:
            raise ValueError(f"passes is more than repeat ({self.repeat})")
        if not (self.expect.model_fields_set or self.judge or self.draft):
            raise ValueError("expect must say at least one thing, such as end: agent_hung_up")
        if self.adapt and self.script is None:
            raise ValueError("adapt belongs to a script")
        return self

    @property
    def is_rejected(self) -> bool:
        return isinstance(self.expect.decision, Rejected)

    @property
    def passes_needed(self) -> int:
        """Of `repeat` live runs."""
        return self.repeat if self.passes is None else self.passes

    def called(self) -> list[tuple[int, str]]:
        """The tools that the script calls, each with the index of its line."""
        return [
            (index, call.name)
            for index, line in enumerate(self.script or ())
            if isinstance(line, AgentLine)
            for call in line.calls
        ]
