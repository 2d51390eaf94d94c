"""The calls that a monitor owns, and what becomes of their messages."""

import asyncio
from typing import Any, cast

import pytest

from ringside.aws.receipts import LeftReceipt
from ringside.aws.record import Fenced, Ownership
from ringside.calls import EndReason, Status
from ringside.monitor.handover import EarlySideband, Takeover
from ringside.monitor.owned_calls import MAX_FAILURES, MAX_OWNERS, OwnedCall, OwnedCalls
from ringside.monitor.supervision_state import SupervisionResult
from ringside.openai.call_control import Outcome
from tests.unit.monitor.fakes import CALL, LEASE, NOON, THROTTLED, Sideband, message
from tests.unit.monitor.test_attachment import MARKER
from tests.unit.monitor.world import World, call_item, settle


class Supervised:
    """A call under supervision that ends as the test wants."""

    def __init__(self) -> None:
        self.result: asyncio.Future[SupervisionResult] = asyncio.get_running_loop().create_future()
        self.lost = 0
        self.is_lost = False

    def unheard_since(self) -> float:
        return NOON - 5

    async def run(self) -> SupervisionResult:
        return await self.result

    def lose(self) -> None:
        self.lost += 1


class Bench:
    def __init__(self) -> None:
        self.world = World()
        self.world.record.calls[CALL] = call_item()
        self.owned = OwnedCalls("me", self.world.services, self.world.messages, self.world.agents, 5, LEASE)

    @property
    def messages(self) -> list[tuple[Any, ...]]:
        return self.world.queue.done

    def add(self, call_id: str = CALL, receipt: str = "receipt") -> tuple[OwnedCall, Supervised]:
        supervised = Supervised()
        task = asyncio.create_task(supervised.run())
        call = OwnedCall(Ownership(call_id, "me", 1), message(call_id, receipt), cast(Any, supervised), task)
        self.owned.add(call)
        return call, supervised

    async def ends(self, how: SupervisionResult | Exception | None, *, offered: bool = False) -> None:
        """The supervision of the call ends like this; None: it was cancelled."""
        call, supervised = self.add()
        call.offered = offered
        if how is None:
            call.task.cancel()
        elif isinstance(how, Exception):
            supervised.result.set_exception(how)
        else:
            supervised.result.set_result(how)
        await asyncio.wait({call.task})
        await settle(2)
        await self.owned.settled()


# --- how supervision ended decides what becomes of the message ---


async def test_the_message_of_a_call_that_is_over_is_deleted() -> None:
    bench = Bench()
    await bench.ends(SupervisionResult.OVER)

    assert (bench.messages, len(bench.owned)) == ([("delete", "receipt")], 0)


@pytest.mark.parametrize("offered", [False, True])
async def test_the_message_of_a_released_call_is_shown_once(offered: bool) -> None:
    bench = Bench()
    await bench.ends(SupervisionResult.RELEASED, offered=offered)

    assert bench.messages == ([] if offered else [("show", "receipt")])


@pytest.mark.parametrize("how", [SupervisionResult.LOST, None])
async def test_a_lost_call_of_which_the_record_says_that_it_is_ours_is_released(how: SupervisionResult | None) -> None:
    bench = Bench()
    bench.world.record.failing = [THROTTLED, THROTTLED]
    await bench.ends(how)

    assert bench.world.clock.slept == [LEASE / 3] * 2
    assert bench.world.record.of("release") == [(CALL, NOON - 5)]
    assert bench.messages == [("show", "receipt")]


async def test_a_lost_call_that_another_monitor_has_is_left_alone() -> None:
    bench = Bench()
    bench.world.record.failing = [Fenced()]
    await bench.ends(SupervisionResult.LOST)

    assert (bench.messages, bench.world.record.written) == ([], [])


async def test_a_monitor_that_stops_does_not_try_for_ever_to_release_a_lost_call() -> None:
    bench = Bench()
    bench.owned.slots = 0
    bench.world.record.failing = [THROTTLED] * 9
    await bench.ends(SupervisionResult.LOST)

    assert (bench.messages, bench.world.clock.slept) == ([], [])


async def test_a_call_whose_supervision_broke_is_tried_again_after_a_pause_that_grows() -> None:
    bench = Bench()
    for _ in range(MAX_FAILURES - 1):
        await bench.ends(RuntimeError("broken"))

    assert bench.messages == [("hide", "receipt", 2**failures) for failures in range(1, MAX_FAILURES)]
    assert bench.world.record.of("release") == [(CALL, NOON)] * (MAX_FAILURES - 1)
    assert bench.world.counted("SupervisionsFailed") == MAX_FAILURES - 1


async def test_a_call_whose_supervision_always_breaks_is_hung_up_and_closed() -> None:
    bench = Bench()
    bench.world.record.failures = MAX_FAILURES - 1
    await bench.ends(RuntimeError("broken"))

    ((end, _),) = bench.world.record.of("end")
    assert (end.status, end.reason) == (Status.FAILED, EndReason.SUPERVISION_LOST)
    assert (bench.world.control.asked, bench.messages) == (["hang_up"], [("delete", "receipt")])
    assert bench.world.counted("CallsLost") == 1


async def test_a_message_that_cannot_be_settled_harms_nothing() -> None:
    bench = Bench()
    bench.world.record.failing = [THROTTLED]
    await bench.ends(RuntimeError("broken"))

    assert (bench.messages, len(bench.owned)) == ([], 0)


# --- messages of calls that we have ---


async def test_the_messages_are_extended_but_for_those_that_are_offered() -> None:
    bench = Bench()
    calls = [bench.add(f"rtc_{number}", f"receipt {number}")[0] for number in range(12)]
    await bench.owned.offer(calls[3])
    bench.messages.clear()
    await bench.owned.extend()

    extended = [receipt for _, *receipts in bench.messages for receipt in receipts[:-1]]
    assert sorted(extended) == sorted(f"receipt {number}" for number in range(12) if number != 3)
    assert [len(batch) - 2 for batch in bench.messages] == [10, 1]


async def test_the_message_of_a_lost_call_is_left_for_others_while_its_former_owner_listens() -> None:
    bench = Bench()
    bench.add("rtc_1", "ours")
    _, lost = bench.add("rtc_2", "lost")
    lost.is_lost = True
    await bench.owned.extend()

    assert bench.messages == [("hide", "ours", LEASE)]


async def test_messages_that_could_not_be_extended_are_counted() -> None:
    bench = Bench()
    for number in range(3):
        bench.add(f"rtc_{number}", f"outdated {number}")
    await bench.owned.extend()

    assert bench.world.counted("ExtensionsFailed") == 3


async def test_an_offer_waits_for_an_extension_under_way_which_would_hide_the_message_again() -> None:
    bench = Bench()
    call, _ = bench.add()
    async with bench.owned._extending:
        offering = asyncio.create_task(bench.owned.offer(call))
        await settle()
        assert bench.messages == []
    await offering
    assert bench.messages == [("show", "receipt")]


async def test_a_call_that_could_not_be_offered_is_still_ours_to_extend(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()
    call, _ = bench.add()

    async def broken(receipt: str) -> None:
        raise THROTTLED

    monkeypatch.setattr(bench.world.messages, "show", broken)
    with pytest.raises(type(THROTTLED)):
        await bench.owned.offer(call)
    assert not call.offered


@pytest.mark.parametrize("offered", [False, True])
async def test_the_same_message_again_has_a_newer_receipt_and_is_shown_if_it_was_on_offer(offered: bool) -> None:
    bench = Bench()
    call, _ = bench.add()
    call.offered = offered
    await bench.owned.received_again(CALL, message(receipt="newer"))

    assert call.message.receipt == "newer"
    assert bench.messages == ([("show", "newer")] if offered else [])


async def test_a_newer_receipt_that_another_monitor_has_left_is_the_one_that_counts() -> None:
    bench, left = Bench(), LeftReceipt(CALL, "message", "newer", 2, 0)
    call, _ = bench.add()
    bench.world.record.receipts["me", CALL] = left
    await bench.owned.extend()
    assert (call.message.receipt, call.message.deliveries) == ("newer", 2)

    await bench.owned.received_again(CALL, message(receipt="newest", deliveries=3))
    await bench.owned.extend()
    assert call.message.receipt == "newest"


async def test_a_receipt_of_another_message_or_that_cannot_be_read_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Bench()
    call, _ = bench.add()
    bench.world.record.receipts["me", CALL] = LeftReceipt(CALL, "another", "newer", 2, 0)
    await bench.owned.extend()

    async def broken(owner: str) -> list[LeftReceipt]:
        raise THROTTLED

    monkeypatch.setattr(bench.world.record, "receipts_left", broken)
    await bench.owned.extend()
    assert call.message.receipt == "receipt"
    assert len(bench.messages) == 2


async def test_a_second_message_for_a_call_of_ours_is_deleted() -> None:
    bench = Bench()
    call, _ = bench.add()
    await bench.owned.received_again(CALL, message(receipt="second", message_id="other"))

    assert (call.message.receipt, bench.messages) == ("receipt", [("delete", "second")])


async def test_with_the_lease_all_calls_are_lost() -> None:
    bench = Bench()
    supervised = [bench.add(f"rtc_{number}")[1] for number in range(3)]
    bench.owned.lose()

    assert [each.lost for each in supervised] == [1, 1, 1]


# --- taking over ---


async def test_a_call_that_was_taken_is_supervised_until_it_is_over() -> None:
    bench = Bench()
    bench.world.contract.answers = [Sideband(None)]
    bench.world.control.answers = [Outcome.GONE]
    await bench.owned.start(Takeover(call_item()), message())
    assert (CALL in bench.owned, len(bench.owned)) == (True, 1)
    await settle(200)
    await bench.owned.settled()

    ((end, _),) = bench.world.record.of("end")
    assert (end.reason, bench.messages) == (EndReason.CALLER_HUNG_UP, [("delete", "receipt")])


async def test_a_call_of_an_agent_that_is_gone_is_supervised_by_one_that_is_there() -> None:
    bench = Bench()
    bench.world.contract.answers = [Sideband()]
    await bench.owned.start(Takeover(call_item(agent="gone")), message())

    (call,) = bench.owned
    assert call.supervisor._supervision.agent.name == "desk"
    call.task.cancel()
    await asyncio.wait({call.task})


async def test_a_call_that_went_through_too_many_owners_is_given_up() -> None:
    bench = Bench()
    await bench.owned.start(Takeover(call_item(epoch=MAX_OWNERS + 1)), message())

    ((end, _),) = bench.world.record.of("end")
    assert end.detail == f"it went through {MAX_OWNERS + 1} owners; hung up"
    assert len(bench.owned) == 0


async def test_a_call_that_cannot_even_be_begun_counts_as_failed_and_leaves_no_sideband_open() -> None:
    bench, early = Bench(), Sideband()
    broken = call_item(steps=7)
    await bench.owned.start(Takeover(broken, None, EarlySideband(early, MARKER)), message())

    assert (early.closed, bench.world.record.failures, len(bench.owned)) == (True, 1, 0)
