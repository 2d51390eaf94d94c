"""Tools' JSON schemas: what OpenAI would refuse, and what was meant otherwise, is refused here."""

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, SchemaError
from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]

from ringside.agentfile import schema_keywords, tool_schema

Json = dict[str, Any]


def of(**properties: Any) -> Json:
    return {"type": "object", "properties": properties}


def told(schema: Any, *reserved: str) -> list[str]:
    found = tool_schema.problems(schema, reserved)
    return [f"{'.'.join(map(str, path))}: {what}" for path, what in found]


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object"},
        of(
            day={"type": "string", "format": "date", "description": "ISO 8601"},
            people={"type": "integer", "minimum": 1},
        ),
        {**of(size={"type": "string", "enum": ["s", "m"]}), "required": ["size"], "additionalProperties": False},
        of(tags={"type": "array", "items": {"type": "string"}, "maxItems": 3, "uniqueItems": True}),
        of(note={"type": ["string", "null"], "default": None}),
        of(where={"anyOf": [{"type": "string"}, {"type": "object", "properties": {"zip": {"type": "string"}}}]}),
        {
            **of(order={"$ref": "#/$defs/Order"}),
            "$defs": {"Order": of(number={"type": "string", "pattern": r"^\d{4}$"})},
        },
        {**of(tree={"$ref": "#/$defs/Node"}), "$defs": {"Node": of(next={"$ref": "#/$defs/Node"})}},
        of(anything={}, flag={"type": "boolean", "default": True}, price={"type": "number", "enum": [1, 2.5]}),
        {"type": "object", "patternProperties": {"^x_": {"type": "string"}}, "required": ["x_a"]},
    ],
)
def test_what_tools_are_made_of_is_accepted(schema: Json) -> None:
    assert told(schema, "ringside") == []


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ("string", ": must be the JSON schema of an object"),
        ({"type": "string"}, ": must be the JSON schema of an object"),
        ({"type": "object", "properites": {}}, "properites: is not a keyword of JSON Schema; did you mean properties?"),
        ({"type": "object", "requried": []}, "requried: is not a keyword of JSON Schema; did you mean required?"),
        (of(n={"type": "int"}), "properties.n.type: int is not a type of JSON Schema; write integer"),
        (of(n={"type": "str"}), "properties.n.type: str is not a type of JSON Schema; write string"),
        (of(n={"type": "Boolean"}), "properties.n.type: Boolean is not a type of JSON Schema; write boolean"),
        (of(n={"type": "date"}), "properties.n.type: date is not a type of JSON Schema; write string, with format"),
        (of(n={"type": ["string", None]}), "properties.n.type: YAML reads null as no value"),
        (of(n="string"), "properties.n: must be a schema, for example {type: string}"),
        (
            of(n={"type": "string", "required": True}),
            "properties.n.required: must be a list of names, beside properties",
        ),
        (of(n={"type": "array"}), "properties.n: items, the schema of each item, is missing"),
        (of(n={"type": "array", "items": [{"type": "string"}]}), "properties.n.items: must be one schema for all"),
        (
            of(n={"type": "array", "prefixItems": [{}]}),
            "properties.n: items, the schema of each item, is missing; OpenAI",
        ),
        (of(n={"$ref": "#/$defs/None"}), "properties.n.$ref: #/$defs/None leads nowhere"),
        (of(n={"$ref": "https://example.com/s.json"}), "properties.n.$ref: https://example.com/s.json leads nowhere"),
        ({**of(), "anyOf": [{"required": ["a"]}]}, "anyOf: a tool's parameters cannot have anyOf at the top level"),
        ({**of(), "oneOf": [{}]}, "oneOf: a tool's parameters cannot have oneOf at the top level"),
        ({**of(), "required": ["a"]}, "required.0: a is not one of the properties"),
        (
            of(n={"type": "string", "enum": [True, False]}),
            "properties.n.enum.0: true is not of type string; YAML reads",
        ),
        (of(n={"type": "string", "enum": []}), "properties.n.enum: must be a list of values"),
        (of(n={"type": "string", "enum": ["a", "a"]}), "properties.n.enum: lists a twice"),
        (of(n={"enum": ["DK", False]}), "properties.n.enum: YAML reads words such as yes, no"),
        (
            of(n={"type": "string", "default": 1116}),
            "properties.n.default: 1116 is not of type string; put it in quotes",
        ),
        (of(n={"type": "integer", "default": 1.5}), "properties.n.default: 1.5 is not of type integer"),
        (of(n={"type": "string", "const": None}), "properties.n.const: null is not of type string"),
        (of(n={"type": "string", "pattern": "(["}), "properties.n.pattern: is not a regular expression"),
        (of(n={"type": "string", "minLength": -1}), "properties.n.minLength: must be a whole number"),
        (of(n={"type": "number", "minimum": "1"}), "properties.n.minimum: must be a number"),
        (of(n={"type": "integer", "minimum": 9, "maximum": 1}), "properties.n.minimum: is more than maximum"),
        (of(n={"type": "string", "nullable": True}), "properties.n.nullable: is OpenAPI, not JSON Schema"),
        (of(n={"type": "string", "description": 7}), "properties.n.description: must be text"),
        (of(n={"anyOf": []}), "properties.n.anyOf: must be a list of schemas"),
        (of(ringside={"type": "string"}), "properties.ringside: ringside is where the function finds the call's facts"),
    ],
)
def test_what_no_tool_can_mean_is_refused_where_it_is(schema: Any, expected: str) -> None:
    found = told(schema, "ringside")
    assert any(line.startswith(expected) for line in found), found


# --- compared with the metaschema ---

LEAVES = st.sampled_from(
    [
        {"type": "string"},
        {"type": "integer", "minimum": 0},
        {"type": "string", "enum": ["a", "b"]},
        {"type": ["number", "null"]},
        {"type": "boolean", "default": False},
        {},
    ]
)
NAMES = st.sampled_from(["day", "people", "note", "x-1"])
SCHEMAS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        inner.map(lambda items: {"type": "array", "items": items}),
        st.dictionaries(NAMES, inner, max_size=3).map(lambda found: {"type": "object", "properties": found}),
        st.lists(inner, min_size=1, max_size=3).map(lambda found: {"anyOf": found}),
    ),
    max_leaves=8,
)
PARAMETERS = st.dictionaries(NAMES, SCHEMAS, max_size=4).map(lambda found: {"type": "object", "properties": found})


def is_a_schema(value: Any) -> bool:
    try:
        Draft202012Validator.check_schema(value)
    except SchemaError:
        return False
    return True


@settings(deadline=None)
@given(PARAMETERS)
def test_a_schema_that_is_right_is_right_here(schema: Json) -> None:
    assert is_a_schema(schema)
    assert told(schema) == []


@settings(deadline=None)
@given(PARAMETERS, st.data())
def test_whatever_the_metaschema_refuses_is_refused_here(schema: Json, data: st.DataObject) -> None:
    broken = copy.deepcopy(schema)
    places: list[Any] = [broken]
    for place in places:  # it grows while it is walked: every mapping and list inside
        values = place.values() if isinstance(place, dict) else place
        places += [value for value in values if isinstance(value, dict | list)]
    place = data.draw(st.sampled_from([place for place in places if place]))
    key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
    place[key] = data.draw(st.sampled_from([None, True, -1, 1.5, "int", "", [], {}, [1], {"type": "str"}, [None]]))
    if not is_a_schema(broken):
        assert told(broken) != []


@settings(deadline=None)
@given(PARAMETERS)
def test_an_editor_takes_what_the_loader_takes(schema: Json) -> None:
    whole = {"$defs": {"ToolSchema": schema_keywords.shape()}, **schema_keywords.parameters_shape()}
    assert list(Draft202012Validator(whole).iter_errors(schema)) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"type": "object", "properites": {}},
        of(n={"type": "int"}),
        of(n={"type": "array"}),
        of(n="string"),
        {**of(), "anyOf": [{}]},
        {"properties": {}},
        of(n={"type": "string", "minLength": "3"}),
    ],
)
def test_an_editor_sees_the_usual_mistakes(wrong: Json) -> None:
    whole = {"$defs": {"ToolSchema": schema_keywords.shape()}, **schema_keywords.parameters_shape()}
    assert list(Draft202012Validator(whole).iter_errors(wrong)) != []


def test_every_keyword_is_one_of_the_metaschema() -> None:
    documented: set[str] = set()
    for vocabulary in ("core", "applicator", "unevaluated", "validation", "meta-data", "format-annotation", "content"):
        found = REGISTRY.contents(f"https://json-schema.org/draft/2020-12/meta/{vocabulary}")
        documented |= set(found["properties"])
    assert set(schema_keywords.KEYWORDS) - documented == {"definitions", "discriminator"}
    assert documented - set(schema_keywords.KEYWORDS) == {"$dynamicRef", "$dynamicAnchor", "$vocabulary"}
