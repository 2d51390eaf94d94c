"""Effects are done once, in order, by an owner that can prove that it is the owner."""

import asyncio
import gc
import warnings
from collections.abc import Callable

import pytest

from ringside.agentfile.sections import Limits
from ringside.aws.record import Fenced
from ringside.calls import EndReason, Step
from ringside.conversation import effects as do
from ringside.conversation import events as e
from ringside.monitor.effect_runner import EffectRunner
from ringside.monitor.hang_up import HangUp
from ringside.monitor.spending import Spending
from ringside.openai.call_control import Outcome
from tests.unit.monitor.fakes import AGENT, NOON, RESPOND, Sideband
from tests.unit.monitor.world import Talk, World, save, settle

TOOL, REFER = do.RunTool("call_1", "book", "{}"), do.Refer("call_2", "tel:+18005550199")


class Bench:
    """An effect runner, and everything that it sets in motion."""

    def __init__(self, epoch: int = 1, transcript: str = "keep", **more: object) -> None:
        self.sideband = Sideband()
        self.world = World(self.sideband)
        self.talk = Talk()
        agent = AGENT.model_copy(update={"limits": Limits(max_cost=1.0), "transcript": transcript})
        self.supervision = self.world.supervision(epoch, agent, **more)
        self.writer = self.world.writer(self.supervision)
        self.attachment = self.world.attachment(self.supervision)
        self.hang_up = HangUp(self.supervision, self.world.services, self.writer, self.attachment)
        monotonic = self.world.clock.monotonic
        self.runner = EffectRunner(
            self.supervision,
            self.world.services,
            self.writer,
            self.attachment,
            Spending(agent, self.world.services.prices, self.writer, monotonic),
            self.hang_up,
            self.talk,
        )

    async def perform(self, *effects: do.Effect) -> None:
        await self.attachment.open()
        self.runner.perform(effects)
        await settle()

    def lose_lease(self) -> None:
        self.world.holds = False


# --- written and said ---


async def test_what_is_written_and_said_keeps_its_order() -> None:
    bench = Bench()
    facts = [e.TellFact("one"), e.TellFact("two")]
    await bench.perform(save(1), do.Send(facts[0]), do.Note({"notes": {}}), do.Send(facts[1]), save(2))

    assert [name for name, *_ in bench.world.record.written] == ["save", "note", "save"]
    assert bench.sideband.said == [repr(fact) for fact in facts]


async def test_the_first_audio_is_measured_once_in_a_call_whoever_owns_it() -> None:
    first, second = Bench(), Bench(2, steps={Step.ACCEPTED: NOON - 9, Step.FIRST_AUDIO: NOON - 8})
    for bench in (first, second):
        await bench.perform(do.Mark(Step.FIRST_AUDIO))

    assert (first.world.counted("GreetingMs"), second.world.counted("GreetingMs")) == (1000.0, 0.0)
    assert first.world.record.of("mark") == [({Step.FIRST_AUDIO: NOON},)]


async def test_a_count_has_the_name_of_a_metric() -> None:
    bench = Bench()
    await bench.perform(do.Count("transfers_failed"))

    assert bench.world.counted("TransfersFailed") == 1


async def test_a_call_that_costs_too_much_is_said_goodbye_to_unless_it_is_being_hung_up() -> None:
    bench, much = Bench(), do.SaveUsage(e.Usage(input_text=1_000_000))
    await bench.perform(do.SaveUsage(e.Usage(input_text=999_999)))
    assert bench.talk.goodbyes == []
    await bench.perform(much)
    assert bench.talk.goodbyes == [EndReason.SPEND_LIMIT]
    bench.hang_up.reason = EndReason.SPEND_LIMIT
    await bench.perform(much)
    assert bench.talk.goodbyes == [EndReason.SPEND_LIMIT]


async def test_an_owner_without_a_lease_does_nothing_and_writes_down_what_it_heard() -> None:
    bench = Bench()
    bench.lose_lease()
    await bench.perform(save(1), do.Send(RESPOND), do.Greet(RESPOND), TOOL, REFER, do.HangUp(EndReason.SILENCE))

    assert [name for name, *_ in bench.world.record.written] == ["save"]
    assert (bench.sideband.said, bench.world.control.asked) == ([], [])
    assert (bench.world.tools.ran, bench.supervision.is_lost) == ([], True)


# --- claimed first ---


async def test_a_greeting_is_said_by_the_one_whose_claim_it_is() -> None:
    first, second = Bench(), Bench()
    second.world.record.claimed.add("greeting")
    for bench in (first, second):
        await bench.perform(do.Greet(RESPOND))

    assert (first.sideband.said, second.sideband.said) == ([repr(RESPOND)], [])
    assert (first.talk.was_greeted, second.talk.was_greeted) == (1, 1)  # its clock runs either way


async def test_a_tool_runs_once_and_one_that_may_have_run_is_unknown_unless_it_may_run_again() -> None:
    bench = Bench()
    await bench.perform(TOOL, TOOL)
    assert (bench.world.tools.ran, [event.outcome for event in finished(bench)]) == (["book"], ["ok", "unknown"])

    bench.world.tools.repeatable.add("book")
    await bench.perform(TOOL)
    assert bench.world.tools.ran == ["book", "book"]


async def test_a_tool_whose_arguments_are_not_kept_is_never_run_again_by_the_next_owner() -> None:
    bench = Bench(transcript="none")
    bench.world.tools.repeatable.add("book")
    await bench.perform(TOOL, TOOL)
    assert (bench.world.tools.ran, [event.outcome for event in finished(bench)]) == (["book"], ["ok", "unknown"])


def finished(bench: Bench) -> list[e.ToolFinished]:
    return [event for event in bench.talk.fed if isinstance(event, e.ToolFinished)]


@pytest.mark.parametrize(
    ("outcome", "accepted"), [(Outcome.DONE, True), (Outcome.UNKNOWN, True), (Outcome.REFUSED, False)]
)
async def test_a_transfer_is_asked_for_once_and_counts_as_made_unless_it_was_refused(
    outcome: Outcome, accepted: bool
) -> None:
    bench = Bench()
    bench.world.control.answers = [outcome]
    await bench.perform(REFER)
    await bench.perform(REFER)

    assert bench.world.control.asked == ["refer tel:+18005550199"]
    assert bench.talk.fed == [e.ReferAnswered("call_2", accepted), e.ReferAnswered("call_2", True)]


@pytest.mark.parametrize("effect", [TOOL, REFER, do.HangUp(EndReason.SILENCE), do.Greet(RESPOND)])
async def test_an_owner_that_lost_its_lease_while_it_claimed_does_not_act(effect: do.Effect) -> None:
    bench = Bench()
    bench.world.record.before_answer = bench.lose_lease
    bench.world.tools.repeatable.add("book")
    await bench.perform(effect)

    assert len(bench.world.record.of("claim")) == 1
    assert (bench.world.tools.ran, bench.world.control.asked, bench.sideband.said) == ([], [], [])
    assert (bench.talk.fed, bench.supervision.is_lost) == ([], True)


async def test_an_owner_that_was_fenced_while_it_claimed_does_not_act() -> None:
    bench = Bench()
    bench.world.record.failing = [Fenced()]
    await bench.perform(REFER)

    assert (bench.world.control.asked, bench.supervision.is_lost) == ([], True)


# --- tasks ---


async def test_an_effect_that_breaks_costs_nothing_else() -> None:
    bench = Bench()

    async def broken() -> None:
        raise RuntimeError("no")

    bench.runner.start(broken)
    await settle()

    assert bench.world.counted("EffectsFailed") == 1
    assert bench.supervision.goes_on


def ended(bench: Bench) -> None:
    bench.supervision.lose()


def stays(bench: Bench) -> None: ...


@pytest.mark.parametrize(("meanwhile", "waits"), [(stays, True), (ended, False)])
async def test_a_tool_that_runs_is_waited_for_unless_the_call_is_lost(
    meanwhile: Callable[[Bench], None], waits: bool
) -> None:
    bench = Bench()
    bench.world.tools.gate.clear()
    await bench.perform(TOOL)
    meanwhile(bench)
    waiting = asyncio.create_task(bench.runner.tools_done(60.0))
    await settle()
    assert waiting.done() is not waits
    bench.world.tools.gate.set()
    await waiting
    await bench.runner.stop()


async def test_what_is_stopped_before_it_began_leaves_nothing_that_was_never_awaited() -> None:
    bench = Bench()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        bench.runner.perform([TOOL, REFER, do.Greet(RESPOND), do.HangUp(EndReason.SILENCE), do.Reattach()])
        await bench.runner.stop()
        gc.collect()

    assert [str(warning.message) for warning in caught] == []
    assert bench.world.record.written == []
