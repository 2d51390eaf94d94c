"""The next owner's sideband beside the former one's: both see the same stream, divided at the same place."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from infra.emulator.calls.call import Call
from ringside.conversation import events as e
from ringside.monitor import handover
from ringside.monitor.contract import Connection, RealtimeContract
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


async def attach(openai: OpenAI, call: Call) -> Connection:
    return await sideband.attach(openai.emulator.base_url, call.call_id, API_KEY)


class Services:
    """As much of the monitor's services as it takes to attach."""

    def __init__(self, openai: OpenAI) -> None:
        self.contract = RealtimeContract(openai.emulator.base_url)

    async def attach(self, call_id: str) -> Connection:
        return await self.contract.attach(call_id, API_KEY)


async def attach_early(openai: OpenAI, call_id: str, epoch: int = 2) -> handover.EarlySideband | None:
    return await handover.attach_early(Services(openai), call_id, epoch)


async def events_until(connection: Connection, item_id: str) -> list[dict[str, Any]]:
    """What comes up to and including the moment at which this item is added."""
    events: list[dict[str, Any]] = []

    def take(frame: str | bytes) -> bool:
        events.append(json.loads(frame))
        return (events[-1].get("item") or {}).get("id") != item_id

    async with asyncio.timeout(10):
        await connection.read(take)
    return events


async def add(connection: Connection, item_id: str) -> None:
    await connection.send(client_events.encode(e.TellFact("A fact.", item_id)))


async def test_both_owners_see_the_marker_and_the_same_events_after_it(openai: OpenAI) -> None:
    call = live(openai)
    former = await attach(openai, call)
    await add(former, "before")

    early = await attach_early(openai, call.call_id)
    assert early is not None
    await add(former, "after")

    heard_by_both = await events_until(former, handover.marker_of(2))
    assert [event["item"]["id"] for event in heard_by_both if event["type"] == "conversation.item.added"][:1] == [
        "before"
    ]
    assert early.marker.item_id == handover.marker_of(2)
    assert await events_until(early.connection, "after") == await events_until(former, "after")
    for connection in (former, early.connection):
        await connection.close()


async def test_an_owner_to_be_that_is_not_let_in_learns_it_and_leaves_the_owner_alone(openai: OpenAI) -> None:
    settings = openai.emulator.state.settings
    openai.emulator.state.settings = settings.model_copy(update={"max_attachments": 1})
    try:
        call = live(openai)
        former = await attach(openai, call)

        assert await attach_early(openai, call.call_id) is None

        await add(former, "still here")
        assert await events_until(former, "still here")
        await former.close()
    finally:
        openai.emulator.state.settings = settings


async def test_of_two_that_want_to_be_next_one_is(openai: OpenAI) -> None:
    call = live(openai)
    first = await attach_early(openai, call.call_id)

    assert first is not None
    assert await attach_early(openai, call.call_id) is None
    third = await attach_early(openai, call.call_id, epoch=3)
    assert third is not None
    for early in (first, third):
        await early.connection.close()


async def test_there_is_nothing_to_listen_to_in_a_call_that_is_over(openai: OpenAI) -> None:
    assert await attach_early(openai, "rtc_unknown") is None
