"""Hanging up happens: claimed, asked for until it is done, and checked."""

import asyncio

import pytest

from ringside.aws.record import Fenced
from ringside.calls import EndReason
from ringside.monitor.hang_up import MAX_CHECKS, HangUp
from ringside.monitor.supervision_state import SupervisionState
from ringside.openai.call_control import Outcome
from tests.unit.monitor.fakes import NOON, Sideband
from tests.unit.monitor.world import World


async def hung_up(world: World, *answers: Outcome, closes: bool = True) -> SupervisionState:
    """A call that is hung up, with these answers to the requests; whether its sideband then closes by itself."""
    supervision, sideband = world.supervision(), Sideband()
    world.contract.answers, world.control.answers = [sideband], list(answers)
    attachment = world.attachment(supervision)
    await attachment.open()
    reading = asyncio.create_task(attachment.read(lambda event: True, world.writer(supervision)))
    if closes:
        sideband.hear(None)
    await HangUp(supervision, world.services, world.writer(supervision), attachment).ask(EndReason.SILENCE)
    await reading
    assert sideband.closed
    return supervision


@pytest.mark.parametrize("outcome", [Outcome.DONE, Outcome.GONE])
async def test_a_call_that_is_gone_already_is_hung_up_as_well_as_one_that_was_not(outcome: Outcome) -> None:
    world = World()
    supervision = await hung_up(world, outcome)

    assert supervision.end is not None
    assert (supervision.end.reason, supervision.end.at) == (EndReason.SILENCE, NOON)
    assert (world.control.asked, world.record.claimed) == (["hang_up"], {"hang_up"})


async def test_it_is_asked_for_until_it_is_done() -> None:
    world = World()
    supervision = await hung_up(world, Outcome.UNAVAILABLE, Outcome.UNKNOWN, Outcome.REFUSED, Outcome.DONE)

    assert supervision.end is not None
    assert supervision.end.at > NOON
    assert (len(world.control.asked), world.counted("HangUpsFailed")) == (4, 3)


async def test_one_that_was_claimed_before_is_done_again_for_it_may_not_have_been_done() -> None:
    world = World()
    world.record.claimed.add("hang_up")

    assert (await hung_up(world)).end is not None
    assert world.control.asked == ["hang_up"]


async def test_a_sideband_that_stays_open_is_a_reason_to_ask_again_and_then_to_close_it() -> None:
    world = World()
    await hung_up(world, closes=False)

    assert len(world.control.asked) == 1 + MAX_CHECKS


async def test_an_owner_that_lost_its_lease_while_it_claimed_does_not_hang_up() -> None:
    world = World()
    supervision = world.supervision()

    def lose_lease() -> None:
        world.holds = False

    world.record.before_answer = lose_lease
    hang_up = HangUp(supervision, world.services, world.writer(supervision), world.attachment(supervision))
    await hang_up.ask(EndReason.SILENCE)

    assert (world.control.asked, supervision.end) == ([], None)
    assert supervision.is_lost


async def test_an_owner_that_was_fenced_does_not_hang_up() -> None:
    world = World()
    supervision = world.supervision()
    world.record.failing = [Fenced()]
    hang_up = HangUp(supervision, world.services, world.writer(supervision), world.attachment(supervision))

    with pytest.raises(Fenced):
        await hang_up.ask(EndReason.SILENCE)
    assert world.control.asked == []
