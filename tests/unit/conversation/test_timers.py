"""When something is due, by name."""

import pytest

from ringside.conversation.timers import Timers


def test_the_next_one_is_the_earliest() -> None:
    timers = Timers()
    assert timers.next is None
    timers.set("silence", 12.0)
    timers.set("stalled", 20.0)
    assert timers.next == 12.0
    timers.cancel("silence")
    assert timers.next == 20.0


def test_those_that_are_due_come_in_the_order_of_their_times_and_once() -> None:
    timers = Timers()
    timers.set("silence", 3.0)
    timers.set("asked", 1.0)
    timers.set("farewell", 9.0)

    assert list(timers.due(3.0)) == ["asked", "silence"]
    assert list(timers.due(3.0)) == []
    assert timers.next == 9.0


def test_one_that_an_earlier_one_cancels_or_puts_off_is_not_due() -> None:
    timers = Timers()
    timers.set("asked", 1.0)
    timers.set("silence", 2.0)
    timers.set("slow", 3.0)
    due = timers.due(5.0)

    assert next(due) == "asked"
    timers.cancel("silence")
    timers.set("slow", 6.0)
    assert list(due) == []
    assert timers.next == 6.0


def test_a_timer_that_runs_can_be_left_alone_or_brought_forward() -> None:
    timers = Timers()
    timers.set("silence", 5.0)
    timers.set_once("silence", 9.0)
    assert timers.next == 5.0
    timers.set_within("silence", 7.0)
    assert timers.next == 5.0
    timers.set_within("silence", 3.0)
    assert timers.next == 3.0


def test_another_owner_s_timers_are_due_at_the_same_moments() -> None:
    timers, following = Timers(), Timers()
    timers.set("silence", 1_000_012.0)
    following.set("greeting", 1.0)
    following.restore(timers.snapshot() | {"smell": 3.0})

    assert following.snapshot() == {"silence": 1_000_012.0}


@pytest.mark.parametrize("value", [None, [], "soon", {"silence": "soon"}, {"silence": True}, {"silence": float("inf")}])
def test_what_is_not_a_time_is_not_set(value: object) -> None:
    timers = Timers()
    timers.restore(value)

    assert timers.next is None
