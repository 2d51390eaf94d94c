"""What a text model is asked to fill in about a call, and what of its answers is believed."""

from typing import Any

import pytest
from pydantic import ValidationError

from ringside.agentfile.afterwards import Analysis
from ringside.analysis.form import SUMMARY_CHARACTERS, VALUE_CHARACTERS, Form, MisfitError

ASKED = Analysis.model_validate(
    {
        "outcome": ["sold", "lost"],
        "fields": [
            {"name": "name", "description": "The caller's name"},
            {"name": "urgency", "enum": ["low", "high"]},
            {"name": "boxes", "type": "integer"},
            {"name": "price", "type": "number"},
            {"name": "copy", "type": "boolean"},
        ],
    }
)
ITEMS = ("item_a", "item_b", None, "item_d")
NULL = {"value": None, "turn": None}
ANSWER: dict[str, Any] = {
    "summary": " Robin wants boxes. ",
    "outcome": "sold",
    "fields": {
        "name": {"value": "Robin", "turn": 2},
        "urgency": {"value": "high", "turn": 4},
        "boxes": {"value": 2, "turn": 2},
        "price": {"value": 9, "turn": 1},
        "copy": NULL,
    },
}


def objects(schema: Any) -> list[dict[str, Any]]:
    if isinstance(schema, list):
        return [found for each in schema for found in objects(each)]
    if not isinstance(schema, dict):
        return []
    inner = [found for each in schema.values() for found in objects(each)]
    return [schema, *inner] if schema.get("type") == "object" else inner


def test_the_schema_is_one_that_strict_structured_output_takes() -> None:
    """Guide "Structured model outputs", "Supported schemas": every property is required, and there are no others."""
    schema = Form(ASKED).schema

    assert schema["type"] == "object"
    assert len(objects(schema)) == 2 + len(ASKED.fields)
    for shape in objects(schema):
        assert shape["required"] == list(shape["properties"])
        assert shape["additionalProperties"] is False
    assert not {"$ref", "$defs", "default", "title"} & set(str(schema).replace("'", " ").split())
    fields = schema["properties"]["fields"]["properties"]
    assert {"enum": ["low", "high"], "type": "string"} in fields["urgency"]["properties"]["value"]["anyOf"]
    assert fields["name"]["properties"]["value"]["description"].startswith("The caller's name.")


def test_an_answer_is_kept_with_the_turns_that_say_it() -> None:
    found = Form(ASKED).read(ANSWER, ITEMS)

    assert (found["summary"], found["outcome"]) == ("Robin wants boxes.", "sold")
    assert found["fields"]["name"] == {"value": "Robin", "turn": 2, "item_id": "item_b"}
    assert found["fields"]["copy"] == {**NULL, "item_id": None}


@pytest.mark.parametrize("turn", [0, -1, 3, 5, 10**9])
def test_a_turn_that_was_not_shown_is_not_believed_and_the_value_is_kept(turn: int) -> None:
    answer = {**ANSWER, "fields": {**ANSWER["fields"], "name": {"value": "Robin", "turn": turn}}}

    assert Form(ASKED).read(answer, ITEMS)["fields"]["name"] == {"value": "Robin", "turn": None, "item_id": None}


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"outcome": "owes us money"}, "outcome"),
        ({"outcome": None}, "outcome"),
        ({"summary": 3}, "summary"),
        ({"verdict": "guilty"}, "verdict"),
        ({"fields": {**ANSWER["fields"], "boxes": {"value": "two", "turn": 2}}}, "boxes"),
        ({"fields": {**ANSWER["fields"], "boxes": {"value": 2.5, "turn": 2}}}, "boxes"),
        ({"fields": {**ANSWER["fields"], "urgency": {"value": "extreme", "turn": 2}}}, "urgency"),
        ({"fields": {**ANSWER["fields"], "price": {"value": float("nan"), "turn": 2}}}, "price"),
        ({"fields": {**ANSWER["fields"], "iban": {"value": "DE", "turn": 2}}}, "iban"),
        ({"fields": {"name": NULL}}, "urgency"),
    ],
)
def test_an_answer_of_another_form_is_thrown_away_with_its_place_and_without_its_words(
    change: dict[str, Any], place: str
) -> None:
    with pytest.raises(MisfitError) as thrown:
        Form(ASKED).read({**ANSWER, **change}, ITEMS)

    assert place in str(thrown.value)
    assert "guilty" not in str(thrown.value)
    assert "owes" not in str(thrown.value)


def test_what_the_record_could_not_hold_is_cut_or_refused() -> None:
    long = {**ANSWER, "summary": "a" * 10_000}
    long["fields"] = {**ANSWER["fields"], "name": {"value": "b" * 10_000, "turn": 1}}
    found = Form(ASKED).read(long, ITEMS)
    assert len(found["summary"]) == SUMMARY_CHARACTERS
    assert len(found["fields"]["name"]["value"]) == VALUE_CHARACTERS

    huge = {**ANSWER, "fields": {**ANSWER["fields"], "boxes": {"value": 10**50, "turn": 1}}}
    with pytest.raises(MisfitError, match="too large"):
        Form(ASKED).read(huge, ITEMS)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"summary": False}, "nothing would be analysed"),
        ({"fields": [{"name": "a"}, {"name": "a"}]}, "a is listed twice"),
        ({"fields": [{"name": "a", "type": "integer", "enum": ["1"]}]}, "only a string can have an enum"),
        ({"fields": [{"name": "Caller Name"}]}, "pattern"),
        ({"outcomes": ["a"]}, "Extra inputs"),
    ],
)
def test_an_analysis_that_makes_no_sense_is_refused(asked: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Analysis.model_validate(asked)
