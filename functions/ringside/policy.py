"""Admission: who is let in, and what the others are told. Pure.

Rules stand in the agent file and are tried from top to bottom; the first that matches decides,
and its name goes into the record. Where none matches, the call is accepted.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

ANONYMOUS = "anonymous"
SIP_STATUSES = (403, 404, 480, 486, 503, 603)
"""What a caller may be told: forbidden, not found, unavailable, busy, overloaded, declined (RFC 3261 section 21)."""


def _callers(entry: str) -> str:
    if entry != ANONYMOUS and not re.fullmatch(r"\+[0-9]{1,15}", entry):
        raise ValueError(f'neither a number or its beginning, such as "+1900", nor {ANONYMOUS}')
    return entry


Callers = Annotated[str, AfterValidator(_callers)]


class Rule(BaseModel):
    """One rule. `callers`: E.164 numbers or prefixes (`+1900`), or `anonymous`; left out, it matches everyone."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=100)
    callers: tuple[Callers, ...] = Field(default=(), min_length=1)  # an empty list would mean everyone by accident
    accept: Literal[True] | None = None
    reject: Literal[403, 404, 480, 486, 503, 603] | None = None

    @model_validator(mode="after")
    def _one_verdict(self) -> Self:
        if (self.accept is None) == (self.reject is None):
            raise ValueError("a rule says either accept: true or reject: <SIP status>")
        return self

    def matches(self, caller: str | None) -> bool:
        if not self.callers:
            return True
        if caller is None:
            return ANONYMOUS in self.callers
        return any(prefix != ANONYMOUS and caller.startswith(prefix) for prefix in self.callers)


@dataclass(frozen=True)
class Decision:
    """The verdict on a call, the rule that made it, and the SIP status a rejected caller gets."""

    verdict: Literal["accept", "reject"]
    rule: str
    sip_status: int | None = None

    def as_item(self) -> dict[str, str | int | None]:
        return {"verdict": self.verdict, "rule": self.rule, "sip_status": self.sip_status}


NO_AGENT = Decision("reject", "no agent answers this number", 404)


def decide(rules: Iterable[Rule], caller: str | None) -> Decision:
    """The first rule that matches decides; without one, the call is accepted."""
    for rule in rules:
        if rule.matches(caller):
            if rule.reject is not None:
                return Decision("reject", rule.name, rule.reject)
            return Decision("accept", rule.name)
    return Decision("accept", "no rule matched")
