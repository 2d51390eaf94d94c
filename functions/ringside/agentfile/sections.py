"""The parts of an agent file besides the session: transfers, limits, keys, Lambda tools. Pure."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from ringside import phone_numbers
from ringside.agentfile.session import JsonObject
from ringside.redaction.tokens import Kind
from ringside.sip import refer
from ringside.strict_model import Strict

TargetName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,40}$")]

URI = r"^([tT][eE][lL]:\+[0-9().-]{4,32}(;\S*)?|[sS][iI][pP][sS]?:\S{1,250})$"
"""For editors; `sip.refer` has the grammar."""


def _address(uri: str) -> str:
    """A transfer's target as OpenAI gets it (`sip.refer`), with a number that its country can have."""
    found = refer.target(uri)
    number = found.removeprefix("tel:").partition(";")[0]
    if found.startswith("tel:") and not phone_numbers.is_possible(number):
        raise ValueError(f"{number} is not a possible phone number: too short or too long for its country")
    return found


Address = Annotated[str, AfterValidator(_address), Field(json_schema_extra={"pattern": URI})]


def _country(code: str) -> str:
    if not phone_numbers.is_country(code):
        raise ValueError(f"{code} is not a country (ISO 3166, such as US)")
    return code


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from None
    return text


PatternName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,30}$")]


class Transfer(Strict):
    """Where a call may go. Only targets in the file can be reached: the model chooses a name, not an address."""

    uri: Address
    description: str = ""
    otherwise: str = "Tell the caller that nobody could be reached, and offer to help them yourself or to take a note."


class Limits(Strict):
    """In seconds, unless stated otherwise. OpenAI itself ends a session after 60 minutes."""

    max_duration: float = Field(default=1800, gt=0, le=3500)
    warning: float = Field(default=60, ge=0, le=600)  # before max_duration: the model is asked to come to a close
    first_word: float = Field(default=6, gt=0, le=60)  # after that, the greeting is requested once more
    silence: float = Field(default=12, gt=0, le=600)
    silence_prompts: int = Field(default=2, ge=0, le=10)
    farewell: float = Field(default=15, gt=0, le=60)  # a goodbye that takes longer is cut off
    transfer: float = Field(default=15, gt=0, le=120)  # a call that has not left by then was not transferred
    tool_patience: float | None = Field(default=6, gt=0, le=120)  # of the caller, while a tool runs
    tool_seconds: float = Field(default=10, gt=0, le=120)
    max_cost: float | None = Field(default=None, gt=0)  # US dollars


class Digits(Strict):
    """The phone's keys: those that `collect_digits` waits for, and those pressed unasked. Times in seconds."""

    terminator: Literal["#", "*"] | None = "#"  # ends the input, and is not part of it
    timeout: float = Field(default=20, gt=0, le=120)  # for the first key that collect_digits waits for
    next_key: float = Field(default=5, gt=0, le=60)  # for each further key
    pause: float = Field(default=1.5, gt=0, le=10)  # without a key: ends a sequence pressed unasked
    secret: bool = False  # no key is kept, whether or not the model says so
    told: str = Field(default="The caller pressed {digits} on the phone's keypad.", pattern=r"\{digits\}")


Country = Annotated[str, AfterValidator(_country), Field(pattern=r"^[A-Z]{2}$")]
PatternText = Annotated[str, AfterValidator(_pattern), Field(min_length=1, max_length=500)]


class Redact(Strict):
    """What is taken out of everything that is kept of a call. The model still hears it, and so do the tools."""

    kinds: tuple[Kind, ...] = ("cards", "ibans", "ids", "phones", "emails")
    languages: tuple[Literal["en", "de", "es", "fr"], ...] = Field(default=("en", "de", "es", "fr"), min_length=1)
    countries: tuple[Country, ...] = ("US", "GB", "DE", "ES", "FR")  # whose phone numbers are known without their code
    patterns: dict[PatternName, PatternText] = Field(default={})  # regular expressions of your own

    @model_validator(mode="before")
    @classmethod
    def _kinds_alone(cls, value: Any) -> Any:
        return {"kinds": value} if isinstance(value, (list, tuple)) else value


class LambdaTool(Strict):
    """An AWS Lambda function as a tool: its event is the arguments, its result goes to the model."""

    name: str = Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")
    function: str = Field(pattern=r"^[a-zA-Z0-9_:$-]{1,170}$")  # its name or ARN
    description: str = Field(min_length=1)
    parameters: JsonObject = Field(default={"type": "object", "properties": {}})  # a JSON schema; see tool_schema
    seconds: float | None = Field(default=None, gt=0, le=120)
    repeatable: bool = False

    @field_validator("parameters")
    @classmethod
    def _object(cls, value: dict[str, Any]) -> dict[str, Any]:
        if value.get("type") != "object" or not isinstance(value.get("properties", {}), dict):
            raise ValueError("must be the JSON schema of an object: {type: object, properties: {…}}")
        return value
