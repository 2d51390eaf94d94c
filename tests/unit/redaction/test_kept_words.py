"""What is written of a call whose agent redacts."""

import json
from typing import Any

from ringside.redaction.kept_words import KeptWords
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
