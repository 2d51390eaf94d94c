"""Every alarm and threshold is seen to fire, and to be quiet, on metrics as they are written."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from infra.local import template as templates
from infra.local.template import REPOSITORY, of_type
from tests.infra.cloudwatch import Sample, state

HOUR = 3600.0


def nested(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = templates.plain(templates.parse(path.read_text(encoding="utf-8")))
    return document


ROOT = templates.translate()
TEMPLATES = [ROOT, *map(nested, sorted((REPOSITORY / "infra").glob("*.yaml")))]
ALARMS = {name: alarm for each in TEMPLATES for name, alarm in of_type(each, "AWS::CloudWatch::Alarm").items()}
DEFAULTS = ROOT["Parameters"]
PARAMETERS = {
    "ScaleOutBelow": float(DEFAULTS["ScaleOutBelow"]["Default"]),
    "ScaleInAbove": float(DEFAULTS["ScaleInAbove"]["Default"]),
    "MaxCalls": 140.0,
    "LeaseSeconds": float(DEFAULTS["LeaseSeconds"]["Default"]),
}


def every(seconds: float, value: float, *, since: float = 0.0, until: float = HOUR) -> list[Sample]:
    """A sample every so many seconds."""
    return [(since + index * seconds, value) for index in range(int((until - since) / seconds))]


def last(value: float, count: int = 1, *, seconds_ago: float = 30.0) -> list[Sample]:
    """So many samples, in the last moments of the hour."""
    return [(HOUR - seconds_ago, value)] * count


@dataclass(frozen=True)
class Story:
    """What makes an alarm fire, and the nearest thing that must not. Both end after an hour."""

    fires: Mapping[str, Iterable[Sample]]
    quiet: Mapping[str, Iterable[Sample]]


def counted(metric: str, enough: int) -> Story:
    """A count that fires from `enough` on, and not with one less; where one is enough, not with none or long ago."""
    fewer = last(1.0, enough - 1) if enough > 1 else every(60, 0.0)
    return Story({metric: last(1.0, enough)}, {metric: fewer})


def slow(metric: str, milliseconds: float) -> Story:
    """One in twenty that is slow fires; one in a hundred does not."""
    well = last(100.0, 94)
    return Story({metric: [*well, *last(milliseconds, 6)]}, {metric: [*well, *last(100.0, 5), *last(milliseconds)]})


BEATS = every(5, 140.0)
RUNNING = every(60, 1.0)  # each task is a sample a minute
HELD = every(PARAMETERS["LeaseSeconds"] / 3, 1.0)
STORIES = {
    "MonitorSilent": Story({"FreeSlots": every(5, 140.0, until=HOUR - 180)}, {"FreeSlots": every(20, 140.0)}),
    "OneMonitorSilent": Story({"running": RUNNING * 2, "held": HELD}, {"running": RUNNING * 2, "held": HELD * 2}),
    "CallsWaiting": Story(
        {"ApproximateNumberOfMessagesVisible": every(60, 1.0)},
        # One that waits when it is looked at, and was taken a minute later.
        {"ApproximateNumberOfMessagesVisible": [*every(60, 0.0, until=HOUR - 60), *last(1.0)]},
    ),
    "DeadLetters": counted("ApproximateNumberOfMessagesVisible", 1),
    "NoticesGivenUp": counted("ApproximateNumberOfMessagesVisible", 1),
    "AnalysesGivenUp": counted("ApproximateNumberOfMessagesVisible", 1),
    "AtCapacity": Story({"FreeSlots": every(5, 0.0)}, {"FreeSlots": [*every(5, 0.0), *every(5, 1.0)]}),
    "AcceptsFailed": counted("AcceptsFailed", 1),
    "OpenAIUnavailable": counted("AcceptsUnavailable", 3),
    "WebhooksRefused": counted("WebhooksRefused", 5),
    "WebhookErrors": counted("Errors", 1),
    "WebhookThrottled": counted("Throttles", 1),
    "WebhookSlow": slow("Duration", 6000.0),
    "ApiErrors": counted("5xx", 3),
    # A sample is a minute's sum.
    "WebhookFlooded": Story({"4xx": every(60, 6000.0)}, {"4xx": every(60, 5900.0)}),
    "HandoffSlow": slow("HandoffMs", 2500.0),
    "GreetingSlow": slow("GreetingMs", 3500.0),
    "CallsLost": counted("CallsLost", 1),
    "LeaseTrouble": counted("RenewalsFailed", 3),
    "RecordUnwritable": counted("WritesFailed", 10),
    "HangUpsFailed": counted("HangUpsFailed", 3),
    "TableThrottled": Story({"live": every(60, 3.0)}, {"live": last(3.0), "table": every(60, 0.0)}),
    "CallsSwept": counted("SweptHungUp", 1),
    "SweeperSilent": Story({"Invocations": every(60, 1.0, until=HOUR - 300)}, {"Invocations": every(60, 1.0)}),
    "SweeperErrors": Story(
        {"Errors": [*every(60, 0.0), *last(1.0), *last(1.0, seconds_ago=200)]},
        {"Errors": [*every(60, 0.0), *last(1.0)]},
    ),
    "CanaryFailing": Story(
        {"CanariesPassed": every(300, 0.0, since=10)},
        {"CanariesPassed": [*every(300, 1.0, since=10, until=HOUR - 200), *last(0.0)]},
    ),
    # 32 percent of 140 slots are 44.8, 90 percent are 126.
    "SlotsGoShort": Story({"slots": every(5, 44.0)}, {"slots": every(5, 45.0)}),
    "SlotsAreIdle": Story({"slots": every(5, 127.0)}, {"slots": [*every(5, 127.0), *every(5, 100.0, since=HOUR - 60)]}),
}


SIGNS_OF_LIFE = {"MonitorSilent", "SweeperSilent", "CanaryFailing"}


def judged(name: str, samples: Mapping[str, Iterable[Sample]]) -> str:
    return state(ALARMS[name], samples, HOUR, PARAMETERS)


def test_every_alarm_of_the_templates_has_its_story() -> None:
    assert sorted(STORIES) == sorted(ALARMS)


def test_every_rule_of_the_templates_is_tried_with_an_event_and_every_threshold_is_an_alarms() -> None:
    """The rule: `test_alarms.py`, with the event that AWS documents. Steps of scaling begin where an alarm fires."""
    rules = [name for each in TEMPLATES for name in of_type(each, "AWS::Events::Rule")]
    scaling = [policy for each in TEMPLATES for policy in of_type(each, "AWS::ApplicationAutoScaling::ScalingPolicy")]
    fired = {action["Ref"] for alarm in ALARMS.values() for action in alarm["AlarmActions"] if "Ref" in action}

    assert rules == ["DeploymentFailed"]
    assert set(scaling) <= fired


@pytest.mark.parametrize("name", STORIES)
def test_an_alarm_fires_on_what_it_is_for(name: str) -> None:
    assert judged(name, STORIES[name].fires) == "ALARM"


@pytest.mark.parametrize("name", STORIES)
def test_an_alarm_is_quiet_when_it_was_nearly_so(name: str) -> None:
    assert judged(name, STORIES[name].quiet) == "OK"


@pytest.mark.parametrize("name", STORIES)
def test_an_alarm_is_quiet_on_an_idle_stack(name: str) -> None:
    """Monitors that beat, a sweeper that runs, and no call."""
    written = {"FreeSlots": BEATS, "slots": BEATS, "Invocations": every(60, 1.0), "Errors": every(60, 0.0)}
    written |= {"running": RUNNING, "held": HELD, "CanariesPassed": every(300, 1.0)}

    expected = "ALARM" if name == "SlotsAreIdle" else "OK"  # not a fault: one more could be stopped

    assert judged(name, written) == expected


@pytest.mark.parametrize("name", sorted(set(STORIES) - SIGNS_OF_LIFE))
def test_an_alarm_is_over_once_its_cause_is(name: str) -> None:
    """Another hour without a sample: only those that listen for a sign of life go on."""
    assert state(ALARMS[name], STORIES[name].fires, 2 * HOUR, PARAMETERS) == "OK"


@pytest.mark.parametrize("name", sorted(SIGNS_OF_LIFE))
def test_a_component_that_never_reported_is_missed(name: str) -> None:
    assert judged(name, {}) == "ALARM"


@pytest.mark.parametrize("where", ["table", "by_day", "by_caller", "live"])
def test_the_table_and_each_of_its_indexes_can_be_what_is_throttled(where: str) -> None:
    assert judged("TableThrottled", {where: every(60, 1.0)}) == "ALARM"


def test_what_may_be_throttled_is_what_the_table_has() -> None:
    metrics = [entry["MetricStat"]["Metric"] for entry in ALARMS["TableThrottled"]["Metrics"] if "MetricStat" in entry]
    named = {dimension["Value"] for metric in metrics for dimension in metric["Dimensions"][1:]}
    (table,) = of_type(templates.translate(), "AWS::DynamoDB::Table").values()

    assert named == {index["IndexName"] for index in table["GlobalSecondaryIndexes"]}
