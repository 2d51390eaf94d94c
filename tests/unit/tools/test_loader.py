"""Reading tools.py: what the model is shown of a function, and what cannot be a tool."""

import textwrap
from pathlib import Path

import pytest

from ringside.settings import SHIPPED
from ringside.tools.definition import Tool, ToolError
from ringside.tools.loader import load_tools


def load(folder: Path, source: str) -> dict[str, Tool]:
    (folder / "tools.py").write_text(textwrap.dedent(source), encoding="utf-8")
    return load_tools(folder)


def test_the_tools_that_ship_are_usable() -> None:
    found = load_tools(SHIPPED / "agents")
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
        ("def f(a: int) -> str: return ''", "tools.py:1: f: a tool needs a docstring"),
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
