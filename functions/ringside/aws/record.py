"""The record: every call as items of one DynamoDB table, and the only module that knows its expressions.

    pk CALL#<call_id>   sk CALL                 the call item: duplicate guard, lock and summary in one
                        sk ITEM#<position>      a turn, a tool run or a gap, in conversation order
    pk MONITORS         sk <owner>              a monitor's heartbeat

One `Query` on a call's key returns the whole call in order. Indexes: `by_day` and `live` (sharded,
`live` only while the call is open), `by_caller`. All methods block; asyncio callers use a thread.
"""

import heapq
import json
import math
import secrets
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from ringside.aws.table import Conflict, Heard, Item, Table
from ringside.calls import ANONYMOUS, UNKNOWN, End, Status, Step
from ringside.conversation.events import Usage
from ringside.errors import RecordError

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

DAY_SHARDS = 8
LIVE_SHARDS = 4
LIST_COLUMNS = (
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

Keep = Callable[[Item], bool]


class Fenced(RecordError):
    """This owner no longer owns the call: somebody else does, or it is over."""


@dataclass(frozen=True)
class Ownership:
    """The lock on one call: `epoch` rises with every owner, and fences the former one's writes."""

    call_id: str
    owner: str
    epoch: int


@dataclass(frozen=True)
class Beat:
    """A monitor's sign of life. `until`: when it is to be thought dead (Unix seconds), 0 for one that is unknown."""

    until: float
    draining: bool = False


def shards(prefix: str, count: int) -> list[str]:
    return [f"{prefix}#{shard}" for shard in range(count)]


def day_of(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).date().isoformat()


def _caller_keys(caller: str) -> list[str]:
    """A caller's key in `by_caller`; many share `anonymous` and `unknown`, so those are sharded like a day."""
    key = f"CALLER#{caller}"
    return shards(key, DAY_SHARDS) if caller in (ANONYMOUS, UNKNOWN) else [key]


class Record:
    """The table, as sentences about calls."""

    def __init__(
        self,
        client: "DynamoDBClient",
        table: str,
        retention_days: int,
        heard: Heard | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._table = Table(client, table, heard)
        self._retention = retention_days * 86_400
        self._clock = clock

    # --- the webhook's part ---

    def claim(self, call: Item, now: float) -> None:
        """Write the new call item, or raise `Conflict` with the one that is there already."""
        call_id, started = call["call_id"], call["steps"][Step.CREATED]
        moment = datetime.fromtimestamp(started, UTC).isoformat(timespec="milliseconds")
        shard = zlib.crc32(call_id.encode())
        item: Item = {
            **call,
            "status": Status.RINGING,
            "started_at": moment,
            "claimed_at": now,
            "epoch": 0,
            "expires_at": int(now) + self._retention,
            "day_pk": f"DAY#{day_of(started)}#{shard % DAY_SHARDS}",
            "day_sk": f"{moment}#{call_id}",
            "live_pk": f"LIVE#{shard % LIVE_SHARDS}",
            "live_sk": f"{moment}#{call_id}",
        }
        if call.get("caller"):
            keys = _caller_keys(call["caller"])
            item |= {"caller_pk": keys[shard % len(keys)], "caller_sk": f"{moment}#{call_id}"}
        token = item["written_by"] = secrets.token_hex(8)
        try:
            self._table.put(_key(call_id), item, "attribute_not_exists(pk)")
        except Conflict as conflict:
            if conflict.found.get("written_by") != token:  # else the answer to our own write was lost
                raise

    def claim_again(self, call_id: str, found: Item, now: float) -> None:
        """Take over a claim whose holder died on the way; raise `Conflict` if somebody else was faster."""
        condition = "#status = :ringing AND claimed_at = :seen"
        values = {":ringing": Status.RINGING, ":seen": found["claimed_at"]}
        self._table.update(_key(call_id), {"claimed_at": now}, condition, values, names={"#status": "status"})

    def decided(self, call_id: str, decision: Mapping[str, Any], reservations: Sequence[str], at: float) -> None:
        """Write down a decision that was made after the claim."""
        sets = {"decision": decision, "reservations": list(reservations), f"steps.{Step.DECIDED}": at}
        self._table.update(_key(call_id), sets, "attribute_exists(pk)")

    def unclaim(self, call_id: str, claimed_at: float) -> None:
        """Nothing came of it: let the next delivery of the webhook try at once."""
        values = {":ringing": Status.RINGING, ":mine": claimed_at}
        condition = "#status = :ringing AND claimed_at = :mine"
        self._table.update(_key(call_id), {"claimed_at": 0}, condition, values, names={"#status": "status"})

    def accepted(self, call_id: str, steps: Mapping[Step, float], detail: str = "") -> None:
        """The call was accepted; a monitor may have been faster to say that it is live."""
        sets: Item = {f"steps.{step}": moment for step, moment in steps.items()}
        if detail:
            sets["accept_detail"] = detail
        condition, values = "#status = :ringing", {":ringing": Status.RINGING}
        try:
            self._table.update(
                _key(call_id), {**sets, "status": Status.ACCEPTED}, condition, values, names={"#status": "status"}
            )
        except Conflict as conflict:
            if not conflict.found:
                raise
            self._table.update(_key(call_id), sets, "attribute_exists(pk)")

    def close_unanswered(self, call_id: str, end: End, steps: Mapping[Step, float]) -> None:
        """The call never went live: rejected, missed or failed. Does nothing to a call that went on."""
        sets: Item = {f"steps.{step}": moment for step, moment in steps.items()}
        sets |= {"status": end.status, "end_reason": end.reason or None, "end_detail": end.detail or None}
        values = {":ringing": Status.RINGING, ":accepted": Status.ACCEPTED}
        condition = "#status IN (:ringing, :accepted)"
        try:
            self._table.update(
                _key(call_id), sets, condition, values, names={"#status": "status"}, remove=("live_pk", "live_sk")
            )
        except Conflict as conflict:
            if not conflict.found:
                raise

    # --- the owner's part ---

    def take(self, call_id: str, owner: str, message_id: str, steps: Mapping[Step, float], found: Item | None) -> Item:
        """Become the owner: of a call without one, or in place of the owner seen in `found`.

        Returns the call item as it then is; raises `Conflict` with the item if it is not to be had.
        """
        token = secrets.token_hex(8)
        sets: Item = {"owner": owner, "status": Status.LIVE, "message_id": message_id, "written_by": token}
        first = {f"steps.{step}": moment for step, moment in steps.items()}
        values: Item = dict(zip((":r", ":a", ":l"), _OPEN, strict=True))
        condition = "#status IN (:r, :a, :l) AND "
        if found is None:
            condition += "attribute_not_exists(#owner)"
        else:
            condition += "epoch = :epoch"
            values[":epoch"] = found["epoch"]
        try:
            return self._table.update(
                _key(call_id),
                sets,
                condition,
                values,
                names={"#status": "status", "#owner": "owner"},
                first=first,
                add={"epoch": 1},
            )
        except Conflict as conflict:
            if conflict.found.get("written_by") != token:  # else the answer to our own write was lost
                raise
            return conflict.found

    def claim_effect(
        self,
        mine: Ownership,
        effect: str,
        steps: Mapping[Step, float] | None = None,
        facts: Mapping[str, Any] | None = None,
        token: str | None = None,
    ) -> bool:
        """Claim an effect that may happen once in a call; False if it was claimed before.

        Whoever tries the same claim again gives the same token, and is told True if it was done the first time.
        """
        sets = dict(facts or {}) | {f"steps.{step}": moment for step, moment in (steps or {}).items()}
        condition = "NOT contains(effects, :effect)"
        token = sets["written_by"] = token or secrets.token_hex(8)
        try:
            self._as_owner(mine, sets, condition, {":effect": effect}, add={"effects": {effect}})
        except Conflict as conflict:
            _check_owner(mine, conflict.found)
            return bool(conflict.found.get("written_by") == token)  # the answer to our own claim was lost
        return True

    def mark(self, mine: Ownership, steps: Mapping[Step, float]) -> None:
        self._fenced(mine, {}, first={f"steps.{step}": moment for step, moment in steps.items()})

    def save_usage(self, mine: Ownership, usage: Usage, cost: float | None) -> None:
        self._fenced(mine, {"usage": asdict(usage), "cost": cost})

    def note(self, mine: Ownership, facts: Mapping[str, Any]) -> None:
        """Write facts about the call onto its item."""
        self._fenced(mine, facts)

    def release(self, mine: Ownership, at: float, unheard_since: float | None) -> None:
        """Give the call up for the next owner. `unheard_since`: None if that one listens already (Unix seconds)."""
        sets: Item = {"released_at": at}
        remove = ["owner"]
        if unheard_since is None:
            remove.append("unheard_since")
        else:
            sets["unheard_since"] = unheard_since
        self._fenced(mine, sets, remove=remove)

    def count_failure(self, mine: Ownership) -> int:
        """Supervision of this call has failed once more; returns how often that is."""
        try:
            item = self._as_owner(mine, {}, "attribute_exists(pk)", {}, add={"failures": 1})
        except Conflict as conflict:
            raise Fenced from conflict
        return int(item["failures"])

    def end(self, mine: Ownership, end: End, facts: Mapping[str, Any]) -> None:
        """Close the call; from now on nobody can own it."""
        sets = {
            **facts,
            "status": end.status,
            "end_reason": end.reason,
            "end_detail": end.detail or None,
            f"steps.{Step.ENDED}": end.at,
        }
        self._fenced(mine, sets, remove=("live_pk", "live_sk", "owner", "message_id"))

    def save(self, mine: Ownership, position: int, item: Mapping[str, Any], replaces: int | None = None) -> None:
        """Write one item of the call at its position. A later owner's item is never overwritten."""
        entry = {**item, "epoch": mine.epoch, "expires_at": int(item["started_at"]) + self._retention}
        condition, values = "attribute_not_exists(pk) OR epoch <= :epoch", {":epoch": mine.epoch}
        left = None if replaces == position else replaces
        if left is not None:
            entry["moved_from"] = _position(left)
        try:
            self._table.put({"pk": f"CALL#{mine.call_id}", "sk": _position(position)}, entry, condition, values)
            if left is not None:
                self._forget(mine, left, str(item["item_id"]))
        except Conflict as conflict:
            raise Fenced from conflict

    def _forget(self, mine: Ownership, position: int, item_id: str) -> None:
        key = {"pk": f"CALL#{mine.call_id}", "sk": _position(position)}
        with suppress(Conflict):  # another item stands there by now, or a later owner's copy of this one
            self._table.delete(key, "item_id = :item AND epoch <= :epoch", {":item": item_id, ":epoch": mine.epoch})

    # --- monitors ---

    def beat(
        self, owner: str, until: float, calls: int, slots: int, number: int = 0, *, draining: bool = False
    ) -> None:
        """A monitor lives, at least until then (Unix seconds). A beat that a later one has overtaken does nothing.

        `draining`: its calls are to be had, by whoever listens to them first.
        """
        item: Item = {"until": until, "calls": calls, "slots": slots, "beats": number}
        item |= {"draining": draining, "expires_at": int(until) + 3600}
        newest = "attribute_not_exists(pk) OR beats <= :beats"
        with suppress(Conflict):
            self._table.put({"pk": "MONITORS", "sk": owner}, item, newest, {":beats": number})

    def last_beat(self, owner: str) -> Beat:
        """The last that is known of a monitor."""
        item = self._table.get({"pk": "MONITORS", "sk": owner}) or {}
        return Beat(float(item.get("until", 0)), bool(item.get("draining")))

    # --- reading: never a call whose time to live has passed, which DynamoDB deletes "within a few days"
    # (developer guide, "Using time to live (TTL) in DynamoDB") ---

    def call(self, call_id: str) -> Item | None:
        found = self._table.get(_key(call_id))
        return found if found and self._is_kept(found) else None

    def whole_call(self, call_id: str) -> tuple[Item, list[Item]] | None:
        """The call item and everything that was said and done in it, in order; None if there is no such call."""
        found = list(self._table.query(KeyConditionExpression="pk = :pk", values={":pk": f"CALL#{call_id}"}))
        if not found or found[0]["sk"] != "CALL" or not self._is_kept(found[0]):
            return None
        return found[0], _once(found[1:])

    def history(self, call_id: str) -> list[tuple[int, Item]]:
        """What was said and done in a call so far, with the positions, in order."""
        whole = self.whole_call(call_id)
        return [(int(item["sk"].removeprefix("ITEM#")), item) for item in whole[1]] if whole else []

    def calls_of_day(self, day: str, limit: int | None = None, keep: Keep | None = None) -> list[Item]:
        """The calls that began on a day (UTC, ISO date), newest first; `LIST_COLUMNS` of each.

        `keep` chooses among them; `limit` ends the reading as soon as there are so many.
        """
        return self._index("by_day", "day", shards(f"DAY#{day}", DAY_SHARDS), limit=limit, keep=keep)

    def each_of_day(self, day: str, before: str | None = None, page_size: int | None = None) -> Iterator[Item]:
        """The same calls, read as they are wanted, `page_size` of each shard at a time. `before`: those that come after
        this place in the list, which is a call's `started_at#call_id`.
        """
        return self._newest_first("by_day", "day", shards(f"DAY#{day}", DAY_SHARDS), day, before, page_size)

    def calls_of_caller(
        self, caller: str, day: str | None = None, limit: int | None = None, keep: Keep | None = None
    ) -> list[Item]:
        """The calls from a number (E.164), of one day or of all, newest first."""
        return self._index("by_caller", "caller", _caller_keys(caller), day or "", limit, keep)

    def each_of_caller(self, caller: str, before: str | None = None, page_size: int | None = None) -> Iterator[Item]:
        """The calls from a number of all days, as `each_of_day` has those of a day."""
        return self._newest_first("by_caller", "caller", _caller_keys(caller), "", before, page_size)

    def monitors(self) -> list[Item]:
        """The last beat of each monitor: its name in `sk`, `until`, `calls`, `slots`, `draining`."""
        return list(self._table.query(KeyConditionExpression="pk = :pk", values={":pk": "MONITORS"}))

    def open_calls(self) -> list[Item]:
        """The calls that are not over: ringing, accepted or live."""
        return self._index("live", "live", shards("LIVE", LIVE_SHARDS))

    def _index(
        self,
        index: str,
        key: str,
        partitions: Iterable[str],
        begins: str = "",
        limit: int | None = None,
        keep: Keep | None = None,
    ) -> list[Item]:
        # Pages are read as they are wanted: a short list reads a short page of every shard.
        page_size = None if limit is None else min(limit + 1, 200)
        calls = self._newest_first(index, key, partitions, begins, None, page_size)
        return list(islice(filter(keep, calls), limit))

    def _newest_first(
        self, index: str, key: str, partitions: Iterable[str], begins: str, before: str | None, page_size: int | None
    ) -> Iterator[Item]:
        condition = f"{key}_pk = :pk"
        more: Item = {}
        if before is not None:  # BETWEEN includes its ends: the place itself is left out below
            condition += f" AND {key}_sk BETWEEN :begins AND :before"
            more |= {":begins": begins or "0", ":before": before}
        elif begins:
            condition += f" AND begins_with({key}_sk, :begins)"
            more[":begins"] = begins
        shard_by_shard = (
            self._table.query(
                IndexName=index,
                KeyConditionExpression=condition,
                ScanIndexForward=False,
                values={":pk": partition, **more},
                page_size=page_size,
            )
            for partition in partitions
        )
        newest_first = heapq.merge(*shard_by_shard, key=lambda item: str(item[f"{key}_sk"]), reverse=True)
        return (call for call in newest_first if call[f"{key}_sk"] != before and self._is_kept(call))

    def _is_kept(self, call: Item) -> bool:
        return float(call.get("expires_at", math.inf)) > self._clock()

    # --- DynamoDB ---

    def _as_owner(
        self, mine: Ownership, sets: Mapping[str, Any], condition: str, values: Mapping[str, Any], **more: Any
    ) -> Item:
        condition = f"#owner = :owner AND epoch = :epoch AND {condition}"
        values = {**values, ":owner": mine.owner, ":epoch": mine.epoch}
        names = {"#owner": "owner"}
        return self._table.update(_key(mine.call_id), sets, condition, values, names=names, **more)

    def _fenced(self, mine: Ownership, sets: Mapping[str, Any], **more: Any) -> None:
        token = secrets.token_hex(8)
        try:
            self._as_owner(mine, {**sets, "written_by": token}, "attribute_exists(pk)", {}, **more)
        except Conflict as conflict:
            if conflict.found.get("written_by") != token:  # else the answer to our own write was lost
                raise Fenced from conflict


_OPEN = (Status.RINGING, Status.ACCEPTED, Status.LIVE)


def _check_owner(mine: Ownership, found: Item) -> None:
    if found.get("owner") != mine.owner or found.get("epoch") != mine.epoch:
        raise Fenced


def _once(items: Iterable[Item]) -> list[Item]:
    """Each item once, of the newest owner. A former owner's late write may have left a second copy of it,
    and so may an owner that died while it moved one: then the copy it was moved to counts."""
    copies: dict[str, list[Item]] = {}
    for item in items:
        copies.setdefault(str(item.get("item_id") or item["sk"]), []).append(item)
    return sorted(map(_valid_copy, copies.values()), key=lambda item: str(item["sk"]))


def _valid_copy(copies: Sequence[Item]) -> Item:
    epoch = max(item["epoch"] for item in copies)
    newest = [item for item in copies if item["epoch"] == epoch]
    left = {item.get("moved_from") for item in newest}
    return next((item for item in newest if item["sk"] not in left), newest[0])


def _key(call_id: str) -> Item:
    return {"pk": f"CALL#{call_id}", "sk": "CALL"}


def _position(position: int) -> str:
    return f"ITEM#{position:016d}"


def as_json(value: Any) -> str:
    """An item of the record as JSON; sets become sorted lists."""
    return json.dumps(value, ensure_ascii=False, default=sorted)
