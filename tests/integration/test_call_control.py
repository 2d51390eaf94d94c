"""Call control against the emulator: what the four requests do to a call, and what is heard when they come too late."""

import time
from collections.abc import Iterator

import pytest

from ringside.openai.call_control import CallControl, Outcome, Reply
from tests.integration.frontdoor import API_KEY, NOT_FOUND_TAKES, TIMING, OpenAI, asked

SESSION = {"type": "realtime", "model": "gpt-realtime-2.1"}
NOT_FOUND = Reply(Outcome.GONE, "call_id_not_found")
DONE = Reply(Outcome.DONE)


@pytest.fixture(scope="module")
def openai() -> Iterator[OpenAI]:
    made = OpenAI()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def control(openai: OpenAI) -> Iterator[CallControl]:
    made = CallControl(openai.emulator.base_url, lambda refresh: API_KEY, TIMING)
    yield made
    made.close()


def soon() -> float:
    return time.monotonic() + 2


def test_an_accepted_call_has_the_session_that_was_sent(openai: OpenAI, control: CallControl) -> None:
    call = openai.ring()

    assert control.accept(call.call_id, SESSION, soon()) == DONE
    assert (call.state, call.accepted_with) == ("accepted", SESSION)


def test_a_rejected_call_has_heard_the_status(openai: OpenAI, control: CallControl) -> None:
    call = openai.ring()

    assert control.reject(call.call_id, 486, soon()) == DONE
    assert call.state == "rejected"
    assert asked(call, "reject")[0]["body"] == {"status_code": 486}


@pytest.mark.parametrize("status", [400, 409, 422])
def test_the_first_decision_wins_whatever_status_the_second_gets(
    openai: OpenAI, control: CallControl, status: int
) -> None:
    settings = openai.emulator.state.settings
    openai.emulator.state.settings = settings.model_copy(update={"conflict_status": status})
    try:
        call = openai.ring()
        assert control.accept(call.call_id, SESSION, soon()) == DONE
        assert control.accept(call.call_id, SESSION, soon()) == Reply(Outcome.REFUSED, "decision_already_made")
        assert control.reject(call.call_id, 486, soon()) == Reply(Outcome.REFUSED, "decision_already_made")
        assert len(asked(call, "accept")) == 2  # asked once each: it would not change
    finally:
        openai.emulator.state.settings = settings


def test_a_malformed_session_is_refused_by_name(openai: OpenAI, control: CallControl) -> None:
    call = openai.ring()

    reply = control.accept(call.call_id, {"type": "realtime", "voice": "marin"}, soon())

    assert reply.outcome is Outcome.REFUSED
    assert call.state == "ringing"


def test_a_caller_who_is_gone_is_told_after_a_while(openai: OpenAI, control: CallControl) -> None:
    call = openai.ring(gone_before_accept=True)
    started = time.monotonic()

    with openai.slow_to_find_out():
        assert control.accept(call.call_id, SESSION, soon()) == NOT_FOUND
    assert time.monotonic() - started >= NOT_FOUND_TAKES


def test_hanging_up_ends_the_call_and_doing_it_twice_does_no_harm(openai: OpenAI, control: CallControl) -> None:
    call = openai.ring()
    control.accept(call.call_id, SESSION, soon())

    assert control.hang_up(call.call_id) == DONE
    assert call.state == "ended"
    assert control.hang_up(call.call_id) == NOT_FOUND
    assert [request["body"] for request in asked(call, "hangup")] == [None, None]  # without a body, as OpenAI's package


def test_hanging_up_survives_errors_and_silence(openai: OpenAI, control: CallControl) -> None:
    for fault in ({"status": 500, "times": 2}, {"hang": True, "times": 1}, {"status": 500, "times": 1, "effect": True}):
        call = openai.ring(hangup=fault)
        control.accept(call.call_id, SESSION, soon())

        assert control.hang_up(call.call_id).outcome in (Outcome.DONE, Outcome.GONE), fault
        assert call.state == "ended"


def test_a_transfer_is_asked_for_once_and_names_its_target(openai: OpenAI, control: CallControl) -> None:
    call = openai.ring(refer={"status": 500, "times": 1})
    control.accept(call.call_id, SESSION, soon())

    assert control.refer(call.call_id, "tel:+14255550199") == Reply(Outcome.UNAVAILABLE, "500")
    assert control.refer(call.call_id, "tel:+14255550199") == DONE
    assert [request["body"] for request in asked(call, "refer")] == [{"target_uri": "tel:+14255550199"}] * 2


def test_a_key_that_is_read_anew_opens_the_door(openai: OpenAI) -> None:
    control = CallControl(openai.emulator.base_url, lambda refresh: API_KEY if refresh else "sk-old", TIMING)
    call = openai.ring()

    assert control.accept(call.call_id, SESSION, soon()) == DONE
    control.close()


def test_a_call_nobody_knows_is_gone(control: CallControl) -> None:
    assert control.hang_up("rtc_unknown") == Reply(Outcome.GONE, "call_id_not_found")


@pytest.mark.parametrize("call_id", ["..", "../../v1/models", "a/../b", "x?y"])
def test_no_request_leaves_for_what_is_no_call_id(openai: OpenAI, control: CallControl, call_id: str) -> None:
    assert control.hang_up(call_id) == Reply(Outcome.REFUSED, "not_a_call_id")
