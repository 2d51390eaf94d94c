"""Opening hours: when a line is open, by the agent's own clock."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from ringside.admission.opening_hours import OpeningHours


def is_open(hours: OpeningHours, moment: str, zone: str = "Europe/Berlin") -> bool:
    return hours.are_open(datetime.fromisoformat(moment).replace(tzinfo=ZoneInfo(zone)).timestamp(), zone)


WEEK = OpeningHours.model_validate(
    {
        "monday": "09:00-18:00",
        "tuesday": ["09:00-12:00", "14:00-18:00"],
        "friday": "20:00-02:00",
        "saturday": "10:00-24:00",
    }
)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-11-23T08:59:59", False),
        ("2026-11-23T09:00", True),
        ("2026-11-23T17:59:59", True),
        ("2026-11-23T18:00", False),
        ("2026-11-24T13:00", False),
        ("2026-11-24T14:00", True),
        ("2026-11-25T12:00", False),
        ("2026-11-27T19:59", False),
        ("2026-11-27T23:30", True),
        ("2026-11-28T01:59", True),
        ("2026-11-28T02:00", False),
        ("2026-11-28T23:59:59", True),
        ("2026-11-29T00:00", False),
    ],
)
def test_the_line_is_open_by_the_agents_own_clock(moment: str, expected: bool) -> None:
    assert is_open(WEEK, moment) is expected
    assert is_open(WEEK, moment, "America/New_York") is expected


def test_holidays_are_closed_once_or_every_year() -> None:
    hours = OpeningHours.model_validate(
        {"thursday": "09:00-18:00", "friday": "09:00-18:00", "holidays": ["12-25", "2026-12-24"]}
    )
    assert not is_open(hours, "2026-12-24T10:00")
    assert not is_open(hours, "2026-12-25T10:00")
    assert is_open(hours, "2026-12-31T10:00")
    assert not is_open(hours, "2027-12-25T10:00")


@pytest.mark.parametrize(
    "wrong",
    [
        {"monday": "9-18"},
        {"monday": "25:00-26:00"},
        {"monday": 9},
        {"mondays": "09:00-18:00"},
        {"holidays": ["christmas"]},
        {"holidays": ["13-01"]},
    ],
)
def test_hours_that_nobody_understands_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        OpeningHours.model_validate(wrong)
