"""What is expected, held against what there is."""

from typing import Any

import pytest

from infra.scenarios.matching import differences, wrong_matchers


@pytest.mark.parametrize(
    ("expected", "found"),
    [
        ("14:30", "14:30"),
        ({"time": "14:30"}, {"time": "14:30", "day": "friday"}),
        ({"number": {"matches": "0177$"}}, {"number": "+12025550177"}),
        ({"number": {"any": True}}, {"number": ""}),
        ({"day": {"one_of": ["monday", {"matches": "^t"}]}}, {"day": "tuesday"}),
        ([{"time": "9"}, {"time": "10"}], [{"time": "10", "who": "Dana"}, {"time": "9"}]),
        ([1, 2], [1, 2]),
        ([], []),
        ({"a": {"b": None}}, {"a": {"b": None}}),
    ],
)
def test_what_is_as_expected_has_no_differences(expected: Any, found: Any) -> None:
    assert differences(expected, found, "state") == []


@pytest.mark.parametrize(
    ("expected", "found", "text"),
    [
        ({"number": "12"}, {"number": "21"}, "state.number: expected 12, got 21"),
        ({"number": "12"}, {}, "state.number: expected 12, and there is none"),
        ({"number": {"any": True}}, {}, "state.number: expected any value, and there is none"),
        ({"number": {"matches": "^1"}}, {"number": "21"}, "state.number: expected what matches ^1, got 21"),
        ({"n": {"one_of": [1, 2]}}, {"n": 3}, "state.n: expected one of [1, 2], got 3"),
        ([{"time": "9"}], [], 'state: expected {"time": "9"} among []'),
        ([{"time": "9"}], [{"time": "9"}, {"time": "9"}], 'state: not expected: {"time": "9"}'),
        ([1, 2], [2, 1], "state.0: expected 1, got 2"),
        (1, True, "state: expected 1, got true"),
        ({"a": 1}, "text", 'state: expected {"a": 1}, got text'),
    ],
)
def test_a_difference_names_the_place_and_both_values(expected: Any, found: Any, text: str) -> None:
    assert differences(expected, found, "state")[0] == text


def test_a_matcher_that_cannot_work_is_found_before_anything_runs() -> None:
    expected = {"a": {"matches": "("}, "b": [{"any": False}], "c": {"one_of": 3}, "d": {"any": True, "more": 1}}
    assert [path for path, _ in wrong_matchers(expected)] == [("a", "matches"), ("b", 0, "any"), ("c", "one_of")]
