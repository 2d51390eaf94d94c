"""One response at a time: asked for once, and again if it was refused, overtaken or lost."""

import pytest

from ringside.calls import EndReason
from ringside.conversation import effects as do
from ringside.conversation import events as e
from ringside.conversation.conversation import Conversation
from tests.unit.conversation.talk import BEHAVIOUR, Talk, outputs


def test_it_is_owed_an_answer_from_asking_for_one_until_that_begins() -> None:
    talk = Talk()
    assert not talk.conversation.awaits_the_session
    talk.feed(e.ToolCalled("f9", "r9", "call_9", "book", "{}"))
    talk.feed(e.ToolFinished("call_9", "ok", "booked"))
    assert talk.conversation.awaits_the_session

    talk.feed(e.ResponseStarted("r10", "ringside_1_2"))

    assert not talk.conversation.awaits_the_session


def test_what_two_owners_ask_for_has_different_names() -> None:
    refs = {
        effect.command.ref
        for owner in (1, 2)
        for effect in Conversation(BEHAVIOUR, 0.0, owner=owner).begin()
        if isinstance(effect, do.Greet)
    }
    assert len(refs) == 2


# --- answering -------------------------------------------------------------------------------


def test_the_model_is_told_the_output_first_and_asked_to_go_on_then() -> None:
    talk = Talk()
    talk.response_begins("r1")
    talk.calls_tool("book", "call_1", "r1")
    talk.response_ends("r1")
    effects = talk.tool_returns("call_1", "booked")
    commands = [effect.command for effect in effects if isinstance(effect, do.Send)]
    assert commands == [e.TellOutput("call_1", "booked"), e.Respond(None, talk.last_ref)]


def test_the_model_is_not_asked_to_go_on_before_its_response_is_done() -> None:
    talk = Talk()
    talk.response_begins("r1")
    talk.calls_tool("book", "call_1", "r1")
    talk.tool_returns("call_1")
    assert talk.asked == []
    talk.response_ends("r1")
    assert talk.asked == [None]


@pytest.mark.parametrize("early", [True, False])
def test_parallel_calls_are_answered_together_after_the_last_output(early: bool) -> None:
    talk = Talk()
    talk.response_begins("r1")
    talk.calls_tool("book", "call_1", "r1")
    talk.calls_tool("look_up", "call_2", "r1")
    if early:
        talk.tool_returns("call_2")
    talk.response_ends("r1")
    if not early:
        talk.tool_returns("call_2")
    assert talk.asked == []
    talk.tool_returns("call_1")
    assert outputs(talk) == ["call_2", "call_1"]
    assert talk.asked == [None]
    talk.output_added("call_2")
    talk.output_added("call_1")
    talk.agent_says("It is booked.", response="r2")
    assert talk.asked == [None]


def test_the_caller_is_not_talked_over_for_the_sake_of_an_output() -> None:
    talk = Talk()
    talk.response_begins("r1")
    talk.calls_tool("book", "call_1", "r1")
    talk.response_ends("r1")
    caller = talk.caller_starts()
    talk.tool_returns("call_1")
    assert talk.asked == []
    talk.caller_stops(caller)
    assert talk.asked == [None]


def test_an_output_that_the_next_answer_has_seen_needs_no_answer_of_its_own() -> None:
    """The caller spoke meanwhile, and the session answers by itself."""
    talk = Talk()
    talk.response_begins("r1")
    talk.calls_tool("book", "call_1", "r1")
    talk.response_ends("r1")
    caller = talk.caller_starts()
    talk.tool_returns("call_1")
    talk.output_added("call_1")
    talk.response_begins("r2")
    talk.caller_stops(caller)
    talk.response_ends("r2")
    assert talk.asked == []


# --- races with the session's own voice detection --------------------------------------------


def with_an_output() -> Talk:
    """A tool has returned, and the model was asked to go on."""
    talk = Talk()
    talk.response_begins("r1")
    talk.calls_tool("book", "call_1", "r1")
    talk.response_ends("r1")
    talk.tool_returns("call_1")
    assert talk.asked == [None]
    return talk


def test_a_refused_request_is_made_again_when_the_other_response_is_done() -> None:
    talk = with_an_output()
    talk.response_begins("by_voice")
    talk.refused(talk.last_ref)
    assert talk.asked == [None]
    talk.response_ends("by_voice")
    assert talk.asked == [None, None]


def test_a_refused_request_is_not_made_again_if_the_other_response_had_seen_the_output() -> None:
    talk = with_an_output()
    talk.output_added("call_1")
    talk.response_begins("by_voice")
    talk.refused(talk.last_ref)
    talk.response_ends("by_voice")
    assert talk.asked == [None]


def test_a_request_refused_because_of_a_response_that_began_unseen_is_made_again_with_patience() -> None:
    talk = with_an_output()
    for attempts in range(1, 4):
        talk.refused(talk.last_ref)
        assert len(talk.asked) == attempts, "not at once: the answer would be the same"
        talk.wait(1)
        assert len(talk.asked) == attempts + 1


def test_the_end_of_a_response_that_began_unseen_ends_the_patience() -> None:
    talk = with_an_output()
    talk.refused(talk.last_ref)
    talk.response_ends("unseen")
    assert talk.asked == [None, None]


def test_a_request_refused_for_another_reason_is_made_once_more_and_then_given_up() -> None:
    talk = with_an_output()
    talk.refused(talk.last_ref, "server_error")
    talk.wait(1)
    assert talk.asked == [None, None]
    talk.refused(talk.last_ref, "server_error")
    talk.wait(11.5)
    assert talk.asked == [None, None]


def test_an_error_that_is_not_about_our_request_changes_nothing() -> None:
    talk = with_an_output()
    for ref in (None, "ringside_1_1", "somebody_else"):
        talk.refused(ref, "item_not_found")
    assert talk.asked == [None]
    assert talk.hung_up == []
    assert talk.counted.count("session_errors") == 3
    talk.agent_says("It is booked.", response="r2")
    assert talk.lines[-1] == "agent: It is booked."


def test_a_request_that_nothing_comes_of_is_made_again() -> None:
    talk = with_an_output()
    talk.wait(10)
    assert "response_never_started" in talk.counted
    assert talk.asked == [None, None]


def test_a_response_that_names_another_request_or_none_is_not_taken_for_the_answer() -> None:
    """The session names requests, as we know from the greeting: there is no doubt whose this one is."""
    talk = Talk(greeted=False)
    talk.begins()
    assert talk.greeting is not None
    talk.feed(e.ResponseStarted("greeting", talk.greeting.ref))
    talk.calls_tool("book", "call_1", "greeting")
    talk.response_ends("greeting")
    talk.tool_returns("call_1")
    talk.feed(e.ResponseStarted("by_voice"))
    talk.response_ends("by_voice")
    assert talk.asked == [None], "it is still under way"
    talk.feed(e.ResponseStarted("r2", talk.last_ref))
    talk.response_ends("r2")
    assert talk.asked == [None]


def test_what_the_session_had_not_seen_when_it_refused_is_asked_about_again() -> None:
    talk = with_an_output()
    talk.response_begins("by_voice")
    talk.output_added("call_1")
    talk.refused(talk.last_ref)
    talk.interrupted("by_voice")
    talk.response_begins("by_voice_again")
    talk.response_ends("by_voice_again")
    assert talk.asked == [None, None]
    talk.refused(talk.last_ref)
    talk.wait(5)
    assert talk.asked == [None, None], "the second one has seen it"


# --- responses that fail ---------------------------------------------------------------------


def test_a_response_that_failed_is_asked_for_once_more() -> None:
    talk = Talk()
    talk.caller_says("Are you there?")
    talk.response_begins("r1")
    talk.response_ends("r1", "failed")
    assert talk.asked == [None]
    talk.response_begins("r2")
    talk.response_ends("r2", "failed")
    assert talk.asked == [None]


def test_a_response_that_went_well_allows_for_the_next_hiccup() -> None:
    talk = Talk()
    talk.response_begins("r1")
    talk.response_ends("r1", "failed")
    talk.agent_says("Here I am.", response="r2")
    talk.response_begins("r3")
    talk.response_ends("r3", "failed")
    assert talk.asked == [None, None]


def test_a_greeting_that_failed_is_asked_for_as_a_greeting() -> None:
    talk = Talk(greeted=False)
    talk.begins()
    talk.response_begins("r1")
    talk.response_ends("r1", "failed")
    assert talk.asked == [BEHAVIOUR.greeting]


def test_a_goodbye_that_failed_is_asked_for_as_a_goodbye_before_the_call_ends() -> None:
    talk = Talk()
    talk.takes_leave(EndReason.OPERATOR_HUNG_UP)
    talk.response_begins("r1")
    talk.response_ends("r1", "failed")
    assert talk.asked == [BEHAVIOUR.farewell_instructions] * 2
    assert talk.hung_up == []
    talk.agent_says("Goodbye.", response="r2")
    assert talk.hung_up == [EndReason.OPERATOR_HUNG_UP]


def test_an_incomplete_or_interrupted_response_is_not_asked_for_again() -> None:
    talk = Talk()
    for number, status in enumerate(("incomplete", "cancelled")):
        talk.response_begins(f"r{number}")
        talk.response_ends(f"r{number}", status)  # type: ignore[arg-type]
    assert talk.asked == []
