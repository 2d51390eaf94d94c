"""The record on an event loop: what `Record` does with boto3, without a thread.

Turns, tool runs, gaps, keys and usage go in groups and have no condition (`entries`); everything else is the same
sentences as `Record` sends. The only module of the monitor that calls those of `aws/` about the table.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ringside.aws import actions, call_writes, counters, entries, receipts, record, requests
from ringside.aws.actions import Asked
from ringside.aws.async_table import AsyncTable
from ringside.aws.receipts import LeftReceipt
from ringside.aws.record import Beat, Ownership
from ringside.aws.table import Item
from ringside.calls import End, Step
from ringside.conversation.events import Usage

BEAT_SECONDS = 10.0  # as long as an answer is of use under a lease of 12 s

UNAVAILABLE = (ClientError, BotoCoreError)
"""What the record raises when AWS refuses a request or cannot be reached."""


def reason(error: Exception) -> str:
    """Why a request failed, fit for a log: AWS's error code or the kind of the error, never its text."""
    return str(error.response["Error"]["Code"]) if isinstance(error, ClientError) else type(error).__name__


class AsyncRecord:
    """See `Record` for what each method does and raises (`Conflict`, `Fenced`)."""

    def __init__(
        self,
        table: AsyncTable,
        clock: Callable[[], float] = time.time,
        heartbeats: AsyncTable | None = None,
        agents: str | None = None,
    ) -> None:
        """`heartbeats`: the same table over connections of its own, so that none waits behind what calls write.
        `agents`: the fingerprint of the agent files that this monitor has, told with each beat."""
        self._table = table
        self._heartbeats = heartbeats or table
        self._clock = clock
        self._versions = 0
        self._agents = agents

    # --- owning ---

    async def take(
        self,
        call_id: str,
        owner: str,
        message_id: str,
        steps: Mapping[Step, float],
        found: Item | None,
        unheard_since: float | None = None,
    ) -> Item:
        return await self._table.run(call_writes.take(call_id, owner, message_id, steps, found, unheard_since))

    async def release(self, ownership: Ownership, at: float, unheard_since: float | None) -> None:
        await self._table.run(call_writes.release(ownership, at, unheard_since))

    async def count_failure(self, ownership: Ownership) -> int:
        return await self._table.run(call_writes.count_failure(ownership))

    async def end(self, ownership: Ownership, end: End, facts: Mapping[str, Any], call: Item) -> None:
        """Close the call. `call` is its item: the reservations it names are given back, and its agent pays."""
        agent = call.get("agent")
        spent = counters.spending(agent, ownership.call_id, end.at, facts.get("cost")) if agent else None
        await self._table.run(call_writes.end(ownership, end, facts, call.get("reservations") or (), spent))

    # --- writing ---

    async def claim_effect(
        self,
        ownership: Ownership,
        effect: str,
        steps: Mapping[Step, float] | None,
        facts: Mapping[str, Any] | None,
        token: str,
    ) -> bool:
        return await self._table.run(call_writes.claim_effect(ownership, effect, steps, facts, token))

    def version(self) -> int:
        """Which of two copies of an entry is the later one; to be asked in the order of what happened."""
        self._versions += 1
        return self._versions

    async def save(
        self, ownership: Ownership, position: int, item: Mapping[str, Any], version: int, expires_at: int, late: bool
    ) -> None:
        """Write one copy of an entry, in company; returns when it is durable.

        `expires_at`: as the call does (Unix seconds). `late`: this owner may be one no longer.
        """
        await self._table.put(entries.entry(ownership, position, item, version, expires_at, late=late))

    async def forget(self, ownership: Ownership, position: int, item_id: str) -> None:
        """Delete a copy of ours that a later one has replaced: tidiness, readers go by the later one anyway."""
        await self._table.delete(entries.key_of(ownership, position, item_id))

    async def save_share(self, ownership: Ownership, usage: Usage, expires_at: int) -> None:
        """What this owner has seen used so far, in company with what was said."""
        await self._table.put(entries.usage_share(ownership, usage, expires_at))

    async def note(self, ownership: Ownership, facts: Mapping[str, Any]) -> None:
        await self._table.run(call_writes.note(ownership, facts))

    async def mark(self, ownership: Ownership, steps: Mapping[Step, float]) -> None:
        await self._table.run(call_writes.mark(ownership, steps))

    async def save_usage(self, ownership: Ownership, usage: Usage, cost: float | None) -> None:
        await self._table.run(call_writes.save_usage(ownership, usage, cost))

    # --- reading ---

    async def call(self, call_id: str) -> Item | None:
        found: Item | None = await self._table.send(requests.get(call_writes.call_key(call_id)))
        return found if found and float(found.get("expires_at", self._clock() + 1)) > self._clock() else None

    async def history(self, call_id: str) -> list[tuple[int, Item]]:
        """What was said and done so far, with the positions, in order."""
        found = await self._table.run(requests.partition(entries.partition_of(call_id), entries.ITEM))
        return entries.placed(found)

    async def usage_of_others(self, ownership: Ownership) -> Usage:
        """What the former owners have seen used, as far as they have written it by now."""
        found = await self._table.run(requests.partition(entries.partition_of(ownership.call_id), entries.USAGE))
        return entries.usage_of(found, before=ownership.epoch)

    async def last_beat(self, owner: str) -> Beat:
        return await self._table.run(record.last_beat(owner))

    # --- what operators want ---

    async def actions_asked(self, owner: str) -> list[Asked]:
        return await self._table.run(actions.asked_of(owner))

    async def actions_open(self, call_id: str) -> list[Asked]:
        return await self._table.run(actions.open_of(call_id))

    async def number_of(self, call_id: str, action_id: str) -> str | None:
        return await self._table.run(actions.number_of(call_id, action_id))

    async def leave_mailbox(self, asked: Asked, owner: str) -> None:
        """Delete from an owner's mailbox what is not for it any more."""
        await self._table.delete(actions.keys_of(asked, owner)[-1])

    async def forget_action(self, asked: Asked, owner: str) -> None:
        """Delete what was asked, which is settled: its outcome is in the record. In company."""
        for key in actions.keys_of(asked, owner):
            await self._table.delete(key)

    # --- monitors ---

    async def leave_receipt(self, owner: str, left: LeftReceipt, now: float) -> None:
        await self._table.run(receipts.leave(owner, left, now))

    async def receipt_left(self, owner: str, call_id: str) -> LeftReceipt | None:
        return await self._table.run(receipts.last_left(owner, call_id))

    async def receipts_left(self, owner: str) -> list[LeftReceipt]:
        return await self._table.run(receipts.left_for(owner))

    async def beat(self, owner: str, until: float, calls: int, slots: int, number: int, *, draining: bool) -> None:
        beat = record.beat(owner, until, calls, slots, number, draining=draining, agents=self._agents)
        await self._heartbeats.run(beat, BEAT_SECONDS)
