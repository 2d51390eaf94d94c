"""Both sides of a hand-over, divided by a marker."""

import asyncio

import pytest

from ringside.conversation import events as e
from ringside.monitor import handover
from ringside.monitor.handover import Handover, attach_early, marker_of
from tests.unit.monitor.fakes import CALL, GONE, Sideband
from tests.unit.monitor.world import World, settle


def added(epoch: int) -> e.ItemAdded:
    return e.ItemAdded(marker_of(epoch), None, "other")


class Offered:
    """A call of the first owner, offered to others."""

    def __init__(self, seconds: float = 60.0) -> None:
        self.handover = Handover(epoch=1)
        self.gone = asyncio.Event()
        self.shown = 0
        self.answer = asyncio.create_task(self.handover.offer(self._show, self.gone, seconds))

    async def _show(self) -> None:
        self.shown += 1


# --- the owner that leaves ---


async def test_an_offer_is_answered_when_the_next_owners_marker_is_seen() -> None:
    offered = Offered()
    await settle()
    assert (offered.shown, offered.answer.done()) == (1, False)

    assert offered.handover.saw(added(2))

    assert await offered.answer
    assert offered.handover.next_owner_listens


async def test_other_items_and_other_owners_markers_do_not_answer_an_offer() -> None:
    offered = Offered(seconds=0.01)
    await settle()

    seen = [offered.handover.saw(item) for item in (added(1), added(3), e.ItemAdded("item_1", None, "caller"))]

    assert (seen, await offered.answer) == ([False] * 3, False)


async def test_an_offer_ends_with_the_call() -> None:
    offered = Offered()
    await settle()
    offered.gone.set()

    assert not await offered.answer


def test_a_marker_means_nothing_to_an_owner_that_stays() -> None:
    handover = Handover(epoch=1)

    assert not handover.saw(added(2))
    assert not handover.next_owner_listens


async def test_a_call_that_cannot_be_shown_is_still_on_offer() -> None:
    leaving = Handover(epoch=1)

    async def broken() -> None:
        raise OSError

    with pytest.raises(OSError):  # noqa: PT011
        await leaving.offer(broken, asyncio.Event(), 1.0)
    assert leaving.is_offered


# --- the owner to be ---


async def test_the_next_owner_reads_up_to_its_own_marker_and_no_further() -> None:
    sideband = Sideband(e.CallerStarted("item_1"), added(1), added(2), e.CallerStopped("item_1"))

    early = await attach_early(World(sideband).services, CALL, 2)

    assert early is not None
    assert (early.marker, len(sideband.said)) == (added(2), 1)
    assert marker_of(2) in sideband.said[0]
    unread: list[object] = []

    def take(frame: object) -> bool:
        unread.append(frame)
        return False

    await early.connection.read(take)
    assert unread == [e.CallerStopped("item_1")]


@pytest.mark.parametrize("status", [GONE, 403, 409])
async def test_where_a_second_sideband_is_refused_there_is_none(status: int) -> None:
    assert await attach_early(World(status).services, CALL, 2) is None


async def test_a_sideband_on_which_the_marker_does_not_appear_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handover, "MARKED_SECONDS", 0.01)
    silent, closing = Sideband(), Sideband(None)

    assert [await attach_early(World(sideband).services, CALL, 2) for sideband in (silent, closing)] == [None, None]
    assert (silent.closed, closing.closed) == (True, True)


async def test_one_who_is_stopped_while_it_waits_for_its_marker_leaves_no_sideband_open() -> None:
    sideband = Sideband()
    attaching = asyncio.create_task(attach_early(World(sideband).services, CALL, 2))
    await settle()
    attaching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await attaching

    assert sideband.closed
