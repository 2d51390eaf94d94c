"""The calendar of the appointment line's tests: `state` is the scenario's, and shared by both tools."""

from typing import Any


def free_times(state: dict[str, Any]) -> list[str]:
    return state["times"][:3]


def book(state: dict[str, Any], time: str, subject: str, customer_number: str = "") -> dict[str, str]:
    if time not in state["times"]:
        return {"error": "This time is not free any more. Offer another one."}
    state["times"].remove(time)
    state["booked"].append({"time": time, "subject": subject, "customer_number": customer_number})
    return {"booked": time}
