"""The tools your agents may use: any typed function with a docstring.

The model sees its name, docstring and signature. It may be `async`. Its result goes to the model: text as it is,
anything else as JSON. It runs outside the event loop and within a time limit.
"""

from typing import Literal

HOURS = {
    "monday": "9 am to 6 pm",
    "tuesday": "9 am to 6 pm",
    "wednesday": "9 am to 6 pm",
    "thursday": "9 am to 8 pm",
    "friday": "9 am to 6 pm",
    "saturday": "10 am to 4 pm",
    "sunday": "closed",
}

ORDERS = {"1001": "shipped, arrives tomorrow", "1002": "being packed", "1003": "waiting for payment"}


def opening_hours(
    day: Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"],
) -> str:
    """When the shop is open on a day of the week."""
    return HOURS[day]


def order_status(order_number: str) -> dict[str, str]:
    """Where an order is. The number has four digits."""
    return {"order": order_number, "status": ORDERS.get(order_number, "unknown order number")}
