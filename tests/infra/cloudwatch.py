"""CloudWatch's judgement of an alarm, for the alarms of the templates: samples in, the state at the end out.

Periods are aligned to whole multiples of themselves; a period without a sample is missing, and counts as
TreatMissingData says. Of metric math it knows the forms that the templates have.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html
"""

import math
from collections.abc import Callable, Iterable, Mapping
from statistics import fmean
from typing import Any

Sample = tuple[float, float]
"""The second at which it was written, and its value."""

COMPARES: dict[str, Callable[[float, float], bool]] = {
    "LessThanThreshold": lambda value, threshold: value < threshold,
    "GreaterThanThreshold": lambda value, threshold: value > threshold,
    "GreaterThanOrEqualToThreshold": lambda value, threshold: value >= threshold,
}


def state(
    alarm: Mapping[str, Any],
    samples: Mapping[str, Iterable[Sample]],
    until: float,
    parameters: Mapping[str, float] | None = None,
) -> str:
    """`ALARM` or `OK` at the second `until`. `samples` go by the name of the metric, in a metric math alarm by its id;
    `parameters` are those of the template."""
    given = parameters or {}
    _period, points = _points(alarm, {name: list(values) for name, values in samples.items()}, until, given)
    last = points[-alarm["EvaluationPeriods"] :]
    if all(point is None for point in last) and alarm["TreatMissingData"] == "missing":
        return "INSUFFICIENT_DATA"
    threshold = alarm["Threshold"]
    value = given[threshold["Ref"]] if isinstance(threshold, Mapping) else threshold
    missing = alarm["TreatMissingData"] == "breaching"
    compare = COMPARES[alarm["ComparisonOperator"]]
    breaching = sum(missing if point is None else compare(point, value) for point in last)
    return "ALARM" if breaching >= alarm.get("DatapointsToAlarm", alarm["EvaluationPeriods"]) else "OK"


def _points(
    alarm: Mapping[str, Any], samples: Mapping[str, list[Sample]], until: float, given: Mapping[str, float]
) -> tuple[int, list[float | None]]:
    if "Metrics" not in alarm:
        statistic = alarm.get("Statistic") or alarm["ExtendedStatistic"]
        return alarm["Period"], _series(samples.get(alarm["MetricName"], []), alarm["Period"], statistic, until)
    stats = {entry["Id"]: entry["MetricStat"] for entry in alarm["Metrics"] if "MetricStat" in entry}
    (period,) = {stat["Period"] for stat in stats.values()}
    series = {name: _series(samples.get(name, []), period, stat["Stat"], until) for name, stat in stats.items()}
    (expression,) = [entry["Expression"] for entry in alarm["Metrics"] if "Expression" in entry]
    if expression == "SUM(METRICS())":
        known = [[point for point in points if point is not None] for points in zip(*series.values(), strict=True)]
        return period, [math.fsum(points) if points else None for points in known]
    if expression == {"Fn::Sub": "100 * slots / ${MaxCalls}"}:
        return period, [None if slots is None else 100 * slots / given["MaxCalls"] for slots in series["slots"]]
    if expression == {"Fn::Sub": "running - FILL(held, 0) * ${LeaseSeconds} / 180"}:
        both = zip(series["running"], series["held"], strict=True)
        leases = given["LeaseSeconds"] / 180
        return period, [None if running is None else running - (held or 0) * leases for running, held in both]
    raise NotImplementedError(str(expression))


def _series(samples: list[Sample], period: int, statistic: str, until: float) -> list[float | None]:
    """The statistic of each period that is over by `until`."""
    periods: list[list[float]] = [[] for _ in range(int(until // period))]
    for second, value in samples:
        if second < len(periods) * period:
            periods[int(second // period)].append(value)
    return [_statistic(statistic, values) for values in periods]


def _statistic(name: str, values: list[float]) -> float | None:
    if name == "SampleCount":
        return float(len(values)) if values else None
    if not values:
        return None
    if name == "p95":
        return sorted(values)[max(0, math.ceil(0.95 * len(values)) - 1)]
    known: dict[str, Callable[[list[float]], float]] = {"Sum": sum, "Average": fmean, "Minimum": min, "Maximum": max}
    return float(known[name](values))
