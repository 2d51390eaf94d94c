"""Facts of whole days, so that the numbers of a month need not read its calls.

They are kept by the sweeper, once in the first minute of each hour, for the days before today that have none yet and
whose calls are all over. What is kept never changes again: a call that is over stays as it is.
"""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

from ringside.aws.record import Record
from ringside.calls import Status
from ringside.records import facts

log = logging.getLogger(__name__)

Facts = dict[str, Any]

DAYS_BACK = 3
"""Days that are looked at again each hour: a call may last over midnight, and a sweeper may have been away."""

MAX_CALLS = 50_000
"""A day of more calls is not kept, since reading them takes the sweeper too long: it is counted when somebody asks."""

AT_ONCE = 8
"""Days that are read at the same time."""


class RollUps:
    """Keeps the facts of days. `retention`: seconds for which they are kept, as calls are."""

    def __init__(self, record: Record, retention: float) -> None:
        self._record = record
        self._retention = retention

    def keep(self, now: float) -> int:
        """Keep what is to be kept at this moment (Unix seconds). Returns for how many days that was done."""
        if now % 3600 >= 60:
            return 0
        today = datetime.fromtimestamp(now, UTC).date()
        return sum(self._keep_day(today - timedelta(days=back)) for back in range(1, DAYS_BACK + 1))

    def _keep_day(self, day: date) -> bool:
        if self._record.facts_of(day.isoformat()) is not None:
            return False
        found: list[Facts] = []
        for call in self._record.each_of_day(day.isoformat(), wanted=MAX_CALLS):
            if not Status(str(call["status"])).is_final or len(found) == MAX_CALLS:
                return False
            found.append(facts.of(call))
        if not found:  # an empty day costs nothing to ask, and nothing to leave alone
            return False
        ends = datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() + 86_400
        self._record.keep_facts(day.isoformat(), found, int(ends + self._retention))
        log.info("day.kept", extra={"day": day.isoformat(), "calls": len(found)})
        return True


def of_days(record: Record, days: list[str], today: str) -> list[Facts]:
    """The facts of every call of these days: the kept ones, and of today and where none are kept, of the calls."""
    read: Callable[[str], list[Facts]] = partial(_of_day, record, today)
    if len(days) == 1:
        return read(days[0])
    with ThreadPoolExecutor(AT_ONCE, "days") as pool:
        return [fact for found in pool.map(read, days) for fact in found]


def _of_day(record: Record, today: str, day: str) -> list[Facts]:
    kept = record.facts_of(day) if day < today else None
    return kept if kept is not None else [facts.of(call) for call in record.each_of_day(day)]
