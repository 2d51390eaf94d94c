"""When a line is open: days, time ranges and holidays in the agent's time zone. Pure."""

import re
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import field_validator

from ringside.strict_model import Strict

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class OpeningHours(Strict):
    """When the line is open, in the agent's time zone. On days that are not listed it is closed.

    A time range is `"09:00-18:00"`; one that ends before it begins ends on the next day. Holidays are dates
    (`"2026-12-24"`), or days of every year (`"12-25"`).
    """

    monday: tuple[str, ...] = ()
    tuesday: tuple[str, ...] = ()
    wednesday: tuple[str, ...] = ()
    thursday: tuple[str, ...] = ()
    friday: tuple[str, ...] = ()
    saturday: tuple[str, ...] = ()
    sunday: tuple[str, ...] = ()
    holidays: tuple[str, ...] = ()

    @field_validator(*DAYS, mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @field_validator(*DAYS)
    @classmethod
    def _ranges(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            _range(text)
        return value

    @field_validator("holidays", mode="before")
    @classmethod
    def _dates(cls, value: Any) -> Any:
        # YAML reads 2026-12-24 as a date.
        return [str(day) if isinstance(day, date) else day for day in value] if isinstance(value, list) else value

    @field_validator("holidays")
    @classmethod
    def _days(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for day in value:
            try:
                date.fromisoformat(day if len(day) == 10 else f"2024-{day}")
            except ValueError:
                raise ValueError(f'{day} is not a date (for example "2026-12-24", or "12-25" for every year)') from None
        return value

    def are_open(self, at: float, zone: str) -> bool:
        """Whether the line is open at that moment (Unix seconds)."""
        local = datetime.fromtimestamp(at, ZoneInfo(zone))
        now, today = local.time(), local.date()
        yesterday = date.fromordinal(today.toordinal() - 1)
        return any((begin <= now < end) if begin < end else now >= begin for begin, end in self._of(today)) or any(
            begin >= end and now < end for begin, end in self._of(yesterday)
        )

    def _of(self, day: date) -> list[tuple[time, time]]:
        if day.isoformat() in self.holidays or day.isoformat()[5:] in self.holidays:
            return []
        return [_range(text) for text in getattr(self, DAYS[day.weekday()])]


def _range(text: str) -> tuple[time, time]:
    """`"09:00-18:00"` as its two times; raises `ValueError`."""
    found = re.fullmatch(r"((?:[01]\d|2[0-3]):[0-5]\d)\s*-\s*((?:[01]\d|2[0-3]):[0-5]\d|24:00)", text, re.ASCII)
    if found is None:
        raise ValueError(f'{text} is not a time range (for example "09:00-18:00")')
    return time.fromisoformat(found[1]), time.max if found[2] == "24:00" else time.fromisoformat(found[2])
