"""All that one owner writes of one call, in order, fenced by its epoch."""

import logging
import random
import secrets
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, TypeVar

from ringside.aws.actions import Asked
from ringside.aws.record import Fenced, Ownership
from ringside.aws.table import Item
from ringside.calls import End, Step
from ringside.conversation.events import Usage
from ringside.monitor.async_record import UNAVAILABLE, reason
from ringside.monitor.serial_queue import SerialQueue
from ringside.monitor.services import Services
from ringside.monitor.supervision_state import SupervisionState

log = logging.getLogger(__name__)

T = TypeVar("T")

HOPELESS = frozenset({"ValidationException", "ItemCollectionSizeLimitExceededException"})
"""DynamoDB's answers to a write that will never be taken, such as an item above 400 KB."""

FIRST_PAUSE, MAX_PAUSE = 0.2, 5.0  # seconds between two tries of a write

UNWRITTEN = 256
"""Writes of one call that wait for the record at most: ten minutes of talk. With more the sideband is not read until
there is room, so nothing that was read is dropped, and a monitor's memory is bounded."""


class RecordWriter:
    """`save`, `note`, `mark`, `save_share` and `save_usage` return at once and are written in order, without anybody
    waiting; the other methods return when it is done. Those raise `Fenced` if the call has another owner by now.

    What was heard is written for as long as it takes, whoever owns the call meanwhile: an owner's entries are beside
    those of others. The rest is fenced by the record itself, at the moment when it is written.
    """

    def __init__(self, supervision: SupervisionState, services: Services) -> None:
        self._supervision = supervision
        self._ownership = supervision.ownership
        self._record = services.record
        self._services = services
        self._expires_at = int(supervision.call["expires_at"])
        self._queue = SerialQueue(f"writes {supervision.call_id}", UNWRITTEN)

    # --- written in order, in the background ---

    def save(self, position: int, item: Mapping[str, Any], replaces: int | None) -> None:
        """One item of the conversation at its position; `replaces` is where it was before."""
        self._queue_write(self._save, position, item, self._record.version())
        if replaces is not None and replaces != position:
            self._queue.add(partial(self._forget, replaces, str(item.get("item_id") or replaces)))

    def note(self, facts: Mapping[str, Any]) -> None:
        """Facts about the call, onto its item."""
        self._queue_write(self._record.note, facts)

    def mark(self, step: Step, at: float) -> None:
        self._queue_write(self._record.mark, {step: at})

    def save_share(self, usage: Usage) -> None:
        """What was used while this owner listened."""
        self._queue_write(self._record.save_share, usage, self._expires_at)

    def save_usage(self, usage: Usage, cost: float | None) -> None:
        """What the whole call has used."""
        self._queue_write(self._record.save_usage, usage, cost)

    def forget_action(self, asked: Asked) -> None:
        """An action is settled, which was written before this."""
        self._queue.add(partial(self._forget_action, asked))

    @property
    def is_crowded(self) -> bool:
        """Whether more is to be written than gets written: read no further before there is `room`."""
        return self._queue.is_crowded

    async def room(self) -> None:
        await self._queue.room()

    async def done(self) -> None:
        """Wait until everything is written."""
        await self._queue.done()

    async def stop(self) -> None:
        """Drop what is not written."""
        await self._queue.stop()

    # --- one by one, with an answer ---

    async def claim(
        self, effect: str, steps: Mapping[Step, float] | None = None, facts: Mapping[str, Any] | None = None
    ) -> bool:
        """Claim an effect that may happen once in a call; False if it was claimed before.

        All tries carry one token: an outage may swallow the answer to a claim that was made. An owner that lost the
        call meanwhile claims nothing.
        """
        return await self._persist(self._record.claim_effect, effect, steps, facts, secrets.token_hex(8), acting=True)

    async def release(self, at: float, unheard_since: float | None) -> None:
        await self._persist(self._record.release, at, unheard_since)

    async def give_back(self, unheard_since: Callable[[], float]) -> None:
        """Release a call on which this owner may no longer act, with what is true at the moment of each try."""

        async def release(_: Any) -> None:
            await self._record.release(self._ownership, self._services.time.wall(), unheard_since())

        await self._persist(release)

    async def end(self, end: End, facts: Mapping[str, Any]) -> None:
        await self._persist(self._record.end, end, facts, self._supervision.call)

    async def history(self) -> list[tuple[int, Item]]:
        """What former owners wrote: items with their positions, in order."""
        return await self._persist(lambda ownership: self._record.history(ownership.call_id))

    async def usage_of_others(self) -> Usage:
        """What former owners have seen used."""
        return await self._persist(self._record.usage_of_others)

    async def actions_open(self) -> list[Asked]:
        """What operators want of the call, as far as it is not settled."""
        return await self._persist(lambda ownership: self._record.actions_open(ownership.call_id))

    async def number_of(self, action_id: str) -> str | None:
        """Where an operator's transfer goes, if it is not to a target of the agent's and they may choose."""
        return await self._persist(lambda ownership: self._record.number_of(ownership.call_id, action_id))

    def _queue_write(self, write: Callable[..., Awaitable[None]], *args: Any) -> None:
        self._queue.add(partial(self._write, write, *args))

    async def _write(self, write: Callable[..., Awaitable[None]], *args: Any) -> None:
        try:
            await self._persist(write, *args)
        except Fenced:
            self._supervision.lose(fenced=True)

    async def _save(self, ownership: Ownership, position: int, item: Mapping[str, Any], version: int) -> None:
        await self._record.save(ownership, position, item, version, self._expires_at, self._supervision.is_lost)

    async def _forget(self, position: int, item_id: str) -> None:
        try:
            await self._record.forget(self._ownership, position, item_id)
        except UNAVAILABLE as error:  # readers go by the newer copy
            about = {"call_id": self._supervision.call_id, "error": reason(error)}
            log.info("record.copy_not_deleted", extra=about)

    async def _forget_action(self, asked: Asked) -> None:
        try:
            await self._record.forget_action(asked, self._ownership.owner)
        except UNAVAILABLE as error:  # the next owner finds its outcome in the record; in an hour it is deleted
            about = {"call_id": self._supervision.call_id, "error": reason(error)}
            log.info("record.action_not_deleted", extra=about)

    async def _persist(self, write: Callable[..., Awaitable[T]], *args: Any, acting: bool = False) -> T:
        """Do not give up: throttling and outages pass. `acting`: do, once this owner may not act any more."""
        pause, metrics = FIRST_PAUSE, self._services.metrics
        while True:
            try:
                return await write(self._ownership, *args)
            except Fenced:
                metrics.count("FencedWrites")
                raise
            except UNAVAILABLE as error:
                metrics.count("WritesFailed")
                code = reason(error)
                log.warning("record.write_failed", extra={"call_id": self._supervision.call_id, "error": code})
                if code in HOPELESS:
                    raise
            await self._services.time.sleep(pause * random.uniform(0.5, 1.5))
            pause = min(pause * 2, MAX_PAUSE)
            if acting and not self._supervision.may_act():
                raise Fenced
