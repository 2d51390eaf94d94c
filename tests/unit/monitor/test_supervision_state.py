"""What has become of a supervision: the first thing that is known of it counts."""

from ringside.calls import End, EndReason, Status
from ringside.monitor.supervision_state import SupervisionResult
from tests.unit.monitor.fakes import NOON
from tests.unit.monitor.world import World

OVER = End(Status.ENDED, EndReason.CALLER_HUNG_UP, NOON)


def test_it_goes_on_until_the_call_has_ended_or_this_owner_is_done_with_it() -> None:
    world = World()
    ended, released, lost = (world.supervision() for _ in range(3))
    assert all(each.goes_on for each in (ended, released, lost))

    ended.ended(OVER)
    released.release()
    lost.lose()

    assert not any(each.acts for each in (ended, released, lost))
    assert [each.goes_on for each in (ended, released, lost)] == [False, False, True]  # a lost one listens
    assert [each.may_speak for each in (ended, released, lost)] == [False, True, False]


def test_an_owner_that_cannot_prove_it_is_the_owner_loses_the_call_once_and_for_good() -> None:
    world = World()
    supervision = world.supervision()
    assert supervision.may_act()

    world.holds = False
    assert not supervision.may_act()
    world.holds = True

    assert not supervision.may_act()
    assert (supervision.is_lost, world.lost) == (True, 1)


def test_a_call_that_was_lost_is_not_released_and_one_that_was_released_is_not_lost() -> None:
    world = World()
    lost, released = world.supervision(), world.supervision()
    lost.lose()
    assert not lost.release()
    assert released.release()
    released.lose()

    assert (lost.is_lost, released.is_lost, released.result) == (True, False, SupervisionResult.RELEASED)
    assert world.lost == 1


def test_of_two_ends_the_first_counts() -> None:
    supervision = World().supervision()
    supervision.ended(OVER)
    supervision.ended(End(Status.ENDED, EndReason.SILENCE, NOON + 5))

    assert supervision.end == OVER
