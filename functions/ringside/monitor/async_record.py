"""The record for asyncio: its blocking methods, in threads.

The only module of the monitor that calls `aws/record` and `aws/counters`: an asyncio client of the table would
replace this class and nothing else.
"""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ringside.admission.decide import release_reservations
from ringside.aws.counters import Counters
from ringside.aws.record import Beat, Ownership, Record
from ringside.aws.table import Item
from ringside.calls import End, Step
from ringside.conversation.events import Usage
from ringside.monitor.threads import Threads

UNAVAILABLE = (ClientError, BotoCoreError)
"""What the record raises when AWS refuses a request or cannot be reached."""


def reason(error: Exception) -> str:
    """Why a request failed, fit for a log: AWS's error code or the kind of the error, never its text."""
    return str(error.response["Error"]["Code"]) if isinstance(error, ClientError) else type(error).__name__


class AsyncRecord:
    """See `Record` for what each method does and raises (`Conflict`, `Fenced`)."""

    def __init__(self, record: Record, counters: Counters, threads: Threads) -> None:
        self._record = record
        self._counters = counters
        self._run = threads.record.run
        self._run_beat = threads.beats.run

    # --- owning ---

    async def take(
        self, call_id: str, owner: str, message_id: str, steps: Mapping[Step, float], found: Item | None
    ) -> Item:
        return await self._run(self._record.take, call_id, owner, message_id, steps, found)

    async def release(self, ownership: Ownership, at: float, unheard_since: float | None) -> None:
        await self._run(self._record.release, ownership, at, unheard_since)

    async def count_failure(self, ownership: Ownership) -> int:
        return await self._run(self._record.count_failure, ownership)

    async def end(self, ownership: Ownership, end: End, facts: Mapping[str, Any]) -> None:
        await self._run(self._record.end, ownership, end, facts)

    # --- writing ---

    async def claim_effect(
        self,
        ownership: Ownership,
        effect: str,
        steps: Mapping[Step, float] | None,
        facts: Mapping[str, Any] | None,
        token: str,
    ) -> bool:
        return await self._run(self._record.claim_effect, ownership, effect, steps, facts, token)

    async def save(
        self, ownership: Ownership, position: int, item: Mapping[str, Any], replaces: int | None = None
    ) -> None:
        await self._run(self._record.save, ownership, position, item, replaces)

    async def note(self, ownership: Ownership, facts: Mapping[str, Any]) -> None:
        await self._run(self._record.note, ownership, facts)

    async def mark(self, ownership: Ownership, steps: Mapping[Step, float]) -> None:
        await self._run(self._record.mark, ownership, steps)

    async def save_usage(self, ownership: Ownership, usage: Usage, cost: float | None) -> None:
        await self._run(self._record.save_usage, ownership, usage, cost)

    # --- reading ---

    async def call(self, call_id: str) -> Item | None:
        return await self._run(self._record.call, call_id)

    async def history(self, call_id: str) -> list[tuple[int, Item]]:
        return await self._run(self._record.history, call_id)

    async def last_beat(self, owner: str) -> Beat:
        return await self._run(self._record.last_beat, owner)

    # --- monitors, and what admission counts ---

    async def beat(self, owner: str, until: float, calls: int, slots: int, number: int, *, draining: bool) -> None:
        await self._run_beat(self._record.beat, owner, until, calls, slots, number, draining=draining)

    async def release_reservations(self, call_id: str, call: Item) -> None:
        """The call is over: others may have the reservations that its item names."""
        await self._run(release_reservations, self._counters, call_id, call.get("reservations", []))

    async def add_spending(self, agent: str, at: float, cost: float) -> None:
        await self._run(self._counters.add_spending, agent, at, cost)
