"""Numbers of calls, by hand."""

from collections.abc import Sequence
from typing import Any

from ringside.records import facts
from ringside.records.statistics import statistics


def a_call(status: str = "ended", at: str = "2026-11-22T12:00:00.000+00:00", **more: Any) -> dict[str, Any]:
    answered = {"created": 100.0, "accepted": 101.0, "first_audio": 102.5}
    usual = {"agent": "concierge", "dialled": "+18005551212", "duration": 60.0, "cost": 0.25, "steps": answered}
    return {"call_id": "rtc_1", "status": status, "started_at": at, "end_reason": "caller_hung_up", **usual, **more}


def numbers(calls: Sequence[dict[str, Any]], days: Sequence[str]) -> dict[str, Any]:
    return statistics(map(facts.of, calls), days)


def rejected(rule: str) -> dict[str, Any]:
    decision = {"verdict": "reject", "rule": rule, "sip_status": 603}
    return a_call("rejected", steps={"created": 1.0}, duration=None, cost=None, end_reason=None, decision=decision)


def test_calls_are_counted_by_what_became_of_them() -> None:
    calls = [a_call(), a_call("live", duration=None, cost=None), rejected("premium rate"), rejected("premium rate")]
    found = numbers([*calls, a_call("missed", steps={}, cost=None)], ["2026-11-22"])

    counted = {name: found[name] for name in ("calls", "answered", "open", "rejected", "missed", "failed")}
    assert counted == {"calls": 5, "answered": 2, "open": 1, "rejected": 2, "missed": 1, "failed": 0}
    assert found["rejected_by"] == {"premium rate": 2}


def test_a_cost_that_is_not_known_is_counted_and_is_not_nothing() -> None:
    found = numbers([a_call(cost=0.25), a_call(cost=0.5), a_call(cost=None)], [])

    assert (found["cost"], found["cost_unknown"]) == (0.75, 1)
    assert found["cost_per_call"]["count"] == 2


def test_a_percentile_is_a_value_that_occurred() -> None:
    found = numbers([a_call(duration=float(seconds)) for seconds in range(1, 101)], [])

    assert found["length"] == {"count": 100, "p50": 50.0, "p95": 95.0, "p99": 99.0, "max": 100.0}
    assert numbers([], [])["length"] == {"count": 0, "p50": None, "p95": None, "p99": None, "max": None}


def test_how_long_it_took_to_pick_up_and_to_the_first_word() -> None:
    found = numbers([a_call()], [])

    assert (found["pick_up"]["p50"], found["first_word"]["p50"]) == (1.0, 1.5)


def test_every_day_has_its_line_also_one_without_calls() -> None:
    calls = [a_call(), a_call(at="2026-11-23T23:59:00.000+00:00")]
    found = numbers(calls, ["2026-11-22", "2026-11-23", "2026-11-24"])

    assert [(line["day"], line["calls"]) for line in found["days"]] == [
        ("2026-11-22", 1),
        ("2026-11-23", 1),
        ("2026-11-24", 0),
    ]
    assert (found["hours"][12], found["hours"][23], sum(found["hours"])) == (1, 1, 2)
