"""Keys that the caller presses, asked for or not."""

import json
from dataclasses import replace
from typing import Any

import pytest
from pydantic import TypeAdapter

from ringside.conversation import events as e
from ringside.conversation.items import ToolRun
from ringside.conversation.keypad import Keypad
from ringside.conversation.timers import Timers
from ringside.conversation.transcript import Transcript
from tests.unit.conversation.talk import (
    ANSWERED,
    BEHAVIOUR,
    Talk,
    learned,
    press,
)

# --- digits ----------------------------------------------------------------------------------


def collecting(length: object = 4, more: dict[str, Any] | None = None, **behaviour: Any) -> Talk:
    talk = Talk(replace(BEHAVIOUR, digits_timeout=20.0, next_digit_timeout=5.0, **behaviour))
    talk.agent_generated("Please enter your number.", response="r1")
    talk.calls_tool("collect_digits", "d1", "r1", arguments=json.dumps({"length": length, **(more or {})}))
    talk.response_ends("r1")
    talk.feed(e.PlaybackStopped("r1"))
    return talk


def test_digits_are_told_as_soon_as_there_are_enough() -> None:
    talk = collecting(4)
    press(talk, "471")
    assert talk.sent(e.TellOutput) == []
    press(talk, "1")
    assert learned(talk, "d1") == {"digits": "4711", "ended_by": "length"}
    assert [item["text"] for item in talk.table.items if item["kind"] == "digits"] == ["4711"]


@pytest.mark.parametrize(
    ("more", "behaviour"), [({"secret": True}, {}), ({}, {"digits_are_secret": True}), ({"secret": False}, {})]
)
def test_secret_keys_are_told_to_the_model_and_are_no_entry_of_the_call(
    more: dict[str, Any], behaviour: dict[str, Any]
) -> None:
    talk = collecting(4, more, **behaviour)
    press(talk, "4711")
    assert learned(talk, "d1") == {"digits": "4711", "ended_by": "length"}
    kept = "4711" if more == {"secret": False} else "[DIGITS]"
    assert [item["text"] for item in talk.table.items if item["kind"] == "digits"] == [kept]


def test_keys_that_nobody_asked_for_are_secret_where_all_are() -> None:
    talk = Talk(replace(BEHAVIOUR, digits_are_secret=True))
    talk.agent_generated("Hello?", response="r1")
    talk.response_ends("r1")
    press(talk, "99")
    talk.wait(5)
    assert ["99" in str(fact) for fact in talk.sent(e.TellFact)] == [True]
    assert [item["text"] for item in talk.table.items if item["kind"] == "digits"] == ["[DIGITS]"]


def test_the_terminator_ends_them_and_is_none_of_them() -> None:
    talk = collecting(10)
    press(talk, "4711#")
    assert learned(talk, "d1") == {"digits": "4711", "ended_by": "terminator"}


def test_another_terminator_or_none_may_be_chosen() -> None:
    talk = collecting(10, digits_terminator="*")
    press(talk, "12#3*")
    assert learned(talk, "d1") == {"digits": "12#3", "ended_by": "terminator"}
    talk = collecting(3, digits_terminator=None)
    press(talk, "1#*")
    assert learned(talk, "d1") == {"digits": "1#*", "ended_by": "length"}


def test_a_terminator_after_the_last_digit_is_not_told_as_a_key_of_its_own() -> None:
    talk = collecting(4)
    press(talk, "4711#")
    talk.wait(10)
    assert talk.sent(e.TellFact) == []


@pytest.mark.parametrize(("keys", "seconds"), [("", 20.0), ("47", 5.0)])
def test_a_caller_who_stops_is_waited_for_and_the_model_is_told(keys: str, seconds: float) -> None:
    talk = collecting(4)
    press(talk, keys)
    talk.wait(seconds - 0.3)
    assert talk.sent(e.TellOutput) == []
    talk.wait(0.4)
    assert learned(talk, "d1") == {"digits": keys, "ended_by": "timeout"}


def test_keys_pressed_ahead_of_the_question_are_its_answer() -> None:
    talk = Talk()
    talk.agent_generated("Your number is needed.", response="r1")
    for key in "47":
        talk.feed(e.DigitPressed(key))
    talk.calls_tool("collect_digits", "d1", "r1", arguments='{"length": 4}')
    talk.response_ends("r1")
    press(talk, "11")
    assert learned(talk, "d1") == {"digits": "4711", "ended_by": "length"}


def test_nobody_is_asked_whether_they_are_still_there_while_keys_are_waited_for() -> None:
    talk = collecting(4, silence_after=3.0)
    talk.wait(19)
    assert "Still there?" not in talk.asked


@pytest.mark.parametrize("length", [0, 41, -1, "four", "", "4 or 5", 4.5, "4.5", "0", True, None, [4], 10**30])
def test_a_length_that_makes_no_sense_is_refused_with_the_reason(length: object) -> None:
    talk = collecting(length)
    assert talk.tool("d1")["outcome"] == "refused"
    assert "1 to 40" in learned(talk, "d1")["error"]
    assert json.dumps(length)[:40] in learned(talk, "d1")["error"]


@pytest.mark.parametrize("length", [4, 4.0, "4", " 4 ", "4.0", "+4"])
def test_a_length_is_read_as_python_tools_read_a_whole_number(length: object) -> None:
    assert TypeAdapter(int).validate_python(length) == 4
    talk = collecting(length)
    press(talk, "4711")
    assert learned(talk, "d1") == {"digits": "4711", "ended_by": "length"}


# --- nothing waits for keys that may never come ----------------------------------------------


def test_words_of_the_caller_end_the_waiting_for_keys_and_one_response_answers_both() -> None:
    talk = collecting(4)
    caller = talk.caller_says("It is one zero zero one.")
    assert learned(talk, "d1") == {"digits": "", "ended_by": "speech"}
    talk.agent_says("Order one zero zero one is on its way.", response="by_voice")
    talk.transcribed(caller, "It is one zero zero one.")
    talk.wait(BEHAVIOUR.silence_after - 0.1)
    assert talk.asked == []
    assert len(talk.sent(e.TellOutput)) == 1


def test_words_that_are_known_only_after_they_were_answered_end_the_waiting_without_another_answer() -> None:
    talk = collecting(4)
    caller = talk.caller_starts()
    talk.caller_stops(caller)
    talk.agent_says("Thank you.", response="by_voice")
    talk.transcribed(caller, "One zero zero one.")
    assert learned(talk, "d1")["ended_by"] == "speech"
    talk.wait(5)
    assert talk.asked == []


def test_the_digits_so_far_come_with_the_words() -> None:
    talk = collecting(4)
    press(talk, "10")
    talk.caller_says("And then I forgot.")
    assert learned(talk, "d1") == {"digits": "10", "ended_by": "speech"}
    assert [item["text"] for item in talk.table.items if item["kind"] == "digits"] == ["10"]


def test_words_from_before_the_question_that_are_known_late_do_not_end_the_waiting() -> None:
    talk = Talk()
    caller = talk.caller_starts()
    talk.caller_stops(caller)
    talk.agent_generated("Please enter your number.", response="r1")
    talk.calls_tool("collect_digits", "d1", "r1", arguments='{"length": 4}')
    talk.response_ends("r1")
    talk.transcribed(caller, "I have an order.")
    assert talk.sent(e.TellOutput) == []
    press(talk, "1001")
    assert learned(talk, "d1") == {"digits": "1001", "ended_by": "length"}


@pytest.mark.parametrize("transcript", ["", " . ", None])
def test_a_noise_does_not_end_the_waiting_for_keys(transcript: str | None) -> None:
    talk = collecting(4)
    press(talk, "10")
    noise = talk.caller_starts()
    talk.caller_stops(noise)
    if transcript is None:
        talk.feed(e.CallerTranscriptFailed(noise, "oops"))
    else:
        talk.transcribed(noise, transcript)
    press(talk, "01")
    assert learned(talk, "d1") == {"digits": "1001", "ended_by": "length"}


def test_words_that_were_missed_end_the_waiting_when_they_are_retrieved() -> None:
    talk = collecting(4)
    talk.is_reattached()
    talk.feed(e.ItemRetrieved("missed", "caller", "One zero zero one."))
    assert learned(talk, "d1")["ended_by"] == "speech"


def test_a_conversation_that_has_gone_on_is_not_interrupted_when_no_keys_have_come() -> None:
    """Without a transcript nobody knows that the caller has answered in words, but the agent has reacted."""
    talk = collecting(4, silence_after=1000.0)
    caller = talk.caller_starts()
    talk.caller_stops(caller)
    talk.agent_says("Thank you. Anything else?", response="by_voice")
    talk.wait(30)
    assert learned(talk, "d1") == {"digits": "", "ended_by": "timeout"}
    assert talk.asked == []


def test_keys_that_stop_are_news_although_the_conversation_has_gone_on() -> None:
    talk = collecting(4)
    talk.caller_stops(talk.caller_starts())
    talk.agent_says("Go ahead.", response="by_voice")
    press(talk, "47")
    talk.wait(5)
    assert learned(talk, "d1") == {"digits": "47", "ended_by": "timeout"}
    assert talk.asked == [None]


def test_a_newer_question_for_keys_replaces_the_older_one_and_gets_all_of_them() -> None:
    talk = collecting(4)
    press(talk, "123")
    talk.response_begins("r2")
    talk.calls_tool("collect_digits", "d2", "r2", arguments='{"length": 6}')
    talk.response_ends("r2")
    assert learned(talk, "d1") == {"digits": "", "ended_by": "replaced"}
    assert talk.asked == []
    press(talk, "456")
    assert learned(talk, "d2") == {"digits": "123456", "ended_by": "length"}
    assert [item["text"] for item in talk.table.items if item["kind"] == "digits"] == ["123456"]
    assert talk.asked == [None]


def test_a_newer_question_that_makes_no_sense_replaces_nothing() -> None:
    talk = collecting(4)
    talk.calls_tool("collect_digits", "d2", "r2", arguments='{"length": "many"}')
    press(talk, "1001")
    assert learned(talk, "d1")["digits"] == "1001"


def test_another_tool_that_finishes_while_keys_are_awaited_is_answered_at_once() -> None:
    talk = Talk()
    talk.agent_generated("Please enter your number.", response="r1")
    talk.calls_tool("collect_digits", "d1", "r1", arguments='{"length": 4}')
    talk.calls_tool("book", "call_1", "r1")
    talk.response_ends("r1")
    talk.feed(e.PlaybackStopped("r1"))
    talk.tool_returns("call_1")
    assert talk.asked == [None]
    talk.agent_says("That is booked. Your number?", response="r2")
    press(talk, "1001")
    assert talk.asked == [None, None]


def test_a_note_is_answered_together_with_the_keys_that_were_asked_for_with_it() -> None:
    """The agent has just asked its question, and there is nothing to say to a note."""
    talk = Talk()
    talk.agent_generated("Please enter your number.", response="r1")
    talk.calls_tool("note", "n1", "r1", arguments='{"key": "name", "value": "Ann"}')
    talk.calls_tool("collect_digits", "d1", "r1", arguments='{"length": 4}')
    talk.response_ends("r1")
    talk.feed(e.PlaybackStopped("r1"))
    assert talk.asked == []
    press(talk, "1001")
    assert talk.asked == [None]


def test_ten_thousand_digits_are_forty() -> None:
    talk = Talk()
    talk.feed(*(e.DigitPressed(str(number % 10)) for number in range(10_000)))
    talk.wait(5)
    (fact,) = talk.sent(e.TellFact)
    assert len(fact.text) < 100
    assert [len(item["text"]) for item in talk.table.items if item["kind"] == "digits"] == [40]


def test_how_keys_are_told_is_the_file_s_own_and_no_format_of_python_s() -> None:
    talk = Talk(replace(BEHAVIOUR, digits_template="Keys {digits.__class__} {0} {digits}!"))
    press(talk, "5")
    talk.wait(2)
    assert talk.sent(e.TellFact)[0].text == "Keys {digits.__class__} {0} 5!"


# --- keys ------------------------------------------------------------------------------------


def test_keys_are_told_together_when_the_caller_pauses() -> None:
    talk = Talk()
    press(talk, "12")
    talk.wait(1)
    press(talk, "34#")
    assert talk.sent(e.TellFact) == []
    talk.wait(1.5)
    assert [fact.text for fact in talk.sent(e.TellFact)] == ["The caller pressed 1234# on the phone's keypad."]
    assert talk.asked == [None]
    press(talk, "5")
    talk.response_begins("r1")
    talk.response_ends("r1")
    talk.wait(1.5)
    assert [fact.text for fact in talk.sent(e.TellFact)][1:] == ["The caller pressed 5 on the phone's keypad."]


def test_keys_stand_in_the_record_where_they_were_pressed() -> None:
    talk = Talk()
    press(talk, "5")
    talk.wait(1.5)
    (told,) = talk.sent(e.TellFact)
    assert told.item_id is not None
    caller = talk.caller_starts()
    talk.caller_stops(caller)
    talk.feed(e.ItemAdded(told.item_id, "agent_1", "other"))
    talk.transcribed(caller, "Did you get that?")
    assert [item["kind"] for item in talk.table.items] == ["turn", "digits", "turn"]
    assert [item.get("text") for item in talk.table.items] == ["Hello!", "5", "Did you get that?"]


def test_keys_are_answered_although_a_tool_is_running() -> None:
    talk = Talk()
    talk.response_begins("r1")
    talk.calls_tool("book", "call_1", "r1")
    talk.response_ends("r1")
    press(talk, "0")
    talk.wait(1.5)
    assert talk.asked == [None]
    talk.agent_says("I am still at it.", response="r2")
    talk.tool_returns("call_1")
    assert talk.asked == [None, None]


def test_keys_and_an_output_at_once_are_answered_together() -> None:
    talk = Talk()
    talk.response_begins("r1")
    talk.calls_tool("book", "call_1", "r1")
    talk.tool_returns("call_1")
    press(talk, "0")
    talk.wait(1.5)
    talk.response_ends("r1")
    talk.agent_says("Booked, and you pressed 0.", response="r2")
    assert talk.asked == [None]


def test_keys_pressed_over_the_silence_prompt_are_not_answered_twice() -> None:
    talk = Talk()
    talk.wait(BEHAVIOUR.silence_after - 0.1)
    press(talk, "1")
    talk.wait(1.5)
    assert talk.asked == [None], "whoever presses keys is not silent"


# --- the part by itself -----------------------------------------------------------------------


def keypad(timers: Timers) -> Keypad:
    return Keypad(BEHAVIOUR, timers, Transcript())


def asking(length: int) -> ToolRun:
    return ToolRun("d1", "item_1", "collect_digits", json.dumps({"length": length}), ANSWERED)


def test_the_next_owner_goes_on_with_the_keys_and_waits_as_long() -> None:
    timers, following = Timers(), Timers()
    before, after, run = keypad(timers), keypad(following), asking(4)
    before.collect(run, ANSWERED)
    before.pressed("1", ANSWERED + 1)
    before.pressed("2", ANSWERED + 2)
    following.restore(timers.snapshot())
    after.restore(before.snapshot(), {"d1": run}, ANSWERED + 3)

    assert following.next == ANSWERED + 2 + BEHAVIOUR.next_digit_timeout
    assert after.pressed("3", ANSWERED + 3) == ([], None)
    _, result = after.pressed("4", ANSWERED + 4)
    assert result is not None
    assert result.message == {"digits": "1234", "ended_by": "length"}


def test_keys_without_their_timer_are_told_after_a_pause() -> None:
    timers = Timers()
    keypad(timers).restore({"digits": "12", "collecting": {"tool_call_id": "gone", "length": 4}}, {}, ANSWERED)

    assert timers.next == ANSWERED + BEHAVIOUR.digit_pause


@pytest.mark.parametrize("asked", [True, False])
def test_keys_stand_where_they_were_pressed(asked: bool) -> None:
    talk = Talk()
    talk.caller_says("I have an order.")
    talk.agent_begins("Please key in your four digits.", "r1")
    if asked:
        talk.calls_tool("collect_digits", "d1", "r1", arguments='{"length": 4}')
    talk.response_ends("r1")
    talk.feed(e.PlaybackStopped("r1"))
    press(talk, "1001")
    if asked:
        talk.output_added("d1")
    talk.wait(BEHAVIOUR.digit_pause)
    talk.agent_says("It has shipped.", response="r2")
    talk.caller_says("And when will it arrive?")
    talk.is_taken_over()
    talk.agent_says("Tomorrow.", response="r3")
    talk.caller_says("Thanks.")

    entries = [item.get("name") or item.get("text") for item in talk.table.items]
    assert entries[-5:] == ["1001", "It has shipped.", "And when will it arrive?", "Tomorrow.", "Thanks."]
