"""Every error stands in one tree, and the design draws that tree."""

import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ringside import errors
from ringside.errors import RingsideError

ROOT = Path(__file__).parents[2]
RINGSIDE = ROOT / "functions" / "ringside"
MODULES = sorted(
    ".".join(path.relative_to(RINGSIDE.parent).with_suffix("").parts).removesuffix(".__init__")
    for path in RINGSIDE.rglob("*.py")
)


def exceptions(module: str) -> Iterator[type[BaseException]]:
    """The exception classes that a module defines itself."""
    for _, found in inspect.getmembers(importlib.import_module(module), inspect.isclass):
        if found.__module__ == module and issubclass(found, BaseException):
            yield found


@pytest.mark.parametrize("module", MODULES)
def test_no_exception_stands_outside_the_tree(module: str) -> None:
    assert [found for found in exceptions(module) if not issubclass(found, RingsideError)] == []


def test_the_tree_that_is_drawn_is_that_of_the_code() -> None:
    design = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    drawn = set(re.findall(r"^    (\w+) <\|-- (\w+)$", design, re.MULTILINE))

    found = {each for module in MODULES for each in exceptions(module)} - {RingsideError}
    assert len(found) > 10
    assert drawn == {(base.__name__, each.__name__) for each in found for base in each.__bases__}


def test_every_error_belongs_to_a_family() -> None:
    families = set(RingsideError.__subclasses__())

    assert families == set(exceptions(errors.__name__)) - {RingsideError}


def test_every_error_says_in_its_docstring_what_it_means() -> None:
    for module in MODULES:
        for found in exceptions(module):
            assert (found.__doc__ or "").strip(), found
