"""One agent, as its file describes it, and what follows for the session and the call. Pure."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, field_validator, model_validator

from ringside import phone_numbers
from ringside.admission.opening_hours import OpeningHours
from ringside.admission.rules import Rule
from ringside.agentfile import templates
from ringside.agentfile.afterwards import Analysis, Events, Receiver
from ringside.agentfile.sections import Digits, LambdaTool, Limits, Redact, TargetName, Transfer
from ringside.agentfile.session import FunctionChoice, McpChoice, SessionConfig
from ringside.conversation import builtin_tools
from ringside.conversation.behaviour import Behaviour, Target

if TYPE_CHECKING:
    from ringside.redaction.redactor import Redactor

DEFAULT = "default"
"""In `answers`: every number that no other agent answers."""

STALL_SECONDS = 20.0
"""Without any event, while the session has something to do: then its sideband is opened anew."""


def _number_or_default(entry: str) -> str:
    found = entry if entry == DEFAULT else phone_numbers.number(entry)
    if found is None:
        raise ValueError(f'neither an international number (for example "+14255550112") nor {DEFAULT}')
    if found != DEFAULT and not phone_numbers.is_possible(found):
        raise ValueError(f"{entry} is not a possible phone number: too short or too long for its country")
    return found


AnsweredNumber = Annotated[str, AfterValidator(_number_or_default)]
HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9!%*_+`'~.-]{1,100}$")]  # RFC 3261 section 25.1: token
Placeholder = Annotated[str, Field(min_length=2, max_length=64)]


class Agent(SessionConfig):
    """One agent: the numbers it answers, its instructions, what it may do."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")
    answers: tuple[AnsweredNumber, ...] = Field(min_length=1)
    instructions_file: str | None = None  # read by the loader into `instructions`
    greeting: str | None = None  # spoken word for word
    greeting_instructions: str | None = None  # or spoken as instructed
    farewell_instructions: str = "Say a short, friendly goodbye now. Do not call any tool."
    silence_instructions: str = "The caller has been silent. Ask briefly whether they are still there."
    waiting_instructions: str = (
        "This is taking a little longer. Let the caller know in a few words. Do not call any tool."
    )
    apology_instructions: str = (
        "You could not answer for a while. Apologize in a few words, then answer what the caller said last."
    )
    headers: tuple[HeaderName, ...] = ()  # SIP headers that the instructions may use
    time_zone: str = "UTC"
    opening_hours: OpeningHours | None = None
    admission: tuple[Rule, ...] = ()
    placeholders: tuple[Placeholder, ...] = ()  # what the carrier writes for a withheld number, besides the known ones
    tools: tuple[str, ...] = ()
    lambda_tools: tuple[LambdaTool, ...] = ()
    transfer: dict[TargetName, Transfer] = Field(default={})
    digits: Digits = Digits()
    limits: Limits = Limits()
    transcript: Literal["keep", "redact", "none"] = "keep"  # redact: what `redact` takes out without being told what
    redact: Redact | None = None
    retention_days: int | None = Field(default=None, ge=1, le=3650)  # None: the stack's
    events: Events = Events()
    analysis: Analysis | None = None
    notify: tuple[Receiver, ...] = Field(default=(), max_length=10)

    @field_validator("answers", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return [value] if isinstance(value, (str, int)) else value

    @field_validator("transfer", mode="before")
    @classmethod
    def _uri_alone(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {name: {"uri": target} if isinstance(target, str) else target for name, target in value.items()}

    @field_validator("tools")
    @classmethod
    def _each_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        twice = sorted({name for name in value if value.count(name) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)} is listed twice")
        return value

    @field_validator("notify")
    @classmethod
    def _receivers_once(cls, value: tuple[Receiver, ...]) -> tuple[Receiver, ...]:
        cls._each_once(tuple(receiver.name for receiver in value))
        return value

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ValueError, OSError, LookupError):
            raise ValueError(f"{value} is not an IANA time zone (for example America/New_York)") from None
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        # "field: what" gets the field's line in the file.
        if self.greeting and self.greeting_instructions:
            raise ValueError("greeting_instructions: give either greeting or greeting_instructions, not both")
        if builtin_tools.TRANSFER in self.tools and not self.transfer:
            raise ValueError("tools: tools lists transfer, but transfer: defines no targets")
        if self.opening_hours is None and any(rule.outside_hours for rule in self.admission):
            raise ValueError("admission: a rule uses outside_hours, but opening_hours is not set")
        unknown = templates.unknown_placeholders(self.instructions, self.headers)
        if unknown:
            known = ", ".join(sorted(templates.FACTS))
            what = f"{{{{{unknown[0]}}}}} is neither a call fact ({known}) nor listed in headers"
            what += f"; for literal braces write \\{{{{{unknown[0]}}}}}"
            raise ValueError(f"instructions: {what}")
        for name in ("greeting", *(name for name in type(self).model_fields if name.endswith("_instructions"))):
            if templates.unknown_placeholders(getattr(self, name) or "", (), facts=()):
                raise ValueError(f"{name}: call facts can be used in instructions only")
        if self.events.transcript and not self.keeps_words:
            raise ValueError("events: transcript is true, but transcript: none keeps no words to send")
        if self.analysis is not None and not self.keeps_words:
            raise ValueError("analysis: transcript: none keeps no words to analyse")
        self._check_tool_choice()
        return self

    def _check_tool_choice(self) -> None:
        named = {*self.tools, *(tool.name for tool in self.lambda_tools)}
        servers = {server.server_label for server in self.mcp_servers}
        match self.tool_choice:
            case FunctionChoice(name=name) if name not in named:
                raise ValueError(f"tool_choice: {name} is not one of the agent's tools")
            case McpChoice(server_label=label) if label not in servers:
                raise ValueError(f"tool_choice: {label} is not one of mcp_servers")
            case "required" if not named and not servers:
                raise ValueError("tool_choice: required needs at least one tool, and this agent has none")

    def is_open(self, at: float) -> bool:
        """Whether the line is open at that moment (Unix seconds); always, without opening hours."""
        return self.opening_hours is None or self.opening_hours.are_open(at, self.time_zone)

    def instructions_for(self, caller: str | None, dialled: str | None, at: float, headers: Mapping[str, str]) -> str:
        """The instructions with this call's facts filled in. `at`: Unix seconds; `headers`: by name, in any case."""
        facts = templates.facts(self.name, caller, dialled, at, self.time_zone)
        return templates.render(self.instructions, facts, headers)

    @property
    def redactor(self) -> "Redactor | None":
        """What takes out of the record what this agent does not keep."""
        redact = Redact() if self.redact is None and self.transcript == "redact" else self.redact
        if redact is None:
            return None
        from ringside.redaction.redactor import Redactor  # python-stdnum: only the monitor of such an agent needs it

        own = {name: re.compile(text) for name, text in redact.patterns.items()}
        return Redactor(frozenset(redact.kinds), redact.languages, redact.countries, own)

    @property
    def keeps_words(self) -> bool:
        """Whether anything that is said in a call is kept."""
        return self.transcript != "none"

    @property
    def behaviour(self) -> Behaviour:
        if self.greeting:
            greeting = f'Say exactly this, in these words, and nothing else: "{templates.unescape(self.greeting)}"'
        else:
            greeting = templates.unescape(
                self.greeting_instructions or "Greet the caller briefly and ask how you can help."
            )
        approved: list[str] = []
        for server in self.mcp_servers:
            label = server.server_label
            approved += [label] if server.approve == "all" else [f"{label}.{tool}" for tool in server.approved_tools]
        return Behaviour(
            greeting=greeting,
            greeting_deadline=self.limits.first_word,
            silence_after=self.limits.silence,
            silence_prompts=self.limits.silence_prompts,
            silence_instructions=templates.unescape(self.silence_instructions),
            farewell_instructions=templates.unescape(self.farewell_instructions),
            farewell_limit=self.limits.farewell,
            tool_patience=self.limits.tool_patience,
            waiting_instructions=templates.unescape(self.waiting_instructions),
            apology_instructions=templates.unescape(self.apology_instructions),
            max_duration=self.limits.max_duration,
            warn_before_end=self.limits.warning,
            digit_pause=self.digits.pause,
            digits_template=self.digits.told,
            digits_terminator=self.digits.terminator,
            digits_are_secret=self.digits.secret,
            digits_timeout=self.digits.timeout,
            next_digit_timeout=self.digits.next_key,
            approve_remote_tools=frozenset(approved),
            turn_detection=self.turn_detection.model_dump(mode="json", exclude_none=True),
            transfers={name: Target(target.uri, target.otherwise) for name, target in self.transfer.items()},
            transfer_limit=self.limits.transfer,
            stall_after=STALL_SECONDS,
        )
