"""The numbers of some calls: how many, how they ended, how fast, how long, at what price. Pure.

Fed with calls as a list has them. docs/console.md defines each number; a percentile is by nearest rank, over calls, and
percentiles are never averaged.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ringside.calls import Status, Step
from ringside.records.shapes import first_word

Call = Mapping[str, Any]


def statistics(calls: Iterable[Call], days: Sequence[str]) -> dict[str, Any]:
    """The numbers of these calls; `days` are the ISO dates that a line is wanted for, with or without calls."""
    everything = list(calls)
    answered = [call for call in everything if is_answered(call)]
    return {
        "days": [_day(day, [call for call in everything if str(call["started_at"]).startswith(day)]) for day in days],
        "hours": _hours(everything),
        **_counts(everything),
        "end_reasons": _counted(call.get("end_reason") for call in answered),
        "rejected_by": _counted(rejecting_rule(call) for call in everything),
        "agents": _counted(call.get("agent") for call in everything),
        "numbers": _counted(call.get("dialled") for call in everything),
        "pick_up": _spread(_span(call, Step.CREATED, Step.ACCEPTED) for call in answered),
        "first_word": _spread(first_word(call) for call in answered),
        "length": _spread(call.get("duration") for call in answered),
        "cost_per_call": _spread(call.get("cost") for call in answered if _is_over(call)),
    }


def is_answered(call: Call) -> bool:
    """Whether OpenAI accepted the call: somebody answered."""
    return Step.ACCEPTED in (call.get("steps") or {}) or call.get("status") in (
        Status.ACCEPTED,
        Status.LIVE,
        Status.ENDED,
    )


def rejecting_rule(call: Call) -> str | None:
    """The rule by which a call was rejected."""
    return str((call.get("decision") or {}).get("rule") or "") if call.get("status") == Status.REJECTED else None


def _is_over(call: Call) -> bool:
    return Status(str(call["status"])).is_final


def _counts(calls: Sequence[Call]) -> dict[str, Any]:
    status = Counter(str(call.get("status")) for call in calls)
    over = [call for call in calls if is_answered(call) and _is_over(call)]
    known = [float(call["cost"]) for call in over if call.get("cost") is not None]
    return {
        "calls": len(calls),
        "answered": sum(1 for call in calls if is_answered(call)),
        "open": sum(1 for call in calls if not _is_over(call)),
        "rejected": status[Status.REJECTED],
        "missed": status[Status.MISSED],
        "failed": status[Status.FAILED],
        "cost": round(sum(known), 6),
        "cost_unknown": len(over) - len(known),
    }


def _day(day: str, calls: Sequence[Call]) -> dict[str, Any]:
    return {"day": day, **_counts(calls)}


def _hours(calls: Sequence[Call]) -> list[int]:
    hours = Counter(int(str(call["started_at"])[11:13]) for call in calls)
    return [hours[hour] for hour in range(24)]


def _counted(values: Iterable[Any]) -> dict[str, int]:
    """How often each value is there, most often first."""
    return dict(Counter(str(value) for value in values if value is not None).most_common())


def _span(call: Call, first: Step, last: Step) -> float | None:
    steps = call.get("steps") or {}
    return max(0.0, float(steps[last]) - float(steps[first])) if first in steps and last in steps else None


def _spread(values: Iterable[Any]) -> dict[str, Any]:
    """How many values there are, and their percentiles; None of nothing."""
    known = sorted(float(value) for value in values if value is not None)
    ranks = {name: _rank(known, percent) for name, percent in (("p50", 50), ("p95", 95), ("p99", 99), ("max", 100))}
    return {"count": len(known), **ranks}


def _rank(ordered: Sequence[float], percent: int) -> float | None:
    if not ordered:
        return None
    return round(ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)], 6)
