"""The tools of the appointment line, with a calendar in memory in place of yours."""

from typing import Annotated, Literal

from pydantic import Field

from ringside.tools import CallContext, tool

Subject = Literal["check-up", "hygienist", "pain"]
Time = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\d \d\d:\d\d$", description="such as 2026-12-01 09:30")]

CALENDAR: dict[str, str] = {"2026-12-01 09:30": "", "2026-12-01 14:00": "", "2026-12-02 11:15": ""}
"""Free times, and once they are taken, the call that took them."""


@tool(repeatable=True, seconds=4)
async def free_times(subject: Subject) -> list[str]:
    """The next free times, at most three of them."""
    return [time for time, taken in CALENDAR.items() if not taken][:3]


@tool(seconds=6)
def book(time: Time, subject: Subject, call: CallContext, customer_number: str = "") -> dict[str, str]:
    """Book an appointment. Only after the caller has said yes to day and time."""
    if CALENDAR.get(time) != "":
        return {"error": "This time is not free any more. Offer another one."}
    # In your calendar, use call.tool_call_id as the booking's key: then nothing can book it twice.
    CALENDAR[time] = call.tool_call_id
    return {"booked": time, "subject": subject, "customer_number": customer_number or "unknown"}
