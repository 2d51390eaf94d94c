"""Admission: who is let in, and what the others are told. Pure.

Rules stand in the agent file and are tried from top to bottom; the first whose conditions all hold
decides, and its name goes into the record. Where none does, the call is accepted.

Some conditions count: live calls, a caller's calls, money. Counting needs the record, so `decide` is a
generator: it yields a `Question` and is sent whether the limit is reached. Whoever answers takes a
place for the call where one is left.
"""

import re
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from ringside import sip

ANONYMOUS = "anonymous"
SIP_STATUSES = (403, 404, 480, 486, 503, 603)
"""What a caller may be told: forbidden, not found, unavailable, busy, overloaded, declined (RFC 3261 section 21)."""

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def _callers(entry: str) -> str:
    if entry != ANONYMOUS and not re.fullmatch(r"\+[0-9]{1,15}", entry):
        raise ValueError(f'neither a number or its beginning, such as "+1900", nor {ANONYMOUS}')
    return entry


Callers = Annotated[str, AfterValidator(_callers)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class OpeningHours(_Strict):
    """When the line is open, in the agent's time zone. A day that is not named is closed.

    A span is `"09:00-18:00"`; one that ends before it begins ends on the next day. Holidays are dates
    (`"2026-12-24"`), or days of every year (`"12-25"`).
    """

    monday: tuple[str, ...] = ()
    tuesday: tuple[str, ...] = ()
    wednesday: tuple[str, ...] = ()
    thursday: tuple[str, ...] = ()
    friday: tuple[str, ...] = ()
    saturday: tuple[str, ...] = ()
    sunday: tuple[str, ...] = ()
    holidays: tuple[str, ...] = ()

    @field_validator(*DAYS, mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @field_validator(*DAYS)
    @classmethod
    def _spans(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for span in value:
            _span(span)
        return value

    @field_validator("holidays", mode="before")
    @classmethod
    def _dates(cls, value: Any) -> Any:
        # YAML reads 2026-12-24 as a date.
        return [str(day) if isinstance(day, date) else day for day in value] if isinstance(value, list) else value

    @field_validator("holidays")
    @classmethod
    def _days(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for day in value:
            try:
                date.fromisoformat(day if len(day) == 10 else f"2024-{day}")
            except ValueError:
                raise ValueError(f'{day} is no day such as "2026-12-24" or "12-25"') from None
        return value

    def are_open(self, at: float, zone: str) -> bool:
        """Whether the line is open at that moment (Unix seconds)."""
        local = datetime.fromtimestamp(at, ZoneInfo(zone))
        now, today = local.time(), local.date()
        yesterday = date.fromordinal(today.toordinal() - 1)
        return any((begin <= now < end) if begin < end else now >= begin for begin, end in self._of(today)) or any(
            begin >= end and now < end for begin, end in self._of(yesterday)
        )

    def _of(self, day: date) -> list[tuple[time, time]]:
        if day.isoformat() in self.holidays or day.isoformat()[5:] in self.holidays:
            return []
        return [_span(span) for span in getattr(self, DAYS[day.weekday()])]


def _span(text: str) -> tuple[time, time]:
    found = re.fullmatch(r"([0-2]\d:[0-5]\d)\s*-\s*([0-2]\d:[0-5]\d)", text)
    try:
        assert found is not None
        begin, end = time.fromisoformat(found[1]), time.max if found[2] == "24:00" else time.fromisoformat(found[2])
    except (AssertionError, ValueError):
        raise ValueError(f'{text} is no span such as "09:00-18:00"') from None
    return begin, end


class CallerLimit(_Strict):
    """How many calls one caller may make."""

    calls: int = Field(ge=1, le=1000)
    minutes: float = Field(gt=0, le=43_200)


class Rule(_Strict):
    """One rule: all of its conditions must hold; a rule without conditions always does.

    `callers`: E.164 numbers or prefixes (`+1900`), or `anonymous`. `countries`: ISO 3166, of the caller.
    The counting ones hold when the limit is reached: `agent_calls` and `stack_calls` live at once,
    `caller_calls` in a span, `spent_today` in US dollars (the agent's calls that ended on this UTC day),
    `monitors_full`: no monitor has a free slot.
    """

    name: str = Field(min_length=1, max_length=100)
    callers: tuple[Callers, ...] = Field(default=(), min_length=1)  # an empty list would mean everyone by accident
    countries: tuple[Annotated[str, Field(pattern=r"^[A-Z]{2}$")], ...] = Field(default=(), min_length=1)
    outside_hours: Literal[True] | None = None
    agent_calls: int | None = Field(default=None, ge=0, le=2000)
    stack_calls: int | None = Field(default=None, ge=0, le=2000)
    caller_calls: CallerLimit | None = None
    spent_today: float | None = Field(default=None, ge=0)
    monitors_full: Literal[True] | None = None
    accept: Literal[True] | None = None
    reject: Literal[403, 404, 480, 486, 503, 603] | None = None

    @field_validator("reject", mode="before")
    @classmethod
    def _declined(cls, value: Any) -> Any:
        return 603 if value is True else value

    @model_validator(mode="after")
    def _one_verdict(self) -> Self:
        if (self.accept is None) == (self.reject is None):
            raise ValueError("a rule says either accept: true or reject: <SIP status>")
        return self

    @property
    def questions(self) -> list["Question"]:
        """What has to be counted to know whether this rule holds."""
        asked: list[Question] = []
        if self.monitors_full is not None:
            asked.append(Question("monitors", 0))
        if self.spent_today is not None:
            asked.append(Question("spent", self.spent_today))
        if self.caller_calls is not None:
            asked.append(Question("caller", self.caller_calls.calls, self.caller_calls.minutes * 60))
        if self.agent_calls is not None:
            asked.append(Question("agent", self.agent_calls))
        if self.stack_calls is not None:
            asked.append(Question("stack", self.stack_calls))
        return asked

    def concerns(self, call: "Call") -> bool:
        """Whether the conditions that need no counting hold."""
        if self.callers and not self._names(call.caller):
            return False
        if self.countries and (call.caller is None or sip.country(call.caller) not in self.countries):
            return False
        return self.outside_hours is None or not call.is_open

    def _names(self, caller: str | None) -> bool:
        if caller is None:
            return ANONYMOUS in self.callers
        return any(prefix != ANONYMOUS and caller.startswith(prefix) for prefix in self.callers)


@dataclass(frozen=True)
class Call:
    """What rules may look at."""

    caller: str | None
    is_open: bool = True


@dataclass(frozen=True)
class Question:
    """Is this limit reached? `seconds`: the span that is looked at, where there is one."""

    about: Literal["agent", "stack", "caller", "spent", "monitors"]
    most: float
    seconds: float = 0


@dataclass(frozen=True)
class Decision:
    """The verdict on a call, the rule that made it, and the SIP status a rejected caller gets."""

    verdict: Literal["accept", "reject", "pending"]
    rule: str
    sip_status: int | None = None

    def as_item(self) -> dict[str, str | int | None]:
        return {"verdict": self.verdict, "rule": self.rule, "sip_status": self.sip_status}

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Self:
        return cls(item["verdict"], item["rule"], item.get("sip_status"))


NO_AGENT = Decision("reject", "no agent answers this number", 404)
PENDING = Decision("pending", "")
"""Claimed, and about to be decided: counting comes after the claim, so that a repeated webhook does not count."""


def needs_counting(rules: Iterable[Rule]) -> bool:
    return any(rule.questions for rule in rules)


def counts(rules: Iterable[Rule], about: str) -> bool:
    """Whether a rule asks for this count: then every call of the agent counts, whichever rule lets it in."""
    return any(question.about == about for rule in rules for question in rule.questions)


def decide(rules: Iterable[Rule], call: Call) -> Generator[Question, bool, Decision]:
    """Yield what has to be counted, be sent whether the limit is reached, return the decision."""
    for rule in rules:
        if not rule.concerns(call):
            continue
        holds = True
        for question in rule.questions:
            holds = yield question
            if not holds:
                break
        if not holds:
            continue
        if rule.reject is None:
            return Decision("accept", rule.name)
        return Decision("reject", rule.name, rule.reject)
    return Decision("accept", "no rule matched")
