"""The next owner's sideband beside the former one's: both see the same stream, divided at the same place."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection

from infra.emulator.calls.call import Call
from ringside.conversation import events as e
from ringside.monitor import handover
from ringside.openai import client_events, sideband
from tests.integration.frontdoor import API_KEY, OpenAI


@pytest.fixture(scope="module")
def openai() -> Iterator[OpenAI]:
    made = OpenAI()
    yield made
    made.stop()


def live(openai: OpenAI) -> Call:
    call = openai.ring()
    openai.accept(call)
    return call


async def attach(openai: OpenAI, call: Call) -> ClientConnection:
    return await sideband.attach(openai.emulator.base_url, call.call_id, API_KEY)


async def succeed(openai: OpenAI, call: Call, epoch: int = 2) -> handover.Ahead | None:
    return await handover.listen_ahead(openai.emulator.base_url, call.call_id, API_KEY, epoch)


async def events_until(connection: ClientConnection, item_id: str) -> list[dict[str, Any]]:
    """What comes up to and including the moment at which this item is added."""
    events: list[dict[str, Any]] = []
    async with asyncio.timeout(10):
        while not events or (events[-1].get("item") or {}).get("id") != item_id:
            events.append(json.loads(await connection.recv()))
    return events


async def add(connection: ClientConnection, item_id: str) -> None:
    await connection.send(client_events.encode(e.TellFact("A fact.", item_id)))


async def test_both_owners_see_the_marker_and_the_same_events_after_it(openai: OpenAI) -> None:
    call = live(openai)
    former = await attach(openai, call)
    await add(former, "before")

    ahead = await succeed(openai, call)
    assert ahead is not None
    await add(former, "after")

    heard_by_both = await events_until(former, handover.marker_of(2))
    assert [event["item"]["id"] for event in heard_by_both if event["type"] == "conversation.item.added"][:1] == [
        "before"
    ]
    assert ahead.marker.item_id == handover.marker_of(2)
    assert await events_until(ahead.connection, "after") == await events_until(former, "after")
    for connection in (former, ahead.connection):
        await connection.close()


async def test_whoever_is_not_let_in_is_told_so_and_leaves_the_owner_alone(openai: OpenAI) -> None:
    settings = openai.emulator.state.settings
    openai.emulator.state.settings = settings.model_copy(update={"max_attachments": 1})
    try:
        call = live(openai)
        former = await attach(openai, call)

        assert await succeed(openai, call) is None

        await add(former, "still here")
        assert await events_until(former, "still here")
        await former.close()
    finally:
        openai.emulator.state.settings = settings


async def test_of_two_that_want_to_be_next_one_is(openai: OpenAI) -> None:
    call = live(openai)
    first = await succeed(openai, call)

    assert first is not None
    assert await succeed(openai, call) is None
    third = await succeed(openai, call, epoch=3)
    assert third is not None
    for ahead in (first, third):
        await ahead.connection.close()


async def test_there_is_nothing_to_listen_to_in_a_call_that_is_over(openai: OpenAI) -> None:
    assert await handover.listen_ahead(openai.emulator.base_url, "rtc_unknown", API_KEY, 2) is None
