"""From one owner of a call to the next without a moment in which nobody listens.

A session has a sideband for each of them: the next owner opens its own beside that of the owner that
leaves, and adds an item to the conversation, the marker. Both see it being added, at the same place in
the same stream of events: what comes before it is the former owner's, what comes after it is the next
one's. That several sidebands may be open on a SIP call is not documented (facts: WebRTC sessions have
two). Where it is refused, the former owner leaves first, and there is a gap.
"""

import asyncio
from dataclasses import dataclass

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from ringside.conversation import events as e
from ringside.openai import client_events, realtime, sideband

OFFER_SECONDS = 3.0
"""How long an owner that leaves waits for the next one to listen."""

MARKED_SECONDS = 2.0
"""How long the session may take to show us our own marker."""

_TEXT = "(The call goes on as before; nothing has changed for the caller.)"


@dataclass(frozen=True, slots=True)
class Ahead:
    """A sideband that was read up to and including the marker, and no further."""

    connection: ClientConnection
    marker: e.ItemAdded


def marker_of(epoch: int) -> str:
    """The id of the item with which the owner of this epoch begins."""
    return f"ringside_owner_{epoch}"


async def listen_ahead(base_url: str, call_id: str, api_key: str, epoch: int) -> Ahead | None:
    """Attach as the owner-to-be of this epoch; None if the session does not let us, or not in time."""
    try:
        connection = await sideband.attach(base_url, call_id, api_key)
    except sideband.AttachError:
        return None
    marker = marker_of(epoch)
    try:
        async with asyncio.timeout(MARKED_SECONDS):
            await connection.send(client_events.encode(e.TellFact(_TEXT, marker)))
            while True:
                event = realtime.decode(await connection.recv())
                if isinstance(event, e.ItemAdded) and event.item_id == marker:
                    return Ahead(connection, event)
    except (ConnectionClosed, TimeoutError):
        await connection.close()
        return None
    except BaseException:
        await connection.close()
        raise
