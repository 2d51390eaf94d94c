"""What is written of a call whose agent redacts."""

import json
from typing import Any

import pytest

from ringside.redaction.kept_words import KeptWords
from ringside.redaction.redactor import Redactor
from tests.unit.redaction.measure import ALL

CARD = "four one one one, one one one one, one one one one, one one one one"


def turn(text: str | None, item_id: str = "a1", role: str = "caller") -> dict[str, Any]:
    return {"kind": "turn", "item_id": item_id, "role": role, "text": text}


def test_without_redaction_everything_is_kept_as_it_is() -> None:
    kept, entry, facts = KeptWords(None), turn(CARD), {"notes": {"card": CARD}}
    assert kept.entry(1, entry) is entry
    assert kept.facts(facts) is facts


def test_words_of_either_side_are_kept_without_what_is_redacted() -> None:
    kept = KeptWords(ALL)
    assert kept.entry(1, turn(f"It is {CARD}."))["text"] == "It is [CARD]."
    assert kept.entry(1, turn(f"So {CARD}, is that right?", role="agent"))["text"] == "So [CARD], is that right?"
    assert kept.entry(1, turn(None))["text"] is None


def test_a_number_that_is_said_over_several_turns_is_known_by_what_was_said_before() -> None:
    kept = KeptWords(ALL)
    said = (
        "What is your card number?",
        "four one one one one one one one",
        "Go on.",
        "one one one one one one one one",
    )
    texts = [kept.entry(number, turn(text, f"a{number}"))["text"] for number, text in enumerate(said)]
    assert texts == ["What is your card number?", "[CARD]", "Go on.", "[CARD]"]


def test_a_turn_that_is_written_again_is_not_its_own_neighbour() -> None:
    kept = KeptWords(ALL)
    kept.entry(1, turn("My card", "a1"))
    assert kept.entry(1, turn("My cardigan is size twelve thirty four", "a1"))["text"].endswith("twelve thirty four")


def test_arguments_and_outcomes_of_tools_are_kept_without_it_and_otherwise_letter_by_letter() -> None:
    kept = KeptWords(ALL)
    run = {
        "kind": "tool",
        "item_id": "f1",
        "name": "pay",
        "arguments": '{"card":  "4111111111111111"}',
        "output": "ok: 12",
    }
    assert json.loads(kept.entry(1, run)["arguments"]) == {"card": "[CARD]"}
    assert kept.entry(1, run)["output"] == "ok: 12"
    assert run["arguments"] == '{"card":  "4111111111111111"}'
    clean = {"kind": "tool", "item_id": "f2", "name": "book", "arguments": '{ "day":"friday" }', "output": '{"ok":1}'}
    assert kept.entry(1, clean) == clean
    assert kept.entry(1, run | {"arguments": f"broken {CARD}"})["arguments"] == "broken [CARD]"


def test_keys_that_are_a_card_are_kept_as_one() -> None:
    assert (
        KeptWords(ALL).entry(1, {"kind": "digits", "item_id": "digits_1", "text": "4111111111111111"})["text"]
        == "[CARD]"
    )


def test_notes_and_what_the_next_owner_is_left_are_kept_without_it() -> None:
    facts = {
        "notes": {"number": "+14155552671", "name": "Dana"},
        "conversation": {
            "epoch": 1,
            "keypad": {"digits": "4111"},
            "transcript": {"words": [["item_4111111111111111", CARD]], "parts": [["a1", 1, CARD]], "wordless": ["a2"]},
        },
    }
    kept = KeptWords(ALL).facts(facts)
    assert kept["notes"] == {"number": "[PHONE]", "name": "Dana"}
    assert kept["conversation"]["keypad"] == {"digits": "4111"}
    assert kept["conversation"]["transcript"] == {
        "words": [["item_4111111111111111", "[CARD]"]],
        "parts": [["a1", 1, "[CARD]"]],
        "wordless": ["a2"],
    }


def test_a_transcript_that_comes_late_is_read_with_what_was_said_before_it() -> None:
    kept = KeptWords(ALL)
    kept.entry(1, turn("What is your card number?", "a1", "agent"))
    kept.entry(3, turn("Thank you. And where may we call you?", "a3", "agent"))
    assert kept.entry(2, turn("four one one one one one one one", "a2"))["text"] == "[CARD]"
    assert kept.entry(4, turn("five five five two six seven one", "a4"))["text"] == "[PHONE]"


# --- keys that are secret ---


def collected(digits: str, secret: bool = True) -> dict[str, Any]:
    arguments, output = (
        json.dumps({"length": 4, "secret": secret}),
        json.dumps({"digits": digits, "ended_by": "length"}),
    )
    return {"kind": "tool", "item_id": "f1", "name": "collect_digits", "arguments": arguments, "output": output}


@pytest.mark.parametrize("redactor", [None, ALL])
def test_secret_keys_are_in_no_result_and_nowhere_later(redactor: Redactor | None) -> None:
    kept = KeptWords(redactor)
    assert json.loads(str(kept.entry(1, collected("4711"))["output"])) == {"digits": "[DIGITS]", "ended_by": "length"}
    verify = {
        "kind": "tool",
        "item_id": "f2",
        "name": "verify",
        "arguments": '{"pin": "4711"}',
        "output": '"4711 is ok"',
    }
    run = kept.entry(2, verify)
    assert (run["arguments"], run["output"]) == ('{"pin": "[DIGITS]"}', '"[DIGITS] is ok"')
    for said in ("So that is 4 7 1 1, right?", "Four seven, one one.", "vier sieben eins eins"):
        text = str(kept.entry(3, turn(said, "a3", "agent"))["text"])
        assert "[DIGITS]" in text
        assert not any(digit in text for digit in ("4", "7", "our", "ieben"))
    assert kept.facts({"notes": {"pin": "4711", "room": "12"}})["notes"] == {"pin": "[DIGITS]", "room": "12"}
    assert kept.entry(4, turn("It is 12 o'clock in 4710 Hilltop.", "a4"))["text"] == "It is 12 o'clock in 4710 Hilltop."


def test_keys_that_are_not_secret_are_kept() -> None:
    run = collected("4711", secret=False)
    assert KeptWords(None).entry(1, run) is run
    assert "4711" not in str(KeptWords(None, digits_are_secret=True).entry(1, run)["output"])
    broken = {**run, "arguments": "not JSON", "output": "neither"}
    assert KeptWords(None).entry(1, broken) is broken


# --- nothing that is said ---


def test_without_a_transcript_there_is_when_something_was_said_and_by_whom_and_not_what() -> None:
    kept = KeptWords(None, keeps_words=False)
    assert kept.entry(1, turn("My name is Ana.")) == turn("[not kept]")
    assert kept.entry(1, turn(None)) == turn(None)  # which is not transcribed yet
    assert kept.entry(1, turn(".")) == turn(".")  # a noise
    assert kept.entry(2, {"kind": "digits", "text": "4711"})["text"] == "[DIGITS]"
    gap = {"kind": "gap", "text": "the monitor crashed"}
    assert kept.entry(3, gap) == gap


def test_without_a_transcript_tools_have_their_names_and_outcomes_and_the_next_owner_what_it_needs() -> None:
    kept = KeptWords(ALL, keeps_words=False)
    run = {"kind": "tool", "name": "book", "arguments": '{"name": "Ana"}', "output": None, "outcome": "running"}
    assert kept.entry(1, run) == {**run, "arguments": '"[not kept]"'}
    assert kept.entry(1, run | {"output": '"Ana is booked"'})["output"] == '"[not kept]"'
    transfer = {"kind": "tool", "name": "transfer", "arguments": '{"to": "sales"}', "output": '"asked"'}
    assert kept.entry(2, transfer) == transfer
    keys = kept.entry(3, collected("4711"))
    assert (json.loads(str(keys["arguments"]))["length"], keys["output"]) == (4, '"[not kept]"')
    left = {"conversation": {"transcript": {"words": [["a1", "My name is"]], "parts": [["a1", 1, ""]]}}}
    assert kept.facts(left)["conversation"]["transcript"] == {"words": [["a1", "[not kept]"]], "parts": [["a1", 1, ""]]}


def test_what_an_operator_has_the_agent_say_is_not_kept_where_no_words_are() -> None:
    kept = KeptWords(None, keeps_words=False)
    action = {"kind": "action", "item_id": "action_1", "action": "say", "text": "Your code is 4711."}
    assert kept.entry(1, action)["text"] == "[not kept]"
    assert kept.entry(1, {**action, "action": "transfer", "text": "sales"})["text"] == "sales"
