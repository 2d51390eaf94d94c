"""Why a deployment failed: CloudFormation's events of a root stack and of one that is nested in it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from infra.deploy import failures

ROOT = "arn:aws:cloudformation:eu-west-1:123456789012:stack/ringside/1"
NESTED = "arn:aws:cloudformation:eu-west-1:123456789012:stack/ringside-Monitor-X/2"
SERVICE = "arn:aws:ecs:eu-west-1:123456789012:service/ringside-Cluster/ringside-Service"
NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)


class CloudFormation:
    """Events by stack, oldest first, as (second, name, type, id, status, reason). A deleted stack goes by its id."""

    def __init__(self, events: dict[str, list[tuple[int, str, str, str, str, str]]]) -> None:
        self._events = events

    def get_paginator(self, operation: str) -> "CloudFormation":
        assert operation == "describe_stack_events"
        return self

    def paginate(self, StackName: str) -> Iterator[dict[str, Any]]:
        for second, name, kind, identifier, status, reason in reversed(self._events[StackName]):
            event: dict[str, Any] = {"StackId": ROOT if StackName == "ringside" else StackName}
            event |= {"Timestamp": NOON + timedelta(seconds=second), "LogicalResourceId": name, "ResourceType": kind}
            event |= {"PhysicalResourceId": identifier, "ResourceStatus": status}
            yield {"StackEvents": [event | ({"ResourceStatusReason": reason} if reason else {})]}


EMBEDDED = (
    f"Embedded stack {NESTED} was not successfully created: The following resource(s) failed to create: [Service]."
)
FAILED = CloudFormation(
    {
        "ringside": [
            (0, "ringside", failures.STACK, ROOT, "UPDATE_IN_PROGRESS", "User Initiated"),
            (1, "CallsQueue", "AWS::SQS::Queue", "queue", "UPDATE_FAILED", "what failed the last time"),
            (9, "ringside", failures.STACK, ROOT, "UPDATE_ROLLBACK_COMPLETE", ""),
            (100, "ringside", failures.STACK, ROOT, "UPDATE_IN_PROGRESS", "User Initiated"),
            (101, "Monitor", failures.STACK, NESTED, "CREATE_IN_PROGRESS", ""),
            (200, "Monitor", failures.STACK, NESTED, "CREATE_FAILED", EMBEDDED),
            (200, "CallsQueue", "AWS::SQS::Queue", "queue", "UPDATE_FAILED", "Resource update cancelled"),
            (201, "ringside", failures.STACK, ROOT, "UPDATE_ROLLBACK_IN_PROGRESS", "The following resource(s) failed"),
        ],
        NESTED: [
            (102, "Service", "AWS::ECS::Service", SERVICE, "CREATE_IN_PROGRESS", ""),
            (
                190,
                "Service",
                "AWS::ECS::Service",
                SERVICE,
                "CREATE_FAILED",
                "ECS Deployment Circuit Breaker was triggered",
            ),
            (190, "Scaling", "AWS::IAM::Role", "", "CREATE_FAILED", "Resource creation cancelled"),
            (199, "Monitor", failures.STACK, NESTED, "DELETE_COMPLETE", ""),
        ],
    }
)


def test_the_first_reason_is_found_in_the_nested_stack_that_the_rollback_deleted() -> None:
    found = failures.first(FAILED, "ringside")

    assert found is not None
    assert (found.resource, found.reason) == ("Service", "ECS Deployment Circuit Breaker was triggered")


def test_a_stack_of_which_nothing_failed_has_no_reason() -> None:
    fine = [(0, "ringside", failures.STACK, ROOT, "CREATE_IN_PROGRESS", "User Initiated")]

    assert failures.first(CloudFormation({"ringside": fine}), "ringside") is None


class Ecs:
    """A cluster with the tasks that stopped in it; None if the rollback has deleted it."""

    def __init__(self, tasks: list[dict[str, Any]] | None) -> None:
        self._tasks = tasks

    def list_tasks(self, cluster: str, desiredStatus: str) -> dict[str, Any]:
        assert (cluster, desiredStatus) == ("ringside-Cluster", "STOPPED")
        if self._tasks is None:
            raise ClientError({"Error": {"Code": "ClusterNotFoundException", "Message": ""}}, "ListTasks")
        return {"taskArns": [task["taskArn"] for task in self._tasks]}

    def describe_tasks(self, cluster: str, tasks: list[str]) -> dict[str, Any]:
        return {"tasks": self._tasks}


def test_of_a_service_the_last_task_says_why_it_stopped() -> None:
    service = failures.first(FAILED, "ringside")
    assert service is not None
    tasks = [
        {"taskArn": "new", "stoppedAt": NOON + timedelta(seconds=9), "stoppedReason": "Essential container exited"},
        {"taskArn": "old", "stoppedAt": NOON, "stoppedReason": "Scaling activity"},
    ]
    tasks[0]["containers"] = [{"exitCode": 2}]

    assert failures.stopped_task(Ecs(tasks), service) == "Essential container exited, exit code 2"
    assert failures.stopped_task(Ecs([]), service) is None
    assert failures.stopped_task(Ecs(None), service) is None
