"""One admission rule as an agent file states it: its conditions and what it does. Pure."""

import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AfterValidator, Field, field_validator, model_validator

from ringside import phone_numbers
from ringside.calls import ANONYMOUS as ANONYMOUS
from ringside.calls import UNKNOWN
from ringside.sip.attestation import Attested
from ringside.strict_model import Strict

SipStatus = Literal[403, 404, 480, 486, 503, 603]
SIP_STATUSES: tuple[int, ...] = get_args(SipStatus)
"""A rejected call's SIP status: forbidden, not found, unavailable, busy, overloaded, declined (RFC 3261 section 21)."""


def _callers(entry: str) -> str:
    if entry not in (ANONYMOUS, UNKNOWN) and not re.fullmatch(r"\+[0-9]{1,15}|ext:[0-9*#]{1,7}", entry, re.ASCII):
        known = f"an extension (for example ext:1001), {ANONYMOUS} or {UNKNOWN}"
        raise ValueError(f'not a number or the beginning of one (for example "+1900"), nor {known}')
    if phone_numbers.is_too_long(entry):
        raise ValueError(f"{entry} is longer than any number of its country: no caller has it")
    return entry


Callers = Annotated[str, AfterValidator(_callers)]

_OTHER_CODES = {
    **{"UK": "GB", "EN": "GB", "EL": "GR", "USA": "US", "GBR": "GB", "SP": "ES", "ESP": "ES", "GER": "DE", "DEU": "DE"},
    **{"FRA": "FR", "ITA": "IT", "NLD": "NL", "HOL": "NL", "BEL": "BE", "AUT": "AT", "SUI": "CH", "CHE": "CH"},
    **{"POR": "PT", "PRT": "PT", "POL": "PL", "SWE": "SE", "SW": "SE", "NOR": "NO", "DEN": "DK", "DNK": "DK"},
    **{"FIN": "FI", "IRL": "IE", "GRC": "GR", "CZE": "CZ", "CAN": "CA", "MEX": "MX", "BRA": "BR", "AUS": "AU"},
    **{"NZL": "NZ", "JPN": "JP", "JAP": "JP", "JA": "JP", "CHN": "CN", "IND": "IN", "KOR": "KR", "RUS": "RU"},
    **{"UKR": "UA", "TUR": "TR", "ISR": "IL", "ZAF": "ZA", "UAE": "AE", "ARE": "AE", "SGP": "SG", "HKG": "HK"},
}
"""Codes that people write for a country, from other standards, license plates and languages."""


def _country(code: str) -> str:
    upper = code.upper()
    meant = _OTHER_CODES.get(upper, upper)
    if meant == code and phone_numbers.is_country(code):
        return code
    if phone_numbers.is_country(meant):
        raise ValueError(f"{code} is not the ISO 3166 code of a country; write {meant}")
    raise ValueError(f"{code} is not the ISO 3166 code of a country (two letters, for example DE)")


Country = Annotated[str, AfterValidator(_country), Field(json_schema_extra={"pattern": r"^[A-Z]{2}$"})]


@dataclass(frozen=True)
class Call:
    """What rules may look at. `caller`: a number (E.164), an extension, `anonymous` or `unknown`."""

    caller: str | None
    is_open: bool = True
    attested: Attested = "none"


@dataclass(frozen=True)
class Question:
    """Is this limit reached? `seconds`: the time span of a limit that has one."""

    about: Literal["agent", "stack", "caller", "spent", "monitors"]
    limit: float
    seconds: float = 0


class CallerLimit(Strict):
    """How many calls a caller may make in how many minutes."""

    calls: int = Field(ge=1, le=1000)
    minutes: float = Field(gt=0, le=43_200)


class Rule(Strict):
    """One rule: all of its conditions must hold; a rule without conditions always does.

    `callers`: E.164 numbers or prefixes (`+1900`), extensions (`ext:1001`), `anonymous` or `unknown`. `countries`:
    ISO 3166, of the caller. `attested`: what the carrier found out about the number (`sip.attestation`).
    The others hold when a limit is reached: `agent_calls` and `stack_calls` of live calls, `caller_calls` of a
    caller's calls in a time span, `spent_today` in US dollars (the agent's calls that ended on this UTC day),
    `monitors_full`: no monitor has a free slot.
    """

    name: str = Field(min_length=1, max_length=100)
    callers: tuple[Callers, ...] = Field(default=(), min_length=1)  # an empty list would mean everyone by accident
    countries: tuple[Country, ...] = Field(default=(), min_length=1)
    attested: tuple[Attested, ...] = Field(default=(), min_length=1)
    outside_hours: Literal[True] | None = None
    agent_calls: int | None = Field(default=None, ge=0, le=100_000)
    stack_calls: int | None = Field(default=None, ge=0, le=100_000)
    caller_calls: CallerLimit | None = None
    spent_today: float | None = Field(default=None, ge=0)
    monitors_full: Literal[True] | None = None
    accept: Literal[True] | None = None
    reject: SipStatus | None = None

    @field_validator("reject", mode="before")
    @classmethod
    def _declined(cls, value: Any) -> Any:
        return 603 if value is True else value

    @model_validator(mode="after")
    def _one_verdict(self) -> Self:
        if (self.accept is None) == (self.reject is None):
            raise ValueError("a rule needs either accept: true or reject: <SIP status>")
        return self

    @property
    def questions(self) -> list[Question]:
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

    def concerns(self, call: Call) -> bool:
        """Whether the conditions that need no counting hold."""
        if self.callers and not self._names(call.caller):
            return False
        if self.countries and (call.caller is None or phone_numbers.country(call.caller) not in self.countries):
            return False
        if self.attested and call.attested not in self.attested:
            return False
        return self.outside_hours is None or not call.is_open

    def _names(self, caller: str | None) -> bool:
        if caller in (None, ANONYMOUS, UNKNOWN):
            return (caller or ANONYMOUS) in self.callers
        return any(f"ext:{caller}" == entry or caller.startswith(entry) for entry in self.callers)
