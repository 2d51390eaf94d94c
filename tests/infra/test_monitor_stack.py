"""The monitor's nested stack: what ECS is told about a task that must not drop a call."""

from typing import Any

import pytest

from infra.local import template as templates
from infra.local.template import REPOSITORY, of_type


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


def test_a_deployment_starts_the_new_before_it_stops_the_old(stack: dict[str, Any]) -> None:
    (service,) = of_type(stack, "AWS::ECS::Service").values()

    assert service["DeploymentConfiguration"]["MinimumHealthyPercent"] == 100
    assert service["DeploymentConfiguration"]["MaximumPercent"] >= 200
    assert service["DeploymentConfiguration"]["DeploymentCircuitBreaker"] == {"Enable": True, "Rollback": True}


def test_the_outer_template_gives_every_parameter_that_has_no_default(stack: dict[str, Any]) -> None:
    given = templates.translate()["Resources"]["Monitor"]["Properties"]["Parameters"]
    required = {name for name, parameter in stack["Parameters"].items() if "Default" not in parameter}

    assert required <= set(given) <= set(stack["Parameters"])


def test_nothing_can_connect_to_a_task() -> None:
    network = templates.parse((REPOSITORY / "infra" / "network.yaml").read_text(encoding="utf-8"))

    (group,) = of_type(network, "AWS::EC2::SecurityGroup").values()

    assert "SecurityGroupIngress" not in group
