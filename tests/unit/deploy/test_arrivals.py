"""Calls that arrive at random while monitors are started."""

import random
import statistics
from dataclasses import replace

import pytest

from infra.deploy import arrivals
from infra.deploy.arrivals import CALL_SECONDS, TASK_SECONDS, Scaling, monitors_at_first, poisson, scaling, simulate

SLOW = Scaling(threshold=32, period=10, periods=2, cooldown=90, steps=((20, 2), (0, 1)))


def test_the_scaling_is_that_of_the_template() -> None:
    assert scaling() == SLOW


@pytest.mark.parametrize(("free", "added"), [(33, 0), (32, 0), (31, 1), (13, 1), (12, 2), (0, 2)])
def test_the_emptier_the_slots_are_the_more_monitors_are_started(free: float, added: int) -> None:
    assert SLOW.added(free) == added


@pytest.mark.parametrize("mean", [0.3, 7, 49, 333])
def test_arrivals_have_their_mean_and_its_variance(mean: float) -> None:
    chance = random.Random(2)
    drawn = [poisson(mean, chance) for _ in range(20_000)]

    assert statistics.mean(drawn) == pytest.approx(mean, rel=0.03)
    assert statistics.variance(drawn) == pytest.approx(mean, rel=0.06)


def test_calls_at_once_are_arrivals_times_seconds() -> None:
    found = simulate(3000, slots=10_000, count=1, most=1, growth=1, rest=4000)

    assert found.most_live == pytest.approx(3000, rel=0.08)
    assert found.calls == pytest.approx(4000 * 3000 / CALL_SECONDS, rel=0.02)
    assert (found.waited, found.monitors) == (0, 1)


def test_the_same_seed_is_the_same_day() -> None:
    assert simulate(500, slots=140, count=1, most=9) == simulate(500, slots=140, count=1, most=9)
    assert simulate(500, slots=140, count=1, most=9) != simulate(500, slots=140, count=1, most=9, seed=2)


def test_without_room_for_more_monitors_calls_wait_and_are_counted() -> None:
    found = simulate(1000, slots=100, count=1, most=1)

    assert found.monitors == 1
    assert found.most_live == 100
    assert found.waited > 0.5
    assert found.longest_wait > 300


def test_more_monitors_at_first_never_make_anybody_wait_longer() -> None:
    waits = [simulate(10_000, slots=590, count=count, most=30).longest_wait for count in (1, 4, 8, 16)]

    assert waits == sorted(waits, reverse=True)
    assert waits[-1] == 0


def test_a_slower_cooldown_makes_calls_wait_longer() -> None:
    quick, slow = (
        simulate(10_000, slots=590, count=1, most=30, rules=replace(SLOW, cooldown=seconds)) for seconds in (30, 300)
    )

    assert quick.waited < slow.waited


def test_the_monitors_that_it_takes_are_the_fewest() -> None:
    count = monitors_at_first(10_000, slots=590, most=30)

    assert simulate(10_000, slots=590, count=count, most=30).waited < 0.001
    assert simulate(10_000, slots=590, count=count - 1, most=30).waited >= 0.001


def test_a_monitor_takes_calls_once_it_has_started(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = simulate(2000, slots=200, count=2, most=20)
    monkeypatch.setattr(arrivals, "TASK_SECONDS", TASK_SECONDS * 5)

    assert simulate(2000, slots=200, count=2, most=20).longest_wait > slow.longest_wait
