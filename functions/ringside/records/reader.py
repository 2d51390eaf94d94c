"""What is asked of the record, answered in the documented shapes: the one place for the API, the console and `stats`.

It reads, and writes nothing.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from ringside.agentfile.agents import Agents
from ringside.aws.counters import Counters
from ringside.aws.record import Record
from ringside.calls import EndReason, Status
from ringside.records import agent_shape, dry_run, query, rollups, shapes, statistics
from ringside.records.query import BadQuery, Filters
from ringside.sip.trunk import Trunk

Json = dict[str, Any]

SETTLED_SECONDS = 30.0
"""After which an entry of a call is taken to stay as it is. Transcripts come within seconds, if they come."""

MAX_LIVE = 200
"""Live calls that are shown with their last words: each costs a query."""


class Reader:
    """The record of one deployment, for reading. All methods block; they may be called from several threads."""

    def __init__(
        self,
        record: Record,
        counters: Callable[[], Counters],
        agents: Callable[[], Agents],
        trunk: Trunk,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._record = record
        self._counters = counters
        self._agents = agents
        self._trunk = trunk
        self._clock = clock

    def today(self) -> date:
        return datetime.fromtimestamp(self._clock(), UTC).date()

    def calls(self, filters: Filters, limit: int, cursor: str | None = None) -> Json:
        """A page of calls, newest first: `calls`, and `cursor` for the next one."""
        page = query.page(self._record, filters, limit, cursor)
        return {"calls": [shapes.listed(call) for call in page.calls], "cursor": page.cursor}

    def call(self, call_id: str) -> Json | None:
        """A whole call; None if there is no such call."""
        found = self._record.whole_call(call_id)
        return None if found is None else shapes.whole(*found)

    def news(self, call_id: str, since: str | None) -> Json | None:
        """The call as it is in a list, the entries that are new or may still change, and where to go on."""
        found = self._record.whole_call(call_id)
        if found is None:
            return None
        call, items = found
        start = _after(items, since)
        settled = start
        while settled < len(items) and self._is_settled(items[settled]):
            settled += 1
        return {
            "call": shapes.listed(call),
            "items": [shapes.item(entry) for entry in items[start:]],
            "since": str(items[settled - 1]["item_id"]) if settled else None,
        }

    def live(self) -> Json:
        """The calls that are not over, newest first, each with the last words that were said."""
        found = self._record.open_calls()
        return {
            "calls": [{**shapes.listed(call), "last_words": self._last_words(call)} for call in found[:MAX_LIVE]],
            "count": len(found),
        }

    def statistics(self, filters: Filters) -> Json:
        """The numbers of these calls, and the monitors as they are now."""
        return {**numbers(self._record, filters, self.today()), "monitors": self.monitors()}

    def monitors(self) -> list[Json]:
        """The monitors that are alive: calls, slots, and how many seconds their lease still has."""
        now = self._clock()
        return [
            {
                "monitor": str(beat["sk"]),
                "calls": beat.get("calls"),
                "slots": beat.get("slots"),
                "lease": round(float(beat["until"]) - now, 1),
                "draining": bool(beat.get("draining")),
            }
            for beat in self._record.monitors()
            if float(beat["until"]) > now
        ]

    def agents(self) -> Json:
        """Every agent, as its file describes it."""
        return {"agents": [agent_shape.shape(agent, self._clock()) for agent in self._agents()]}

    def decision(self, caller: str, dialled: str, at: float | None, headers: Sequence[Mapping[str, str]] = ()) -> Json:
        """Which rule would admit or reject a call. `at`: Unix seconds, now without it. Raises `BadQuery`."""
        caller, dialled = query.caller(caller), query.number(dialled)
        rows = [*(dict(row) for row in headers), {"name": "To", "value": f"<sip:{dialled}@sip.example.com>"}]
        asked = dry_run.from_headers(rows, self._agents(), self._trunk, caller)
        moment = self._clock() if at is None else at
        asked = dry_run.Asked(asked.caller, asked.dialled, asked.attested, asked.agent, moment)
        return dry_run.shape(dry_run.decide(asked, self._counters))

    def _is_settled(self, entry: Mapping[str, Any]) -> bool:
        ended = entry.get("ended_at") or entry.get("started_at") or 0
        return (
            entry.get("state") != "pending"
            and entry.get("outcome") != "running"
            and self._clock() - float(ended) > SETTLED_SECONDS
        )

    def _last_words(self, call: Mapping[str, Any]) -> Json | None:
        if call.get("status") != Status.LIVE:
            return None
        found = self._record.whole_call(str(call["call_id"]))
        turns = [entry for entry in (found[1] if found else ()) if entry.get("kind") == "turn" and entry.get("text")]
        return {"role": turns[-1].get("role"), "text": turns[-1].get("text")} if turns else None


def numbers(record: Record, filters: Filters, today: date) -> Json:
    """The numbers of the calls of these days, of an agent and of a number; and which calls they are of."""
    days = filters.days[::-1]
    found = rollups.of_days(record, days, today.isoformat())
    wanted = {name: value for name in ("agent", "dialled") if (value := getattr(filters, name)) is not None}
    return {
        "from": filters.first_day.isoformat(),
        "to": filters.last_day.isoformat(),
        "agent": filters.agent,
        "dialled": filters.dialled,
        **statistics.statistics((call for call in found if wanted.items() <= call.items()), days),
    }


def filters(
    *,
    day: str | None = None,
    first: str | None = None,
    last: str | None = None,
    today: date,
    status: str | None = None,
    end_reason: str | None = None,
    caller: str | None = None,
    dialled: str | None = None,
    agent: str | None = None,
    outcome: str | None = None,
    notes: str | None = None,
) -> Filters:
    """Filters of what was written in a URL or a form; `BadQuery` names what is wrong. An empty value is none."""
    if day and (first or last):
        raise BadQuery("day: give either day or from and to")
    begin, end = _date("day" if day else "from", day or first), _date("day" if day else "to", day or last)
    if begin is None and end is None and caller:
        begin, end = date(2000, 1, 1), today
    end = end or today
    return Filters(
        first_day=begin or min(end, today),
        last_day=end,
        status=_one_of("status", Status, status),
        end_reason=_one_of("end_reason", EndReason, end_reason),
        caller=query.caller(caller) if caller else None,
        dialled=query.number(dialled) if dialled else None,
        agent=agent or None,
        outcome=outcome or None,
        notes=notes or None,
    )


def _date(name: str, text: str | None) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadQuery(f"{name}: {text} is not a date (for example 2026-11-22)") from None


def _one_of(name: str, kind: Any, text: str | None) -> Any:
    if not text:
        return None
    try:
        return kind(text)
    except ValueError:
        raise BadQuery(f"{name}: {text} is not one of {', '.join(kind)}") from None


def _after(items: Sequence[Mapping[str, Any]], since: str | None) -> int:
    """The index of the first entry after the one with this id; of the first of all, where it is unknown."""
    if since is None:
        return 0
    return next((index + 1 for index, entry in enumerate(items) if entry.get("item_id") == since), 0)
