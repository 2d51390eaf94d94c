"""From one owner of a call to the next without a moment in which no monitor listens.

A session has a sideband for each of them: the next owner opens its own beside that of the owner that
leaves, and adds an item to the conversation, the marker. Both see it being added, at the same place in
the same stream of events: what comes before it is the former owner's, what comes after it is the next
one's. That several sidebands may be open on a SIP call is not documented (facts: WebRTC sessions have
two). Where it is refused, the former owner leaves first, and there is a gap.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from websockets.exceptions import ConnectionClosed

from ringside.aws.table import Item
from ringside.conversation import events as e
from ringside.monitor.contract import Connection, Contract
from ringside.openai.sideband import AttachError

OFFER_SECONDS = 3.0
"""How long an owner that leaves waits for the next one to listen."""

MARKED_SECONDS = 2.0
"""How long the session may take to show us our own marker."""

_TEXT = "(The call goes on as before; nothing has changed for the caller.)"


@dataclass(frozen=True, slots=True)
class EarlySideband:
    """One opened beside the former owner's; it was read up to and including the marker, and no further."""

    connection: Connection
    marker: e.ItemAdded


@dataclass(frozen=True, slots=True)
class Takeover:
    """A call that a monitor has become the owner of.

    `unheard_since`: the last moment at which a former owner surely listened (Unix seconds); None if nothing was missed.
    `sideband`: one that was opened before the former owner left.
    """

    call: Item
    unheard_since: float | None = None
    sideband: EarlySideband | None = None

    @property
    def from_another_owner(self) -> bool:
        return self.unheard_since is not None or self.sideband is not None


class Attaches(Protocol):
    """What it takes to open a sideband of a call: the monitor's services."""

    @property
    def contract(self) -> Contract: ...

    async def attach(self, call_id: str) -> Connection: ...


def marker_of(epoch: int) -> str:
    """The id of the item with which the owner of this epoch begins."""
    return f"ringside_owner_{epoch}"


class Handover:
    """The side of the owner that leaves."""

    def __init__(self, epoch: int) -> None:
        self._next_marker = marker_of(epoch + 1)
        self._listening = asyncio.Event()
        self.is_offered = False

    @property
    def next_owner_listens(self) -> bool:
        return self._listening.is_set()

    async def offer(self, show: Callable[[], Awaitable[None]], gone: asyncio.Event, seconds: float) -> bool:
        """Show the call to other monitors; wait until one of them listens, or `gone`.

        False if none did for so long. Raises what `show` raises.
        """
        self.is_offered = True
        await show()
        waiting = [asyncio.ensure_future(event.wait()) for event in (self._listening, gone)]
        try:
            await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waiting:
                each.cancel()
        return self.next_owner_listens

    def saw(self, added: e.ItemAdded) -> bool:
        """Whether this item says that the next owner listens: from here on the events are its own."""
        if self.is_offered and added.item_id == self._next_marker:
            self._listening.set()
        return self.next_owner_listens


async def attach_early(services: Attaches, call_id: str, epoch: int) -> EarlySideband | None:
    """Listen beside the owner, to be the owner of this epoch; None if the session does not let us, or not in time."""
    try:
        connection = await services.attach(call_id)
    except AttachError:
        return None
    marker, contract = marker_of(epoch), services.contract
    shown: list[e.ItemAdded] = []

    def take(frame: str | bytes) -> bool:
        event = contract.decode(frame)
        if isinstance(event, e.ItemAdded) and event.item_id == marker:
            shown.append(event)
        return not shown

    try:
        async with asyncio.timeout(MARKED_SECONDS):
            await connection.send(contract.encode(e.TellFact(_TEXT, marker)))
            await connection.read(take)
            return EarlySideband(connection, shown[0])
    except (ConnectionClosed, TimeoutError):
        await connection.close()
        return None
    except BaseException:
        await connection.close()
        raise
