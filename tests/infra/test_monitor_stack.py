"""The monitor's nested stack: what ECS is told about a task that must not drop a call."""

from typing import Any

import pytest

from infra.deploy import cost
from infra.local import template as templates
from infra.local.template import REPOSITORY, of_type
from monitor import FORCED_SECONDS
from ringside.monitor import health
from ringside.monitor.drain import UNHURRIED_SECONDS
from ringside.monitor.task_protection import SPARE_MINUTES


@pytest.fixture(scope="module")
def stack() -> dict[str, Any]:
    return templates.parse((REPOSITORY / "infra" / "monitor.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def container(stack: dict[str, Any]) -> dict[str, Any]:
    (task,) = of_type(stack, "AWS::ECS::TaskDefinition").values()
    found: dict[str, Any]
    (found,) = task["ContainerDefinitions"]
    return found


def test_a_task_told_to_stop_gets_all_the_time_fargate_gives(container: dict[str, Any]) -> None:
    assert container["StopTimeout"] == 120  # more is refused when it is deployed; cfn-lint does not say so


def test_a_task_may_change_nothing_on_its_disk_and_is_not_root(container: dict[str, Any]) -> None:
    assert container["ReadonlyRootFilesystem"] is True
    assert container["User"] not in ("0", "root")
    assert container["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]}


def test_a_task_is_healthy_once_its_monitor_says_so_and_is_not_given_up_in_a_hurry(container: dict[str, Any]) -> None:
    check = container["HealthCheck"]

    assert check["Command"][0] == "CMD"  # no shell, which the image need not have
    assert check["Command"][-1] == health.__name__
    assert check["Timeout"] > health.ANSWER_SECONDS
    assert check["Interval"] * check["Retries"] >= 180  # an outage of the table must not replace all monitors
    assert check["StartPeriod"] + check["Interval"] * check["Retries"] < 300


def test_a_deployment_starts_the_new_before_it_stops_the_old(stack: dict[str, Any]) -> None:
    (service,) = of_type(stack, "AWS::ECS::Service").values()

    assert service["DeploymentConfiguration"]["MinimumHealthyPercent"] == 100
    assert service["DeploymentConfiguration"]["MaximumPercent"] >= 200
    assert service["DeploymentConfiguration"]["DeploymentCircuitBreaker"] == {"Enable": True, "Rollback": True}


def test_the_outer_template_gives_every_parameter_that_has_no_default(stack: dict[str, Any]) -> None:
    given = templates.translate()["Resources"]["Monitor"]["Properties"]["Parameters"]
    required = {name for name, parameter in stack["Parameters"].items() if "Default" not in parameter}

    assert required <= set(given) <= set(stack["Parameters"])


def test_the_signal_to_stop_reaches_python(container: dict[str, Any]) -> None:
    assert container["Command"] == ["python", "-m", "monitor"]  # no shell in between
    assert container["LinuxParameters"]["InitProcessEnabled"] is True


def test_a_monitor_told_to_stop_has_time_left_to_hand_over(container: dict[str, Any]) -> None:
    assert container["StopTimeout"] >= FORCED_SECONDS + UNHURRIED_SECONDS + 10


def test_a_deployment_that_waits_is_done_long_before_cloudformation_gives_up() -> None:
    waits = templates.translate()["Parameters"]["MonitorDrain"]["MaxValue"]

    assert waits + SPARE_MINUTES <= 120  # CloudFormation waits for three hours (ECS, "Task scale-in protection")


def test_only_a_monitor_that_waits_may_keep_its_task(stack: dict[str, Any]) -> None:
    condition = stack["Conditions"]["CallsAreWaitedFor"]
    (policy,) = of_type(stack, "AWS::IAM::Role")["TaskRole"]["Policies"]
    of_ecs = [entry for entry in policy["PolicyDocument"]["Statement"] if "ecs:" in str(entry)]

    assert condition == {"Fn::Not": [{"Fn::Equals": [{"Ref": "MonitorDrain"}, "0"]}]}
    assert len(of_ecs) == 2
    assert all(
        (entry["Fn::If"][0], entry["Fn::If"][2]) == ("CallsAreWaitedFor", {"Ref": "AWS::NoValue"}) for entry in of_ecs
    )


def test_every_size_is_one_that_fargate_has(stack: dict[str, Any]) -> None:
    fargate = {"256": ("512", "1024", "2048"), "512": ("1024", "2048", "4096"), "1024": ("2048", "3072", "4096")}
    sizes = stack["Mappings"]["Sizes"]

    assert sorted(sizes) == sorted(templates.translate()["Parameters"]["MonitorSize"]["AllowedValues"])
    assert all(size["Memory"] in fargate[size["Cpu"]] for size in sizes.values())


# --- scaling ---


def alarm_on(stack: dict[str, Any], policy: str) -> dict[str, Any]:
    alarms = of_type(stack, "AWS::CloudWatch::Alarm").values()
    (found,) = [alarm for alarm in alarms if alarm["AlarmActions"] == [{"Ref": policy}]]
    return found


def metric_of(alarm: dict[str, Any]) -> dict[str, Any]:
    (found,) = [metric["MetricStat"] for metric in alarm["Metrics"] if "MetricStat" in metric]
    plain: dict[str, Any] = found
    return plain


def test_scaling_looks_at_the_calls_that_still_fit_every_ten_seconds(stack: dict[str, Any]) -> None:
    alarm = alarm_on(stack, "ScaleOut")
    metric = metric_of(alarm)

    assert metric["Metric"]["Namespace"] == {"Fn::Sub": "Ringside/${Stack}"}
    assert (metric["Metric"]["MetricName"], metric["Period"]) == ("FreeSlots", 10)
    assert alarm["ComparisonOperator"] == "LessThanThreshold"
    assert metric["Stat"] == "Average"  # a sum would count a task as often as it reports


def test_both_ways_of_scaling_look_at_the_same_share_of_what_a_task_may_take(stack: dict[str, Any]) -> None:
    expressions = [alarm_on(stack, policy)["Metrics"][0] for policy in ("ScaleOut", "ScaleIn")]

    assert [found["Expression"] for found in expressions] == [{"Fn::Sub": "100 * slots / ${MaxCalls}"}] * 2
    assert {"Name": "RINGSIDE_MAX_CALLS", "Value": {"Ref": "MaxCalls"}} in stack["Resources"]["TaskDefinition"][
        "Properties"
    ]["ContainerDefinitions"][0]["Environment"]


def test_the_shorter_of_slots_the_more_monitors_are_started(stack: dict[str, Any]) -> None:
    policy = of_type(stack, "AWS::ApplicationAutoScaling::ScalingPolicy")["ScaleOut"]
    steps = policy["StepScalingPolicyConfiguration"]["StepAdjustments"]

    assert [step["ScalingAdjustment"] for step in steps] == [2, 1]
    assert steps[0]["MetricIntervalUpperBound"] == steps[1]["MetricIntervalLowerBound"]
    assert steps[1]["MetricIntervalUpperBound"] == 0  # of an alarm that looks for less than its threshold


def test_monitors_are_stopped_slowly_and_one_at_a_time(stack: dict[str, Any]) -> None:
    alarm = alarm_on(stack, "ScaleIn")
    policy = of_type(stack, "AWS::ApplicationAutoScaling::ScalingPolicy")["ScaleIn"]["StepScalingPolicyConfiguration"]

    assert metric_of(alarm)["Period"] * alarm["EvaluationPeriods"] >= 900
    assert [step["ScalingAdjustment"] for step in policy["StepAdjustments"]] == [-1]


@pytest.mark.parametrize("size", ["small", "medium", "large"])
def test_what_is_left_after_scaling_in_holds_all_calls_and_calls_for_no_other(size: str) -> None:
    """For every size, every number of slots and every threshold that is allowed, the worst of them together."""
    parameters, slots = templates.translate()["Parameters"], cost.calls_of(size)
    least_idle, most_out = parameters["ScaleInAbove"]["MinValue"], parameters["ScaleOutBelow"]["MaxValue"]

    for allowed in (1, 45, parameters["MaxCallsPerMonitor"]["Default"], slots):
        for monitors in range(2, parameters["MaxMonitors"]["MaxValue"] + 1):
            calls = monitors * allowed * (100 - least_idle) / 100  # as many as there may be when one is stopped
            left = (monitors - 1) * allowed
            assert calls <= left
            assert 100 * (left - calls) / left > most_out


def test_a_deployment_does_not_take_back_what_scaling_decided(stack: dict[str, Any]) -> None:
    (service,) = of_type(stack, "AWS::ECS::Service").values()

    assert "DesiredCount" not in service
    assert service["AvailabilityZoneRebalancing"] == "DISABLED"
