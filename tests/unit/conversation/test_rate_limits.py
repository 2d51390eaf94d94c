"""A response that OpenAI's rate limits refuse is tried again when they say, and the caller's question stays owed."""

from dataclasses import replace

import pytest

from ringside.calls import EndReason
from ringside.conversation import effects as do
from ringside.conversation import events as e
from ringside.conversation.rate_limits import APOLOGY_AFTER, MAX_FAILURES, MAX_PAUSE, MAX_RETRY_AFTER
from tests.unit.conversation.talk import BEHAVIOUR, STILL_THERE, Talk

APOLOGY = BEHAVIOUR.apology_instructions


def limited(talk: Talk, response: str, retry_after: float | None = None) -> list[do.Effect]:
    """A response that begins and fails."""
    talk.response_begins(response)
    failed = e.ResponseEnded(response, "failed", None, "rate_limit_exceeded", e.Usage(), (), (), (), retry_after)
    return talk.feed(failed)


def a_question(talk: Talk) -> None:
    talk.caller_says("When are you open?")


def test_a_limited_answer_is_tried_again_when_the_error_says_so() -> None:
    talk = Talk()
    a_question(talk)
    limited(talk, "by_voice", 1.5)
    talk.wait(1.4)
    assert talk.asked == []
    talk.wait(0.1)
    assert talk.asked == [None]
    limited(talk, "again", 2.5)
    talk.wait(2.4)
    assert talk.asked == [None]
    talk.wait(0.1)
    assert talk.asked == [None, None]
    talk.agent_says("From nine to six.", response="answer")
    talk.wait(BEHAVIOUR.silence_after - 0.1)
    assert talk.asked == [None, None], "it is answered"


def test_without_a_word_in_the_error_the_limits_that_were_reported_count() -> None:
    talk = Talk()
    a_question(talk)
    talk.feed(e.RateLimitsUpdated((("requests", 0.01), ("tokens", 4.0))))
    talk.wait(0.5)
    limited(talk, "by_voice")
    talk.wait(3.4)
    assert talk.asked == []
    talk.wait(0.1)
    assert talk.asked == [None]


def test_the_pauses_grow_and_have_a_limit_and_the_caller_gets_an_apology() -> None:
    talk = Talk()
    a_question(talk)
    pauses = []
    for number in range(MAX_FAILURES - 1):
        asked, since = len(talk.asked), talk.now
        limited(talk, f"r{number}", {4: 20.0, 5: 100.0}.get(number, 0.1))
        while len(talk.asked) == asked:
            talk.wait(0.5)
        pauses.append(talk.now - since)
    assert pauses == [1, 2, 4, 8, 20.0, MAX_RETRY_AFTER, MAX_PAUSE]
    assert talk.asked == [None] * (APOLOGY_AFTER - 1) + [APOLOGY] * (MAX_FAILURES - APOLOGY_AFTER)
    assert STILL_THERE not in talk.asked


def test_whoever_is_not_answered_for_good_is_asked_and_taken_leave_of_in_the_end() -> None:
    talk = Talk()
    a_question(talk)
    number = 0
    for _ in range(400):
        if talk.hung_up:
            break
        if talk.conversation.awaits_the_session or not number:
            number += 1
            limited(talk, f"r{number}")
        talk.wait(1.0)
    assert STILL_THERE in talk.asked
    assert talk.hung_up == [EndReason.SILENCE]


def test_the_caller_is_not_asked_whether_they_are_there_while_an_answer_is_owed() -> None:
    talk = Talk(replace(BEHAVIOUR, silence_after=2.0))
    a_question(talk)
    limited(talk, "by_voice", 14.0)
    talk.wait(13.9)
    assert talk.asked == []
    talk.wait(0.1)
    assert talk.asked == [None]


def test_an_answer_to_something_new_answers_what_was_owed_as_well() -> None:
    talk = Talk()
    a_question(talk)
    limited(talk, "by_voice", 5.0)
    talk.wait(1.0)
    talk.caller_says("Hello?")
    talk.agent_says("From nine to six.", response="by_voice_too")
    talk.wait(BEHAVIOUR.silence_after - 0.1)
    assert talk.asked == []


def test_the_outputs_of_tools_stay_owed_too() -> None:
    talk = Talk()
    talk.response_begins("r1")
    talk.calls_tool("book", "call_1", "r1")
    talk.response_ends("r1")
    talk.tool_returns("call_1")
    talk.output_added("call_1")
    limited(talk, "r2", 3.0)
    assert talk.asked == [None]
    talk.wait(3.0)
    assert talk.asked == [None, None]


def test_a_greeting_is_waited_for_as_long_as_it_is_held_up() -> None:
    talk = Talk(greeted=False)
    talk.begins()
    limited(talk, "r1", BEHAVIOUR.greeting_deadline + 1)
    talk.wait(BEHAVIOUR.greeting_deadline + 1)
    assert (talk.asked, talk.hung_up) == ([BEHAVIOUR.greeting], [])
    talk.agent_says("Hello!", response="r2")
    talk.wait(1)
    assert talk.asked == [BEHAVIOUR.greeting]


def test_a_request_that_is_refused_for_the_limits_is_made_again_after_a_pause() -> None:
    talk = Talk()
    talk.response_begins("r1")
    talk.calls_tool("book", "call_1", "r1")
    talk.response_ends("r1")
    talk.tool_returns("call_1")
    talk.feed(e.SessionError("rate_limit_exceeded", "no", talk.last_ref, 2.0))
    talk.wait(1.9)
    assert talk.asked == [None]
    talk.wait(0.1)
    assert talk.asked == [None, None]


def test_who_waits_for_a_limited_answer_waits_no_longer_because_of_a_hand_over() -> None:
    talk = Talk()
    a_question(talk)
    limited(talk, "by_voice", 3.0)
    talk.wait(1.0)
    talk.changes_hands()
    talk.wait(1.9)
    assert talk.asked == []
    talk.wait(0.1)
    assert talk.asked == [None]


@pytest.mark.parametrize("code", ["rate_limit_exceeded", "server_error"])
def test_the_code_of_a_failure_is_named_for_the_log(code: str) -> None:
    talk = Talk()
    effects = talk.feed(e.ResponseStarted("r1"), e.ResponseEnded("r1", "failed", None, code, e.Usage()))
    assert do.Count("response_failed", code) in effects
    assert do.Count("session_errors", code) in talk.feed(e.SessionError(code, "words"))


def test_a_failure_that_waiting_does_not_help_is_tried_again_once_and_at_once() -> None:
    talk = Talk()
    a_question(talk)
    for response in ("r1", "r2"):
        talk.response_begins(response)
        talk.feed(e.ResponseEnded(response, "failed", None, "insufficient_quota", e.Usage()))
    talk.wait(5)
    assert talk.asked == [None]
