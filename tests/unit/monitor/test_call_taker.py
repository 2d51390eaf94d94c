"""How a monitor comes to its calls, and to no other."""

import asyncio
from typing import Any

import pytest

from ringside.aws.call_queue import BATCH, Message
from ringside.aws.receipts import LeftReceipt
from ringside.aws.record import Beat
from ringside.aws.table import Conflict, Item
from ringside.calls import Step
from ringside.conversation import events as e
from ringside.monitor.call_taker import MAX_TAKING, TAKEOVER_SECONDS, CallTaker
from ringside.monitor.handover import Takeover, marker_of
from ringside.monitor.lease import Lease
from ringside.monitor.owned_calls import OwnedCalls
from tests.unit.monitor.fakes import CALL, LEASE, NOON, THROTTLED, Sideband, message
from tests.unit.monitor.world import World, call_item, settle

FORMER = "former"


class Owned(OwnedCalls):
    """Keeps what was taken, without supervising it."""

    def __init__(self, world: World) -> None:
        super().__init__("me", world.services, world.messages, world.agents, 5, LEASE)
        self.taken: dict[str, Takeover] = {}

    def __len__(self) -> int:
        return len(self.taken)

    def __contains__(self, call_id: str) -> bool:
        return call_id in self.taken

    async def start(self, takeover: Takeover, message: Message) -> None:
        self.taken[str(takeover.call["call_id"])] = takeover


class Bench:
    """A call taker, and one call in the record."""

    def __init__(self, *answers: Sideband | int, **call: Any) -> None:
        self.world = World(*answers)
        self.owned = Owned(self.world)
        self.lease = Lease(LEASE, self.world.clock.monotonic)
        self.lease.proven(self.world.clock.now)
        self.taker = CallTaker(self.owned, self.lease, self.world.services, self.world.messages, 20.0)
        self.world.record.calls[CALL] = call_item(epoch=0, **call)

    @property
    def messages(self) -> list[tuple[Any, ...]]:
        return self.world.queue.done

    async def consider(self, delivered: Message | None = None) -> Takeover | None:
        await self.taker.consider(delivered or message())
        return self.owned.taken.get(CALL)

    def owner(self, owner: str | None, *, until: float = 0.0, draining: bool = False, **more: Any) -> None:
        """The call has this owner, which is thought to live until then (Unix seconds)."""
        call = self.world.record.calls[CALL]
        call |= {"owner": owner, "epoch": 1, "message_id": "message", **more}
        self.world.record.beats[str(owner)] = Beat(until, draining)
        self.refuse(call)

    def refuse(self, found: Item) -> None:
        """The next attempt to take the call finds this."""
        self.world.record.failing = [Conflict(dict(found))]


# --- a call without an owner ---


async def test_a_call_that_never_had_an_owner_is_taken_and_nothing_of_it_was_missed() -> None:
    taken = await Bench().consider()

    assert taken is not None
    assert (taken.call["owner"], taken.unheard_since, taken.from_another_owner) == ("me", None, False)


@pytest.mark.parametrize(
    ("left", "since"), [({"released_at": NOON - 3}, NOON - 3), ({"released_at": NOON, "unheard_since": 7}, 7.0)]
)
async def test_of_a_call_that_was_let_go_something_was_missed_since_then(left: Item, since: float) -> None:
    taken = await Bench(**left).consider()

    assert taken is not None
    assert taken.unheard_since == since


@pytest.mark.parametrize("found", [{}, call_item(status="ended")])
async def test_the_message_of_a_call_that_is_over_or_unknown_is_deleted(found: Item) -> None:
    bench = Bench()
    bench.refuse(found)

    assert (await bench.consider(), bench.messages) == (None, [("delete", "receipt")])


async def test_a_message_that_cannot_be_understood_is_deleted() -> None:
    bench = Bench()
    await bench.consider(message(None))

    assert (bench.messages, bench.world.record.written) == ([("delete", "receipt")], [])


async def test_a_monitor_that_is_full_or_stops_shows_what_came_too_late() -> None:
    full, stopping = Bench(), Bench()
    full.owned.slots = 0
    stopping.taker.stop()

    for bench in (full, stopping):
        assert (await bench.consider(), bench.messages) == (None, [("show", "receipt")])


async def test_a_call_of_our_own_is_not_taken_again() -> None:
    bench = Bench()
    await bench.consider()
    await bench.consider(message(receipt="newer"))

    assert len(bench.world.record.of("take")) == 1


# --- a call with an owner ---


async def test_a_living_owner_keeps_its_call() -> None:
    bench = Bench()
    bench.owner(FORMER, until=NOON + 5)

    assert (await bench.consider(), bench.messages) == (None, [("hide", "receipt", LEASE)])


async def test_a_second_message_for_a_call_with_a_living_owner_is_deleted() -> None:
    bench = Bench()
    bench.owner(FORMER, until=NOON + 5, message_id="other")

    assert (await bench.consider(), bench.messages) == (None, [("delete", "receipt")])


async def test_a_dead_owners_call_is_taken_and_was_last_heard_when_it_last_beat() -> None:
    bench = Bench()
    bench.owner(FORMER, until=NOON - 1)
    taken = await bench.consider()

    assert taken is not None
    assert (taken.call["owner"], taken.unheard_since) == ("me", NOON - 1 - LEASE)


async def test_an_owner_of_whom_no_beat_is_known_has_not_listened_since_it_took_the_call() -> None:
    bench = Bench(steps={Step.TAKEN: NOON - 4})
    bench.owner("sweeper")
    taken = await bench.consider()

    assert taken is not None
    assert taken.unheard_since == NOON - 4


@pytest.mark.parametrize(("attached", "since"), [({}, NOON - 30), ({Step.ATTACHED: NOON - 29}, NOON - 1 - LEASE)])
async def test_an_owner_that_died_before_it_greeted_may_never_have_listened(attached: Item, since: float) -> None:
    bench = Bench(steps={Step.ACCEPTED: NOON - 30, Step.TAKEN: NOON - 29, **attached})
    bench.owner(FORMER, until=NOON - 1)
    taken = await bench.consider()

    assert taken is not None
    assert (taken.unheard_since, taken.call["unheard_since"]) == (since, since)  # for those that may come after us


@pytest.mark.parametrize(("epoch_of_gap", "since"), [(None, NOON - 40), (0, NOON - 40), (1, NOON - 1 - LEASE)])
async def test_owners_that_die_one_after_the_other_without_listening_leave_the_gap_of_the_first(
    epoch_of_gap: int | None, since: float
) -> None:
    bench = Bench(steps={Step.ACCEPTED: NOON - 90, Step.ATTACHED: NOON - 89}, unheard_since=NOON - 40)
    bench.owner(FORMER, until=NOON - 1)
    turn = (2, {"kind": "turn", "item_id": "item_1", "epoch": 1})
    gap = (1, {"kind": "gap", "item_id": "gap_1", "epoch": epoch_of_gap})
    bench.world.record.items = [turn] if epoch_of_gap is None else [gap, turn]
    taken = await bench.consider()

    assert taken is not None
    assert taken.unheard_since == since


@pytest.mark.parametrize(("steps", "since"), [({Step.ATTACHED: NOON - 9}, NOON - LEASE), ({}, None)])
async def test_a_call_that_the_record_says_is_ours_is_taken_again(steps: Item, since: float | None) -> None:
    bench = Bench(steps=steps)
    bench.owner("me")
    taken = await bench.consider()

    assert taken is not None
    assert (taken.call["epoch"], taken.unheard_since) == (2, since)


async def test_of_two_monitors_that_want_a_dead_owners_call_one_gets_it() -> None:
    bench = Bench()
    bench.owner(FORMER, until=NOON - 1)
    faster = Conflict({"owner": "another"})

    def conflict() -> None:  # between the look at the former owner's beat and the take
        bench.world.record.failing = [faster]

    bench.world.record.before_answer = conflict

    assert (await bench.consider(), bench.messages) == (None, [])


@pytest.mark.parametrize(("draining", "times"), [(True, 1), (False, 3)])
async def test_an_owner_that_leaves_is_looked_up_once_and_one_that_stays_for_each_of_its_calls(
    draining: bool, times: int
) -> None:
    bench = Bench()
    bench.world.record.beats[FORMER] = Beat(NOON + LEASE, draining)

    for _ in range(3):
        assert (await bench.taker._last_beat(FORMER, NOON)).draining is draining

    assert len(bench.world.record.of("last_beat")) == times


async def test_a_leaving_owner_that_died_on_the_way_is_looked_up_again() -> None:
    bench = Bench()
    bench.world.record.beats[FORMER] = Beat(NOON + LEASE, draining=True)

    for now in (NOON, NOON + LEASE):
        await bench.taker._last_beat(FORMER, now)

    assert len(bench.world.record.of("last_beat")) == 2


async def test_a_message_of_an_owner_that_lives_is_hidden_and_its_newest_receipt_left_to_it() -> None:
    bench = Bench()
    bench.owner(FORMER, until=NOON + LEASE)

    assert await bench.consider(message(receipt="newest", deliveries=2)) is None
    assert bench.messages == [("hide", "newest", LEASE)]
    assert bench.world.record.receipts[FORMER, CALL] == LeftReceipt(CALL, "message", "newest", 2, 0)


@pytest.mark.parametrize(("beaten_since", "taken"), [(0, True), (1, False)])
async def test_an_owner_whose_clock_is_ahead_is_dead_when_it_has_not_beaten_for_a_lease(
    beaten_since: int, taken: bool
) -> None:
    bench, ahead = Bench(), NOON + 40 + LEASE
    bench.owner(FORMER, until=ahead)
    assert await bench.consider(message(deliveries=2)) is None

    bench.owner(FORMER, until=ahead)
    bench.world.record.beats[FORMER] = Beat(ahead, number=beaten_since)
    takeover = await bench.consider(message(deliveries=3))

    assert (takeover is not None) is taken
    if takeover is not None:
        assert takeover.unheard_since == NOON - 2 * LEASE


async def test_one_delivery_says_nothing_of_an_owner_however_often_it_is_looked_at() -> None:
    bench = Bench()
    for _ in range(2):
        bench.owner(FORMER, until=NOON + 40 + LEASE)
        assert await bench.consider(message(deliveries=2)) is None


# --- from an owner that leaves ---


def leaving(*answers: Sideband | int) -> Bench:
    bench = Bench(*answers)
    bench.owner(FORMER, until=NOON + LEASE, draining=True)
    return bench


def lets_go(bench: Bench, after: int, **more: Any) -> None:
    """The former owner lets go when the next one has looked so often."""

    def look() -> None:
        if len(bench.world.clock.slept) == after:
            call = bench.world.record.calls[CALL]
            call.pop("owner")
            call |= {"released_at": bench.world.clock.wall(), **more}

    bench.world.clock.on_sleep = look


async def test_the_next_owner_listens_before_the_former_one_has_left_and_has_missed_nothing() -> None:
    early = Sideband(e.ItemAdded(marker_of(2), None, "other"))
    bench = leaving(early)
    lets_go(bench, after=3)
    taken = await bench.consider()

    assert taken is not None
    assert taken.sideband is not None
    assert (taken.sideband.connection, taken.unheard_since, taken.call["epoch"]) == (early, None, 2)


async def test_where_there_is_room_for_one_sideband_only_something_was_missed() -> None:
    bench = leaving(409)
    lets_go(bench, after=2)
    taken = await bench.consider()

    assert taken is not None
    assert (taken.sideband, taken.unheard_since) == (None, taken.call["released_at"])


async def test_an_outage_while_it_waits_is_lived_through() -> None:
    bench = leaving(409)
    lets_go(bench, after=2)
    first = bench.world.clock.on_sleep

    def fail_once() -> None:
        if len(bench.world.clock.slept) == 1:
            bench.world.record.failing = [THROTTLED]
        first()

    bench.world.clock.on_sleep = fail_once

    assert await bench.consider() is not None


async def test_an_owner_that_does_not_leave_after_all_keeps_its_call() -> None:
    early = Sideband(e.ItemAdded(marker_of(2), None, "other"))
    bench = leaving(early)

    assert (await bench.consider(), bench.messages) == (None, [("show", "receipt")])
    assert early.closed
    assert TAKEOVER_SECONDS <= sum(bench.world.clock.slept) < TAKEOVER_SECONDS + 1


async def test_a_call_that_went_to_another_monitor_meanwhile_is_left_to_it() -> None:
    early = Sideband(e.ItemAdded(marker_of(2), None, "other"))
    bench = leaving(early)
    bench.world.clock.on_sleep = lambda: bench.world.record.calls[CALL].update(owner="another")

    assert (await bench.consider(), early.closed, len(bench.world.clock.slept)) == (None, True, 1)


# --- polling ---


async def poll(bench: Bench, polls: int) -> None:
    """Poll so often."""
    receive = bench.world.queue.receive

    async def counted(visibility: float, wait: float, most: int) -> list[Message]:
        if len(bench.world.queue.asked) + 1 >= polls:
            bench.taker.stop()
        return await receive(visibility, wait, most)

    bench.world.queue.receive = counted  # type: ignore[method-assign]
    await bench.taker.poll()
    await settle()


def some(count: int, batch: int = 0) -> list[Message]:
    return [message(f"rtc_{batch}_{number}", message_id=f"{batch} {number}") for number in range(count)]


async def test_more_messages_are_asked_for_only_while_they_come_at_once() -> None:
    bench = Bench()
    bench.owned.slots = 100
    bench.world.record.calls = {m.call_id or "": call_item(m.call_id or "") for n in range(6) for m in some(10, n)}
    bench.world.queue.messages = [some(1, 0), some(2, 1), some(4, 2), some(8, 3), some(3, 4)]
    await poll(bench, 30)

    assert bench.world.queue.asked[:6] == [1, 2, 4, 8, BATCH, 1]
    assert len(bench.owned) == 18


async def test_a_poll_that_fails_is_made_again_after_a_pause() -> None:
    bench = Bench()
    bench.world.queue.failing = [THROTTLED, OSError()]
    await poll(bench, 3)

    assert (len(bench.world.queue.asked), bench.world.clock.slept) == (3, [1.0, 1.0])


async def test_a_call_that_cannot_be_taken_is_counted_and_does_not_stop_the_polling() -> None:
    bench = Bench()
    bench.world.queue.messages = [[message("rtc_unknown")], [message()]]
    await poll(bench, 30)

    assert bench.world.counted("TakesFailed") == 1
    assert list(bench.owned.taken) == [CALL]


async def no_polls(bench: Bench) -> bool:
    """Whether a taker in this state asks for no message."""

    def stop() -> None:
        bench.taker.stop()

    bench.world.clock.on_sleep = stop
    await bench.taker.poll()
    return bench.world.queue.asked == []


async def test_a_monitor_that_is_full_or_without_a_lease_asks_for_no_message() -> None:
    full, without_lease = Bench(), Bench()
    full.owned.slots = 0
    without_lease.world.clock.now += LEASE

    assert [await no_polls(bench) for bench in (full, without_lease)] == [True, True]


async def test_no_more_than_some_calls_are_taken_at_the_same_time() -> None:
    bench, gate = Bench(), asyncio.Event()
    bench.owned.slots = 1000
    bench.world.record.calls = {m.call_id or "": call_item(m.call_id or "") for n in range(9) for m in some(10, n)}

    async def wait() -> None:
        await gate.wait()

    bench.world.record.before_answer = wait
    bench.world.queue.messages = [some(10, number) for number in range(9)]
    polling = asyncio.create_task(bench.taker.poll())
    await settle()
    considering = len(bench.taker.considering)
    assert MAX_TAKING <= considering < MAX_TAKING + BATCH
    bench.taker.stop()
    gate.set()
    await polling
    await settle()
    assert bench.taker.considering == set()
