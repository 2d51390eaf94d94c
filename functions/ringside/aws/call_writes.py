"""Every conditional write of a call, as a sentence: what it needs, and when it counts as done although its answer
was lost. Pure; `docs/design.md`, "All writes", has them in one table.

A write that is sent again meets its own trace: an owner's epoch, or a token that only this kind of write sets. Then
it is done, and nothing is done twice.
"""

import secrets
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from ringside.aws import limits, reservations
from ringside.aws.attributes import Item
from ringside.aws.entries import CALL, partition_of
from ringside.aws.ownership import Fenced, Ownership
from ringside.aws.requests import Conflict, Request, Sentence, put, transaction, update
from ringside.calls import ANONYMOUS, UNKNOWN, End, Status, Step
from ringside.conversation import snapshot
from ringside.conversation.events import Usage

DAY_SHARDS = 8
LIVE_SHARDS = 4

_OPEN = (Status.RINGING, Status.ACCEPTED, Status.LIVE)


def day_of(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).date().isoformat()


def shards(prefix: str, count: int) -> list[str]:
    return [f"{prefix}#{shard}" for shard in range(count)]


def caller_keys(caller: str) -> list[str]:
    """A caller's keys in `by_caller`; many share `anonymous` and `unknown`, so those are sharded like a day."""
    key = f"CALLER#{caller}"
    return shards(key, DAY_SHARDS) if caller in (ANONYMOUS, UNKNOWN) else [key]


def call_key(call_id: str) -> Item:
    return {"pk": partition_of(call_id), "sk": CALL}


# --- the webhook's part ---


def claim(call: Item, now: float, retention: int) -> Sentence[None]:
    """Write the new call item, or raise `Conflict` with the one that is there already."""
    call_id, started = call["call_id"], call["steps"][Step.CREATED]
    moment = datetime.fromtimestamp(started, UTC).isoformat(timespec="milliseconds")
    shard = zlib.crc32(call_id.encode())
    token = secrets.token_hex(8)
    item: Item = {
        **call,
        "status": Status.RINGING,
        "started_at": moment,
        "claimed_at": now,
        "claim_token": token,
        "epoch": 0,
        "expires_at": int(now) + retention,
        "day_pk": f"DAY#{day_of(started)}#{shard % DAY_SHARDS}",
        "day_sk": f"{moment}#{call_id}",
        "live_pk": f"LIVE#{shard % LIVE_SHARDS}",
        "live_sk": f"{moment}#{call_id}",
    }
    if call.get("caller"):
        keys = caller_keys(call["caller"])
        item |= {"caller_pk": keys[shard % len(keys)], "caller_sk": f"{moment}#{call_id}"}
    try:
        yield put(call_key(call_id), item, "attribute_not_exists(pk)")
    except Conflict as conflict:
        if conflict.found.get("claim_token") != token:
            raise


def claim_again(call_id: str, found: Item, now: float) -> Sentence[None]:
    """Take over a claim whose holder died on the way; raise `Conflict` if somebody else was faster."""
    token = secrets.token_hex(8)
    condition = "#status = :ringing AND claimed_at = :seen"
    values = {":ringing": Status.RINGING, ":seen": found["claimed_at"]}
    sets = {"claimed_at": now, "claim_token": token}
    try:
        yield update(call_key(call_id), sets, condition, values, names={"#status": "status"})
    except Conflict as conflict:
        if conflict.found.get("claim_token") != token:
            raise


def decided(call_id: str, decision: Mapping[str, Any], reserved: Sequence[str], at: float) -> Sentence[None]:
    """Write down a decision that was made after the claim."""
    sets = {"decision": decision, "reservations": list(reserved), f"steps.{Step.DECIDED}": at}
    yield update(call_key(call_id), sets, "attribute_exists(pk)")


def unclaim(call_id: str, claimed_at: float) -> Sentence[None]:
    """Nothing came of it: let the next delivery of the webhook try at once."""
    values = {":ringing": Status.RINGING, ":mine": claimed_at}
    condition = "#status = :ringing AND claimed_at = :mine"
    sets = {"claimed_at": 0, "unclaimed_at": claimed_at}
    try:
        yield update(call_key(call_id), sets, condition, values, names={"#status": "status"})
    except Conflict as conflict:
        if conflict.found.get("unclaimed_at") != round(claimed_at, 6):
            raise


def accepted(call_id: str, steps: Mapping[Step, float], detail: str = "") -> Sentence[None]:
    """The call was accepted; a monitor may have been faster to say that it is live."""
    sets: Item = {f"steps.{step}": moment for step, moment in steps.items()}
    if detail:
        sets["accept_detail"] = limits.cut(detail, limits.SHORT_BYTES)
    values = {":ringing": Status.RINGING}
    try:
        yield update(
            call_key(call_id),
            {**sets, "status": Status.ACCEPTED},
            "#status = :ringing",
            values,
            names={"#status": "status"},
        )
    except Conflict as conflict:
        if not conflict.found:
            raise
        yield update(call_key(call_id), sets, "attribute_exists(pk)")


def close_unanswered(call_id: str, end: End, steps: Mapping[Step, float], reserved: Sequence[str]) -> Sentence[None]:
    """The call never went live: rejected, missed or failed. Does nothing to a call that went on."""
    sets: Item = {f"steps.{step}": moment for step, moment in steps.items()}
    sets |= {"status": end.status, "end_reason": end.reason or None, "end_detail": _detail(end)}
    closing = update(
        call_key(call_id),
        sets,
        "#status IN (:ringing, :accepted)",
        {":ringing": Status.RINGING, ":accepted": Status.ACCEPTED},
        names={"#status": "status"},
        remove=("live_pk", "live_sk"),
    )
    try:
        yield from _with_reservations(closing, call_id, reserved)
    except Conflict as conflict:
        if not conflict.found:
            raise


# --- the owner's part ---


def take(
    call_id: str,
    owner: str,
    message_id: str,
    steps: Mapping[Step, float],
    found: Item | None,
    unheard_since: float | None = None,
) -> Sentence[Item]:
    """Become the owner: of a call without one, or in place of the owner seen in `found`.

    `unheard_since`: the last moment at which that owner surely listened (Unix seconds). It stays on the item, since
    this owner may die before it can write a gap.
    Returns the call item as it then is; raises `Conflict` with the item if it cannot be taken.
    """
    token = secrets.token_hex(8)
    sets: Item = {"owner": owner, "status": Status.LIVE, "message_id": message_id, "take_token": token}
    if unheard_since is not None:
        sets["unheard_since"] = unheard_since
    first = {f"steps.{step}": moment for step, moment in steps.items()}
    values: Item = dict(zip((":r", ":a", ":l"), _OPEN, strict=True))
    condition = "#status IN (:r, :a, :l) AND "
    if found is None:
        condition += "attribute_not_exists(#owner)"
    else:
        condition += "epoch = :epoch"
        values[":epoch"] = found["epoch"]
    names = {"#status": "status", "#owner": "owner"}
    try:
        taken: Item = yield update(
            call_key(call_id), sets, condition, values, names=names, first=first, add={"epoch": 1}, whole=True
        )
    except Conflict as conflict:
        if conflict.found.get("take_token") != token or conflict.found.get("owner") != owner:
            raise
        return conflict.found
    return taken


def claim_effect(
    mine: Ownership,
    effect: str,
    steps: Mapping[Step, float] | None = None,
    facts: Mapping[str, Any] | None = None,
    token: str | None = None,
) -> Sentence[bool]:
    """Claim an effect that may happen once in a call; False if it was claimed before.

    Whoever tries the same claim again gives the same token, and is answered True if it was done the first time.
    """
    token = token or secrets.token_hex(8)
    sets = limits.facts(facts or {}) | {f"steps.{step}": moment for step, moment in (steps or {}).items()}
    claimed: Item = {"token": token, "epoch": mine.epoch, "effect": effect}
    for_call = _as_owner(mine, sets, add={"effects": 1})
    key = {"pk": partition_of(mine.call_id), "sk": f"CLAIM#{effect}"}
    try:
        yield transaction(token, for_call, put(key, claimed, "attribute_not_exists(pk)"))
    except Conflict as conflict:
        if 0 in conflict.refused:
            raise Fenced from conflict
        return bool(conflict.refused[1].get("token") == token)
    return True


def mark(mine: Ownership, steps: Mapping[Step, float]) -> Sentence[None]:
    yield from _fenced(_as_owner(mine, {}, first={f"steps.{step}": moment for step, moment in steps.items()}))


def save_usage(mine: Ownership, usage: Usage, cost: float | None) -> Sentence[None]:
    yield from _fenced(_as_owner(mine, {"usage": asdict(usage), "cost": cost}))


def note(mine: Ownership, facts: Mapping[str, Any]) -> Sentence[None]:
    """Write facts about the call onto its item."""
    yield from _fenced(_as_owner(mine, limits.facts(facts)))


def release(mine: Ownership, at: float, unheard_since: float | None) -> Sentence[None]:
    """Give the call up for the next owner. `unheard_since`: None if that one listens already (Unix seconds)."""
    sets: Item = {"released_at": at}
    remove = ["owner"]
    if unheard_since is None:
        remove.append("unheard_since")
    else:
        sets["unheard_since"] = unheard_since
    try:
        yield _as_owner(mine, sets, remove=remove)
    except Conflict as conflict:
        found = conflict.found
        # Nobody but this owner releases this epoch.
        if not found or "owner" in found or found["epoch"] != mine.epoch or found["status"] != Status.LIVE:
            raise Fenced from conflict


def count_failure(mine: Ownership) -> Sentence[int]:
    """Supervision by this owner has failed: one more failure of the call, however often it is said. Returns them."""
    values = {":mine": mine.epoch}
    condition = "(attribute_not_exists(failed_epoch) OR failed_epoch < :mine)"
    counted = _as_owner(mine, {"failed_epoch": mine.epoch}, condition, values, add={"failures": 1}, whole=True)
    try:
        item = yield counted
    except Conflict as conflict:
        item = conflict.found
        if item.get("owner") != mine.owner or item.get("epoch") != mine.epoch:
            raise Fenced from conflict
    return int(item["failures"])


def end(
    mine: Ownership, ended: End, facts: Mapping[str, Any], reserved: Sequence[str] = (), spent: Request | None = None
) -> Sentence[None]:
    """Close the call; from now on nobody can own it.

    In the same write its reservations are given back, and `spent` is added to what its agent has cost.
    """
    sets = {
        **limits.facts(facts),
        "status": ended.status,
        "end_reason": ended.reason,
        "end_detail": _detail(ended),
        f"steps.{Step.ENDED}": ended.at,
    }
    # What the next owner would have had to know may hold words and keys, and there is no next one.
    closing = _as_owner(mine, sets, remove=("live_pk", "live_sk", "owner", "message_id", snapshot.ATTRIBUTE))
    try:
        yield from _with_reservations(closing, mine.call_id, reserved, spent)
    except Conflict as conflict:
        found = conflict.found
        # Nobody but this owner ends this epoch.
        if not found or found["epoch"] != mine.epoch or not Status(found["status"]).is_final:
            raise Fenced from conflict


def analysed(call_id: str, analysis: Mapping[str, Any], seen: str | None) -> Sentence[None]:
    """What was found out about a call that is over, in the place of the run of it that was seen (None: of none).

    Raises `Conflict` if another run was faster, or the call is not there any more: with an empty `found`.
    """
    condition, values = "attribute_exists(pk) AND attribute_not_exists(analysis)", {}
    if seen is not None:
        condition, values = "analysis.run = :seen", {":seen": seen}
    try:
        yield update(call_key(call_id), {"analysis": analysis}, condition, values)
    except Conflict as conflict:
        if (conflict.found.get("analysis") or {}).get("run") != analysis["run"]:
            raise


def delivery(call_id: str, key: str, result: Mapping[str, Any]) -> Sentence[None]:
    """What has become of a message about a call, under its name. Raises `Conflict` if there is no such call."""
    yield update(call_key(call_id), {}, "attribute_exists(pk)", first={"deliveries": {}})
    yield update(call_key(call_id), {f"deliveries.{key}": result}, "attribute_exists(pk)")


def _with_reservations(
    closing: Request, call_id: str, reserved: Sequence[str], spent: Request | None = None
) -> Sentence[None]:
    """Close a call and give back what it holds, in one write. What the sweeper gave back meanwhile is left out."""
    keys = [key for key in reserved if reservations.is_live(key)]
    while True:
        more = [write for key in keys for write in reservations.giving_back(key, call_id)]
        if spent is not None:
            more.append(spent)
        try:
            yield transaction(secrets.token_hex(16), closing, *more) if more else closing
        except Conflict as conflict:
            gone = {(number - 1) // 2 for number in conflict.refused if number}
            if 0 in conflict.refused or not gone:
                raise
            keys = [key for number, key in enumerate(keys) if number not in gone]
        else:
            return


def _as_owner(
    mine: Ownership, sets: Mapping[str, Any], condition: str = "", values: Mapping[str, Any] | None = None, **more: Any
) -> Request:
    owns = "#owner = :owner AND epoch = :epoch"
    condition = f"{owns} AND {condition}" if condition else owns
    values = {**(values or {}), ":owner": mine.owner, ":epoch": mine.epoch}
    return update(call_key(mine.call_id), sets, condition, values, names={"#owner": "owner"}, **more)


def _fenced(request: Request) -> Sentence[None]:
    """A write that may be done twice: it says the same both times."""
    try:
        yield request
    except Conflict as conflict:
        raise Fenced from conflict


def _detail(end: End) -> str | None:
    return limits.cut(end.detail, limits.SHORT_BYTES) or None
