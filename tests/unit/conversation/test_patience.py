"""How long to wait: for a greeting, a silent caller, a slow tool, a stalled session, the end of the call."""

from dataclasses import replace

import pytest

from ringside.calls import EndReason
from ringside.conversation import effects as do
from ringside.conversation import events as e
from tests.unit.conversation.talk import (
    ANSWERED,
    BEHAVIOUR,
    FAREWELL,
    STILL_THERE,
    Talk,
    noise,
    quiet,
)

# --- greeting --------------------------------------------------------------------------------


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


# --- silence ---------------------------------------------------------------------------------


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
def test_the_agent_asks_as_often_as_its_behaviour_say(prompts: int) -> None:
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


def test_a_question_after_silence_that_the_caller_forestalled_is_not_asked_later() -> None:
    talk = Talk()
    talk.wait(BEHAVIOUR.silence_after)
    question = talk.last_ref
    talk.caller_says("One moment.")
    talk.response_begins("by_voice")
    talk.refused(question)
    talk.response_ends("by_voice")
    assert talk.asked == [STILL_THERE]


# --- limits ----------------------------------------------------------------------------------


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


# --- a session that has stopped answering ----------------------------------------------------


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


# --- a tool that is slow ---------------------------------------------------------------------


PATIENT = replace(BEHAVIOUR, tool_patience=4.0, waiting_instructions="One moment.")


def test_a_caller_is_told_once_that_a_tool_takes_longer() -> None:
    talk = Talk(PATIENT)
    talk.calls_tool("look_up", "f1", "r1")
    talk.response_ends("r1")
    talk.wait(3.9)
    assert talk.asked == []
    talk.wait(0.2)
    assert talk.asked == ["One moment."]
    talk.agent_says("It takes a moment longer.", response="r2")
    talk.wait(20)
    assert talk.asked == ["One moment."]
    talk.tool_returns("f1")
    assert talk.asked == ["One moment.", None]


def test_a_tool_that_is_quick_or_called_while_the_agent_speaks_needs_no_excuse() -> None:
    talk = Talk(PATIENT)
    talk.agent_generated("Let me look that up for you, which may take a little while.", response="r1")
    talk.calls_tool("look_up", "f1", "r1")
    talk.response_ends("r1")
    talk.wait(8)  # it is still being played
    talk.feed(e.PlaybackStopped("r1"))
    talk.wait(3)
    talk.tool_returns("f1")
    talk.wait(3)
    assert talk.asked == [None]


def test_nobody_is_excused_to_a_caller_who_is_leaving_or_speaking() -> None:
    talk = Talk(PATIENT)
    talk.calls_tool("look_up", "f1", "r1")
    talk.response_ends("r1")
    talk.caller_starts()
    talk.wait(10)
    assert "One moment." not in talk.asked


# --- noises ----------------------------------------------------------------------------------


@pytest.mark.parametrize("answered", [True, False])
def test_a_caller_of_whom_there_are_only_noises_is_given_up(answered: bool) -> None:
    talk = Talk()
    for number in range(30):
        talk.wait(BEHAVIOUR.silence_after * 2 / 3)
        if talk.hung_up:
            break
        before = len(talk.asked)
        noise(talk, answered=f"pardon_{number}" if answered else None)
        if len(talk.asked) > before:
            talk.agent_says("Hm?", response=f"asked_{number}")
    assert talk.asked == [STILL_THERE] * BEHAVIOUR.silence_prompts + [FAREWELL]
    assert talk.hung_up == [EndReason.SILENCE]
    states = {turn["state"] for turn in talk.turns if turn["role"] == "caller"}
    assert states == {"untranscribed"}


def test_the_quiet_before_and_after_a_noise_adds_up() -> None:
    talk = Talk()
    talk.wait(BEHAVIOUR.silence_after - 2)
    noise(talk)
    talk.wait(1.9)
    assert talk.asked == []
    talk.wait(0.1)
    assert talk.asked == [STILL_THERE]


def test_words_begin_a_new_silence_though_a_noise_came_before_them() -> None:
    talk = Talk()
    talk.wait(BEHAVIOUR.silence_after - 2)
    noise(talk)
    talk.caller_says("I am looking for it.")
    talk.agent_says("Take your time.", response="r2")
    talk.wait(BEHAVIOUR.silence_after - 0.1)
    assert talk.asked == []


def test_a_caller_whose_words_are_never_transcribed_is_no_silent_caller() -> None:
    talk = Talk()
    for number in range(10):
        talk.wait(BEHAVIOUR.silence_after * 2 / 3)
        talk.caller_stops(talk.caller_starts())
        talk.agent_says("I see.", response=f"r{number}")
    assert (talk.asked, talk.hung_up) == ([], [])
