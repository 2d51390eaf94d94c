"""An operator's action on its way: from the mailbox to its claim, the conversation, and out of the table again."""

import asyncio
from typing import Any

from ringside.aws.actions import Asked
from ringside.aws.record import Ownership
from ringside.conversation import events as e
from ringside.conversation.operator import GOOD_FOR_SECONDS
from ringside.monitor.mailbox import Mailbox
from ringside.monitor.operator_actions import OperatorActions
from ringside.monitor.supervision_state import SupervisionState
from tests.unit.monitor.fakes import CALL, NOON, THROTTLED
from tests.unit.monitor.world import World

WHO = "arn:aws:iam::123456789012:user/ada"


def asked(action_id: str = "a1", action: e.ActionKind = "say", **more: Any) -> Asked:
    return Asked(more.pop("call_id", CALL), action_id, action, WHO, NOON, more.pop("text", "Hm."), **more)


class Listener:
    def __init__(self) -> None:
        self.fed: list[Any] = []
        self.late: list[e.ActionAsked] = []

    def feed(self, event: e.Event) -> None:
        self.fed.append(event)

    def came_too_late(self, action: e.ActionAsked) -> None:
        self.late.append(action)


class Bench:
    def __init__(self) -> None:
        self.world = World()
        self.supervision: SupervisionState = self.world.supervision()
        self.listener = Listener()
        self.writer = self.world.writer(self.supervision)
        self.actions = OperatorActions(self.supervision, self.writer, self.listener)

    @property
    def ids(self) -> list[str]:
        return [event.action_id for event in self.listener.fed]


async def test_an_action_is_claimed_before_it_is_done() -> None:
    bench = Bench()
    await bench.actions.take(asked())

    assert [effect for effect, _ in bench.world.record.of("claim")] == ["action:a1"]
    assert bench.listener.fed == [e.ActionAsked("a1", "say", WHO, NOON, "Hm.")]


async def test_it_is_done_once_however_often_it_is_found() -> None:
    bench = Bench()
    await asyncio.gather(*(bench.actions.take(asked()) for _ in range(3)))
    bench.actions.settled("a1")
    await bench.actions.take(asked())

    assert bench.ids == ["a1"]


async def test_what_an_owner_before_us_claimed_is_known_as_that() -> None:
    bench = Bench()
    bench.world.record.claimed.add("action:a1")
    await bench.actions.take(asked())

    assert not bench.listener.fed[0].is_first


async def test_actions_are_done_in_the_order_of_asking() -> None:
    bench = Bench()
    pauses = [0.02, 0.0]

    async def slowly_first() -> None:
        await asyncio.sleep(pauses.pop(0))

    bench.world.record.before_answer = slowly_first
    await asyncio.gather(bench.actions.take(asked("a1")), bench.actions.take(asked("a2")))

    assert bench.ids == ["a1", "a2"]


async def test_an_owner_that_may_not_act_does_nothing() -> None:
    bench = Bench()

    async def lost() -> None:
        bench.world.holds = False

    bench.world.record.before_answer = lost  # the lease runs out while the claim is under way
    await bench.actions.take(asked())

    assert bench.ids == []


async def test_an_owner_that_leaves_claims_nothing_more() -> None:
    bench = Bench()
    bench.supervision.release()
    await bench.actions.take(asked())

    assert bench.world.record.of("claim") == []


async def test_what_is_settled_is_deleted_after_what_was_written_before() -> None:
    bench = Bench()
    bench.world.record.actions = [asked()]
    await bench.actions.take(asked())
    bench.writer.save(1, {"kind": "action", "item_id": "action_a1", "started_at": NOON}, None)
    bench.actions.settled("a1")
    await bench.writer.done()

    assert [what for what, *_ in bench.world.record.written] == ["claim", "save", "forget_action"]
    assert bench.world.record.actions == []


async def test_the_next_owner_does_what_is_left() -> None:
    bench = Bench()
    bench.world.record.actions = [asked("a1"), asked("a2", call_id="another")]
    await bench.actions.take_over()

    assert bench.ids == ["a1"]


async def test_what_is_left_after_the_end_is_too_late() -> None:
    bench = Bench()
    bench.world.record.actions = [asked()]
    await bench.actions.too_late()

    assert [event.action_id for event in bench.listener.late] == ["a1"]
    assert bench.ids == []


async def test_a_number_of_the_operators_choice_is_the_one_that_was_permitted() -> None:
    bench = Bench()
    bench.world.record.numbers["a2"] = "tel:+14255550199"
    await bench.actions.take(asked("a1", "transfer", text="+14255550199"))
    await bench.actions.take(asked("a2", "transfer", text="+14255550199"))

    assert [event.uri for event in bench.listener.fed] == [None, "tel:+14255550199"]


async def test_what_no_action_is_called_is_left_alone() -> None:
    bench = Bench()
    await bench.actions.take(asked(action="explode"))  # type: ignore[arg-type]

    assert bench.world.record.written == []


# --- the mailbox ---


class Call:
    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.supervisor = self
        self.ownership = Ownership(CALL, "me", 1)

    def act(self, asked: Asked) -> None:
        self.asked.append(asked)


class Owned:
    owner = "me"

    def __init__(self, **calls: Call) -> None:
        self.calls = calls

    def __len__(self) -> int:
        return len(self.calls)

    def get(self, call_id: str) -> Call | None:
        return self.calls.get(call_id)


def mailbox(world: World, owned: Owned) -> Mailbox:
    return Mailbox(owned, world.record, world.clock.time)  # type: ignore[arg-type]


async def test_each_call_gets_what_is_for_it() -> None:
    world, one, two = World(), Call(), Call()
    world.record.actions = [asked("a1", call_id="one"), asked("a2", call_id="two"), asked("a3", call_id="one")]
    await mailbox(world, Owned(one=one, two=two)).look()

    assert [each.action_id for each in one.asked] == ["a1", "a3"]
    assert [each.action_id for each in two.asked] == ["a2"]


async def test_a_call_that_is_being_taken_gets_it_with_the_next_look() -> None:
    world, owned, call = World(), Owned(), Call()
    world.record.actions = [asked(call_id="one")]
    await mailbox(world, owned).look()
    owned.calls["one"] = call
    await mailbox(world, owned).look()

    assert len(call.asked) == 1


async def test_what_is_for_nobody_here_is_thrown_away_after_a_while() -> None:
    world = World()
    world.record.actions = [asked(call_id="gone")]
    await mailbox(world, Owned()).look()
    assert world.record.of("leave_mailbox") == []
    world.clock.now += GOOD_FOR_SECONDS + 1
    await mailbox(world, Owned()).look()

    assert world.record.of("leave_mailbox") == [("a1",)]


async def test_a_table_that_does_not_answer_is_asked_again_later() -> None:
    world, call = World(), Call()
    world.record.actions = [asked(call_id="one")]
    world.record.failing = [THROTTLED]
    box = mailbox(world, Owned(one=call))
    await box.look()
    await box.look()

    assert len(call.asked) == 1
    assert world.clock.slept == [2.0]


async def test_a_monitor_without_calls_asks_for_nothing() -> None:
    """An idle monitor costs what it did."""
    world = World()
    looks = 0

    def enough() -> None:
        nonlocal looks
        looks += 1
        if looks == 20:
            raise asyncio.CancelledError

    world.clock.on_sleep = enough
    task = asyncio.create_task(mailbox(world, Owned()).keep())
    await asyncio.wait([task])

    assert world.record.of("mailbox") == []
