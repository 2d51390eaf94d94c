"""Reading tools.py: what the model is shown of a function, and what cannot be a tool."""

import textwrap
from pathlib import Path

import pytest

from infra.local.agents import DEMO_AGENTS
from ringside.agentfile.tool_keys import visible
from ringside.agentfile.yaml_lines import AgentFileError
from ringside.openai import accept
from ringside.tools.definition import Tool, ToolError
from ringside.tools.loader import load_agents_and_tools, load_tools


def load(folder: Path, source: str) -> dict[str, Tool]:
    (folder / "tools.py").write_text(textwrap.dedent(source), encoding="utf-8")
    return load_tools(folder)


def test_the_tools_that_ship_are_usable() -> None:
    found = load_tools(DEMO_AGENTS)
    assert set(found) == {"opening_hours", "order_status"}
    assert found["opening_hours"].schema["properties"]["day"]["enum"][0] == "monday"


def test_a_schema_comes_from_the_signature_and_a_description_from_the_docstring(tmp_path: Path) -> None:
    (tool,) = load(
        tmp_path,
        '''
        from typing import Annotated, Literal
        from pydantic import Field

        def book(day: Literal["mon", "tue"], seats: Annotated[int, Field(ge=1, description="how many")] = 2) -> str:
            """Book a table.

            Only after the caller has said yes.
            """
            return ""
        ''',
    ).values()
    assert tool.name == "book"
    assert tool.description == "Book a table.\n\nOnly after the caller has said yes."
    assert tool.schema == {
        "type": "object",
        "properties": {
            "day": {"type": "string", "enum": ["mon", "tue"]},
            "seats": {"type": "integer", "minimum": 1, "default": 2, "description": "how many"},
        },
        "required": ["day"],
        "additionalProperties": False,
    }


def test_public_functions_of_the_file_itself_are_tools(tmp_path: Path) -> None:
    found = load(
        tmp_path,
        '''
        from __future__ import annotations
        from dataclasses import dataclass
        from textwrap import dedent

        @dataclass
        class Order:
            number: str

        def _helper(): ...

        class NotATool: ...

        async def look_up(order: Order, title: str = "", json: bool = False) -> str:
            """Look an order up."""
            return order.number
        ''',
    )
    assert set(found) == {"look_up"}
    assert set(found["look_up"].schema["properties"]) == {"order", "title", "json"}


def test_no_file_means_no_tools(tmp_path: Path) -> None:
    assert load_tools(tmp_path) == {}


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (
            "from ringside.tools import tool\n@tool\ndef f(a: int) -> str: ...",
            "tools.py:2: f: a tool needs a docstring",
        ),
        ("def f(a) -> str:\n    'Doc.'", "tools.py:1: f: the argument a needs a type"),
        ("def f(*a: int) -> str:\n    'Doc.'", "tools.py:1: f: a model cannot fill in *a: int"),
        ("def f(**a: int) -> str:\n    'Doc.'", "tools.py:1: f: a model cannot fill in **a: int"),
        ("def f(a: int, /) -> str:\n    'Doc.'", "tools.py:1: f: a model cannot fill in a: int"),
        ("def f(a: 'Nothing') -> str:\n    'Doc.'", "tools.py:1: f: an argument's type cannot be read: "),
        ("def f(_a: int) -> str:\n    'Doc.'", "tools.py:1: f: the argument _a must not begin with an underscore"),
        ("def f(a: object()) -> str:\n    'Doc.'", "tools.py:1: f: the arguments cannot be described"),
        ("import threading\ndef f(a: threading.Lock) -> str:\n    'Doc.'", "tools.py:2: f: the arguments cannot be"),
        ("def hang_up() -> str:\n    'Doc.'", "tools.py:1: hang_up: this is the name of a built-in tool"),
        ("def öffnen() -> str:\n    'Doc.'", "tools.py:1: öffnen: a tool's name may have 1 to 64 letters"),
        ("def f(:", "tools.py: cannot be imported: SyntaxError: "),
        ("import no_such_module", "tools.py: cannot be imported: ModuleNotFoundError: "),
        ("1 / 0", "tools.py: cannot be imported: ZeroDivisionError: "),
        ("raise SystemExit(3)", "tools.py: cannot be imported: SystemExit: 3"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_with_its_place(tmp_path: Path, source: str, told: str) -> None:
    with pytest.raises(ToolError) as refused:
        load(tmp_path, source)
    assert str(refused.value).removeprefix(f"{tmp_path}/").startswith(told)


# --- marks, helpers, and runs that can only fail ---


def test_a_mark_needs_no_brackets(tmp_path: Path) -> None:
    found = load(
        tmp_path,
        '''
        from ringside.tools import tool

        @tool
        def plain(a: str) -> str:
            """Doc."""
            return a

        @tool()
        async def empty() -> str:
            """Doc."""
            return ""

        @tool(seconds=3, repeatable=True)
        def full() -> str:
            """Doc."""
            return ""
        ''',
    )
    assert {name: (tool.options.seconds, tool.options.repeatable) for name, tool in found.items()} == {
        "plain": (None, False),
        "empty": (None, False),
        "full": (3, True),
    }


HELPERS = """
import functools

def retry(times):
    def decorate(function):
        @functools.wraps(function)
        def wrapper(*a, **k):
            return function(*a, **k)
        return wrapper
    return decorate

def normalise(number): return number.strip()

def _private(): ...

@retry(3)
def look_up(number: str) -> str:
    'Doc.'
    return normalise(number)
"""


def test_functions_without_a_docstring_are_helpers(tmp_path: Path) -> None:
    assert list(load(tmp_path, HELPERS)) == ["look_up"]


def test_where_the_names_are_known_everything_else_is_a_helper(tmp_path: Path) -> None:
    (tmp_path / "tools.py").write_text(HELPERS + "\ndef logged(f):\n    'Log calls of f.'\n    return f\n")
    assert list(load_tools(tmp_path, {"look_up", "hang_up"})) == ["look_up"]
    with pytest.raises(ToolError, match=r"tools\.py:\d+: logged: the argument f needs a type"):
        load_tools(tmp_path, {"logged"})
    with pytest.raises(ToolError, match=r"tools\.py:\d+: normalise: a tool needs a docstring"):
        load_tools(tmp_path, {"normalise"})


DECORATOR = """
import asyncio, functools

def sync(f):
    @functools.wraps(f)
    def wrapper(*a, **k):
        return {0}
    return wrapper

async def _ask(a): return a
"""


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("async def f(a: str) -> str:\n    'Doc.'\n    yield a", "1: f: yields its results one by one"),
        ("def f(a: str) -> str:\n    'Doc.'\n    yield from a", "1: f: yields its results one by one"),
        (
            DECORATOR.format("f(*a, **k)") + "@sync\nasync def f(a: str) -> str:\n    'Doc.'",
            "11: f: its decorator wraps an",
        ),
        (
            DECORATOR.format("1") + "def f(a: str) -> str:\n    'Doc.'\n    return _ask(a)",
            "11: f: returns the coroutine of _ask",
        ),
        (
            DECORATOR.format("1")
            + "def f(a: str) -> str:\n    'Doc.'\n    if a:\n        return _ask(a)\n    return a",
            "11: f: returns the coroutine of _ask",
        ),
        (
            "def f(model_config: str) -> str:\n    'Doc.'",
            "1: f: the argument model_config has a name that pydantic uses",
        ),
    ],
)
def test_what_can_only_fail_when_it_runs_is_refused_when_it_is_loaded(tmp_path: Path, source: str, told: str) -> None:
    with pytest.raises(ToolError) as refused:
        load(tmp_path, source)
    assert str(refused.value).removeprefix(f"{tmp_path}/tools.py:").startswith(told), refused.value


@pytest.mark.parametrize(
    "source",
    [
        DECORATOR.format("asyncio.run(f(*a, **k))") + "@sync\nasync def f(a: str) -> str:\n    'Doc.'",
        DECORATOR.format("1") + "def f(a: str) -> str:\n    'Doc.'\n    return asyncio.run(_ask(a))",
        DECORATOR.format("1") + "async def f(a: str) -> str:\n    'Doc.'\n    return await _ask(a)",
        DECORATOR.format("f(*a, **k)") + "@sync\ndef f(a: str) -> str:\n    'Doc.'\n    return a",
        "def f(a: str) -> str:\n    'Doc.'\n    def inner():\n        yield a\n    return ''.join(inner())",
    ],
)
def test_what_waits_for_its_result_is_a_tool(tmp_path: Path, source: str) -> None:
    assert list(load(tmp_path, source)) == ["f"]


def test_a_package_that_is_missing_is_told_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(
        ToolError, match="if no_such_module is a package, add the package that has it to the group `agents`"
    ):
        load(tmp_path, "import no_such_module.part")


SHARED_AND_OWN = {
    "dental.yaml": "answers: ['+12025550121']\ninstructions: Be brief.\ntools: [book, hours]\n",
    "salon.yaml": "answers: ['+12025550122']\ninstructions: Be brief.\ntools: [book, hours]\n",
    "tools.py": 'def hours() -> str:\n    """When we are open."""\n    return "shared"\n',
    "dental.py": 'def book() -> str:\n    """Book a check-up."""\n    return "dental"\n',
    "salon.py": (
        'def book(style: str) -> str:\n    """Book a cut."""\n    return "salon"\n'
        'def hours() -> str:\n    """The salon\'s own hours."""\n    return "salon"\n'
    ),
    "unrelated.py": "raise RuntimeError('is not read: there is no agent of that name')\n",
}


@pytest.fixture
def several(tmp_path: Path) -> Path:
    for name, text in SHARED_AND_OWN.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def test_each_agent_has_the_tools_of_its_own_file_besides_the_shared_ones(several: Path) -> None:
    agents, tools = load_agents_and_tools(several)
    assert set(tools) == {"hours", "dental.book", "salon.book", "salon.hours"}
    dental, salon = (visible(name, tools) for name in ("dental", "salon"))
    assert dental["book"].description == "Book a check-up."
    assert salon["book"].description == "Book a cut."
    assert (dental["hours"].function(), salon["hours"].function()) == ("shared", "salon")
    agent = agents.named("salon")
    assert agent is not None
    functions = accept.session(agent, tools, "")["tools"]
    assert [(each["name"], each["description"]) for each in functions] == [
        ("book", "Book a cut."),
        ("hours", "The salon's own hours."),
    ]


def test_another_agents_tool_does_not_exist_for_an_agent(several: Path) -> None:
    (several / "salon.yaml").write_text("answers: ['+12025550122']\ninstructions: Hi.\ntools: [book, check_up]\n")
    (several / "dental.py").write_text('def check_up() -> str:\n    """Check."""\n    return ""\n')
    (several / "dental.yaml").write_text("answers: ['+12025550121']\ninstructions: Hi.\ntools: [check_up]\n")
    with pytest.raises(AgentFileError, match=r"salon\.yaml:3: tools: there is no tool named check_up"):
        load_agents_and_tools(several)


def test_what_is_wrong_in_an_agents_own_file_names_that_file(several: Path) -> None:
    (several / "dental.py").write_text("import nowhere_to_be_found\n")
    with pytest.raises(ToolError, match=r"dental\.py: cannot be imported"):
        load_tools(several)
