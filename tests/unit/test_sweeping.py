"""What the sweeper thinks of a call, moment by moment."""

import pytest

from ringside.calls import CLAIM_SECONDS, EndReason, Status
from ringside.sweeping import (
    GRACE_SECONDS,
    MAX_SESSION_SECONDS,
    RESUME_SECONDS,
    SILENT_SECONDS,
    SWEEP_EVERY,
    TAKE_SECONDS,
    Judgement,
    Sweep,
    judge,
)

RING_LIMIT, CAP, T0 = 60.0, 900.0, 1_750_287_018.0

STUCK = RING_LIMIT + CLAIM_SECONDS + SWEEP_EVERY

LEAVE, QUEUE = Judgement(Sweep.LEAVE), Judgement(Sweep.QUEUE)
SWEPT = Judgement(Sweep.HANG_UP, EndReason.SWEPT)
TOO_LONG = Judgement(Sweep.HANG_UP, EndReason.MAX_DURATION)
LOST = Judgement(Sweep.HANG_UP, EndReason.SUPERVISION_LOST)


def judged(status: str, after: float, owner_alive: bool = False, **steps: float) -> Judgement:
    """The judgement `after` seconds; steps in seconds since the call began, too."""
    call = {"status": status, "steps": {"created": T0, **{name: T0 + at for name, at in steps.items()}}}
    return judge(call, T0 + after, owner_alive, RING_LIMIT, CAP)


@pytest.mark.parametrize(("after", "judgement"), [(0, LEAVE), (STUCK, LEAVE), (STUCK + 0.1, SWEPT)])
def test_a_call_rings_as_long_as_a_webhook_may_still_be_working_on_it(after: float, judgement: Judgement) -> None:
    assert judged("ringing", after) == judgement


@pytest.mark.parametrize(
    ("verdict", "waiting", "judgement"),
    [
        ("accept", RESUME_SECONDS, LEAVE),
        ("accept", RESUME_SECONDS + 0.1, QUEUE),
        ("accept", STUCK - 2, QUEUE),
        ("reject", STUCK - 2, LEAVE),
        ("pending", STUCK - 2, LEAVE),
    ],
)
def test_a_call_whose_webhook_died_is_queued_if_it_was_to_be_accepted(
    verdict: str, waiting: float, judgement: Judgement
) -> None:
    call = {"status": "ringing", "steps": {"created": T0, "claimed": T0 + 1}, "decision": {"verdict": verdict}}
    for seen in (call, {**call, "claimed_at": T0 + 1}):  # as the index has it, and the item
        assert judge(seen, T0 + 1 + waiting, False, RING_LIMIT, CAP) == judgement


def test_a_call_that_openai_would_not_accept_is_left_to_the_next_delivery() -> None:
    steps = {"created": T0, "claimed": T0}
    call = {"status": "ringing", "steps": steps, "decision": {"verdict": "accept"}, "claimed_at": 0}
    assert judge(call, T0 + STUCK, False, RING_LIMIT, CAP) == LEAVE


@pytest.mark.parametrize(
    ("waiting", "judgement"),
    [
        (0, LEAVE),
        (TAKE_SECONDS, LEAVE),
        (TAKE_SECONDS + 0.1, QUEUE),
        (SILENT_SECONDS, QUEUE),
        (SILENT_SECONDS + 0.1, SWEPT),
    ],
)
def test_an_accepted_call_is_queued_again_and_not_left_in_silence_for_ever(
    waiting: float, judgement: Judgement
) -> None:
    assert judged("accepted", 30 + waiting, accepted=30) == judgement


def test_an_accepted_call_without_the_moment_is_counted_from_its_beginning() -> None:
    assert judged("accepted", TAKE_SECONDS) == LEAVE
    assert judged("accepted", TAKE_SECONDS + 1) == QUEUE


@pytest.mark.parametrize(
    ("lasted", "judgement"),
    [(0, LEAVE), (CAP, LEAVE), (CAP + GRACE_SECONDS, LEAVE), (CAP + GRACE_SECONDS + 0.1, TOO_LONG)],
)
def test_an_owner_that_lives_may_say_goodbye_and_not_more(lasted: float, judgement: Judgement) -> None:
    assert judged("live", 5 + lasted, owner_alive=True, accepted=5, taken=7) == judgement


@pytest.mark.parametrize(("lasted", "judgement"), [(0, QUEUE), (CAP, QUEUE), (CAP + 0.1, LOST)])
def test_a_call_without_an_owner_gets_one_until_its_time_is_up(lasted: float, judgement: Judgement) -> None:
    assert judged("live", 5 + lasted, accepted=5, taken=7) == judgement
    assert judged("live", 7 + lasted, taken=7) == judgement  # a fast monitor: taken before it was written as accepted
    assert judged("live", lasted) == judgement


@pytest.mark.parametrize("status", [status for status in Status if status.is_final])
@pytest.mark.parametrize("owner_alive", [True, False])
def test_what_is_over_is_left_alone_for_ever(status: Status, owner_alive: bool) -> None:
    assert judged(status, 10 * MAX_SESSION_SECONDS, owner_alive) == LEAVE


def test_a_call_that_says_nothing_of_itself_is_as_old_as_can_be() -> None:
    assert judge({"status": "ringing"}, T0, False, RING_LIMIT, CAP) == SWEPT
    assert judge({"status": "live"}, T0, False, RING_LIMIT, CAP) == LOST
