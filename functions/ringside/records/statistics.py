"""The numbers of some calls: how many, how they ended, how fast, how long, at what price. Pure.

Fed with `facts` of calls. docs/console.md defines each number; a percentile is by nearest rank, over calls, and
percentiles are never averaged.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ringside.calls import Status

Facts = Mapping[str, Any]


def statistics(found: Iterable[Facts], days: Sequence[str]) -> dict[str, Any]:
    """The numbers of the calls that these are the facts of; `days` are the ISO dates that a line is wanted for, with or
    without calls.
    """
    everything = list(found)
    answered = [call for call in everything if call["answered"]]
    by_day: dict[str, list[Facts]] = {day: [] for day in days}
    for call in everything:
        by_day.setdefault(call["day"], []).append(call)
    return {
        "days": [{"day": day, **_counts(by_day[day])} for day in days],
        "hours": _hours(everything),
        **_counts(everything),
        "end_reasons": _counted(call["end_reason"] for call in answered),
        "rejected_by": _counted(call["rejected_by"] for call in everything),
        "agents": _counted(call["agent"] for call in everything),
        "numbers": _counted(call["dialled"] for call in everything),
        "pick_up": _spread(call["pick_up"] for call in answered),
        "first_word": _spread(call["first_word"] for call in answered),
        "length": _spread(call["length"] for call in answered),
        "cost_per_call": _spread(call["cost"] for call in answered if _is_over(call)),
    }


def _is_over(call: Facts) -> bool:
    return Status(call["status"]).is_final


def _counts(calls: Sequence[Facts]) -> dict[str, Any]:
    status = Counter(call["status"] for call in calls)
    over = [call for call in calls if call["answered"] and _is_over(call)]
    known = [float(call["cost"]) for call in over if call["cost"] is not None]
    return {
        "calls": len(calls),
        "answered": sum(1 for call in calls if call["answered"]),
        "open": sum(1 for call in calls if not _is_over(call)),
        "rejected": status[Status.REJECTED],
        "missed": status[Status.MISSED],
        "failed": status[Status.FAILED],
        "cost": round(sum(known), 6),
        "cost_unknown": len(over) - len(known),
    }


def _hours(calls: Sequence[Facts]) -> list[int]:
    hours = Counter(call["hour"] for call in calls)
    return [hours[hour] for hour in range(24)]


def _counted(values: Iterable[Any]) -> dict[str, int]:
    """How often each value is there, most often first."""
    return dict(Counter(str(value) for value in values if value is not None).most_common())


def _spread(values: Iterable[Any]) -> dict[str, Any]:
    """How many values there are, and their percentiles; None of nothing."""
    known = sorted(float(value) for value in values if value is not None)
    ranks = {name: _rank(known, percent) for name, percent in (("p50", 50), ("p95", 95), ("p99", 99), ("max", 100))}
    return {"count": len(known), **ranks}


def _rank(ordered: Sequence[float], percent: int) -> float | None:
    if not ordered:
        return None
    return round(ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)], 6)
