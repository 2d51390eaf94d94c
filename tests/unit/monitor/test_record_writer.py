"""What one owner writes: in order, as often as it takes, and nothing once the call is another's."""

import asyncio
import logging

import pytest
from botocore.exceptions import EndpointConnectionError

from ringside.aws.record import Fenced
from ringside.calls import End, EndReason, Status, Step
from ringside.conversation.events import Usage
from tests.unit.monitor.fakes import NOON, THROTTLED, TOO_LARGE
from tests.unit.monitor.world import World, settle

END = End(Status.ENDED, EndReason.CALLER_HUNG_UP, NOON)


async def test_what_is_written_in_the_background_keeps_its_order() -> None:
    world = World()
    writer = world.writer(world.supervision())

    writer.save(1, {"text": "Hello."}, None)
    writer.note({"notes": {}})
    writer.mark(Step.FIRST_AUDIO, NOON)
    writer.save_usage(Usage(input_text=1), 0.5)
    assert world.record.written == []
    await writer.done()

    assert [name for name, *_ in world.record.written] == ["save", "note", "mark", "usage"]


async def test_an_outage_passes_and_nothing_is_lost_or_overtaken() -> None:
    world = World()
    world.record.failing = [THROTTLED, EndpointConnectionError(endpoint_url="https://x"), THROTTLED]
    writer = world.writer(world.supervision())

    writer.save(1, {}, None)
    writer.save(2, {}, 1)
    await writer.done()

    assert world.record.of("save") == [(1, {}, 1), (2, {}, 2)]
    assert world.record.of("forget") == [(1, "1")]
    assert world.counted("WritesFailed") == 3
    for pause, slept in zip((0.2, 0.4, 0.8), world.clock.slept, strict=True):
        assert 0.5 * pause <= slept <= 1.5 * pause


async def test_a_write_that_will_never_be_taken_is_dropped_and_the_rest_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World()
    world.record.failing = [TOO_LARGE]
    writer = world.writer(world.supervision())

    writer.save(1, {}, None)
    writer.save(2, {}, None)
    with caplog.at_level(logging.WARNING, "ringside"):
        await writer.done()

    assert world.record.of("save") == [(2, {}, 2)]
    assert [vars(record).get("error") for record in caplog.records] == ["ValidationException", None]


async def test_a_write_that_another_owner_has_fenced_ends_the_supervision() -> None:
    world = World()
    supervision = world.supervision()
    writer = world.writer(supervision)
    world.record.failing = [Fenced()]

    writer.save(1, {}, None)
    await writer.done()

    assert (supervision.is_lost, supervision.is_fenced) == (True, True)
    assert world.counted("FencedWrites") == 1


async def test_an_owner_whose_lease_ran_out_during_an_outage_claims_nothing_any_more() -> None:
    world = World()
    world.record.failing = [THROTTLED] * 3

    def lose_lease() -> None:
        world.holds = len(world.clock.slept) < 2

    world.clock.on_sleep = lose_lease
    writer = world.writer(world.supervision())

    with pytest.raises(Fenced):
        await writer.claim("greeting")
    assert (len(world.clock.slept), world.record.of("claim")) == (2, [])


async def test_what_was_heard_and_the_end_are_written_however_long_that_takes_and_whoever_has_the_lease() -> None:
    world = World()
    world.holds = False
    world.record.failing = [THROTTLED] * 20
    writer = world.writer(world.supervision())

    writer.save(1, {}, None)
    await writer.done()
    await writer.end(END, {})
    assert (world.record.of("save"), len(world.record.of("end"))) == ([(1, {}, 1)], 1)


async def test_all_tries_of_a_claim_carry_one_token_and_two_claims_two() -> None:
    world = World()
    writer = world.writer(world.supervision())

    async def lost() -> None:
        world.record.before_answer = lambda: None
        raise THROTTLED

    world.record.before_answer = lost
    claimed = [await writer.claim("greeting"), await writer.claim("hang_up")]

    (_, first), (_, again), (_, other) = world.record.of("claim")
    assert first == again != other
    assert claimed[1] is True


async def test_what_is_not_written_when_the_writer_is_stopped_is_dropped() -> None:
    world, never = World(), asyncio.Event()

    async def wait() -> None:
        await never.wait()

    world.record.before_answer = wait
    writer = world.writer(world.supervision())
    for position in range(3):
        writer.save(position, {}, None)
    await settle()
    await writer.stop()

    assert len(world.record.written) == 1


async def test_it_is_crowded_while_the_record_does_not_answer_and_makes_room_when_it_does() -> None:
    world, gate = World(), asyncio.Event()

    async def wait() -> None:
        await gate.wait()

    world.record.before_answer = wait
    writer = world.writer(world.supervision())
    for position in range(256):
        writer.save(position, {}, None)
    assert writer.is_crowded
    gate.set()
    await writer.room()
    assert not writer.is_crowded
