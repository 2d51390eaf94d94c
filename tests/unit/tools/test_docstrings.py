"""Docstrings: what a tool does, and what each argument is, in any of the usual styles."""

import inspect

import pytest

from ringside.tools.docstrings import Docstring, parsed

GOOGLE = """Look up the weather.

    Only for cities.

    Args:
        city: The city's name,
            in English.
        days (int, optional): How many days.

    Returns:
        str: A sentence.

    Raises:
        ValueError: never told.
    """
NUMPY = """Look up the weather.

    Only for cities.

    Parameters
    ----------
    city : str
        The city's name,
        in English.
    days : int, optional
        How many days.

    Returns
    -------
    str
        A sentence.
    """
SPHINX = """Look up the weather.

    Only for cities.

    :param city: The city's name,
        in English.
    :param int days: How many days.
    :returns: A sentence.
    :raises ValueError: never told.
    """
EPYDOC = """Look up the weather.

    Only for cities.

    @param city: The city's name, in English.
    @param days: How many days.
    @return: A sentence.
    """


@pytest.mark.parametrize("text", [GOOGLE, NUMPY, SPHINX, EPYDOC], ids=["google", "numpy", "sphinx", "epydoc"])
def test_every_style_is_taken_apart(text: str) -> None:
    found = parsed(inspect.cleandoc(text), ["city", "days"])
    assert found == Docstring(
        "Look up the weather.\n\nOnly for cities.\n\nReturns: A sentence.",
        {"city": "The city's name, in English.", "days": "How many days."},
    )


@pytest.mark.parametrize(
    "text",
    [
        "Look up the weather.",
        "Look up the weather.\n\nNote: only for cities. Day: an ISO date.",
        "Book a table.\n\n1. Ask for the day: today or tomorrow.\n2. Confirm.",
        "Call it like this: f(x).\n\n- first: a\n- second: b",
    ],
)
def test_a_docstring_without_sections_stays_as_it_is(text: str) -> None:
    assert parsed(text, ["city"]) == Docstring(text)


def test_a_docstring_that_speaks_of_other_arguments_stays_whole() -> None:
    text = "Look up the weather.\n\nArgs:\n    town: The city's name."
    assert parsed(text, ["city"]) == Docstring(text)


def test_what_a_tool_returns_is_kept_even_alone() -> None:
    assert parsed("Prices.\n\nReturns:\n    Cents.", []).text == "Prices.\n\nReturns: Cents."
