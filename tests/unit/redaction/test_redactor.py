"""What an agent's `redact` finds in what people say, and what it leaves alone."""

import json
import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra import page_tables
from ringside.redaction.redactor import Redactor
from tests.unit.redaction.measure import ALL, KINDS, PAGE, measured, sentences, tables

CARD = "four one one one, one one one one, one one one one, one one one one"


def test_of_three_hundred_sentences_in_four_languages_nearly_all_is_found_and_nearly_nothing_else() -> None:
    scores = measured()
    assert len(list(sentences())) >= 300
    worst = {
        name: scores["all"].missed for name, score in scores.items() if score.recall < 0.95 or score.precision < 0.95
    }
    assert worst == {}
    assert all(scores[kind].marked >= 20 for kind in KINDS)
    page = PAGE.read_text(encoding="utf-8")
    assert page_tables.filled(page, tables(scores)) == page, "run .venv/bin/python -m tests.unit.redaction.measure"


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (f"It is {CARD}, thanks.", "It is [CARD], thanks."),
        ("4111-1111-1111-1111", "[CARD]"),
        ("Call (415) 555-2671 or +44 20 7946 0958.", "Call [PHONE] or [PHONE]."),
        ("plus four four, twenty seven nine four six oh nine five eight", "[PHONE]"),
        ("alex dot rivera at gmail dot com, or a@b.example", "[EMAIL], or [EMAIL]"),
        ("DE89 3704 0044 0532 0130 00", "[IBAN]"),
        ("my social is 536 90 4399", "my social is [ID]"),
        ("４１１１ １１１１ １１１１ １１１１", "[CARD]"),  # full-width digits are digits
    ],
)
def test_what_is_found_is_replaced_by_its_kind_and_the_rest_stays(said: str, kept: str) -> None:
    assert ALL.text(said) == kept


@pytest.mark.parametrize(
    "said", ["order 4155552671", "4111 1111 1111 1112", "at 10:30 on 3 December 2026", "", "x²", "[CARD]", "one of us"]
)
def test_what_only_looks_alike_stays(said: str) -> None:
    assert ALL.text(said) == said


def test_only_the_kinds_that_were_asked_for_are_taken_out() -> None:
    said = f"{CARD}; a@b.example"
    assert Redactor(frozenset(("emails",))).text(said) == f"{CARD}; [EMAIL]"
    assert Redactor(frozenset(("digits",))).text("code four two four two, floor 12") == "code [DIGITS], floor 12"


def test_patterns_of_ones_own_have_their_name() -> None:
    own = Redactor(frozenset(), patterns={"member": re.compile(r"M-\d{6}"), "nothing": re.compile("x*")})
    assert own.text("I am M-481516.") == "I am [MEMBER]."


def test_a_number_that_is_said_over_two_turns_goes_where_the_words_before_announce_it() -> None:
    asked = "And your card number, please?"
    assert ALL.text("four one one one, one one one one", [asked]) == "[CARD]"
    assert ALL.text("one one one one, one one one one", [asked, "[CARD]"]) == "[CARD]"
    assert ALL.text("and then three three three", ["Go on.", "[CARD]"]) == "and then [CARD]"
    assert ALL.text("I have three children and two dogs", ["Go on.", "[CARD]"]) == "I have three children and two dogs"


def test_arguments_and_results_of_tools_are_read_as_deep_as_they_go_and_their_names_say_what_a_value_is() -> None:
    given = {
        "cardNumber": 4111111111111111,
        "phone": "5552671",
        "order": "4155552671",
        "n": 3,
        "ok": True,
        "x": [None, CARD],
    }
    assert ALL.value(given) == {
        "cardNumber": "[CARD]",
        "phone": "[PHONE]",
        "order": "4155552671",
        "n": 3,
        "ok": True,
        "x": [None, "[CARD]"],
    }
    assert given["cardNumber"] == 4111111111111111
    deep: Any = CARD
    for _ in range(1000):
        deep = [deep]
    assert "one" not in json.dumps(ALL.value(deep))


def test_time_grows_with_the_text_only() -> None:
    for unit in ("1 ", "one ", "DE89 ", "AB 12 ", "a@", "a dot ", "double ", "(+", "a.", "12-"):
        short, long = (_seconds(unit * (length // len(unit))) for length in (2_000, 16_000))
        assert long < 40 * short + 0.1, unit


def _seconds(text: str) -> float:
    began = time.process_time()
    ALL.text(text)
    return time.process_time() - began


words = st.sampled_from(
    ["one", "vier", "null", "uno", "dix", "sept", "oh", "4111", "+", "DE", "89", "@", "dot", ".", "(", "é", "²"]
)


@given(st.lists(words | st.text(max_size=8), max_size=30).map(" ".join))
def test_no_text_does_more_than_be_shortened_and_what_is_clean_stays_clean(said: str) -> None:
    kept = ALL.text(said)
    spans = ALL.spans(said)
    assert spans == sorted(spans)
    assert all(0 <= start < end <= len(said) for start, end, _ in spans)
    if not spans:
        assert kept == said
