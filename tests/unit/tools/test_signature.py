"""What the model is shown of a function's arguments, and what it never is: the call's context."""

import inspect
import textwrap
import typing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import TypeAdapter

from ringside.agentfile import tool_schema
from ringside.tools import runner, signature
from ringside.tools.definition import CallContext, Tool, ToolError
from ringside.tools.loader import load_tools

HEAD = """
from dataclasses import dataclass
from typing import *
import typing
from ringside import tools
from ringside.tools import CallContext

Ctx = CallContext
Renamed = NewType("Renamed", CallContext)

class Sub(CallContext): ...

@dataclass
class Holder:
    call: CallContext
"""


def load(folder: Path, arguments: str, head: str = HEAD) -> Tool:
    """A tool `f` with these arguments."""
    source = f"{textwrap.dedent(head)}\ndef f({arguments}) -> Any:\n    'Doc.'\n    return call\n"
    (folder / "tools.py").write_text(source, encoding="utf-8")
    return load_tools(folder, {"f"})["f"]


def properties(tool: Tool) -> dict[str, Any]:
    found: dict[str, Any] = tool.schema["properties"]
    return found


# --- the context ---


@pytest.mark.parametrize(
    "spelling",
    [
        "CallContext",
        "CallContext = None",
        "CallContext | None",
        "CallContext | None = None",
        "None | CallContext = None",
        "Optional[CallContext] = None",
        "Union[CallContext, None] = None",
        "Annotated[CallContext, 'the call']",
        "Annotated[CallContext | None, 'the call'] = None",
        "Annotated[Optional[CallContext], 1] = None",
        "'CallContext'",
        "'CallContext | None' = None",
        "Optional['CallContext'] = None",
        "'Optional[CallContext]' = None",
        "tools.CallContext",
        "typing.Optional[tools.CallContext] = None",
        "Ctx",
        "Renamed",
    ],
)
async def test_the_context_is_found_in_every_spelling_and_never_shown(tmp_path: Path, spelling: str) -> None:
    tool = load(tmp_path, f"city: str, call: {spelling}")
    assert (tool.context, list(properties(tool))) == ("call", ["city"])
    context = CallContext("rtc_1", "call_1", "desk", None, None)
    answered = await runner.run({"f": tool}, "call_1", "f", '{"city": "Rome"}', 5, context)
    assert '"rtc_1"' in answered.output
    invented = await runner.run({"f": tool}, "call_1", "f", '{"city": "Rome", "call": {"caller": "+1"}}', 5, context)
    assert invented.outcome == "refused"


def test_the_context_needs_no_import_where_only_a_type_checker_looks(tmp_path: Path) -> None:
    head = "from typing import TYPE_CHECKING, Any\nif TYPE_CHECKING:\n    from ringside.tools import CallContext\n"
    assert load(tmp_path, "city: str, call: 'CallContext | None' = None", head).context == "call"


@pytest.mark.parametrize(
    "spelling", ["list[CallContext]", "CallContext | str", "dict[str, CallContext] = {}", "Sub", "Holder", "type[Ctx]"]
)
def test_a_type_that_hides_a_context_is_refused(tmp_path: Path, spelling: str) -> None:
    with pytest.raises(ToolError, match=r"tools\.py:\d+: f: .*must be an argument of its own"):
        load(tmp_path, f"city: str, call: {spelling}")


def test_one_context_is_enough(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="both call and other are a CallContext; one is enough"):
        load(tmp_path, "call: CallContext, other: CallContext")


# --- meanings that must not be lost ---

TEXT = {"type": "string"}


def or_null(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}], "default": None}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("call: Annotated[str, Field(max_length=9), 'city']", {**TEXT, "maxLength": 9, "description": "city"}),
        ("call: Annotated[str, 'the city']", {"type": "string", "description": "the city"}),
        ("call: Annotated[str, 'the city', 'in English']", {"type": "string", "description": "the city in English"}),
        ("call: Annotated[str, Field(description='kept'), 'dropped']", {"type": "string", "description": "kept"}),
        ("call: Annotated[str, Doc('the city')]", {"type": "string", "description": "the city"}),
        (
            "call: list[Annotated[str, 'a city']]",
            {"type": "array", "items": {"type": "string", "description": "a city"}},
        ),
        ("call: 'Annotated[int, \"how many\"]' = 2", {"type": "integer", "default": 2, "description": "how many"}),
        (
            "call: Annotated[str, 'the city'] | None = None",
            {"anyOf": [{"type": "string", "description": "the city"}, {"type": "null"}], "default": None},
        ),
        ("call: str = None", {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None}),
        (
            "call: list[int] = None",
            {"anyOf": [{"type": "array", "items": {"type": "integer"}}, {"type": "null"}], "default": None},
        ),
        (
            "call: Literal['s', 'm'] = None",
            {"anyOf": [{"type": "string", "enum": ["s", "m"]}, {"type": "null"}], "default": None},
        ),
    ],
)
def test_what_is_said_of_an_argument_reaches_the_model(tmp_path: Path, arguments: str, expected: object) -> None:
    head = HEAD + "\nfrom pydantic import Field\nfrom typing_extensions import Doc\n"
    assert properties(load(tmp_path, arguments, head))["call"] == expected


async def test_an_optional_argument_may_be_left_out_or_null(tmp_path: Path) -> None:
    tool = load(tmp_path, "call: str = None")
    outputs = [(await runner.run({"f": tool}, "c", "f", given, 5)).output for given in ("{}", '{"call": null}')]
    assert outputs == ["null", "null"]


def test_a_typed_dict_is_the_same_here_and_where_it_runs(tmp_path: Path) -> None:
    head = HEAD + (
        "\nclass Room(TypedDict):\n    number: Annotated[int, 'on the door']\n    floor: NotRequired[int]\n"
        "class Booking(TypedDict, total=False):\n    room: Required[Room]\n    note: str\n"
    )
    tool = load(tmp_path, "call: Booking", head)
    assert tool.schema["$defs"]["Booking"]["required"] == ["room"]
    assert tool.schema["$defs"]["Room"]["required"] == ["number"]
    assert tool.schema["$defs"]["Room"]["properties"]["number"] == {"type": "integer", "description": "on the door"}


def test_a_default_of_another_type_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="the default of call, 'two', is not of its type"):
        load(tmp_path, "call: int = 'two'")


@pytest.mark.parametrize("kind", ["tuple[str, str]", "list[tuple[int, int]]", "Pair", "dict[str, tuple[str, int]]"])
def test_a_tuple_of_fixed_length_is_refused_as_openai_would(tmp_path: Path, kind: str) -> None:
    head = HEAD + "\nclass Pair(NamedTuple):\n    a: str\n    b: str\n"
    with pytest.raises(ToolError, match="cannot be described to OpenAI: items, the schema of each item, is missing"):
        load(tmp_path, f"call: {kind}", head)


def test_a_tuple_of_any_length_is_a_list(tmp_path: Path) -> None:
    assert properties(load(tmp_path, "call: tuple[str, ...]"))["call"] == {"type": "array", "items": {"type": "string"}}


@pytest.mark.parametrize("name", ["model_config", "model_fields", "model_validate_json", "model_dump"])
def test_an_argument_named_as_pydantic_s_own_things_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ToolError, match=rf"tools\.py:\d+: f: the argument {name} has a name that pydantic uses itself"):
        load(tmp_path, f"{name}: str, call: CallContext")


@pytest.mark.parametrize("name", ["json", "copy", "schema", "self", "cls", "model", "model_name", "model_year"])
def test_an_argument_with_another_name_is_not(tmp_path: Path, name: str) -> None:
    assert list(properties(load(tmp_path, f"{name}: str, call: CallContext"))) == [name]


# --- compared with pydantic ---

TYPES: st.SearchStrategy[Any] = st.recursive(
    st.sampled_from([str, int, float, bool, typing.Any, typing.Literal["a", "b"]]),
    lambda inner: st.one_of(
        inner.map(lambda each: list[each]),  # type: ignore[valid-type]
        inner.map(lambda each: dict[str, each]),  # type: ignore[valid-type]
        inner.map(lambda each: each | None),
        st.tuples(inner, inner).map(lambda pair: pair[0] | pair[1]),
    ),
    max_leaves=5,
)
ARGUMENTS = st.one_of(
    TYPES,
    TYPES.map(lambda each: typing.Annotated[each, "words"]),
    TYPES.map(lambda each: list[typing.Annotated[each, "words"]]),  # type: ignore[valid-type]
)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(["day", "people", "note"]), ARGUMENTS, max_size=3))
def test_every_signature_becomes_a_schema_that_pydantic_and_the_metaschema_agree_with(types: dict[str, Any]) -> None:
    def f(**arguments: Any) -> None: ...

    keyword = inspect.Parameter.KEYWORD_ONLY
    taken = [inspect.Parameter(name, keyword, annotation=kind) for name, kind in types.items()]
    f.__signature__ = inspect.Signature(taken)  # type: ignore[attr-defined]
    f.__annotations__ = dict(types)
    read = signature.read("f", f, {})

    Draft202012Validator.check_schema(read.schema)
    assert tool_schema.problems(read.schema) == []
    assert set(read.schema["properties"]) == set(types)
    for name, kind in types.items():
        told, shown = TypeAdapter(kind).json_schema(), read.schema["properties"][name]
        assert without(shown) == without(told)


def without(schema: Any) -> Any:
    """A schema without what only says something to people."""
    if isinstance(schema, dict):
        return {key: without(value) for key, value in schema.items() if key not in ("title", "description")}
    return [without(each) for each in schema] if isinstance(schema, list) else schema
