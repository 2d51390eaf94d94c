"""Which calls are meant: those of a list, the one whose id begins so, the last."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain, islice
from pathlib import Path

from cli.errors import CliError
from ringside.aws.record import BATCH, Record
from ringside.aws.table import Item
from ringside.records import query

LAST = "last"
DAYS = 7
"""How far back a call is looked for by the beginning of its id, or as the last one. An index by day is all there is."""

CANDIDATES = 5
"""Ids that are named when a beginning is ambiguous."""


def listed(
    record: Record,
    day: str | None,
    caller: str | None,
    agent: str | None,
    outcome: str | None,
    notes: str | None,
    live: bool,
    limit: int,
) -> list[Item]:
    """The newest calls that fit, by the index that fits best. `day` is an ISO date in UTC, `caller` E.164."""

    def fits(call: Item) -> bool:
        return agent is None or call.get("agent") == agent

    if live:
        found = (
            call
            for call in record.open_calls()
            if fits(call) and caller in (None, call.get("caller")) and str(call["started_at"]).startswith(day or "")
        )
        return list(islice(found if notes is None else _in_detail(record, None, notes, found), limit))
    if outcome is not None or notes is not None:
        return list(islice(_in_detail(record, outcome, notes, filter(fits, _each(record, day, caller))), limit))
    if caller is not None:
        return record.with_analyses(record.calls_of_caller(caller, day, limit, fits))
    return record.with_analyses(record.calls_of_day(day or _days()[0], limit, fits))


def _each(record: Record, day: str | None, caller: str | None) -> Iterator[Item]:
    """The calls of a day, or of a caller, newest first."""
    if caller is None:
        return record.each_of_day(day or _days()[0])
    return (call for call in record.each_of_caller(caller) if str(call["started_at"]).startswith(day or ""))


def _in_detail(record: Record, outcome: str | None, notes: str | None, calls: Iterator[Item]) -> Iterator[Item]:
    """Those with this outcome and these words in a note, which are read for many at a time."""
    while chunk := list(islice(calls, BATCH)):
        for call in record.with_analyses(chunk, notes=notes is not None):
            if outcome in (None, query.outcome_of(call)) and (notes is None or query.is_noted(call, notes)):
                yield call


def whole_call(record: Record, text: str) -> tuple[Item, list[Item]]:
    """A call and everything in it, by its id, the id's beginning or `last`; `CliError` if there is none."""
    found = record.whole_call(text) or record.whole_call(_resolved(record, text))
    if found is None:
        raise CliError(f"there is no call {text} in the record")
    return found


def kept_call(path: str) -> tuple[Item, list[Item]]:
    """A call and everything in it, from a file that `ringside talk` kept; `CliError` if it is none."""
    try:
        call = json.loads(Path(path).read_text(encoding="utf-8"))
        return call, list(call["items"])
    except OSError as error:
        raise CliError(f"{path}: {error.strerror}") from None
    except (ValueError, TypeError, KeyError):
        raise CliError(f"{path} is not a call that ringside talk kept") from None


def call_id(record: Record, text: str) -> str:
    """The whole id of such a call."""
    return text if record.whole_call(text) else _resolved(record, text)


def _resolved(record: Record, text: str) -> str:
    """The id that begins so; `CliError` where no call is meant, or more than one."""
    if text == LAST:
        return _last(record)
    found: list[str] = []
    for call in chain(record.open_calls(), _recent(record, text)):
        known = str(call["call_id"])
        if known.startswith(text) and known not in found:
            found.append(known)
        if len(found) > CANDIDATES:
            break
    if not found:
        raise CliError(f"there is no call {text} in the record (beginnings of ids: of the last {DAYS} days only)")
    if len(found) > 1:
        more = ", ..." if len(found) > CANDIDATES else ""
        raise CliError(f"{text} is ambiguous: {', '.join(found[:CANDIDATES])}{more}")
    return found[0]


def newest(record: Record, most: int) -> list[str]:
    """The ids of the newest calls of the last days, at most so many."""
    found = (str(call["call_id"]) for day in _days() for call in record.calls_of_day(day, most))
    return list(islice(found, most))


def _recent(record: Record, beginning: str) -> Iterator[Item]:
    """Calls whose ids begin so, of the last days, newest first."""
    for day in _days():
        yield from record.calls_of_day(day, CANDIDATES + 1, lambda call: str(call["call_id"]).startswith(beginning))


def _last(record: Record) -> str:
    for day in _days():
        for call in record.calls_of_day(day, 1):
            return str(call["call_id"])
    raise CliError(f"there is no call of the last {DAYS} days in the record")


def _days() -> list[str]:
    today = datetime.now(UTC).date()
    return [(today - timedelta(days=past)).isoformat() for past in range(DAYS)]
