"""One call under supervision, from its first sideband to its record."""

import asyncio
from typing import Any

import pytest

from ringside.aws.record import Fenced, Ownership
from ringside.calls import End, EndReason, Status, Step
from ringside.conversation import events as e
from ringside.monitor.attachment import MAX_FUTILE
from ringside.monitor.handover import EarlySideband, Takeover, marker_of
from ringside.monitor.supervision_state import SupervisionResult
from ringside.monitor.supervisor import Supervisor
from ringside.openai.call_control import Outcome
from tests.unit.monitor.fakes import AGENT, CALL, NOON, THROTTLED, Sideband
from tests.unit.monitor.world import World, call_item, settle

SAID = [
    e.CallerStarted("item_1"),
    e.ItemAdded("item_1", None, "caller"),
    e.CallerTranscript("item_1", "Hi.", e.Usage()),
]
EXPIRED = e.SessionError("session_expired", "")


class Bench:
    """A call whose sidebands hear these frames; then OpenAI knows it no longer."""

    def __init__(self, *sidebands: Sideband | int, gone: Outcome = Outcome.GONE, epoch: int = 1, **call: Any) -> None:
        self.world = World(*sidebands)
        self.world.control.answers = [gone]
        self.takeover = Takeover(call_item(epoch=epoch, **call))
        self.epoch = epoch
        self.show = asyncio.Event()

    def supervisor(self, **more: Any) -> Supervisor:
        takeover = Takeover(self.takeover.call, **more)
        return Supervisor(takeover, Ownership(CALL, "me", self.epoch), AGENT, self.world.services)

    async def run(self, **more: Any) -> SupervisionResult:
        async with asyncio.timeout(10):
            return await self.supervisor(**more).run()

    @property
    def end(self) -> End:
        ((end, _),) = self.world.record.of("end")
        assert isinstance(end, End)
        return end

    def items(self, kind: str) -> list[dict[str, Any]]:
        return [item for _, item, _ in self.world.record.of("save") if item["kind"] == kind]


async def show() -> None: ...


# --- how a call ends ---


async def test_a_caller_who_hangs_up_ends_the_call_and_what_was_said_is_in_the_record() -> None:
    bench = Bench(Sideband(*SAID, None))

    assert await bench.run() is SupervisionResult.OVER
    assert (bench.end.status, bench.end.reason, bench.end.at) == (Status.ENDED, EndReason.CALLER_HUNG_UP, NOON)
    assert bench.items("turn")[-1]["text"] == "Hi."
    assert [name for name, *_ in bench.world.record.written][-1] == "end"


@pytest.mark.parametrize(
    ("bench", "status", "reason"),
    [
        (lambda: Bench(), Status.FAILED, EndReason.NEVER_CONNECTED),
        (lambda: Bench(Sideband(EXPIRED, None)), Status.ENDED, EndReason.SESSION_EXPIRED),
        (lambda: Bench(Sideband(None), gone=Outcome.DONE), Status.ENDED, EndReason.SUPERVISION_LOST),
        (lambda: Bench(steps={Step.ATTACHED: NOON - 9}), Status.ENDED, EndReason.CALLER_HUNG_UP),
        (
            lambda: Bench(steps={Step.ATTACHED: NOON - 9}, hang_up_reason="silence"),
            Status.ENDED,
            EndReason.SILENCE,
        ),
    ],
    ids=["never connected", "expired", "refused for good", "ended unheard", "hung up by a former owner"],
)
async def test_every_call_has_its_end_reason(bench: Any, status: Status, reason: EndReason) -> None:
    made: Bench = bench()
    since = NOON - 3 if Step.ATTACHED in made.takeover.call["steps"] else None

    assert await made.run(unheard_since=since) is SupervisionResult.OVER
    assert (made.end.status, made.end.reason) == (status, reason)


async def test_a_call_that_ended_while_no_monitor_listened_ended_when_it_was_last_heard() -> None:
    bench = Bench(epoch=2, steps={Step.ATTACHED: NOON - 9})
    await bench.run(unheard_since=NOON - 3)

    assert bench.end.at == NOON - 3


# --- a sideband that comes and goes ---


async def test_a_call_goes_on_over_a_second_sideband_greeted_once_and_with_a_gap() -> None:
    first, second = Sideband(None), Sideband()
    bench = Bench(first, second)
    running = asyncio.create_task(bench.supervisor().run())
    await settle(200)
    second.hear(*SAID, None)
    await running

    greetings = [said for sideband in (first, second) for said in sideband.said if "Greet" in said]
    assert len(greetings) <= 1
    assert [effect for effect, _ in bench.world.record.of("claim")] == ["greeting"]
    assert [gap["text"] for gap in bench.items("gap")] == ["the connection was lost"]


async def test_a_call_whose_sidebands_close_at_once_is_given_up_openly_with_one_gap() -> None:
    bench = Bench(*(Sideband(None) for _ in range(50)))
    bench.world.control.answers = [Outcome.UNAVAILABLE, Outcome.DONE]

    assert await bench.run() is SupervisionResult.OVER
    assert (bench.end.reason, "hung up" in (bench.end.detail or "")) == (EndReason.SUPERVISION_LOST, True)
    assert len(bench.world.control.asked) == 2  # until it was done
    gaps = {gap["item_id"]: gap for gap in bench.items("gap")}
    assert len(gaps) == 1
    assert gaps.popitem()[1]["ended_at"] > NOON + 20
    assert bench.world.counted("CallsLost") == 1
    assert len(bench.world.contract.keys) == MAX_FUTILE


async def test_a_call_that_was_greeted_before_is_not_greeted_again() -> None:
    sideband = Sideband(None)
    bench = Bench(sideband, epoch=2, steps={Step.ATTACHED: NOON - 9, Step.GREETED: NOON - 9})
    await bench.run(unheard_since=NOON - 3)

    assert bench.world.record.of("claim") == []
    assert [gap["text"] for gap in bench.items("gap")] == ["another monitor took over"]
    assert bench.world.counted("CallsTakenOver") == 1


# --- an owner that must stop ---


async def test_an_owner_that_is_fenced_stops_and_says_nothing_more() -> None:
    sideband = Sideband()
    bench = Bench(sideband)
    running = asyncio.create_task(bench.supervisor().run())
    await settle()
    bench.world.record.failing = [Fenced()]
    sideband.hear(*SAID)

    assert await running is SupervisionResult.LOST
    assert (sideband.closed, bench.world.record.of("end")) == (True, [])


async def test_an_owner_that_loses_its_lease_says_nothing_and_writes_what_it_hears_until_it_has_released_the_call() -> (
    None
):
    sideband = Sideband()
    bench = Bench(sideband)
    running = asyncio.create_task(bench.supervisor().run())
    await settle()
    said = list(sideband.said)
    bench.world.holds = False
    bench.world.record.failing = [THROTTLED] * 8
    sideband.hear(*SAID)

    assert await running is SupervisionResult.RELEASED
    assert (sideband.closed, sideband.said) == (True, said)
    assert bench.items("turn")[-1]["text"] == "Hi."
    ((_, unheard_since),) = bench.world.record.of("release")
    assert unheard_since == bench.world.clock.wall()  # it listened until then


async def test_what_is_heard_while_the_record_is_away_is_written_by_an_owner_that_was_replaced_meanwhile() -> None:
    sideband = Sideband()
    bench = Bench(sideband)
    running = asyncio.create_task(bench.supervisor().run())
    await settle()
    bench.world.holds = False
    bench.world.record.failing = [THROTTLED] * 5
    sideband.hear(*SAID)
    bench.world.record.release = fenced  # type: ignore[assignment,method-assign]

    assert await running is SupervisionResult.LOST
    assert bench.items("turn")[-1]["text"] == "Hi."


async def fenced(*args: object) -> None:
    raise Fenced


async def test_a_call_that_was_lost_while_its_sideband_closed_was_last_heard_then() -> None:
    sideband = Sideband()
    bench = Bench(sideband)
    running = asyncio.create_task(bench.supervisor().run())
    await settle()
    heard_at = bench.world.clock.wall()
    bench.world.record.failing = [THROTTLED] * 3
    sideband.hear(SAID[0])
    await settle(3)
    bench.world.clock.now += 8  # the process stands still
    bench.world.holds = False
    sideband.hear(None)

    assert await running is SupervisionResult.RELEASED
    ((_, unheard_since),) = bench.world.record.of("release")
    assert unheard_since <= heard_at + 2


async def test_a_lost_owner_hangs_up_on_nobody() -> None:
    """The sideband is refused, and meanwhile the lease is gone: another monitor may be listening."""
    bench = Bench(503)

    def lose_lease() -> None:
        bench.world.holds = False

    bench.world.clock.on_sleep = lose_lease

    assert await bench.run() is SupervisionResult.RELEASED
    assert bench.world.control.asked == []


# --- a hand-over ---


async def test_an_owner_that_leaves_writes_what_it_knows_and_since_when_no_monitor_listens() -> None:
    sideband = Sideband(*SAID)
    bench = Bench(sideband)
    supervisor = bench.supervisor()
    running = asyncio.create_task(supervisor.run())
    await settle()
    bench.world.clock.now += 5
    await supervisor.release()

    assert await running is SupervisionResult.RELEASED
    assert bench.world.record.of("release") == [(CALL, NOON + 5)]
    assert bench.items("turn")[-1]["text"] == "Hi."


async def test_from_the_next_owners_marker_on_an_owner_reads_nothing_and_leaves_no_gap() -> None:
    sideband = Sideband(*SAID)
    bench = Bench(sideband)
    supervisor = bench.supervisor()
    running = asyncio.create_task(supervisor.run())
    await settle()
    offering = asyncio.create_task(supervisor.offer(show, 60.0))
    await settle()
    sideband.hear(e.ItemAdded(marker_of(2), "item_1", "other"), e.ItemAdded("item_2", "item_1", "caller"))

    assert await offering
    assert await running is SupervisionResult.RELEASED
    assert bench.world.record.of("release") == [(CALL, None)]
    assert {turn["item_id"] for turn in bench.items("turn")} == {"item_1"}


async def test_a_sideband_that_closes_while_the_call_is_offered_makes_room_for_the_next_owners() -> None:
    sideband = Sideband()
    bench = Bench(sideband)
    supervisor = bench.supervisor()
    running = asyncio.create_task(supervisor.run())
    await settle()
    offering = asyncio.create_task(supervisor.offer(show, 60.0))
    await settle()
    sideband.hear(None)

    assert await running is SupervisionResult.RELEASED
    assert not await offering


async def test_the_next_owner_begins_with_its_marker_and_misses_nothing() -> None:
    early = Sideband(*SAID, None)
    bench = Bench(epoch=2, steps={Step.ATTACHED: NOON - 9, Step.GREETED: NOON - 9})
    marker = e.ItemAdded(marker_of(2), None, "other")
    assert await bench.run(sideband=EarlySideband(early, marker)) is SupervisionResult.OVER

    assert bench.items("gap") == []
    assert bench.items("turn")[-1]["text"] == "Hi."


async def test_an_early_sideband_of_a_call_whose_record_cannot_be_read_is_closed() -> None:
    early, bench = Sideband(), Bench(epoch=2)
    bench.world.record.items = [(1, {"kind": "turn"})]  # nothing that any owner can make sense of
    with pytest.raises(KeyError):
        await bench.run(sideband=EarlySideband(early, e.ItemAdded(marker_of(2), None, "other")))

    assert early.closed


async def test_an_owner_that_waits_for_an_answer_waits_a_moment_and_no_longer() -> None:
    bench = Bench(Sideband())
    supervisor = bench.supervisor()
    running = asyncio.create_task(supervisor.run())
    await settle()
    await supervisor.settled()  # the greeting has not begun

    assert 2.0 <= sum(bench.world.clock.slept) < 2.1
    await supervisor.release()
    await running
