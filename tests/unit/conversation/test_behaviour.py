"""How a call begins, goes silent and ends: greeting, silence, goodbye, and the limits of patience."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringside.calls import EndReason
from ringside.conversation import effects as do
from ringside.conversation import events as e
from tests.unit.conversation.talk import ANSWERED, BEHAVIOUR, Talk, unhurried

FAREWELL, STILL_THERE = BEHAVIOUR.farewell_instructions, BEHAVIOUR.silence_instructions

# --- greeting ---------------------------------------------------------------------------------


def test_the_agent_greets_once_when_the_call_begins() -> None:
    talk = Talk(greeted=False)
    assert talk.begins() == [do.Greet(e.Respond(BEHAVIOUR.greeting, "ringside_1_1"))]
    talk.agent_says("Hello!", response="r1")
    talk.wait(BEHAVIOUR.silence_after - 0.1)
    assert talk.asked == []


def test_a_greeting_that_never_begins_is_asked_for_once_more() -> None:
    talk = Talk(greeted=False)
    talk.begins()
    talk.wait(BEHAVIOUR.greeting_deadline - 0.1)
    assert talk.asked == []
    talk.wait(0.1)
    assert talk.asked == [BEHAVIOUR.greeting]
    assert talk.counted == ["greeting_late"]
    talk.agent_says("Hello!", response="r1")
    talk.wait(BEHAVIOUR.greeting_deadline)
    assert talk.asked == [BEHAVIOUR.greeting]
    assert talk.hung_up == []


def test_no_clock_runs_before_the_claim_of_the_greeting_was_answered() -> None:
    talk = Talk(greeted=False)
    talk.conversation.begin()
    talk.wait(10 * BEHAVIOUR.greeting_deadline)  # the record is slow
    assert (talk.asked, talk.counted, talk.hung_up) == ([], [], [])
    talk.conversation.greeted(talk.now)
    talk.wait(BEHAVIOUR.greeting_deadline - 0.1)
    assert (talk.asked, talk.hung_up) == ([], [])
    talk.wait(0.1)
    assert talk.asked == [BEHAVIOUR.greeting]


def test_a_call_with_nobody_on_it_is_given_up_after_the_second_greeting() -> None:
    talk = Talk(greeted=False)
    talk.begins()
    talk.wait(2 * BEHAVIOUR.greeting_deadline)
    assert talk.hung_up == [EndReason.NEVER_CONNECTED]
    assert talk.conversation.deadline is None


def test_a_greeting_that_was_generated_but_never_heard_counts_for_nothing() -> None:
    talk = Talk(greeted=False)
    talk.begins()
    for response in ("r1", "r2"):
        talk.response_begins(response)
        talk.response_ends(response)
        talk.wait(BEHAVIOUR.greeting_deadline)
    assert talk.asked == [BEHAVIOUR.greeting]
    assert talk.hung_up == [EndReason.NEVER_CONNECTED]


def test_a_greeting_that_is_still_being_made_is_waited_for_but_not_forever() -> None:
    talk = Talk(greeted=False)
    talk.begins()
    talk.response_begins("r1")
    talk.wait(BEHAVIOUR.greeting_deadline)
    assert talk.asked == []
    talk.response_ends("r1")
    talk.wait(BEHAVIOUR.greeting_deadline)
    assert talk.asked == [BEHAVIOUR.greeting]


@pytest.mark.parametrize("sign", ["speech", "key"])
def test_a_caller_who_was_heard_is_never_given_up_as_never_connected(sign: str) -> None:
    talk = Talk(greeted=False)
    talk.begins()
    if sign == "speech":
        talk.caller_says("Hello?")
    else:
        talk.feed(e.DigitPressed("1"))
    talk.wait(2 * BEHAVIOUR.greeting_deadline)
    assert talk.hung_up == []
    assert BEHAVIOUR.greeting not in talk.asked


def test_whoever_was_answered_already_is_not_greeted_any_more() -> None:
    """The caller spoke first, and the session's own answer was faster than the greeting."""
    talk = Talk(greeted=False)
    talk.begins()
    assert talk.greeting is not None
    talk.caller_says("Hello?")
    talk.agent_begins("Yes?", response="by_voice")
    talk.refused(talk.greeting.ref)
    talk.response_ends("by_voice")
    talk.feed(e.PlaybackStopped("by_voice"))
    talk.wait(BEHAVIOUR.greeting_deadline)
    assert talk.asked == []


# --- silence ----------------------------------------------------------------------------------


def quiet(talk: Talk) -> None:
    """Nobody says anything until the agent loses patience; what it then says is heard."""
    before = len(talk.asked)
    talk.wait(BEHAVIOUR.silence_after)
    if len(talk.asked) > before and not talk.hung_up:
        talk.agent_says("Hm?", response=f"after_silence_{before}")


def test_a_silent_caller_is_asked_twice_and_then_taken_leave_of() -> None:
    talk = Talk()
    quiet(talk)
    assert talk.asked == [STILL_THERE]
    quiet(talk)
    assert talk.asked == [STILL_THERE, STILL_THERE]
    assert talk.hung_up == []
    quiet(talk)
    assert talk.asked == [STILL_THERE, STILL_THERE, FAREWELL]
    assert talk.hung_up == [EndReason.SILENCE]


@pytest.mark.parametrize("prompts", [0, 1, 3])
def test_the_agent_asks_as_often_as_its_manners_say(prompts: int) -> None:
    talk = Talk(replace(BEHAVIOUR, silence_prompts=prompts))
    for _ in range(prompts + 1):
        quiet(talk)
    assert talk.asked == [STILL_THERE] * prompts + [FAREWELL]
    assert talk.hung_up == [EndReason.SILENCE]


@pytest.mark.parametrize("sign", ["speech", "key"])
def test_a_sign_of_life_starts_the_count_anew(sign: str) -> None:
    talk = Talk()
    quiet(talk)
    quiet(talk)
    if sign == "speech":
        talk.caller_says("Wait a moment.")
        talk.agent_says("Sure.", response="by_voice")
    else:
        talk.feed(e.DigitPressed("1"))
        talk.wait(BEHAVIOUR.digit_pause)
        talk.agent_says("A one.", response="for_the_key")
    asked = len(talk.asked)
    quiet(talk)
    quiet(talk)
    assert talk.asked[asked:] == [STILL_THERE, STILL_THERE]
    assert talk.hung_up == []


def test_silence_is_counted_from_the_end_of_what_was_heard() -> None:
    talk = Talk()
    talk.agent_says("A very long answer.", response="r1", heard=False)
    talk.wait(BEHAVIOUR.silence_after * 2)
    assert talk.asked == []
    talk.feed(e.PlaybackStopped("r1"))
    talk.wait(BEHAVIOUR.silence_after - 0.1)
    assert talk.asked == []
    talk.wait(0.1)
    assert talk.asked == [STILL_THERE]


@pytest.mark.parametrize("busy", ["caller", "response", "tool"])
def test_it_is_not_silence_while_somebody_is_at_it(busy: str) -> None:
    talk = Talk()
    match busy:
        case "caller":
            talk.caller_starts()
        case "response":
            talk.response_begins("r1")
        case "tool":
            talk.response_begins("r1")
            talk.calls_tool("book", "call_1", "r1")
            talk.response_ends("r1")
    talk.wait(BEHAVIOUR.silence_after)
    assert talk.asked == []


@unhurried
@given(order=st.permutations(["cleared", "transcript", "done"]))
def test_silence_after_an_interruption_is_silence(order: list[str]) -> None:
    """What was interrupted still gets its transcript, but will not be heard any more."""
    talk = Talk()
    agent = talk.agent_begins("We have", response="r1")
    events: dict[str, e.Event] = {
        "cleared": e.PlaybackCleared("r1"),
        "transcript": e.AgentTranscript(agent, "r1", "We have"),
        "done": e.ResponseEnded("r1", "cancelled", "turn_detected", None, e.Usage()),
    }
    caller = talk.caller_starts()
    talk.feed(*[events[name] for name in order])
    talk.caller_stops(caller)
    talk.transcribed(caller, "Hm.")
    talk.wait(BEHAVIOUR.silence_after)
    assert talk.asked == [STILL_THERE]


def test_silence_after_an_answer_that_was_cancelled_before_it_could_be_heard_is_silence() -> None:
    talk = Talk()
    talk.feed(e.ResponseStarted("r1"), e.AgentWords("a1", "r1", "We"))
    caller = talk.caller_starts()
    talk.interrupted("r1")
    talk.caller_stops(caller)
    talk.wait(BEHAVIOUR.silence_after)
    assert talk.asked == [STILL_THERE]


def test_a_caller_who_speaks_up_during_the_goodbye_for_silence_may_stay() -> None:
    talk = Talk()
    quiet(talk)
    quiet(talk)
    talk.wait(BEHAVIOUR.silence_after)
    talk.agent_begins("Well then, good", response="goodbye")
    caller = talk.caller_starts()
    talk.feed(e.PlaybackCleared("goodbye"))
    talk.interrupted("goodbye")
    talk.caller_stops(caller)
    talk.transcribed(caller, "I am here!")
    talk.agent_says("How can I help?", response="by_voice")
    talk.wait(BEHAVIOUR.silence_after - 0.1)
    assert talk.hung_up == []


def test_a_goodbye_for_silence_that_the_caller_forestalled_is_not_said_later() -> None:
    talk = Talk()
    quiet(talk)
    quiet(talk)
    talk.wait(BEHAVIOUR.silence_after)
    goodbye = talk.last_ref
    caller = talk.caller_starts()
    talk.caller_stops(caller)
    talk.response_begins("by_voice")
    talk.refused(goodbye)
    talk.response_ends("by_voice")
    talk.wait(BEHAVIOUR.silence_after - 0.1)
    assert talk.asked.count(FAREWELL) == 1
    assert talk.hung_up == []


def test_a_goodbye_for_silence_that_was_to_be_asked_for_again_is_not_once_the_caller_speaks() -> None:
    talk = Talk()
    quiet(talk)
    quiet(talk)
    talk.wait(BEHAVIOUR.silence_after)
    talk.refused(talk.last_ref)
    caller = talk.caller_starts()
    talk.caller_stops(caller)
    talk.agent_says("There you are.", response="by_voice")
    talk.wait(BEHAVIOUR.silence_after - 0.1)
    assert talk.asked.count(FAREWELL) == 1
    assert talk.hung_up == []


def test_a_goodbye_for_silence_that_fails_is_not_asked_for_again_once_the_caller_speaks() -> None:
    talk = Talk()
    quiet(talk)
    quiet(talk)
    talk.wait(BEHAVIOUR.silence_after)
    talk.response_begins("goodbye")
    caller = talk.caller_starts()
    talk.response_ends("goodbye", "failed")
    talk.caller_stops(caller)
    assert talk.asked.count(FAREWELL) == 1
    assert talk.hung_up == []


def test_a_question_after_silence_that_the_caller_forestalled_is_not_asked_later() -> None:
    talk = Talk()
    talk.wait(BEHAVIOUR.silence_after)
    question = talk.last_ref
    talk.caller_says("One moment.")
    talk.response_begins("by_voice")
    talk.refused(question)
    talk.response_ends("by_voice")
    assert talk.asked == [STILL_THERE]


# --- the agent hangs up -----------------------------------------------------------------------


def saying_goodbye() -> Talk:
    """The model said goodbye and called hang_up in one response, which is done."""
    talk = Talk()
    talk.agent_generated("Goodbye!", response="r1")
    talk.calls_tool("hang_up", "call_1", "r1")
    talk.response_ends("r1")
    return talk


def test_the_call_ends_when_the_goodbye_was_heard() -> None:
    talk = saying_goodbye()
    assert talk.hung_up == []
    talk.feed(e.PlaybackStopped("r1"))
    assert talk.hung_up == [EndReason.AGENT_HUNG_UP]
    talk.finish()
    assert talk.tool("call_1")["outcome"] == "ok"
    assert talk.turns[-1]["state"] == "final"


def test_without_words_the_call_ends_when_the_response_is_done() -> None:
    talk = Talk()
    talk.response_begins("r1")
    talk.calls_tool("hang_up", "call_1", "r1")
    assert talk.hung_up == []
    talk.response_ends("r1")
    assert talk.hung_up == [EndReason.AGENT_HUNG_UP]


def test_a_goodbye_of_the_response_before_is_heard_to_its_end_too() -> None:
    talk = Talk()
    talk.agent_says("Goodbye!", response="r1", heard=False)
    talk.response_begins("r2")
    talk.calls_tool("hang_up", "call_1", "r2")
    talk.response_ends("r2")
    assert talk.hung_up == []
    talk.feed(e.PlaybackStopped("r1"))
    assert talk.hung_up == [EndReason.AGENT_HUNG_UP]


def test_a_goodbye_whose_end_is_never_told_is_given_up() -> None:
    talk = saying_goodbye()
    talk.wait(BEHAVIOUR.farewell_limit - 0.1)
    assert talk.hung_up == []
    talk.wait(0.1)
    assert talk.hung_up == [EndReason.AGENT_HUNG_UP]
    assert "farewell_cut" in talk.counted


def test_a_goodbye_whose_beginning_is_told_twice_is_heard_to_its_end() -> None:
    talk = saying_goodbye()
    talk.feed(e.PlaybackStarted("r1"), e.PlaybackStarted("r1"))
    assert talk.hung_up == []
    talk.feed(e.PlaybackStopped("r1"))
    assert talk.hung_up == [EndReason.AGENT_HUNG_UP]


def test_a_goodbye_that_failed_halfway_is_heard_as_far_as_it_goes() -> None:
    talk = Talk()
    talk.agent_begins("Good", response="r1")
    talk.calls_tool("hang_up", "call_1", "r1")
    talk.response_ends("r1", "failed")
    assert talk.hung_up == []
    talk.feed(e.PlaybackStopped("r1"))
    assert talk.hung_up == [EndReason.AGENT_HUNG_UP]


def test_a_goodbye_that_was_cancelled_by_a_client_goes_on_playing() -> None:
    talk = Talk()
    talk.agent_begins("Good", response="r1")
    talk.calls_tool("hang_up", "call_1", "r1")
    talk.response_ends("r1", "cancelled", reason="client_cancelled")
    assert talk.hung_up == []
    talk.feed(e.PlaybackStopped("r1"))
    assert talk.hung_up == [EndReason.AGENT_HUNG_UP]


def test_an_answer_whose_end_was_not_told_has_ended_when_the_next_is_played() -> None:
    talk = Talk()
    talk.agent_says("We have", response="r1", heard=False)
    talk.agent_generated("Goodbye!", response="r2")
    talk.calls_tool("hang_up", "call_1", "r2")
    talk.response_ends("r2")
    talk.feed(e.PlaybackStopped("r2"))
    assert talk.hung_up == [EndReason.AGENT_HUNG_UP]


def test_hanging_up_twice_in_one_response_hangs_up_once() -> None:
    talk = Talk()
    talk.agent_generated("Goodbye!", response="r1")
    talk.calls_tool("hang_up", "call_1", "r1")
    talk.calls_tool("hang_up", "call_2", "r1")
    talk.response_ends("r1")
    talk.feed(e.PlaybackStopped("r1"), e.PlaybackStopped("r1"))
    talk.wait(100)
    assert talk.hung_up == [EndReason.AGENT_HUNG_UP]


def test_a_tool_called_together_with_hanging_up_gets_to_finish() -> None:
    talk = Talk()
    talk.agent_generated("I will book that. Goodbye!", response="r1")
    talk.calls_tool("hang_up", "call_1", "r1")
    talk.calls_tool("book", "call_2", "r1")
    talk.response_ends("r1")
    talk.feed(e.PlaybackStopped("r1"))
    assert talk.tools_run == ["call_2"]
    assert talk.hung_up == []
    talk.tool_returns("call_2")
    assert talk.hung_up == [EndReason.AGENT_HUNG_UP]
    assert talk.asked == [], "the goodbye was said"
    assert talk.tool("call_2")["outcome"] == "ok"


def test_a_tool_that_never_finishes_does_not_hold_up_the_end_for_long() -> None:
    talk = Talk()
    talk.response_begins("r1")
    talk.calls_tool("hang_up", "call_1", "r1")
    talk.calls_tool("book", "call_2", "r1")
    talk.response_ends("r1")
    talk.wait(BEHAVIOUR.farewell_limit)
    assert talk.hung_up == [EndReason.AGENT_HUNG_UP]


def test_keys_pressed_while_leaving_start_no_new_answer_after_the_goodbye() -> None:
    talk = Talk()
    talk.takes_leave(EndReason.OPERATOR_HUNG_UP)
    talk.agent_begins("Good", response="r1")
    talk.feed(e.DigitPressed("1"))
    talk.wait(BEHAVIOUR.digit_pause)
    talk.response_ends("r1")
    talk.feed(e.PlaybackStopped("r1"))
    assert talk.asked == [FAREWELL]
    assert talk.hung_up == [EndReason.OPERATOR_HUNG_UP]


# --- the caller is not done -------------------------------------------------------------------


def objected(talk: Talk) -> None:
    """The caller, who objected, is heard out, answered, and not hung up on."""
    talk.feed(e.CallerStopped("objection"), talk.added("objection", "caller"))
    talk.transcribed("objection", "One more thing!")
    assert talk.hung_up == []
    told = talk.sent(e.TellOutput)
    assert {output.tool_call_id for output in told} == set(talk.conversation.transcript.tools)
    assert all("Not hung up" in output.output for output in told)
    talk.wait(5)
    assert talk.hung_up == []
    assert len(talk.asked) == 1, "an answer is asked for, unless the session's own is faster"
    talk.agent_says("Yes?", response="r2")
    talk.wait(BEHAVIOUR.silence_after - 0.1)
    assert talk.hung_up == []
    assert talk.tool("call_1")["outcome"] == "refused"


def test_a_caller_who_interrupts_the_goodbye_is_not_hung_up_on_and_the_model_is_told() -> None:
    talk = saying_goodbye()
    talk.caller_starts("objection")
    talk.feed(e.PlaybackCleared("r1"))
    objected(talk)


def test_a_caller_who_interrupts_before_the_goodbye_could_be_heard_is_not_hung_up_on() -> None:
    talk = Talk()
    talk.response_begins("r1")
    talk.calls_tool("hang_up", "call_1", "r1")
    talk.caller_starts("objection")
    talk.interrupted("r1")
    objected(talk)


def test_a_caller_who_was_speaking_when_the_model_hung_up_is_not_hung_up_on() -> None:
    """Also when what was cleared is told before the call of the tool."""
    talk = Talk()
    talk.agent_begins("Good", response="r1")
    talk.caller_starts("objection")
    talk.feed(e.PlaybackCleared("r1"))
    talk.calls_tool("hang_up", "call_1", "r1")
    talk.interrupted("r1")
    objected(talk)


def test_every_call_of_hang_up_gets_its_answer_when_the_caller_is_not_done() -> None:
    talk = Talk()
    talk.agent_generated("Goodbye!", response="r1")
    talk.calls_tool("hang_up", "call_1", "r1")
    talk.calls_tool("hang_up", "call_2", "r1")
    talk.response_ends("r1")
    talk.caller_starts("objection")
    talk.feed(e.PlaybackCleared("r1"))
    objected(talk)


def test_after_an_objection_the_model_may_hang_up_again() -> None:
    talk = saying_goodbye()
    talk.caller_says("One more thing!")
    talk.feed(e.PlaybackCleared("r1"))
    talk.agent_generated("Done. Goodbye!", response="r2")
    talk.calls_tool("hang_up", "call_2", "r2")
    talk.response_ends("r2")
    assert talk.hung_up == []
    talk.feed(e.PlaybackStopped("r2"))
    assert talk.hung_up == [EndReason.AGENT_HUNG_UP]
    talk.finish()
    assert (talk.tool("call_1")["outcome"], talk.tool("call_2")["outcome"]) == ("refused", "ok")


@pytest.mark.parametrize("reason", [EndReason.OPERATOR_HUNG_UP, EndReason.MAX_DURATION])
def test_a_caller_who_interrupts_does_not_outstay_the_operator_or_the_limit(reason: EndReason) -> None:
    talk = Talk()
    talk.takes_leave(reason)
    talk.agent_begins("Good", response="r1")
    caller = talk.caller_starts()
    talk.feed(e.PlaybackCleared("r1"))
    talk.interrupted("r1")
    talk.caller_stops(caller)
    assert talk.hung_up == [reason]


# --- limits -----------------------------------------------------------------------------------


def chatting(talk: Talk, until: float) -> None:
    """The two of them talk without a pause."""
    while talk.now < until and not talk.hung_up:
        talk.caller_says("And then?")
        talk.agent_says("And then…", response=talk.item("r"))
        talk.wait(min(5.0, max(until - talk.now, 0.1)))


def test_the_model_is_told_when_the_time_is_nearly_up() -> None:
    talk = Talk()
    chatting(talk, ANSWERED + BEHAVIOUR.max_duration - BEHAVIOUR.warn_before_end - 0.1)
    assert talk.sent(e.TellFact) == []
    talk.wait(0.1)
    assert [fact.text for fact in talk.sent(e.TellFact)] == [
        "This call ends in 60 seconds. Bring the conversation to a close."
    ]


def test_when_the_time_is_up_the_agent_says_goodbye_and_hangs_up() -> None:
    talk = Talk()
    chatting(talk, ANSWERED + BEHAVIOUR.max_duration)
    assert talk.asked == [FAREWELL]
    assert talk.hung_up == []
    talk.agent_says("Goodbye!", response="goodbye", heard=False)
    assert talk.hung_up == []
    talk.feed(e.PlaybackStopped("goodbye"))
    assert talk.hung_up == [EndReason.MAX_DURATION]


@pytest.mark.parametrize("obstacle", ["the model does nothing", "the caller talks", "an endless response", "a tool"])
def test_nothing_keeps_a_call_longer_than_the_limit_and_a_goodbye(obstacle: str) -> None:
    talk = Talk()
    chatting(talk, ANSWERED + BEHAVIOUR.max_duration - 1)
    match obstacle:
        case "the caller talks":
            talk.caller_starts()
        case "an endless response":
            talk.agent_begins("And then and then", response="endless")
        case "a tool":
            talk.response_begins("r1")
            talk.calls_tool("book", "call_1", "r1")
            talk.response_ends("r1")
    talk.wait(1 + BEHAVIOUR.farewell_limit)
    assert talk.hung_up == [EndReason.MAX_DURATION]


def test_a_call_shorter_than_the_warning_gets_none() -> None:
    talk = Talk(replace(BEHAVIOUR, max_duration=30.0))
    talk.wait(30)
    assert talk.sent(e.TellFact) == []


def test_the_alarms_that_are_due_ring_in_the_order_of_their_times() -> None:
    talk = saying_goodbye()
    effects = talk.conversation.wake(ANSWERED + 2 * BEHAVIOUR.max_duration)
    assert [effect.reason for effect in effects if isinstance(effect, do.HangUp)] == [EndReason.AGENT_HUNG_UP]
    assert talk.conversation.deadline is None


# --- taking leave on demand -------------------------------------------------------------------


def test_an_operator_s_goodbye_waits_for_the_agent_s_turn_and_is_heard_to_its_end() -> None:
    talk = Talk()
    talk.agent_begins("We have", response="r1")
    talk.takes_leave(EndReason.OPERATOR_HUNG_UP)
    assert talk.asked == []
    talk.response_ends("r1")
    assert talk.asked == [FAREWELL]
    talk.feed(e.PlaybackStopped("r1"))
    assert talk.hung_up == []
    talk.agent_says("Goodbye!", response="r2")
    assert talk.hung_up == [EndReason.OPERATOR_HUNG_UP]


def test_a_goodbye_that_was_refused_is_asked_for_again() -> None:
    talk = Talk()
    talk.takes_leave(EndReason.OPERATOR_HUNG_UP)
    talk.response_begins("by_voice")
    talk.refused(talk.last_ref)
    talk.response_ends("by_voice")
    assert talk.asked == [FAREWELL, FAREWELL]
    assert talk.hung_up == []
    talk.agent_says("Goodbye!", response="r2")
    assert talk.hung_up == [EndReason.OPERATOR_HUNG_UP]


def test_a_goodbye_that_never_begins_ends_the_call_all_the_same() -> None:
    talk = Talk()
    talk.takes_leave(EndReason.OPERATOR_HUNG_UP)
    talk.wait(BEHAVIOUR.farewell_limit)
    assert talk.hung_up == [EndReason.OPERATOR_HUNG_UP]


def test_an_operator_s_wish_is_stronger_than_a_goodbye_that_the_caller_could_take_back() -> None:
    talk = saying_goodbye()
    talk.takes_leave(EndReason.OPERATOR_HUNG_UP)
    talk.feed(e.PlaybackStopped("r1"))
    caller = talk.caller_starts()
    talk.caller_stops(caller)
    talk.wait(BEHAVIOUR.farewell_limit)
    assert talk.hung_up == [EndReason.OPERATOR_HUNG_UP]


def test_an_operator_s_wish_is_kept_when_the_goodbye_for_silence_is_interrupted() -> None:
    talk = Talk()
    quiet(talk)
    quiet(talk)
    talk.wait(BEHAVIOUR.silence_after)
    talk.agent_begins("Good", response="r1")
    talk.takes_leave(EndReason.OPERATOR_HUNG_UP)
    caller = talk.caller_starts()
    talk.feed(e.PlaybackCleared("r1"))
    talk.interrupted("r1")
    talk.caller_stops(caller)
    assert talk.hung_up == [EndReason.OPERATOR_HUNG_UP]


def test_only_the_first_reason_to_leave_counts_and_there_is_one_goodbye() -> None:
    talk = Talk()
    talk.takes_leave(EndReason.OPERATOR_HUNG_UP)
    talk.takes_leave(EndReason.MAX_DURATION)
    talk.agent_says("Goodbye!", response="r1")
    assert talk.asked == [FAREWELL]
    assert talk.hung_up == [EndReason.OPERATOR_HUNG_UP]


def test_once_hung_up_nothing_is_asked_told_or_run_by_the_clock_any_more() -> None:
    talk = saying_goodbye()
    talk.feed(e.PlaybackStopped("r1"))
    talk.feed(e.DigitPressed("1"), e.CallerStarted("c9"), talk.added("c9", "caller"))
    assert talk.wait(BEHAVIOUR.max_duration * 2) == []
    assert talk.hung_up == [EndReason.AGENT_HUNG_UP]


# --- a session that has stopped answering -----------------------------------------------------


def test_a_response_that_stalls_makes_the_shell_attach_anew() -> None:
    talk = Talk()
    talk.response_begins("r1")
    effects = talk.wait(BEHAVIOUR.stall_after)
    assert do.Reattach() in effects
    assert "session_stalled" in talk.counted


def test_a_response_that_makes_progress_does_not_stall() -> None:
    talk = Talk()
    agent = talk.agent_begins("One", response="r1")
    for _ in range(5):
        talk.wait(BEHAVIOUR.stall_after * 0.9)
        talk.feed(e.AgentWords(agent, "r1", "two"))
    assert not any(isinstance(effect, do.Reattach) for effect in talk.effects)


def test_a_playback_whose_end_is_never_told_does_not_silence_the_call_for_good() -> None:
    talk = Talk()
    talk.agent_says("We have", response="r1", heard=False)
    assert do.Reattach() in talk.wait(BEHAVIOUR.stall_after * 5)


def test_a_caller_whose_words_are_not_answered_makes_the_shell_attach_anew() -> None:
    talk = Talk(replace(BEHAVIOUR, silence_after=1e6))
    talk.caller_says("Are you there?")

    assert do.Reattach() in talk.wait(BEHAVIOUR.stall_after * 4)
