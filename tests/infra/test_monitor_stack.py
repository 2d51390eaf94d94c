"""The monitor's nested stack: what ECS is told about a task that must not drop a call."""

from typing import Any

import pytest

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


def test_scaling_looks_at_the_calls_that_still_fit_every_ten_seconds(stack: dict[str, Any]) -> None:
    alarm = alarm_on(stack, "ScaleOut")

    assert (alarm["Namespace"], alarm["MetricName"]) == ({"Fn::Sub": "Ringside/${Stack}"}, "FreeSlots")
    assert (alarm["Period"], alarm["ComparisonOperator"]) == (10, "LessThanThreshold")
    assert alarm["Statistic"] == "Average"  # a sum would count a task as often as it reports


def test_the_shorter_of_slots_the_more_monitors_are_started(stack: dict[str, Any]) -> None:
    policy = of_type(stack, "AWS::ApplicationAutoScaling::ScalingPolicy")["ScaleOut"]
    steps = policy["StepScalingPolicyConfiguration"]["StepAdjustments"]

    assert [step["ScalingAdjustment"] for step in steps] == [2, 1]
    assert steps[0]["MetricIntervalUpperBound"] == steps[1]["MetricIntervalLowerBound"]
    assert steps[1]["MetricIntervalUpperBound"] == 0  # of an alarm that looks for less than its threshold


def test_monitors_are_stopped_slowly_and_one_at_a_time(stack: dict[str, Any]) -> None:
    alarm = alarm_on(stack, "ScaleIn")
    policy = of_type(stack, "AWS::ApplicationAutoScaling::ScalingPolicy")["ScaleIn"]["StepScalingPolicyConfiguration"]

    assert alarm["Period"] * alarm["EvaluationPeriods"] >= 900
    assert [step["ScalingAdjustment"] for step in policy["StepAdjustments"]] == [-1]


def test_scaling_has_room_between_out_and_in_with_the_defaults() -> None:
    parameters = templates.translate()["Parameters"]
    slots, out, idle = (parameters[name]["Default"] for name in ("MaxCallsPerMonitor", "ScaleOutBelow", "ScaleInAbove"))

    # With two monitors idle enough for one to go, the one that stays must not call for another at once.
    assert 0 < out < slots - 2 * (slots - idle)
    assert idle < slots


def test_a_deployment_does_not_take_back_what_scaling_decided(stack: dict[str, Any]) -> None:
    (service,) = of_type(stack, "AWS::ECS::Service").values()

    assert "DesiredCount" not in service
    assert service["AvailabilityZoneRebalancing"] == "DISABLED"
