"""Calls that arrive at random while monitors are started: how long do they wait for one?

Second by second, with counts and no single calls: arrivals are a Poisson process, calls last exponentially long, and
another monitor is started by the steps, the period and the cooldown of `infra/monitor.yaml`. Little's law gives what it
settles at: calls at once = arrivals a second x seconds that one lasts.
"""

import math
import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from infra.local import template as templates
from infra.local.template import REPOSITORY, of_type

CALL_SECONDS = 300.0
TASK_SECONDS = 60
"""Until a task that is started takes calls. 20 to 90 s were seen by others; not measured on AWS by us."""


@dataclass(frozen=True)
class Scaling:
    """When monitors are added, as `infra/monitor.yaml` has it."""

    threshold: float
    """Percent of the slots: with fewer free ones than that, more monitors are started."""
    period: int
    periods: int
    cooldown: int
    steps: tuple[tuple[float, int], ...]
    """By how much the free percentage is below the threshold at least, and how many monitors that adds; most first."""

    def added(self, free_percent: float) -> int:
        below = self.threshold - free_percent
        return next((count for least, count in self.steps if below >= least), 0) if below > 0 else 0


@dataclass(frozen=True)
class Outcome:
    calls: int
    """That arrived."""
    most_arrivals: int
    """In one second."""
    most_live: int
    monitors: int
    """At the end."""
    longest_wait: int
    """Seconds until a monitor had a free slot."""
    waited: float
    """Share of the calls that waited for more than a second."""


@cache
def scaling() -> Scaling:
    text = (REPOSITORY / "infra" / "monitor.yaml").read_text(encoding="utf-8")
    nested = templates.parse(text)
    alarm = of_type(nested, "AWS::CloudWatch::Alarm")["SlotsGoShort"]
    policy = of_type(nested, "AWS::ApplicationAutoScaling::ScalingPolicy")["ScaleOut"]["StepScalingPolicyConfiguration"]
    steps = [
        (abs(float(step.get("MetricIntervalUpperBound", 0))), int(step["ScalingAdjustment"]))
        for step in policy["StepAdjustments"]
    ]
    (metric,) = (each["MetricStat"] for each in alarm["Metrics"] if "MetricStat" in each)
    threshold = float(nested["Parameters"]["ScaleOutBelow"]["Default"])
    return Scaling(
        threshold, int(metric["Period"]), int(alarm["EvaluationPeriods"]), int(policy["Cooldown"]), _most_first(steps)
    )


def _most_first(steps: Sequence[tuple[float, int]]) -> tuple[tuple[float, int], ...]:
    return tuple(sorted(steps, key=lambda step: -step[1]))


def simulate(
    calls_at_once: int,
    *,
    slots: int,
    count: int,
    most: int,
    growth: int = 600,
    rest: int = 900,
    seed: int = 1,
    rules: Scaling | None = None,
) -> Outcome:
    """Arrivals that grow evenly for `growth` seconds to what makes so many calls at once, and stay there for `rest`.

    `count` monitors of `slots` calls at first, and `most` of them at last.
    """
    rules, chance = rules or scaling(), random.Random(seed)
    full = calls_at_once / CALL_SECONDS
    live = waited = arrived = most_arrivals = most_live = longest = short = 0
    monitors, starting, quiet_until = count, deque[int](), 0
    waiting: deque[tuple[int, int]] = deque()  # since when, how many
    for now in range(growth + rest):
        arrivals = poisson(full * min(1.0, (now + 1) / growth), chance)
        arrived, most_arrivals = arrived + arrivals, max(most_arrivals, arrivals)
        if arrivals:
            waiting.append((now, arrivals))
        live -= min(live, poisson(live / CALL_SECONDS, chance))
        while starting and starting[0] <= now:
            starting.popleft()
            monitors += 1
        free = monitors * slots - live
        while waiting and free > 0:
            since, calls = waiting.popleft()
            taken = min(calls, free)
            live, free, longest = live + taken, free - taken, max(longest, now - since)
            waited += taken if now - since > 1 else 0
            if calls > taken:
                waiting.appendleft((since, calls - taken))
        most_live = max(most_live, live)
        if now % rules.period == 0:
            percent = 100.0 * free / (monitors * slots)
            short = short + 1 if percent < rules.threshold else 0
            if short >= rules.periods and now >= quiet_until:
                added = min(rules.added(percent), most - monitors - len(starting))
                if added > 0:
                    starting.extend([now + TASK_SECONDS] * added)
                    quiet_until = now + rules.cooldown
    left = sum(calls for _, calls in waiting)
    if left:
        longest = max(longest, growth + rest - waiting[0][0])
    return Outcome(arrived, most_arrivals, most_live, monitors, longest, (waited + left) / max(1, arrived))


def monitors_at_first(calls_at_once: int, *, slots: int, most: int, growth: int = 600) -> int:
    """The smallest number of monitors with which hardly any call waits, while the others are started."""
    low, high = 1, max(1, most)
    while low < high:
        middle = (low + high) // 2
        found = simulate(calls_at_once, slots=slots, count=middle, most=most, growth=growth)
        low, high = (low, middle) if found.waited < 0.001 else (middle + 1, high)
    return low


def poisson(mean: float, chance: random.Random) -> int:
    """A number of events: exactly so for few of them, and by the normal distribution for many."""
    if mean > 50:
        return max(0, round(chance.gauss(mean, math.sqrt(mean))))
    limit, product, events = math.exp(-mean), chance.random(), 0
    while product > limit:
        product *= chance.random()
        events += 1
    return events
