"""Lists of calls: which ones are wanted, and a page of them at a time."""

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice

from ringside import phone_numbers
from ringside.aws.record import BATCH, Record
from ringside.aws.table import Item
from ringside.calls import ANONYMOUS, UNKNOWN, EndReason, Status
from ringside.errors import RequestError
from ringside.sip.parties import EXTENSION

MAX_DAYS = 92
"""Days of one question: an index by day is all there is, and each day is read from eight partitions."""

MAX_LOOKED_AT = 5_000
"""Calls that are looked at for one page: where a filter leaves few of them, the page is short and has a cursor."""


class BadQuery(RequestError):
    """What was asked cannot be answered; the message names the parameter."""


def caller(text: str, name: str = "caller") -> str:
    """A caller as the record has it, of a number, `ext:1001`, `anonymous` or `unknown`; else `BadQuery`."""
    if text in (ANONYMOUS, UNKNOWN):
        return text
    extension = text.removeprefix("ext:")
    return extension if extension != text and EXTENSION.fullmatch(extension) else number(text, name)


def number(text: str, name: str = "dialled") -> str:
    """A number as E.164; `BadQuery` for anything else."""
    found = phone_numbers.number(text)
    if found is None:
        raise BadQuery(f"{name}: {text} is not an international number (for example +14255550112)")
    return found


@dataclass(frozen=True)
class Filters:
    """Which calls. Days are ISO dates in UTC, both included; `caller` and `dialled` are as the record has them."""

    first_day: date
    last_day: date
    caller: str | None = None
    dialled: str | None = None
    agent: str | None = None
    status: Status | None = None
    end_reason: EndReason | None = None
    outcome: str | None = None  # of the call's analysis
    notes: str | None = None  # words in a note, however they are written

    def __post_init__(self) -> None:
        if self.first_day > self.last_day:
            raise BadQuery(f"from: {self.first_day} is after {self.last_day}")
        if self.caller is None and len(self.days) > MAX_DAYS:
            raise BadQuery(f"from: {len(self.days)} days are more than {MAX_DAYS}; only one caller's calls go further")

    @property
    def days(self) -> list[str]:
        """Every day, newest first."""
        return days_between(self.first_day, self.last_day)[::-1]

    @property
    def narrows(self) -> bool:
        """Whether calls of these days, or of this caller, may be left out."""
        return any((self.dialled, self.agent, self.status, self.end_reason, self.is_detailed))

    @property
    def is_detailed(self) -> bool:
        """Whether more has to be known of a call than an index tells."""
        return self.outcome is not None or self.notes is not None

    def fits(self, call: Item) -> bool:
        """Whether this call is wanted, as far as an index tells; its day is not looked at."""
        wanted = {
            "caller": self.caller,
            "dialled": self.dialled,
            "agent": self.agent,
            "status": self.status,
            "end_reason": self.end_reason,
        }
        return all(value is None or call.get(name) == value for name, value in wanted.items())

    def fits_in_detail(self, call: Item) -> bool:
        """Whether this call is wanted, as far as only the call itself tells."""
        return self.outcome in (None, outcome_of(call)) and (self.notes is None or is_noted(call, self.notes))


def is_noted(call: Item, text: str) -> bool:
    """Whether a note of the call, or its name, contains these words, ignoring case and line breaks."""
    wanted = " ".join(text.split()).casefold()
    notes: Item = call.get("notes") or {}
    return any(wanted in " ".join(f"{name}: {note}".split()).casefold() for name, note in notes.items())


def outcome_of(call: Item) -> str | None:
    """What a call's analysis says that came of it; None where there is none."""
    found: str | None = (call.get("analysis") or {}).get("outcome")
    return found


def days_between(first: date, last: date) -> list[str]:
    """Every day, oldest first, both included: ISO dates."""
    return [(first + timedelta(days=number)).isoformat() for number in range((last - first).days + 1)]


@dataclass(frozen=True)
class Page:
    """Some calls, newest first, and where the next page begins; None on the last one."""

    calls: list[Item]
    cursor: str | None


def page(record: Record, filters: Filters, limit: int, cursor: str | None = None) -> Page:
    """The next calls after a cursor. Calls that come meanwhile are newer than all of it, and shift nothing."""
    found: list[Item] = []
    place = None
    before = None if cursor is None else _place(cursor)
    candidates = _candidates(record, filters, before, limit)
    for seen, call in enumerate(_detailed(record, filters, candidates) if filters.is_detailed else candidates):
        if place is not None and (len(found) == limit or seen == MAX_LOOKED_AT):
            return Page(_with_analyses(record, filters, found), _cursor(place))
        place = place_of(call)
        if filters.fits(call) and filters.fits_in_detail(call):
            found.append(call)
    return Page(_with_analyses(record, filters, found), None)


def _with_analyses(record: Record, filters: Filters, found: list[Item]) -> list[Item]:
    return found if filters.is_detailed else record.with_analyses(found)


def _detailed(record: Record, filters: Filters, calls: Iterator[Item]) -> Iterator[Item]:
    """The same calls; those that fit otherwise with their analyses and notes, which are read for many at a time."""
    notes = filters.notes is not None
    while chunk := list(islice(calls, BATCH)):
        fitting = [call for call in chunk if filters.fits(call)]
        known = {call["call_id"]: call for call in record.with_analyses(fitting, notes=notes)}
        for call in chunk:
            yield known.get(call["call_id"], call)


def place_of(call: Item) -> str:
    """Where a call stands in every list that has it."""
    return f"{call['started_at']}#{call['call_id']}"


def _candidates(record: Record, filters: Filters, before: str | None, limit: int | None) -> Iterator[Item]:
    """Calls of the days, or of the caller, newest first; read as they are wanted, for a list of `limit`."""
    # Some calls more where a filter leaves out others.
    wanted = None if limit is None else (limit + 1) * (4 if filters.narrows else 1)
    first, last, caller = filters.days[-1], filters.days[0], filters.caller
    if caller is not None:
        end = f"{last}~"  # after all of that day
        for call in record.each_of_caller(caller, end if before is None else min(before, end), wanted):
            if str(call["started_at"]) < first:
                return
            yield call
        return
    for day in filters.days:
        if before is None or before >= day:
            yield from record.each_of_day(day, before if before and before.startswith(day) else None, wanted)


def _cursor(place: str) -> str:
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def _place(cursor: str) -> str:
    try:
        place = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
        date.fromisoformat(place[:10])
    except (ValueError, binascii.Error):
        raise BadQuery("cursor: not one that a list of calls has given") from None
    return place
