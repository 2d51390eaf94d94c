"""What one call adds to the numbers, and nothing of who called or what was said. Pure."""

from collections.abc import Mapping
from typing import Any

from ringside.calls import Status, Step
from ringside.records.shapes import first_word


def of(call: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of a call as a list has it. Day and `hour` are UTC; spans are seconds, costs US dollars."""
    started, status, steps = str(call["started_at"]), Status(str(call["status"])), call.get("steps") or {}
    # Somebody answered, if OpenAI accepted the call.
    answered = Step.ACCEPTED in steps or status in (Status.ACCEPTED, Status.LIVE, Status.ENDED)
    rejected = status is Status.REJECTED
    return {
        "day": started[:10],
        "hour": int(started[11:13]),
        "status": str(status),
        "answered": answered,
        "agent": call.get("agent"),
        "dialled": call.get("dialled"),
        "end_reason": call.get("end_reason"),
        "rejected_by": str((call.get("decision") or {}).get("rule") or "") if rejected else None,
        "pick_up": _span(steps),
        "first_word": first_word(call),
        "length": call.get("duration"),
        "cost": call.get("cost"),
    }


def _span(steps: Mapping[str, Any]) -> float | None:
    if Step.CREATED not in steps or Step.ACCEPTED not in steps:
        return None
    return round(max(0.0, float(steps[Step.ACCEPTED]) - float(steps[Step.CREATED])), 6)
