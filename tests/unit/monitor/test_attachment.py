"""The sideband of a call: opened until it opens, read until it closes, and spoken through in order."""

import asyncio
from typing import Any

import pytest

from ringside.calls import End, EndReason, Status
from ringside.conversation import events as e
from ringside.monitor.attachment import KEPT_SECONDS, LATE_SECONDS, MAX_FUTILE, Attachment
from ringside.monitor.handover import EarlySideband, Takeover
from tests.unit.monitor.fakes import GONE, NOON, RESPOND, Sideband
from tests.unit.monitor.world import World, call_item, settle

HELLO, LATER = e.CallerStarted("item_1"), e.CallerStopped("item_1")
MARKER = e.ItemAdded("ringside_owner_2", None, "other")


async def heard(world: World, *frames: Any, stop_at: e.Event | None = None) -> list[e.Event]:
    """What an attachment hands on of these frames."""
    world.contract.answers = [Sideband(*frames)]
    supervision = world.supervision()
    attachment, events = world.attachment(supervision), list[e.Event]()

    def happened(event: e.Event) -> bool:
        events.append(event)
        return event != stop_at

    assert await attachment.open()
    await attachment.read(happened, world.writer(supervision))
    return events


# --- opening ---


async def test_right_after_the_accept_a_404_means_not_yet() -> None:
    world = World(GONE, GONE, Sideband())

    assert await world.attachment(world.supervision()).open()

    assert world.counted("SidebandsRefused") == 2


async def test_a_call_that_is_unknown_for_longer_is_over() -> None:
    world = World()

    assert not await world.attachment(world.supervision()).open()

    assert sum(world.clock.slept) >= world.services.attach_window


async def test_once_attached_a_404_means_at_once_that_the_call_is_over() -> None:
    world = World(Sideband(None), GONE, Sideband())
    supervision = world.supervision()
    attachment = world.attachment(supervision)
    await attachment.open()
    await attachment.read(lambda event: True, world.writer(supervision))

    assert not await attachment.open()
    assert world.clock.slept == []


@pytest.mark.parametrize("status", [401, 429, 500, 503])
def test_whatever_else_it_is_refused_with_it_is_tried_again(status: int) -> None:
    world = World(*[status] * 20, Sideband())

    assert asyncio.run(world.attachment(world.supervision()).open())

    assert max(world.clock.slept) < 7.5


async def test_a_key_that_was_refused_is_read_anew() -> None:
    world = World(401, Sideband())
    await world.attachment(world.supervision()).open()

    assert world.contract.keys == ["key", "new key"]


async def test_nothing_is_opened_for_a_call_that_is_lost_meanwhile() -> None:
    world = World(503, Sideband())
    supervision = world.supervision()

    def lose_lease() -> None:
        world.holds = False

    world.clock.on_sleep = lose_lease
    assert not await world.attachment(supervision).open()
    assert (supervision.is_lost, len(world.contract.answers)) == (True, 1)


async def test_a_sideband_that_was_opened_early_is_used_first_and_begins_with_its_marker() -> None:
    world, early = World(), Sideband(HELLO, None)
    supervision = world.supervision()
    attachment = world.attachment(supervision, Takeover(call_item(), None, EarlySideband(early, MARKER)))

    assert await attachment.open()
    assert (attachment.take_marker(), attachment.take_marker()) == (MARKER, None)
    assert world.contract.keys == []


async def test_a_sideband_that_was_opened_early_and_never_used_is_closed() -> None:
    world, early = World(), Sideband()
    await world.attachment(world.supervision(), Takeover(call_item(), None, EarlySideband(early, MARKER))).stop()

    assert early.closed


# --- reading ---


async def test_what_cannot_be_read_or_is_not_news_costs_nothing_else() -> None:
    world = World()
    skipped = [e.Skipped("ignored", "x"), e.Skipped("unknown", "y"), e.Skipped("malformed")]

    assert await heard(world, "nonsense", *skipped, HELLO, None) == [HELLO]

    counts = ("FramesUnreadable", "FramesUnknown", "FramesMalformed", "FramesIgnored")
    assert [world.counted(name) for name in counts] == [1, 1, 1, 0]


async def test_reading_stops_where_the_events_are_no_longer_ours() -> None:
    assert await heard(World(), HELLO, MARKER, LATER, None, stop_at=MARKER) == [HELLO, MARKER]


async def test_it_reads_no_faster_than_the_record_takes_it() -> None:
    world, gate = World(Sideband(*[HELLO] * 400, None)), asyncio.Event()
    supervision = world.supervision()
    attachment, writer, read = world.attachment(supervision), world.writer(supervision), list[e.Event]()

    async def wait() -> None:
        await gate.wait()

    def happened(event: e.Event) -> bool:
        read.append(event)
        writer.save(len(read), {}, None)
        return True

    world.record.before_answer = wait
    await attachment.open()
    reading = asyncio.create_task(attachment.read(happened, writer))
    await settle()
    assert len(read) == 256
    gate.set()
    await reading
    assert len(read) == 400


# --- sidebands that open and close at once ---


async def reopened(world: World, times: int, *frames: Any) -> Attachment:
    """An attachment whose sidebands closed so often, each after these frames, and were opened again."""
    supervision = world.supervision()
    attachment = world.attachment(supervision)
    world.contract.answers = [Sideband(*frames, None) for _ in range(times + 1)]
    for _ in range(times):
        assert await attachment.open()
        attachment.gap()
        await attachment.read(lambda event: True, world.writer(supervision))
    await attachment.open()
    return attachment


@pytest.mark.parametrize("frames", [(), (e.SessionStarted(None), MARKER)], ids=["silent", "the session answers"])
async def test_one_that_closes_before_anything_is_heard_is_opened_again_after_a_pause_that_grows(frames: Any) -> None:
    world = World()
    await reopened(world, 8, *frames)

    slept = world.clock.slept
    assert len(slept) == 7  # the first was opened again at once: the call may have ended
    assert sum(slept) > 0.5 * (0.2 + 0.4 + 0.8 + 1.6 + 3.2 + 5 + 5)


async def test_what_was_heard_makes_an_end_of_the_pauses() -> None:
    world = World()
    await reopened(world, 8, HELLO)

    assert world.clock.slept == []


async def test_a_sideband_that_stayed_open_was_worth_having_though_the_caller_was_silent() -> None:
    world = World(*(Sideband() for _ in range(20)))
    supervision = world.supervision()
    attachment = world.attachment(supervision)
    for sideband in list(world.contract.answers):
        assert await attachment.open()
        reading = asyncio.create_task(attachment.read(lambda event: True, world.writer(supervision)))
        await settle()
        world.clock.advance(KEPT_SECONDS)
        sideband.hear(None)  # type: ignore[union-attr]
        await reading

    assert (world.clock.slept, attachment.is_futile) == ([], False)


async def test_one_after_the_other_is_given_up_in_the_end() -> None:
    world = World()
    attachment = await reopened(world, MAX_FUTILE)

    assert attachment.is_futile
    assert len(world.contract.keys) == MAX_FUTILE  # and no other was opened
    assert not await attachment.open()


async def test_gaps_between_which_nothing_was_heard_are_one_gap() -> None:
    assert (await reopened(World(), 1)).gap() == (NOON, "the connection was lost", False)
    *_, goes_on = (await reopened(World(), 2)).gap() or (False,)
    assert goes_on
    *_, goes_on = (await reopened(World(), 2, HELLO)).gap() or (True,)
    assert not goes_on


# --- gaps ---


async def test_a_connection_that_was_lost_leaves_a_gap_from_when_it_closed() -> None:
    world = World(Sideband(None), Sideband())
    supervision = world.supervision()
    attachment = world.attachment(supervision)
    await attachment.open()
    assert attachment.gap() is None
    await attachment.read(lambda event: True, world.writer(supervision))
    world.clock.now += 7
    await attachment.open()

    assert attachment.gap() == (NOON, "the connection was lost", False)


async def test_a_call_of_which_something_was_missed_before_has_a_gap_from_the_first_sideband_on() -> None:
    world = World(Sideband())
    attachment = world.attachment(world.supervision(), Takeover(call_item(), NOON - 9))
    await attachment.open()

    assert attachment.gap() == (NOON - 9, "another monitor took over", False)


async def test_a_first_sideband_that_comes_late_has_a_gap_from_the_accept_on() -> None:
    world = World(Sideband())
    attachment = world.attachment(world.supervision(), Takeover(call_item()))
    world.clock.now += LATE_SECONDS + 0.1
    await attachment.open()

    assert attachment.gap() == (NOON - 1, "no monitor had taken the call", False)


async def test_a_first_sideband_that_waited_for_the_session_has_none() -> None:
    world = World(GONE, Sideband())
    attachment = world.attachment(world.supervision(), Takeover(call_item()))
    world.clock.now += LATE_SECONDS + 0.1
    await attachment.open()

    assert attachment.gap() is None


async def test_a_first_owner_that_never_got_to_listen_has_heard_nothing_since_the_accept() -> None:
    world = World(Sideband())
    attachment = world.attachment(world.supervision(), Takeover(call_item()))
    world.clock.now += 5

    assert attachment.unheard_since() == NOON - 1


async def test_an_owner_that_never_got_to_listen_leaves_the_gap_that_it_found() -> None:
    world = World(Sideband(None))
    supervision = world.supervision()
    attachment = world.attachment(supervision, Takeover(call_item(), NOON - 9))
    assert attachment.unheard_since() == NOON - 9

    await attachment.open()
    world.clock.now += 3
    await attachment.read(lambda event: True, world.writer(supervision))
    world.clock.now += 3
    assert attachment.unheard_since() == NOON + 3


# --- speaking ---


async def test_what_is_said_before_there_is_a_sideband_is_said_in_order_when_there_is_one() -> None:
    sideband = Sideband()
    world = World(sideband)
    attachment = world.attachment(world.supervision())
    facts = [e.TellFact(str(number)) for number in range(3)]
    for fact in facts:
        attachment.say(fact)
    await settle()
    await attachment.open()
    await attachment.flush(1.0)

    assert sideband.said == [repr(fact) for fact in facts]


@pytest.mark.parametrize(("command", "said"), [(RESPOND, False), (e.RetrieveItem("i"), False), (e.TellFact("f"), True)])
async def test_after_a_reconnect_only_that_is_said_which_the_conversation_does_not_ask_for_anew(
    command: e.Command, said: bool
) -> None:
    lost, opened = Sideband(None), Sideband()
    world = World(lost, opened)
    supervision = world.supervision()
    attachment = world.attachment(supervision)
    await attachment.open()
    await attachment.read(lambda event: True, world.writer(supervision))
    attachment.say(command)
    await settle()
    await attachment.open()
    await attachment.flush(1.0)

    assert (opened.said == [repr(command)]) is said


async def test_an_owner_without_a_lease_says_nothing() -> None:
    sideband = Sideband()
    world = World(sideband)
    supervision = world.supervision()
    attachment = world.attachment(supervision)
    await attachment.open()
    world.holds = False
    attachment.say(RESPOND)
    await settle()

    assert (sideband.said, supervision.is_lost) == ([], True)


async def test_nothing_is_said_in_a_call_that_is_over_and_nothing_waits_for_it() -> None:
    sideband = Sideband()
    world = World(sideband)
    supervision = world.supervision()
    attachment = world.attachment(supervision)
    await attachment.open()
    supervision.ended(End(Status.ENDED, EndReason.SILENCE, NOON))
    attachment.say(RESPOND)
    await attachment.flush(1.0)
    await attachment.stop()

    assert (sideband.said, sideband.closed) == ([], True)
