"""A call is left once its goodbye was heard, unless the caller is not done."""

from dataclasses import replace
from typing import Any

import pytest

from ringside.calls import EndReason
from ringside.conversation import effects as do
from ringside.conversation import events as e
from ringside.conversation.behaviour import Target
from ringside.conversation.goodbye import Goodbye
from ringside.conversation.playback import BEFORE_SECONDS
from ringside.conversation.timers import Timers
from tests.unit.conversation.talk import ANSWERED, BEHAVIOUR, FAREWELL, Talk, called, noise, quiet, saying_goodbye

# --- silence ---------------------------------------------------------------------------------


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


# --- the agent hangs up ----------------------------------------------------------------------


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


# --- a goodbye in a gap ----------------------------------------------------------------------


def missed_hang_up(talk: Talk) -> None:
    """The session shows the call of hang_up when it is asked for it."""
    talk.feed(e.ItemRetrieved("item_of_call_1", None, None, called("call_1", name="hang_up")))


@pytest.mark.parametrize("began", ["before the gap", "in it"])
def test_a_goodbye_that_is_found_after_a_gap_is_heard_to_its_end(began: str) -> None:
    talk = Talk()
    if began == "before the gap":
        talk.agent_begins("Goodbye!", response="r1")
    talk.hands_over()
    talk.is_taken_over()
    talk.is_reattached(0.3)
    missed_hang_up(talk)
    talk.wait(1.0)
    assert talk.hung_up == []
    talk.feed(e.PlaybackStopped("r1"))
    assert talk.hung_up == [EndReason.AGENT_HUNG_UP]


def test_a_goodbye_whose_response_ends_after_the_gap_is_heard_to_its_end() -> None:
    talk = Talk()
    talk.is_reattached(2.0)
    talk.response_ends("r1", calls=[called("call_1", name="hang_up")])
    assert talk.hung_up == []
    talk.feed(e.PlaybackStopped("r1"))
    assert talk.hung_up == [EndReason.AGENT_HUNG_UP]


def test_a_goodbye_of_a_gap_whose_end_is_never_told_is_waited_for_for_a_moment() -> None:
    talk = Talk()
    talk.is_reattached(2.0)
    missed_hang_up(talk)
    talk.wait(BEFORE_SECONDS - 0.1)
    assert talk.hung_up == []
    talk.wait(0.1)
    assert talk.hung_up == [EndReason.AGENT_HUNG_UP]
    assert "farewell_cut" not in talk.counted


def test_a_goodbye_without_words_long_after_a_gap_waits_for_nothing() -> None:
    talk = Talk()
    talk.is_reattached(2.0)
    talk.caller_says("That was all.")
    talk.response_begins("r2")
    talk.calls_tool("hang_up", "call_1", "r2")
    talk.response_ends("r2")
    assert talk.hung_up == [EndReason.AGENT_HUNG_UP]


# --- the caller is not done ------------------------------------------------------------------


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


# --- noises ----------------------------------------------------------------------------------


def test_words_that_the_agent_took_leave_for_do_not_call_its_goodbye_off_when_they_are_known_late() -> None:
    talk = Talk()
    last_words = talk.caller_starts()
    talk.caller_stops(last_words)
    talk.agent_generated("Goodbye!", response="r1")
    talk.calls_tool("hang_up", "h1", "r1")
    talk.response_ends("r1")
    talk.transcribed(last_words, "Thank you, that was all.")
    talk.feed(e.PlaybackStopped("r1"))
    assert talk.hung_up == [EndReason.AGENT_HUNG_UP]


def test_a_noise_does_not_call_off_the_model_s_goodbye() -> None:
    talk = saying_goodbye()
    noise(talk, cuts="r1")
    assert talk.hung_up == [EndReason.AGENT_HUNG_UP]


def test_a_noise_does_not_call_off_the_goodbye_for_silence() -> None:
    talk = Talk()
    quiet(talk)
    quiet(talk)
    talk.wait(BEHAVIOUR.silence_after)
    talk.agent_begins("Well then, good", response="goodbye")
    noise(talk, cuts="goodbye")
    assert talk.hung_up == [EndReason.SILENCE]
    assert talk.asked.count(FAREWELL) == 1


def test_what_the_session_answers_to_the_noise_is_heard_before_the_call_is_left() -> None:
    talk = saying_goodbye()
    item = talk.caller_starts()
    talk.feed(e.PlaybackCleared("r1"))
    talk.caller_stops(item)
    talk.agent_generated("Pardon?", response="by_voice")
    talk.transcribed(item, "")
    talk.response_ends("by_voice")
    assert talk.hung_up == []
    talk.feed(e.PlaybackStopped("by_voice"))
    assert talk.hung_up == [EndReason.AGENT_HUNG_UP]


def test_a_noise_after_the_caller_s_objection_changes_nothing() -> None:
    talk = saying_goodbye()
    objection = talk.caller_starts()
    talk.feed(e.PlaybackCleared("r1"))
    talk.caller_stops(objection)
    noise(talk)
    assert talk.hung_up == []
    talk.transcribed(objection, "Wait!")
    noise(talk)
    assert talk.hung_up == []


@pytest.mark.parametrize("taken_back_by", ["the transfer", "the noise"])
def test_a_noise_does_not_bring_back_a_goodbye_in_whose_place_there_is_a_transfer(taken_back_by: str) -> None:
    talk = Talk(replace(BEHAVIOUR, transfers={"sales": Target("tel:+14255550100")}))
    talk.agent_generated("Goodbye!", response="r1")
    talk.calls_tool("hang_up", "call_1", "r1")
    talk.response_ends("r1")
    if taken_back_by == "the transfer":
        talk.agent_generated("I am putting you through.", response="r2")
        talk.calls_tool("transfer", "call_2", "r2", arguments='{"to": "sales"}')
    item = talk.caller_starts()
    talk.caller_stops(item)
    if taken_back_by == "the noise":
        talk.agent_generated("I am putting you through.", response="r2")
        talk.calls_tool("transfer", "call_2", "r2", arguments='{"to": "sales"}')
    talk.transcribed(item, "")
    talk.response_ends("r2")
    talk.feed(e.PlaybackStopped("r1"), e.PlaybackStopped("r2"), e.ReferAnswered("call_2", True))
    talk.wait(3.0)
    assert talk.hung_up == []


def test_a_transcription_that_fails_is_not_taken_for_a_noise() -> None:
    talk = saying_goodbye()
    item = talk.caller_starts()
    talk.feed(e.PlaybackCleared("r1"))
    talk.caller_stops(item)
    talk.feed(e.CallerTranscriptFailed(item, "oops"))
    talk.wait(5)
    assert talk.hung_up == []


def test_the_next_owner_knows_that_a_goodbye_may_have_been_called_off_by_a_noise() -> None:
    talk = saying_goodbye()
    item = talk.caller_starts()
    talk.feed(e.PlaybackCleared("r1"))
    talk.caller_stops(item)
    talk.response_begins("by_voice")
    talk.response_ends("by_voice")
    talk.changes_hands()
    talk.transcribed(item, "")
    assert talk.hung_up == [EndReason.AGENT_HUNG_UP]


# --- taking leave on demand ------------------------------------------------------------------


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


# --- transfers and hanging up ----------------------------------------------------------------


OFFICE: dict[str, Any] = {"office": Target("tel:+14255550100")}


TRANSFERRING = replace(BEHAVIOUR, transfers=OFFICE)


@pytest.mark.parametrize("first", ["transfer", "hang_up"])
def test_hanging_up_does_not_end_a_transfer_that_was_asked_for_with_it(first: str) -> None:
    talk = Talk(TRANSFERRING)
    talk.agent_generated("I am putting you through. Goodbye!", response="r1")
    for name in (first, "hang_up" if first == "transfer" else "transfer"):
        talk.calls_tool(name, f"call_{name}", "r1", arguments='{"to": "office"}')
    talk.response_ends("r1")
    talk.feed(e.PlaybackStopped("r1"))
    assert [effect for effect in talk.effects if isinstance(effect, do.Refer)] == [
        do.Refer("call_transfer", "tel:+14255550100")
    ]
    talk.feed(e.ReferAnswered("call_transfer", True))
    talk.wait(TRANSFERRING.transfer_limit - 0.1)
    assert talk.hung_up == []
    assert talk.tool("call_hang_up")["outcome"] == "refused"


# --- the part by itself -----------------------------------------------------------------------


@pytest.mark.parametrize("reason", EndReason)
def test_only_silence_and_the_model_s_wish_can_be_taken_back(reason: EndReason) -> None:
    goodbye = Goodbye(BEHAVIOUR, Timers())
    goodbye.by_us(reason, ANSWERED)

    assert goodbye.retract() is (reason in {EndReason.SILENCE, EndReason.AGENT_HUNG_UP})


def test_of_two_reasons_of_ours_the_first_counts_and_only_one_goodbye_is_asked_for() -> None:
    goodbye = Goodbye(BEHAVIOUR, Timers())

    assert goodbye.by_us(EndReason.OPERATOR_HUNG_UP, ANSWERED)
    assert not goodbye.by_us(EndReason.MAX_DURATION, ANSWERED + 1)
    assert goodbye.reason is EndReason.OPERATOR_HUNG_UP


def test_the_next_owner_hangs_up_at_the_same_moment_at_the_latest() -> None:
    timers, following = Timers(), Timers()
    goodbye, its_goodbye = Goodbye(BEHAVIOUR, timers), Goodbye(BEHAVIOUR, following)
    goodbye.by_model(ANSWERED)
    following.restore(timers.snapshot())
    its_goodbye.restore(goodbye.snapshot(), ANSWERED + 5)

    assert following.next == ANSWERED + BEHAVIOUR.farewell_limit
    assert its_goodbye.retract()


def test_without_its_timer_a_goodbye_ends_soon() -> None:
    timers = Timers()
    goodbye = Goodbye(BEHAVIOUR, timers)
    goodbye.restore({"reason": "silence", "by_model": "?"}, ANSWERED)

    assert timers.next == ANSWERED + BEHAVIOUR.farewell_limit / 3
