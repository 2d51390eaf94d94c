"""Manners on a real line: silence, goodbyes, the limit of time, keys, and what a call may cost."""

import pytest

from infra.local.cloud import LocalCloud
from tests.e2e.house import (
    BRIEF,
    FRONT,
    KEYPAD,
    PATIENT,
    THRIFTY,
    agent,
    asked,
    caller,
    ended,
    outputs,
    responses,
    script,
    tools,
    words,
)


def test_a_greeting_that_did_not_come_is_asked_for_once_more(house: LocalCloud) -> None:
    failing = {"fails": {"type": "server_error", "code": "server_error", "message": "no"}}
    lines = [failing, agent("Hello?"), caller("Goodbye."), agent("Goodbye!", hang_up={})]
    call, known = ended(house, house.emulator.ring(script(*lines, stay=True), called=FRONT))

    greetings = [sent for sent in responses(known) if "instructions" in sent.get("response", {})]
    assert ["Front desk, how can I help?" in sent["response"]["instructions"] for sent in greetings] == [True, True]
    assert (words(known)[0], call["end_reason"]) == ("Hello?", "agent_hung_up")


def test_a_session_that_nobody_listens_to_does_not_go_on_for_ever(house: LocalCloud) -> None:
    """Accepted with 200, but the caller had rung off before: the model talks to an empty line."""
    faults = {"gone_before_accept": "ghost"}
    call, known = ended(house, house.emulator.ring(script(agent("Hello?"), stay=True), called=PATIENT, faults=faults))
    assert (call["end_reason"], len(asked(known, "hangup"))) == ("silence", 1)


def test_a_silent_caller_is_asked_once_and_then_taken_leave_of(house: LocalCloud) -> None:
    call_id = house.emulator.ring(script(agent("Hello?"), stay=True), called=PATIENT)
    call, known = ended(house, call_id)

    assert words(known) == ["Hello?", "Are you still there?", "Goodbye then."]
    assert (call["end_reason"], known["ended"]["by"]) == ("silence", "hangup")


def test_a_farewell_is_heard_to_its_end_before_the_line_is_hung_up(house: LocalCloud) -> None:
    farewell = "It was a pleasure to talk to you, and I wish you a wonderful day with all my heart. Goodbye!"
    lines = [agent("Hello?"), caller("Thank you, that is all."), agent(farewell, hang_up={})]
    call, known = ended(house, house.emulator.ring(script(*lines, stay=True), called=FRONT))

    assert (known["spoken"][-1]["text"], known["spoken"][-1]["heard_ms"]) == (farewell, None)
    assert (call["end_reason"], len(asked(known, "hangup"))) == ("agent_hung_up", 1)


def test_a_call_ends_at_its_limit_after_a_warning_to_the_model_and_a_goodbye_to_the_caller(house: LocalCloud) -> None:
    call_id = house.emulator.ring(script(agent("Let us talk."), {"silence": 60}, stay=True), called=BRIEF)
    call, known = ended(house, call_id)

    facts = [
        sent["event"]["item"]["content"][0]["text"]
        for sent in known["commands"]
        if sent["event"].get("item", {}).get("role") == "system"
    ]
    assert facts == ["This call ends in 1 seconds. Bring the conversation to a close."]
    assert words(known)[-1] == "Our time is up, goodbye."
    assert known["spoken"][-1]["heard_ms"] is None
    assert call["end_reason"] == "max_duration"
    assert 1.5 <= call["duration"] < 4.5


def test_a_model_that_will_not_stop_talking_is_hung_up_on(house: LocalCloud) -> None:
    endless = agent("And another thing. " * 400)
    call, known = ended(house, house.emulator.ring(script(endless, stay=True), called=BRIEF))

    assert call["end_reason"] == "max_duration"
    assert 2.4 < call["duration"] < 6  # and a second for a goodbye that never came
    assert known["spoken"][-1]["heard_ms"] is not None


def test_a_call_that_has_cost_what_it_may_is_brought_to_a_polite_end(house: LocalCloud) -> None:
    lines = [agent("Hello, what can I do for you today?"), caller("Tell me a long story."), agent("Once upon a time.")]
    call, known = ended(house, house.emulator.ring(script(*lines, stay=True), called=THRIFTY))

    assert call["end_reason"] == "spend_limit"
    assert words(known)[-1] == "That was all, goodbye."
    assert known["spoken"][-1]["heard_ms"] is None
    assert call["cost"] > 0.0001


def test_an_answer_that_the_rate_limits_refuse_twice_is_given_after_the_pauses_that_they_ask_for(
    house: LocalCloud,
) -> None:
    message = "Rate limit reached on tokens per min. Please try again in 1.5s."
    limited = {"fails": {"type": "rate_limit_exceeded", "code": "rate_limit_exceeded", "message": message}}
    lines = [agent("Hello."), caller("When are you open?"), limited, limited, agent("From nine to six.", hang_up={})]
    call, known = ended(house, house.emulator.ring(script(*lines, stay=True), called=FRONT))

    assert words(known) == ["Hello.", "From nine to six."]
    assert call["end_reason"] == "agent_hung_up"
    times = [sent["at"] for sent in known["commands"] if sent["event"]["type"] == "response.create"]
    assert len(times) == 3, "the greeting, and the answer twice: the first was the session's own"
    assert times[2] - times[1] >= 2.0, "1.5 s as told, and the second pause is twice the first"


COLLECT = agent("Please enter your customer number.", collect_digits={"length": 6})
THANKS = agent("Thank you, goodbye!", hang_up={})


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ("471147", '{"digits": "471147", "ended_by": "length"}'),
        ("4711#", '{"digits": "4711", "ended_by": "terminator"}'),
        ("47", '{"digits": "47", "ended_by": "timeout"}'),
    ],
)
def test_a_number_is_collected_from_the_keypad(house: LocalCloud, keys: str, told: str) -> None:
    call_id = house.emulator.ring(script(COLLECT, {"dtmf": keys}, THANKS, stay=True), called=KEYPAD)
    call, known = ended(house, call_id)

    assert outputs(known)["collect_digits"] == told
    digits = [item["text"] for item in house.records.get(call_id).items if item["kind"] == "digits"]
    assert digits == [keys.rstrip("#")]
    assert tools(house, call_id)["collect_digits"]["outcome"] == "ok"
    assert call["end_reason"] == "agent_hung_up"


def test_a_caller_who_presses_nothing_is_not_waited_for_for_ever(house: LocalCloud) -> None:
    call_id = house.emulator.ring(script(COLLECT, THANKS, stay=True), called=KEYPAD)
    _, known = ended(house, call_id)
    assert outputs(known)["collect_digits"] == '{"digits": "", "ended_by": "timeout"}'


def test_keys_that_nobody_asked_for_are_told_in_the_file_s_own_words(house: LocalCloud) -> None:
    call_id = house.emulator.ring(script(agent("Hello?"), {"dtmf": "5"}, THANKS, stay=True), called=KEYPAD)
    _, known = ended(house, call_id)
    items = [sent["event"].get("item", {}) for sent in known["commands"]]
    assert [item["content"][0]["text"] for item in items if item.get("role") == "system"] == [
        "The caller pressed 5, ha!"
    ]


def test_what_the_model_notes_stands_in_the_record(house: LocalCloud) -> None:
    noting = agent("Noted. Goodbye!", note={"key": "name", "value": "Ann"}, hang_up={})
    call_id = house.emulator.ring(script(agent("Hello?"), caller("I am Ann."), noting, stay=True), called=FRONT)
    call, _ = ended(house, call_id)
    assert call["notes"] == {"name": "Ann"}
