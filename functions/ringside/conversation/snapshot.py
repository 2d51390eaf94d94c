"""What the next owner of a call has to know, as one value in the call's record. Pure.

Each part of the conversation writes its own: plain JSON, times in Unix seconds. Another version of this code may
have written what is read here, so a part reads leniently: it ignores fields that it does not know, goes without
those that are missing, and takes values of another type for missing ones.

A snapshot is taken when an owner hands a call over; an owner that dies takes none. So it may be older than the
record: it is believed only if it comes from the owner just before.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any

ATTRIBUTE = "conversation"
"""The call item's attribute."""


def taken(owner: int, now: float, parts: Mapping[str, Any]) -> dict[str, Any]:
    """The whole value: the owner (its epoch) that took it, when (Unix seconds), and what the parts have to say."""
    return {"epoch": owner, "at": now, **parts}


def is_current(value: object, owner: int, items: Iterable[Mapping[str, Any]]) -> bool:
    """Whether the owner just before this one took it, and wrote none of these items of the record after it."""
    given = mapping(value)
    epoch, at = given.get("epoch"), number(given.get("at"))
    if type(epoch) is not int or epoch != owner - 1 or at is None:
        return False
    times = (item.get("started_at") for item in items if item.get("epoch") == epoch)
    return all(time <= at + 0.001 for time in map(number, times) if time is not None)  # the record rounds


def mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def sequence(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def texts(value: object) -> list[str]:
    return [entry for entry in sequence(value) if isinstance(entry, str)]


def pairs(value: object) -> list[tuple[str, str]]:
    """A map, written as a list: DynamoDB does not keep the order of a map, and takes no empty names."""
    entries = [texts(entry) for entry in sequence(value)]
    return [(entry[0], entry[1]) for entry in entries if len(entry) == 2]


def whole(value: object) -> int | None:
    return value if type(value) is int else None


def number(value: object) -> float | None:
    """A time in Unix seconds, or so many of them. The record gives back whole numbers as integers."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) and abs(value) < 1e12 else None
