"""What a call is, and what a repeated webhook means for one."""

from typing import Any

import pytest

from ringside.calls import CLAIM_SECONDS, Redelivery, Status, Step, is_stale, masked, redelivery

NOW = 1795348800.0


def a_call(status: Status, *reached: Step, claimed_ago: float = 60) -> dict[str, Any]:
    return {"status": str(status), "claimed_at": NOW - claimed_ago, "steps": dict.fromkeys(map(str, reached), NOW)}


@pytest.mark.parametrize("status", [Status.ENDED, Status.REJECTED, Status.MISSED, Status.FAILED, Status.LIVE])
def test_a_call_that_is_decided_is_left_alone(status: Status) -> None:
    assert redelivery(a_call(status, claimed_ago=0), NOW) is Redelivery.DONE


def test_a_fresh_claim_is_respected() -> None:
    assert redelivery(a_call(Status.RINGING, claimed_ago=0), NOW) is Redelivery.BUSY
    assert redelivery(a_call(Status.RINGING, claimed_ago=CLAIM_SECONDS - 0.1), NOW) is Redelivery.BUSY


def test_a_claim_outlived_by_its_webhook_is_resumed() -> None:
    assert redelivery(a_call(Status.RINGING, claimed_ago=CLAIM_SECONDS), NOW) is Redelivery.RESUME
    assert redelivery(a_call(Status.RINGING) | {"claimed_at": 0}, NOW) is Redelivery.RESUME
    assert redelivery({"status": "ringing"}, NOW) is Redelivery.RESUME


def test_an_accepted_call_that_nobody_queued_is_queued() -> None:
    assert redelivery(a_call(Status.ACCEPTED, Step.ACCEPTED), NOW) is Redelivery.QUEUE
    assert redelivery({"status": "accepted"}, NOW) is Redelivery.QUEUE


def test_an_accepted_call_that_is_queued_is_done() -> None:
    assert redelivery(a_call(Status.ACCEPTED, Step.ACCEPTED, Step.QUEUED), NOW) is Redelivery.DONE


def test_a_call_is_stale_when_nobody_would_wait_that_long() -> None:
    assert not is_stale(NOW - 60, ring_limit=60, now=NOW)
    assert is_stale(NOW - 60.1, ring_limit=60, now=NOW)
    assert not is_stale(NOW + 5, ring_limit=60, now=NOW)  # clocks differ


def test_three_statuses_are_open_and_the_others_final() -> None:
    assert {status for status in Status if not status.is_final} == {Status.RINGING, Status.ACCEPTED, Status.LIVE}


def test_a_masked_number_is_recognisable_and_not_a_number() -> None:
    assert masked("+14255550112") == "+1425…12"
    assert masked("+4930123") == "…"
    assert masked("+49301234") == "+4930…34"
    assert masked(None) == masked("") == "-"
