"""What a few runs tell, and what they do not: intervals, comparisons, and how far a judge can be trusted. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb, sqrt

Z = 1.959963984540054
"""Of the normal distribution, for 95 %."""

ENOUGH_LABELS = 20


def wilson(passed: int, runs: int) -> tuple[float, float]:
    """The 95 % interval of a rate (Wilson 1927): right also for few runs, and for none or all of them."""
    if runs == 0:
        return 0.0, 1.0
    rate, weight = passed / runs, Z * Z / runs
    middle = (rate + weight / 2) / (1 + weight)
    half = Z / (1 + weight) * sqrt(rate * (1 - rate) / runs + weight / (4 * runs))
    return max(0.0, middle - half), min(1.0, middle + half)


def in_words(passed: int, runs: int) -> str:
    """`4 of 5 (95 %: 38-96 %)`"""
    low, high = wilson(passed, runs)
    return f"{passed} of {runs} (95 %: {low * 100:.0f}-{high * 100:.0f} %)"


def sign_test(better: int, worse: int) -> float:
    """How likely a split at least as uneven is if nothing has changed: McNemar's exact test, two-sided."""
    runs = better + worse
    if runs == 0:
        return 1.0
    tail = sum(comb(runs, k) for k in range(min(better, worse) + 1)) / 2**runs
    return float(min(1.0, 2 * tail))


@dataclass(frozen=True)
class Trust:
    """A judge's verdicts held against people's: `pairs` of (the judge says yes, a person says yes)."""

    pairs: Sequence[tuple[bool, bool]]

    def _count(self, judge: bool, person: bool) -> int:
        return sum(pair == (judge, person) for pair in self.pairs)

    def lines(self) -> list[str]:
        """TPR (failures that it catches), TNR (good calls that it passes) and kappa, with intervals."""
        if len(self.pairs) < ENOUGH_LABELS:
            return [f"too few labels: {len(self.pairs)} of the {ENOUGH_LABELS} that say something"]
        caught, missed = self._count(False, False), self._count(True, False)
        passed, alarmed = self._count(True, True), self._count(False, True)
        lines = []
        for name, hits, of in (
            ("TPR, failures that the judge catches", caught, caught + missed),
            ("TNR, good calls that it passes", passed, passed + alarmed),
        ):
            lines.append(f"{name}: {in_words(hits, of)}" if of else f"{name}: no such label")
        return [*lines, f"kappa: {self.kappa():.2f}"]

    def kappa(self) -> float:
        """Cohen's: agreement beyond what chance alone would give."""
        total = len(self.pairs)
        agreed = (self._count(True, True) + self._count(False, False)) / total
        judge, person = (sum(pair[side] for pair in self.pairs) / total for side in (0, 1))
        chance = judge * person + (1 - judge) * (1 - person)
        return 1.0 if chance == 1 else (agreed - chance) / (1 - chance)
