"""Alarms: about metrics that somebody writes, and each with an entry in the runbook that says what to do."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from moto.events.models import EventPattern

from infra.local import template as templates
from infra.local.template import FUNCTIONS, REPOSITORY, of_type
from ringside.monitor.lease import RENEWALS_PER_LEASE

RUNBOOK = (REPOSITORY / "docs" / "operations.md").read_text(encoding="utf-8")
ENTRY = re.compile(r"^### ([a-z-]+)\n(.*?)(?=^##|\Z)", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"docs/operations\.md#([a-z-]+)")


@pytest.fixture(scope="module")
def stack() -> dict[str, Any]:
    return templates.parse((REPOSITORY / "infra" / "alarms.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def alarms(stack: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return of_type(stack, "AWS::CloudWatch::Alarm")


def written_metrics() -> set[str]:
    """The names of the metrics in the code that ships."""
    code = "\n".join(path.read_text(encoding="utf-8") for path in FUNCTIONS.rglob("*.py"))
    literal = set(re.findall(r"metrics\.(?:count|gauge|milliseconds)\(\"(\w+)\"", code))
    return literal | set(re.findall(r"\"(Swe\w+)\"", code))


def metrics_of(alarm: dict[str, Any]) -> list[dict[str, Any]]:
    """What an alarm looks at: one metric, or several of which it makes one."""
    several = alarm.get("Metrics")
    return [each["MetricStat"]["Metric"] for each in several if "MetricStat" in each] if several else [alarm]


def test_every_alarm_has_its_entry_in_the_runbook_and_every_entry_its_alarm(
    stack: dict[str, Any], alarms: dict[str, dict[str, Any]]
) -> None:
    named = [NAMED.search(alarm["AlarmDescription"]) for alarm in alarms.values()]
    named += [NAMED.search(rule["Description"]) for rule in of_type(stack, "AWS::Events::Rule").values()]

    assert sorted(found[1] for found in named if found) == sorted(name for name, _ in ENTRY.findall(RUNBOOK))
    assert all(named)


def test_every_entry_says_what_callers_notice_why_and_what_to_do() -> None:
    for name, text in ENTRY.findall(RUNBOOK):
        headings = re.findall(r"^\*\*(.+?)\.\*\*", text, re.MULTILINE)
        assert headings == ["What callers notice", "Why", "What to do"], name


def test_what_the_runbook_refers_to_is_there() -> None:
    headings = {heading.lower().replace(" ", "-") for heading in re.findall(r"^#+ (.+)$", RUNBOOK, re.MULTILINE)}

    assert set(re.findall(r"\]\(#([a-z-]+)\)", RUNBOOK)) <= headings
    monitor = (REPOSITORY / "infra" / "monitor.yaml").read_text(encoding="utf-8")
    assert set(NAMED.findall(monitor)) <= headings


def test_parameters_and_log_events_that_the_runbook_names_exist() -> None:
    parameters = templates.translate()["Parameters"] | templates.translate()["Outputs"]
    code = "\n".join(path.read_text(encoding="utf-8") for path in FUNCTIONS.rglob("*.py"))

    for name in re.findall(r"`([A-Z][a-z]+(?:[A-Z][a-z]+)+)(?:=\w+)?`", RUNBOOK):
        known = name in parameters or name in code or f"  {name}:" in (REPOSITORY / "infra/monitor.yaml").read_text()
        assert known or name.endswith(("Exception", "Error")), name
    for event in re.findall(r"`([a-z]+\.[a-z_]+)`", RUNBOOK):
        assert f'"{event}"' in code or event.endswith((".md", ".yaml")), event


def test_an_alarm_about_our_own_metric_is_about_one_that_is_written(alarms: dict[str, dict[str, Any]]) -> None:
    for name, alarm in alarms.items():
        for metric in metrics_of(alarm):
            if "Ringside" in str(metric["Namespace"]):
                assert metric["MetricName"] in written_metrics(), name


def test_one_silent_monitor_is_told_from_a_service_that_is_well(alarms: dict[str, dict[str, Any]]) -> None:
    """A monitor reports as often as the alarm's expression takes for granted, whatever the lease is."""
    alarm = alarms["OneMonitorSilent"]
    (formula,) = (each["Expression"]["Fn::Sub"] for each in alarm["Metrics"] if "Expression" in each)

    def missing(running: int, reporting: int, lease: int) -> float:
        held = reporting * 60 / (lease / RENEWALS_PER_LEASE)
        known = {"running": running, "held": held, "FILL": lambda value, default: value}
        return float(eval(formula.replace("${LeaseSeconds}", str(lease)), {}, known))

    for lease in (6, 12, 60):
        assert missing(3, 3, lease) < alarm["Threshold"] < missing(3, 2, lease)
    given = templates.translate()["Resources"]["Alarms"]["Properties"]["Parameters"]
    assert given["LeaseSeconds"] == {"Ref": "LeaseSeconds"}


def test_the_dashboard_shows_what_is_written() -> None:
    stack = templates.parse((REPOSITORY / "infra" / "dashboard.yaml").read_text(encoding="utf-8"))
    (dashboard,) = of_type(stack, "AWS::CloudWatch::Dashboard").values()
    body = json.loads(re.sub(r"\$\{[\w:]+\}", "x", dashboard["DashboardBody"]["Fn::Sub"]))

    for widget in body["widgets"]:
        namespace = ""
        for metric in widget["properties"]["metrics"]:
            namespace = namespace if metric[0] == "." else metric[0]
            if namespace.startswith("Ringside"):
                assert metric[1] in written_metrics(), metric


@pytest.mark.parametrize(
    ("cluster", "event_name", "fires"),
    [
        ("default", "SERVICE_DEPLOYMENT_FAILED", True),
        ("default-2", "SERVICE_DEPLOYMENT_FAILED", False),
        ("default", "SERVICE_DEPLOYMENT_COMPLETED", False),
    ],
)
def test_a_failed_deployment_of_this_stacks_cluster_is_told(
    stack: dict[str, Any], cluster: str, event_name: str, fires: bool
) -> None:
    """Against the event as AWS documents it (ecs_service_deployment_events.html), matched as EventBridge does."""
    event = json.loads((Path(__file__).parent / "deployment-failed.json").read_text(encoding="utf-8"))
    event["detail"]["eventName"] = event_name
    pattern = json.dumps(of_type(stack, "AWS::Events::Rule")["DeploymentFailed"]["EventPattern"])
    known = {"Partition": "aws", "Region": event["region"], "AccountId": event["account"]}
    pattern = re.sub(r'\{"Fn::Sub": ("[^"]+")\}', r"\1", pattern).replace("${Cluster}", cluster)
    for name, value in known.items():
        pattern = pattern.replace(f"${{AWS::{name}}}", value)

    assert EventPattern.load(pattern).matches_event(event) is fires


def test_the_cluster_is_given_by_its_name() -> None:
    given = templates.translate()["Resources"]["Alarms"]["Properties"]["Parameters"]["Cluster"]
    monitor = templates.parse((REPOSITORY / "infra" / "monitor.yaml").read_text(encoding="utf-8"))

    assert given == {"Fn::GetAtt": ["Monitor", "Outputs.Cluster"]}
    assert monitor["Outputs"]["Cluster"]["Value"] == {"Ref": "Cluster"}


def test_somebody_is_told_when_it_begins_and_when_it_is_over(alarms: dict[str, dict[str, Any]]) -> None:
    for name, alarm in alarms.items():
        assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": "Topic"}], name


def test_silence_is_an_alarm_only_where_something_is_to_be_heard(alarms: dict[str, dict[str, Any]]) -> None:
    breaching = {name for name, alarm in alarms.items() if alarm["TreatMissingData"] == "breaching"}

    assert breaching == {"MonitorSilent", "SweeperSilent", "CanaryFailing"}


def test_a_call_that_lasts_is_not_taken_for_one_that_waits(alarms: dict[str, dict[str, Any]]) -> None:
    # The age of the oldest message counts calls that are being looked after.
    looked_at = {metric["MetricName"] for alarm in alarms.values() for metric in metrics_of(alarm)}
    assert "ApproximateAgeOfOldestMessage" not in looked_at
