"""Admission: who is let in, and which SIP status the others get. Pure.

An agent file's rules are tried from top to bottom; the first rule whose conditions all hold decides, and its
name goes into the record. If none does, the call is accepted.

Some conditions count: live calls, a caller's calls, money. Counting needs the record, so `decide` is a
generator: it yields a `Question` and is sent whether the limit is reached. Answering it reserves a slot
for the call if one is free.
"""

from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

from ringside.admission.rules import Call, Question, Rule


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
"""Claimed, not yet decided: counting comes after the claim, so that a repeated webhook is not counted."""


def needs_counting(rules: Iterable[Rule]) -> bool:
    return any(rule.questions for rule in rules)


def counts(rules: Iterable[Rule], about: str) -> bool:
    """Whether a rule needs this count: then every call of the agent is counted, whichever rule lets it in."""
    return any(question.about == about for rule in rules for question in rule.questions)


def decide(rules: Iterable[Rule], call: Call) -> Generator[Question, bool, Decision]:
    """Yield what has to be counted, receive whether that limit is reached, return the decision."""
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
