"""The record: every call as items of one DynamoDB table.

    pk CALL#<call_id>   sk CALL                        the call item: duplicate guard, lock and summary in one
                        sk ITEM#<position>#<epoch>#..  a turn, a tool run or a gap, in conversation order (`entries`)
                        sk USAGE#<epoch>               what each owner has seen used
                        sk CLAIM#<effect>              what may happen once, and who claimed it
    pk MONITORS         sk <owner>                     a monitor's heartbeat
    pk RECEIPTS#<owner> sk <call_id>                      (`receipts`)
    pk FACTS#<day>      sk <part>                         (`day_facts`)
    pk ACTIONS#..       sk <action id>                    what operators want (`actions`)

One `Query` on a call's key returns the whole call in order. Indexes: `by_day` and `live` (sharded, `live` only while
the call is open), `by_caller`.

What the writes are is in `call_writes` and `entries`, what they count in `counters`. This class sends them with boto3
and waits; `monitor/async_record` sends the same on an event loop. One class, since each method is one such write or one
question.
"""

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from itertools import islice
from typing import TYPE_CHECKING, Any

from ringside.aws import actions, call_lists, call_writes, counters, day_facts, entries, requests
from ringside.aws.attributes import Item
from ringside.aws.call_writes import DAY_SHARDS, LIVE_SHARDS, call_key, caller_keys, day_of, shards
from ringside.aws.ownership import Beat, Fenced, Ownership
from ringside.aws.requests import Conflict, Sentence
from ringside.aws.table import Heard, Table
from ringside.calls import LISTED_ANALYSIS, End, Status, Step
from ringside.conversation.events import Usage

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

__all__ = [
    "BATCH",
    "DAY_SHARDS",
    "LIST_ATTRIBUTES",
    "LIVE_SHARDS",
    "Beat",
    "Fenced",
    "Ownership",
    "Record",
    "as_json",
    "beat",
    "day_of",
    "last_beat",
    "whole_call",
]

LIST_ATTRIBUTES = (
    "call_id",
    "status",
    "agent",
    "caller",
    "dialled",
    "started_at",
    "duration",
    "end_reason",
    "cost",
    "decision",
    "owner",
    "epoch",
    "steps",
    "expires_at",
)
"""What the indexes carry (template.yaml projects exactly these): enough for a list and for the sweeper."""

BATCH = 100
"""Items of one BatchGetItem (DynamoDB API reference)."""

DAY_SECONDS = 86_400

Keep = Callable[[Item], bool]


class Record:
    """The table, as sentences about calls. All methods block.

    One class, since it is one list: each method speaks a sentence that is written elsewhere, and whoever holds the
    record sees here what can be asked of it.
    """

    def __init__(
        self,
        client: "DynamoDBClient",
        table: str,
        retention_days: int,
        heard: Heard | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._table = Table(client, table, heard)
        self._retention = retention_days * DAY_SECONDS
        self._clock = clock
        self._versions = 0

    # --- the webhook's part ---

    def claim(self, call: Item, now: float, retention_days: int | None = None) -> None:
        """See `call_writes.claim`. `retention_days`: None as for the other calls."""
        retention = self._retention if retention_days is None else retention_days * DAY_SECONDS
        self._table.run(call_writes.claim(call, now, retention))

    def claim_again(self, call_id: str, found: Item, now: float) -> None:
        self._table.run(call_writes.claim_again(call_id, found, now))

    def decided(self, call_id: str, decision: Mapping[str, Any], reserved: Sequence[str], at: float) -> None:
        self._table.run(call_writes.decided(call_id, decision, reserved, at))

    def unclaim(self, call_id: str, claimed_at: float) -> None:
        self._table.run(call_writes.unclaim(call_id, claimed_at))

    def accepted(self, call_id: str, steps: Mapping[Step, float], detail: str = "") -> None:
        self._table.run(call_writes.accepted(call_id, steps, detail))

    def close_unanswered(
        self, call_id: str, end: End, steps: Mapping[Step, float], reserved: Sequence[str] = ()
    ) -> None:
        self._table.run(call_writes.close_unanswered(call_id, end, steps, reserved))

    # --- the owner's part ---

    def take(
        self,
        call_id: str,
        owner: str,
        message_id: str,
        steps: Mapping[Step, float],
        found: Item | None,
        unheard_since: float | None = None,
    ) -> Item:
        return self._table.run(call_writes.take(call_id, owner, message_id, steps, found, unheard_since))

    def claim_effect(
        self,
        mine: Ownership,
        effect: str,
        steps: Mapping[Step, float] | None = None,
        facts: Mapping[str, Any] | None = None,
        token: str | None = None,
    ) -> bool:
        return self._table.run(call_writes.claim_effect(mine, effect, steps, facts, token))

    def mark(self, mine: Ownership, steps: Mapping[Step, float]) -> None:
        self._table.run(call_writes.mark(mine, steps))

    def save_usage(self, mine: Ownership, usage: Usage, cost: float | None) -> None:
        self._table.run(call_writes.save_usage(mine, usage, cost))

    def note(self, mine: Ownership, facts: Mapping[str, Any]) -> None:
        self._table.run(call_writes.note(mine, facts))

    def release(self, mine: Ownership, at: float, unheard_since: float | None) -> None:
        self._table.run(call_writes.release(mine, at, unheard_since))

    def count_failure(self, mine: Ownership) -> int:
        return self._table.run(call_writes.count_failure(mine))

    def end(
        self,
        mine: Ownership,
        end: End,
        facts: Mapping[str, Any],
        reserved: Sequence[str] = (),
        agent: str | None = None,
    ) -> None:
        """See `call_writes.end`. `agent`: whose spending the cost among the facts is."""
        spent = counters.spending(agent, mine.call_id, end.at, facts.get("cost")) if agent else None
        self._table.run(call_writes.end(mine, end, facts, reserved, spent))

    def save(self, mine: Ownership, position: int, item: Mapping[str, Any], *, late: bool = False) -> None:
        """Write one copy of an entry of the call, at its position."""
        self._versions += 1
        expires_at = int(item["started_at"]) + self._retention
        self._put(entries.entry(mine, position, item, self._versions, expires_at, late=late))

    def save_share(self, mine: Ownership, usage: Usage) -> None:
        """What this owner has seen used so far."""
        self._put(entries.usage_share(mine, usage, int(self._clock()) + self._retention))

    def _put(self, item: Item) -> None:
        self._table.send(requests.put({"pk": item["pk"], "sk": item["sk"]}, item))

    # --- once the call is over ---

    def analysed(self, call_id: str, analysis: Mapping[str, Any], seen: str | None) -> None:
        self._table.run(call_writes.analysed(call_id, analysis, seen))

    def delivery(self, call_id: str, key: str, result: Mapping[str, Any]) -> None:
        self._table.run(call_writes.delivery(call_id, key, result))

    def keep_facts(self, day: str, facts: Sequence[day_facts.Facts], expires_at: int) -> None:
        self._table.run(day_facts.write_day(day, facts, expires_at))

    def facts_of(self, day: str) -> list[dict[str, Any]] | None:
        return self._table.run(day_facts.read_day(day))

    # --- what operators want ---

    def ask(self, call: Mapping[str, Any], asked: actions.Asked, uri: str | None = None, token: str = "") -> None:
        self._table.run(actions.ask(call, asked, uri, token))

    def asked_by_token(self, call_id: str, by: str, token: str) -> actions.Known | None:
        return self._table.run(actions.known(call_id, by, token))

    def open_actions(self, call_id: str) -> list[actions.Asked]:
        """What is wanted of a call and is not settled, in the order of time."""
        return self._table.run(actions.open_of(call_id))

    def is_open(self, call_id: str, action_id: str) -> bool:
        return self._table.run(actions.is_open(call_id, action_id))

    # --- monitors ---

    def beat(
        self,
        owner: str,
        until: float,
        calls: int,
        slots: int,
        number: int = 0,
        *,
        draining: bool = False,
        agents: str | None = None,
    ) -> None:
        self._table.run(beat(owner, until, calls, slots, number, draining=draining, agents=agents))

    def last_beat(self, owner: str) -> Beat:
        """The last that is known of a monitor."""
        return self._table.run(last_beat(owner))

    # --- reading: never a call whose time to live has passed, which DynamoDB deletes "within a few days"
    # (developer guide, "Using time to live (TTL) in DynamoDB") ---

    def call(self, call_id: str) -> Item | None:
        found = self._table.send(requests.get(call_key(call_id)))
        return found if found and self._is_kept(found) else None

    def whole_call(self, call_id: str) -> tuple[Item, list[Item]] | None:
        """The call item and everything that was said and done in it, in order; None if there is no such call."""
        found = self._table.run(requests.partition(entries.partition_of(call_id)))
        whole = whole_call(found)
        return whole if whole and self._is_kept(whole[0]) else None

    def history(self, call_id: str) -> list[tuple[int, Item]]:
        """What was said and done in a call so far, with the positions, in order."""
        found = self._table.run(requests.partition(entries.partition_of(call_id)))
        whole = whole_call(found)
        return entries.placed(found[1:]) if whole and self._is_kept(whole[0]) else []

    def calls_of_day(self, day: str, limit: int | None = None, keep: Keep | None = None) -> list[Item]:
        """The calls that began on a day (UTC, ISO date), newest first; `LIST_ATTRIBUTES` of each.

        `keep` chooses among them; `limit` ends the reading as soon as there are so many.
        """
        return self._index("by_day", shards(f"DAY#{day}", DAY_SHARDS), limit=limit, keep=keep)

    def each_of_day(self, day: str, before: str | None = None, wanted: int | None = None) -> Iterator[Item]:
        """The same calls, read as they are wanted: for a list of so many, or all. `before`: those that come after
        this place in the list, which is a call's `started_at#call_id`.
        """
        return self._newest_first("by_day", shards(f"DAY#{day}", DAY_SHARDS), day, before, wanted)

    def calls_of_caller(
        self, caller: str, day: str | None = None, limit: int | None = None, keep: Keep | None = None
    ) -> list[Item]:
        """The calls from a number (E.164), of one day or of all, newest first."""
        return self._index("by_caller", caller_keys(caller), day or "", limit, keep)

    def each_of_caller(self, caller: str, before: str | None = None, wanted: int | None = None) -> Iterator[Item]:
        """The calls from a number of all days, as `each_of_day` has those of a day."""
        return self._newest_first("by_caller", caller_keys(caller), "", before, wanted)

    def with_analyses(self, calls: Sequence[Item], *, notes: bool = False) -> list[Item]:
        """Calls of a list, with `state`, `outcome` and `summary` of their analyses, which no index carries.

        `notes`: with what the agents noted, too, which a live call may have.
        """
        read = ("call_id", *(f"analysis.{name}" for name in LISTED_ANALYSIS), *(("notes",) if notes else ()))
        ids = [
            str(call["call_id"]) for call in calls if call.get("agent") and (notes or Status(call["status"]).is_final)
        ]
        found: dict[str, Item] = {}
        for first in range(0, len(ids), BATCH):
            keys = [call_key(call_id) for call_id in ids[first : first + BATCH]]
            found |= {str(item["call_id"]): item for item in self._table.batch(keys, read)}
        return [call | _detail(found.get(str(call["call_id"]), {}), notes) for call in calls]

    def monitors(self) -> list[Item]:
        """The last beat of each monitor: its name in `sk`, `until`, `calls`, `slots`, `draining`, `agents`."""
        return list(self._table.query(KeyConditionExpression="pk = :pk", values={":pk": "MONITORS"}))

    def open_calls(self) -> list[Item]:
        """The calls that are not over: ringing, accepted or live."""
        return self._index("live", shards("LIVE", LIVE_SHARDS))

    def _index(
        self,
        index: str,
        partitions: Sequence[str],
        begins: str = "",
        limit: int | None = None,
        keep: Keep | None = None,
    ) -> list[Item]:
        calls = self._newest_first(index, partitions, begins, None, limit)
        return list(islice(filter(keep, calls), limit))

    def _newest_first(
        self,
        index: str,
        partitions: Sequence[str],
        begins: str = "",
        before: str | None = None,
        wanted: int | None = None,
    ) -> Iterator[Item]:
        found = call_lists.newest_first(self._table, index, partitions, begins, before, wanted)
        return filter(self._is_kept, found)

    def _is_kept(self, call: Item) -> bool:
        return float(call.get("expires_at", math.inf)) > self._clock()


# --- sentences that are not about one call's writes ---


def beat(
    owner: str,
    until: float,
    calls: int,
    slots: int,
    number: int = 0,
    *,
    draining: bool = False,
    agents: str | None = None,
) -> Sentence[None]:
    """A monitor lives, at least until then (Unix seconds). A beat that a later one has overtaken does nothing.

    `draining`: others may have its calls, whoever listens to them first. `agents`: the fingerprint of its agent files.
    """
    item: Item = {"until": until, "calls": calls, "slots": slots, "beats": number}
    item |= {"draining": draining, "expires_at": int(until) + 3600}
    item |= {} if agents is None else {"agents": agents}
    newest = "attribute_not_exists(pk) OR beats <= :beats"
    with suppress(Conflict):
        yield requests.put({"pk": "MONITORS", "sk": owner}, item, newest, {":beats": number})


def last_beat(owner: str) -> Sentence[Beat]:
    """The last that is known of a monitor."""
    item = (yield requests.get({"pk": "MONITORS", "sk": owner})) or {}
    return Beat(float(item.get("until", 0)), bool(item.get("draining")), int(item.get("beats", 0)))


def whole_call(found: Sequence[Item]) -> tuple[Item, list[Item]] | None:
    """A call's partition as the call item and its entries, in order; None without a call item.

    The usage of a call that is not over is what its owners have written so far.
    """
    if not found or found[0]["sk"] != entries.CALL:
        return None
    call = found[0]
    shares = entries.usage_of(found)
    if shares != Usage() and not Status(call["status"]).is_final:
        call = {**call, "usage": asdict(shares)}
    return call, entries.newest(found[1:])


def as_json(value: Any) -> str:
    """An item of the record as JSON; sets become sorted lists."""
    return json.dumps(value, ensure_ascii=False, default=sorted)


def _detail(item: Item, notes: bool) -> Item:
    return {"analysis": item.get("analysis"), **({"notes": item.get("notes") or {}} if notes else {})}
