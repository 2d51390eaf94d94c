"""What the model notes is in the record, within limits."""

import json

import pytest

from ringside.conversation import notes
from tests.unit.conversation.talk import (
    Talk,
    learned,
)

# --- notes -----------------------------------------------------------------------------------


def noting(*arguments: str) -> Talk:
    talk = Talk()
    for number, given in enumerate(arguments):
        talk.calls_tool("note", f"n{number}", "r1", arguments=given)
    talk.response_ends("r1")
    return talk


def test_what_the_model_notes_stands_on_the_call() -> None:
    talk = noting('{"key": "name", "value": "Ann"}', '{"key": "reason", "value": "chairs"}')
    assert talk.facts["notes"] == {"name": "Ann", "reason": "chairs"}
    assert learned(talk, "n1") == {"noted": "reason"}
    assert len(talk.asked) == 1


def test_a_later_note_of_the_same_key_replaces_the_earlier() -> None:
    assert noting('{"key": "name", "value": "An"}', '{"key": "name", "value": "Ann"}').facts["notes"] == {"name": "Ann"}


@pytest.mark.parametrize("arguments", ['{"key": "name"}', '{"value": "Ann"}', '{"key": " ", "value": "x"}', "[]", "?"])
def test_half_a_note_is_refused(arguments: str) -> None:
    talk = noting(arguments)
    assert "notes" not in talk.facts
    assert talk.tool("n0")["outcome"] == "refused"


def test_notes_cannot_fill_the_record() -> None:
    long = json.dumps({"key": "k" * 9000, "value": "v" * 900_000})
    many = [json.dumps({"key": str(number), "value": "x"}) for number in range(200)]
    kept = noting(long, *many).facts["notes"]
    assert len(kept) == notes.MAX_NOTES
    assert max(len(key) + len(value) for key, value in kept.items()) == 1060


def test_half_a_character_does_not_stop_the_record() -> None:
    talk = noting('{"key": "na\\ud83dme", "value": "Ann \\udc00"}')
    json.dumps(talk.facts, ensure_ascii=False).encode()
    assert talk.facts["notes"] == {"na?me": "Ann ?"}


def test_notes_of_an_earlier_owner_are_kept() -> None:
    talk = Talk(greeted=False)
    talk.conversation.resume([], True, talk.now, {"notes": {"name": "Ann"}, "transfer": None})
    talk.calls_tool("note", "n1", "r1", arguments='{"key": "reason", "value": "chairs"}')
    assert talk.facts["notes"] == {"name": "Ann", "reason": "chairs"}
