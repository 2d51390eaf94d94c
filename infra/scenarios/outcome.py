"""How a scenario turned out. Pure."""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from infra.scenarios.expectations import Problem


class Outcome(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    UNSURE = "unsure"
    """A judge could not tell."""
    BROKEN = "broken"
    """The run itself went wrong: it says nothing about the agent."""
    SKIPPED = "skipped"
    PENDING = "pending"
    """It fails, as the file says it will for now."""


PROBLEMS = (Outcome.FAILED, Outcome.BROKEN, Outcome.UNSURE)


@dataclass
class Result:
    """One scenario, played. `reason`: why it was skipped or is broken."""

    path: Path
    agent: str
    outcome: Outcome
    seconds: float = 0.0
    reason: str = ""
    problems: list[Problem] = field(default_factory=list)
    call: dict[str, Any] | None = None
    log: list[str] = field(default_factory=list)
    passed: int = 0
    """Of `counted` live runs."""
    counted: int = 0
    cost: float | None = None
    """US dollars of all live runs; None if it is not known, or nothing was spent."""

    @property
    def name(self) -> str:
        return self.path.name.removesuffix(".scenario.yaml")

    def as_json(self) -> dict[str, Any]:
        """As `--json` shows it."""
        return {
            "file": str(self.path),
            "name": self.name,
            "agent": self.agent,
            "outcome": self.outcome,
            "seconds": round(self.seconds, 3),
            "reason": self.reason or None,
            "problems": [problem.text for problem in self.problems],
            "passed": self.passed if self.counted else None,
            "counted": self.counted or None,
            "cost": self.cost,
            "end_reason": (self.call or {}).get("end_reason"),
        }


def exit_status(results: list[Result]) -> int:
    """0: nothing is wrong. 1: something failed. 3: nothing failed, but something is unsure or broken."""
    outcomes = {result.outcome for result in results}
    if Outcome.FAILED in outcomes:
        return 1
    return 3 if outcomes & {Outcome.UNSURE, Outcome.BROKEN} else 0
