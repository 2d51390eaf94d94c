"""What a few runs tell."""

import pytest

from infra.scenarios.results import compared
from infra.scenarios.statistics import Trust, in_words, sign_test, wilson


@pytest.mark.parametrize(
    ("passed", "runs", "low", "high"),
    [(3, 3, 0.44, 1.0), (5, 5, 0.57, 1.0), (9, 10, 0.60, 0.98), (18, 20, 0.70, 0.97), (0, 5, 0.0, 0.43), (0, 0, 0, 1)],
)
def test_the_interval_is_wilsons(passed: int, runs: int, low: float, high: float) -> None:
    assert list(wilson(passed, runs)) == pytest.approx([low, high], abs=0.005)


def test_a_rate_says_how_little_was_measured() -> None:
    assert in_words(4, 5) == "4 of 5 (95 %: 38-96 %)"


def test_a_comparison_is_paired_by_scenario() -> None:
    assert sign_test(0, 0) == 1.0
    assert sign_test(5, 0) == pytest.approx(0.0625)
    before = [{"scenario": name, "outcome": "passed"} for name in "abc"] + [{"scenario": "d", "outcome": "failed"}]
    after = [{"scenario": name, "outcome": "passed"} for name in "abd"] + [
        {"scenario": "c", "outcome": "failed"},
        {"scenario": "a", "outcome": "broken"},
        {"scenario": "new", "outcome": "passed"},
    ]
    assert compared(before, after) == [
        "against the baseline: 1 better, 1 worse, 2 the same (p = 1.00)",
        "  better: d 0% -> 100%",
        "  worse: c 100% -> 0%",
        "  not in the baseline: 1",
    ]


def test_under_twenty_labels_there_is_no_number() -> None:
    assert Trust([(True, True)] * 19).lines() == ["too few labels: 19 of the 20 that say something"]


def test_a_judge_is_measured_by_the_failures_it_catches_and_the_good_calls_it_passes() -> None:
    pairs = [(False, False)] * 9 + [(True, False)] + [(True, True)] * 8 + [(False, True)] * 2
    assert Trust(pairs).lines() == [
        "TPR, failures that the judge catches: 9 of 10 (95 %: 60-98 %)",
        "TNR, good calls that it passes: 8 of 10 (95 %: 49-94 %)",
        "kappa: 0.70",
    ]
