"""The parts of an agent file about what comes after a call: what events say of it, and what is found out. Pure."""

from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, field_validator, model_validator

from ringside.strict_model import Strict

TEXT_MODEL = "gpt-5.6-luna"
"""What analyses calls by default: in prices.yaml, and without an announced end."""

Label = Annotated[str, Field(min_length=1, max_length=60)]


class Events(Strict):
    """What EventBridge is told of this agent's calls, besides which call it was and how it went."""

    notes: bool = False
    summary: bool = False  # in Call Analysed: summary, fields and outcome
    transcript: bool = False  # in Call Ended
    numbers: Literal["masked", "full"] = "masked"


Told = Literal["call.ended", "call.rejected", "call.transferred", "call.analysed"]


def _https(url: str) -> str:
    try:
        parts = urlsplit(url)
        is_fine = parts.scheme == "https" and parts.hostname and parts.port != 0
    except ValueError:  # a port that is no number
        is_fine = False
    if not is_fine or parts.username or parts.password or parts.fragment or not url.isascii():
        raise ValueError("must be an https URL, without a user, a password or a fragment")
    return url


class Receiver(Strict):
    """Who is told of an agent's calls, by signed webhooks (Standard Webhooks)."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,30}$")  # also of its secret
    url: Annotated[str, AfterValidator(_https), Field(max_length=1000)]
    events: tuple[Told, ...] = Field(
        default=("call.ended", "call.rejected", "call.transferred", "call.analysed"), min_length=1
    )


class AnalysedField(Strict):
    """A fact that is looked for in what was said. A call that does not say it has null."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")
    type: Literal["string", "number", "integer", "boolean"] = "string"
    description: str = Field(default="", max_length=500)
    enum: tuple[Label, ...] = Field(default=(), max_length=50)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.enum and self.type != "string":
            raise ValueError("enum: only a string can have an enum")
        return self


class Analysis(Strict):
    """What a text model finds out about a call once it is over. Off where an agent file has no `analysis`."""

    summary: bool | Annotated[str, Field(min_length=1, max_length=2000)] = True  # or instructions for it
    fields: tuple[AnalysedField, ...] = Field(default=(), max_length=30)
    outcome: tuple[Label, ...] = Field(default=(), max_length=20)  # labels, of which each call gets one
    model: str = Field(default=TEXT_MODEL, min_length=1, max_length=100)
    min_seconds: float = Field(default=5, ge=0, le=3600)  # shorter calls are not analysed

    @field_validator("fields")
    @classmethod
    def _names_once(cls, value: tuple[AnalysedField, ...]) -> tuple[AnalysedField, ...]:
        names = [field.name for field in value]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"{', '.join(twice)} is listed twice")
        return value

    @model_validator(mode="after")
    def _asks_for_something(self) -> Self:
        if not (self.summary or self.fields or self.outcome):
            raise ValueError("summary is false, and there are no fields and no outcome: nothing would be analysed")
        return self
