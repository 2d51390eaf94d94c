"""A conversation on the clock: what goes in, what is done about it, and what a fault of ours costs."""

from collections.abc import Iterable

import pytest

from ringside.agentfile.sections import Limits
from ringside.calls import EndReason, Step
from ringside.conversation import effects as do
from ringside.conversation import events as e
from ringside.monitor.live_conversation import LiveConversation
from tests.unit.monitor.fakes import AGENT, NOON
from tests.unit.monitor.world import World


class Bench:
    def __init__(self, **more: object) -> None:
        self.world = World()
        hasty = AGENT.model_copy(update={"limits": Limits(first_word=0.5)})
        self.supervision = self.world.supervision(1, hasty, **more)
        self.conversation = LiveConversation(self.supervision, self.world.metrics)
        self.conversation.perform = self._perform
        self.done: list[do.Effect] = []
        self.broken = False

    def _perform(self, effects: Iterable[do.Effect]) -> None:
        if self.broken:
            raise RuntimeError("broken")
        self.done += effects


async def test_an_event_that_breaks_something_costs_neither_the_call_nor_what_comes_later(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = Bench()
    bench.broken = True
    bench.conversation.feed(e.ItemAdded("item_1", None, "caller"))
    bench.broken = False
    bench.conversation.feed(e.ItemAdded("item_2", "item_1", "caller"))
    bench.conversation.stop()

    assert bench.world.counted("ConversationErrors") == 1
    assert [record.message for record in caplog.records] == ["conversation.failed"]
    assert any(isinstance(effect, do.Save) for effect in bench.done)


async def test_it_is_woken_when_it_wants_to_be_and_again_after_an_alarm_that_broke() -> None:
    bench = Bench()
    bench.conversation.begin()
    bench.conversation.greeted()
    bench.broken = True
    bench.world.clock.advance(0.6)
    bench.conversation.stop()

    assert bench.world.counted("ConversationErrors") == 1  # the greeting did not start: it was asked for again


@pytest.mark.parametrize("stopped", [True, False])
async def test_it_is_not_woken_once_it_is_stopped_or_the_call_is_not_ours_any_more(stopped: bool) -> None:
    bench = Bench()
    bench.conversation.begin()
    bench.conversation.greeted()
    bench.done.clear()
    if stopped:
        bench.conversation.stop()
    else:
        bench.supervision.lose()
    bench.world.clock.advance(0.6)

    assert bench.done == []


async def test_a_new_owner_goes_on_with_what_the_record_says() -> None:
    bench = Bench(steps={Step.ACCEPTED: NOON}, notes={"name": "Ann"})
    tool = {"kind": "tool", "item_id": "i", "tool_call_id": "call_1", "name": "book", "arguments": "{}"}
    bench.conversation.resume([(1, {**tool, "outcome": "running", "output": None, "started_at": NOON})])
    bench.conversation.stop()

    assert [effect.tool_call_id for effect in bench.done if isinstance(effect, do.RunTool)] == ["call_1"]


async def test_a_goodbye_is_asked_for_and_the_last_usage_is_saved_when_the_call_is_over() -> None:
    bench = Bench()
    bench.conversation.say_goodbye(EndReason.SPEND_LIMIT)
    assert any(isinstance(effect, do.Send) for effect in bench.done)
    bench.conversation.finish(NOON)
    bench.conversation.stop()

    assert bench.done[-1] == do.SaveUsage(e.Usage())
