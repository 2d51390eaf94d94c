"""The built-in tools, fed by hand: transfer with a verdict, digits, notes."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from ringside.calls import EndReason
from ringside.conversation import builtin_tools, effects, notes
from ringside.conversation import events as e
from ringside.conversation.behaviour import Target
from tests.unit.conversation.talk import BEHAVIOUR, Talk

TARGETS = {"sales": Target("tel:+14255550100", "Offer to take a note."), "desk": Target("sip:desk@example.com")}
OFFICE = replace(BEHAVIOUR, transfers=TARGETS, transfer_limit=15.0)


def told(talk: Talk, call: str) -> dict[str, Any]:
    """What the model was told of a tool call, last."""
    outputs = [command.output for command in talk.sent(e.TellOutput) if command.tool_call_id == call]
    found: dict[str, Any] = json.loads(outputs[-1])
    return found


def facts(talk: Talk) -> Mapping[str, Any]:
    """What the call's item has to say, with every note in its turn."""
    found: dict[str, Any] = {}
    for effect in talk.effects:
        if isinstance(effect, effects.Note):
            found |= effect.facts
    return found


def refers(talk: Talk) -> list[str]:
    return [effect.uri for effect in talk.effects if isinstance(effect, effects.Refer)]


# --- transfer ---------------------------------------------------------------------------------


def transferring(to: str = "sales", **more: Any) -> Talk:
    """The model announces a transfer, and is still heard."""
    talk = Talk(OFFICE)
    talk.caller_says("Sales, please.")
    talk.agent_generated("I am putting you through.", response="r1")
    talk.calls_tool("transfer", "t1", "r1", arguments=json.dumps({"to": to, **more}))
    talk.response_ends("r1")
    return talk


def announced() -> Talk:
    talk = transferring()
    talk.feed(e.PlaybackStopped("r1"))
    return talk


def test_a_transfer_waits_until_its_announcement_was_heard() -> None:
    talk = transferring()
    assert refers(talk) == []
    talk.feed(e.PlaybackStopped("r1"))
    assert refers(talk) == ["tel:+14255550100"]
    assert facts(talk)["transfer"]["verdict"] == "asked"


def test_a_transfer_that_openai_took_is_waited_for() -> None:
    talk = announced()
    talk.feed(e.ReferAnswered("t1", True))
    talk.wait(14.9)
    assert facts(talk)["transfer"]["verdict"] == "accepted"
    assert talk.conversation.is_transferred
    assert talk.hung_up == []


def test_a_call_that_ends_while_it_is_waited_for_has_left_us() -> None:
    talk = announced()
    asked = talk.now
    talk.wait(1)
    talk.feed(e.ReferAnswered("t1", True))
    talk.wait(2)
    talk.finish()
    assert facts(talk)["transfer"] == {
        "tool_call_id": "t1",
        "target": "sales",
        "verdict": "left",
        "asked_at": asked,
        "accepted_at": asked + 1,
        "decided_at": asked + 3,
    }
    assert talk.tool("t1")["outcome"] == "ok"


def test_a_caller_who_is_still_here_was_not_transferred_and_the_model_learns_plan_b() -> None:
    talk = announced()
    talk.feed(e.ReferAnswered("t1", True))
    before = len(talk.asked)
    talk.wait(15)
    assert (facts(talk)["transfer"]["verdict"], facts(talk)["transfer"]["why"]) == (
        "failed",
        "the caller was still here",
    )
    assert told(talk, "t1") == {
        "error": "The transfer to sales did not work; the caller is still on the line. Offer to take a note."
    }
    assert len(talk.asked) == before + 1  # the caller is spoken to again
    assert not talk.conversation.is_transferred
    assert talk.counted.count("transfers_failed") == 1


def test_a_transfer_that_openai_refuses_has_failed_at_once() -> None:
    talk = announced()
    talk.feed(e.ReferAnswered("t1", False, "500"))
    assert facts(talk)["transfer"]["why"] == "500"
    assert talk.tool("t1")["outcome"] == "error"
    assert talk.conversation.deadline is None or talk.wait(20) is not None


def test_after_a_failed_transfer_another_target_may_be_tried() -> None:
    talk = announced()
    talk.feed(e.ReferAnswered("t1", False, "500"))
    talk.agent_generated("Nobody there. I will try the desk.", response="r2")
    talk.calls_tool("transfer", "t2", "r2", arguments='{"to": "desk"}')
    talk.response_ends("r2")
    talk.feed(e.PlaybackStopped("r2"))
    assert refers(talk) == ["tel:+14255550100", "sip:desk@example.com"]
    assert facts(talk)["transfer"]["target"] == "desk"
    assert "why" not in facts(talk)["transfer"]


@pytest.mark.parametrize(
    "arguments",
    [
        '{"to": "tel:+19005550100"}',
        '{"to": "+19005550100"}',
        '{"to": "sip:thief@example.com"}',
        '{"to": "Sales"}',
        '{"to": ["sales"]}',
        '{"to": null}',
        '{"uri": "tel:+19005550100"}',
        '{"to": "desk", "to": "premium"}',
        "[]",
        "not JSON",
        "",
    ],
)
def test_nothing_that_the_file_does_not_name_is_ever_referred_to(arguments: str) -> None:
    talk = Talk(OFFICE)
    talk.calls_tool("transfer", "t1", "r1", arguments=arguments)
    talk.response_ends("r1")
    assert refers(talk) == []
    assert talk.tool("t1")["outcome"] == "refused"
    assert told(talk, "t1") == {"error": "Unknown target. Choose one of: sales, desk."}


def test_an_address_beside_the_name_changes_nothing() -> None:
    talk = transferring(uri="tel:+19005550100")
    talk.feed(e.PlaybackStopped("r1"))
    assert refers(talk) == ["tel:+14255550100"]


def test_a_caller_who_speaks_up_during_the_announcement_stays() -> None:
    talk = transferring()
    talk.caller_says("No, wait!")
    talk.feed(e.PlaybackStopped("r1"))
    talk.wait(60)
    assert refers(talk) == []
    assert talk.tool("t1")["outcome"] == "refused"
    assert "the caller spoke" in told(talk, "t1")["error"]
    assert "transfer" not in facts(talk)


def test_a_second_transfer_waits_for_the_verdict_on_the_first() -> None:
    talk = announced()
    talk.feed(e.ReferAnswered("t1", True))
    talk.calls_tool("transfer", "t2", "r2", arguments='{"to": "desk"}')
    assert told(talk, "t2") == {"error": "A transfer is already under way."}
    assert refers(talk) == ["tel:+14255550100"]


def test_a_note_taken_with_the_transfer_does_not_make_the_model_talk_into_it() -> None:
    talk = Talk(OFFICE)
    talk.agent_generated("I am putting you through.", response="r1")
    talk.calls_tool("note", "n1", "r1", arguments='{"key": "about", "value": "chairs"}')
    talk.calls_tool("transfer", "t1", "r1", arguments='{"to": "sales"}')
    talk.response_ends("r1")
    talk.feed(e.PlaybackStopped("r1"))
    assert refers(talk) == ["tel:+14255550100"]
    assert talk.asked == []


def test_a_call_that_we_hang_up_was_not_transferred() -> None:
    talk = Talk(replace(OFFICE, max_duration=20.0, warn_before_end=1.0, farewell_limit=1.0))
    talk.agent_generated("I am putting you through.", response="r1")
    talk.calls_tool("transfer", "t1", "r1", arguments='{"to": "sales"}')
    talk.response_ends("r1")
    talk.wait(18)
    talk.feed(e.PlaybackStopped("r1"), e.ReferAnswered("t1", True))
    talk.wait(5)
    talk.finish()
    assert talk.hung_up == [EndReason.MAX_DURATION]
    assert facts(talk)["transfer"]["verdict"] == "accepted"
    assert talk.tool("t1")["outcome"] == "unknown"


# --- digits -----------------------------------------------------------------------------------


def collecting(length: object = 4, **behaviour: Any) -> Talk:
    talk = Talk(replace(BEHAVIOUR, digits_timeout=20.0, next_digit_timeout=5.0, **behaviour))
    talk.agent_generated("Please enter your number.", response="r1")
    talk.calls_tool("collect_digits", "d1", "r1", arguments=json.dumps({"length": length}))
    talk.response_ends("r1")
    talk.feed(e.PlaybackStopped("r1"))
    return talk


def press(talk: Talk, keys: str) -> None:
    for key in keys:
        talk.feed(e.DigitPressed(key))
        talk.wait(0.2)


def test_digits_are_told_as_soon_as_there_are_enough() -> None:
    talk = collecting(4)
    press(talk, "471")
    assert talk.sent(e.TellOutput) == []
    press(talk, "1")
    assert told(talk, "d1") == {"digits": "4711", "ended_by": "length"}
    assert [item["text"] for item in talk.table.items if item["kind"] == "digits"] == ["4711"]


def test_the_terminator_ends_them_and_is_none_of_them() -> None:
    talk = collecting(10)
    press(talk, "4711#")
    assert told(talk, "d1") == {"digits": "4711", "ended_by": "terminator"}


def test_another_terminator_or_none_may_be_chosen() -> None:
    talk = collecting(10, digits_terminator="*")
    press(talk, "12#3*")
    assert told(talk, "d1") == {"digits": "12#3", "ended_by": "terminator"}
    talk = collecting(3, digits_terminator=None)
    press(talk, "1#*")
    assert told(talk, "d1") == {"digits": "1#*", "ended_by": "length"}


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
    assert told(talk, "d1") == {"digits": keys, "ended_by": "timeout"}


def test_keys_pressed_ahead_of_the_question_are_its_answer() -> None:
    talk = Talk()
    talk.agent_generated("Your number is needed.", response="r1")
    for key in "47":
        talk.feed(e.DigitPressed(key))
    talk.calls_tool("collect_digits", "d1", "r1", arguments='{"length": 4}')
    talk.response_ends("r1")
    press(talk, "11")
    assert told(talk, "d1") == {"digits": "4711", "ended_by": "length"}


def test_nobody_is_asked_whether_they_are_still_there_while_keys_are_waited_for() -> None:
    talk = collecting(4, silence_after=3.0)
    talk.wait(19)
    assert "Still there?" not in talk.asked


@pytest.mark.parametrize("length", [0, 41, -1, "four", 4.0, True, None, 10**30])
def test_a_length_that_makes_no_sense_is_refused_in_words(length: object) -> None:
    talk = collecting(length)
    assert talk.tool("d1")["outcome"] == "refused"
    assert "1 to 40" in told(talk, "d1")["error"]


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


# --- notes ------------------------------------------------------------------------------------


def noting(*arguments: str) -> Talk:
    talk = Talk()
    for number, given in enumerate(arguments):
        talk.calls_tool("note", f"n{number}", "r1", arguments=given)
    talk.response_ends("r1")
    return talk


def test_what_the_model_notes_stands_on_the_call() -> None:
    talk = noting('{"key": "name", "value": "Ann"}', '{"key": "reason", "value": "chairs"}')
    assert facts(talk)["notes"] == {"name": "Ann", "reason": "chairs"}
    assert told(talk, "n1") == {"noted": "reason"}
    assert len(talk.asked) == 1


def test_a_later_note_of_the_same_key_replaces_the_earlier() -> None:
    assert facts(noting('{"key": "name", "value": "An"}', '{"key": "name", "value": "Ann"}'))["notes"] == {
        "name": "Ann"
    }


@pytest.mark.parametrize("arguments", ['{"key": "name"}', '{"value": "Ann"}', '{"key": " ", "value": "x"}', "[]", "?"])
def test_half_a_note_is_refused(arguments: str) -> None:
    talk = noting(arguments)
    assert "notes" not in facts(talk)
    assert talk.tool("n0")["outcome"] == "refused"


def test_notes_cannot_fill_the_record() -> None:
    long = json.dumps({"key": "k" * 9000, "value": "v" * 900_000})
    many = [json.dumps({"key": str(number), "value": "x"}) for number in range(200)]
    kept = facts(noting(long, *many))["notes"]
    assert len(kept) == notes.MAX_NOTES
    assert max(len(key) + len(value) for key, value in kept.items()) == 1060


def test_half_a_character_does_not_stop_the_record() -> None:
    talk = noting('{"key": "na\\ud83dme", "value": "Ann \\udc00"}')
    json.dumps(facts(talk), ensure_ascii=False).encode()
    assert facts(talk)["notes"] == {"na?me": "Ann ?"}


def test_notes_of_an_earlier_owner_are_kept() -> None:
    talk = Talk(greeted=False)
    talk.conversation.resume([], True, talk.now, {"notes": {"name": "Ann"}, "transfer": None})
    talk.calls_tool("note", "n1", "r1", arguments='{"key": "reason", "value": "chairs"}')
    assert facts(talk)["notes"] == {"name": "Ann", "reason": "chairs"}


# --- what the model is shown ------------------------------------------------------------------


def test_the_model_sees_names_and_never_an_address() -> None:
    shown = builtin_tools.functions(builtin_tools.NAMES, {"sales": "for buying", "desk": ""})
    transfer = next(function for function in shown if function["name"] == "transfer")
    assert transfer["parameters"]["properties"]["to"]["enum"] == ["sales", "desk"]
    assert "sales: for buying; desk" in transfer["description"]
    assert "tel:" not in json.dumps(shown)


def test_only_what_the_agent_names_is_shown() -> None:
    assert [function["name"] for function in builtin_tools.functions(frozenset({"note"}), {"sales": ""})] == ["note"]
    assert builtin_tools.functions(frozenset({"transfer"}), {}) == []


# --- a tool that is slow ----------------------------------------------------------------------

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
