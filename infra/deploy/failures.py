"""Why a deployment failed: the first real reason, from wherever in the nested stacks it is."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from infra.deploy.account import Account

STACK = "AWS::CloudFormation::Stack"
BEGUN = ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS")


@dataclass(frozen=True)
class Failure:
    """A resource that failed by itself: neither cancelled because of another, nor a stack around one that failed."""

    at: datetime
    resource: str
    kind: str
    identifier: str
    reason: str


def explain(account: Account, stack: str) -> str | None:
    """What to tell somebody whose deployment (or deletion) failed; None if the events do not say."""
    try:
        failure = first(account.client("cloudformation"), stack)
        if failure is None:
            return None
        text = f"{failure.resource} ({failure.kind}): {failure.reason}"
        task = stopped_task(account.client("ecs"), failure) if failure.kind == "AWS::ECS::Service" else None
    except ClientError:  # not allowed to look
        return None
    return f"{text}\nThe last monitor that stopped: {task}" if task else text


def first(cloudformation: Any, stack: str) -> Failure | None:
    """The earliest failure of the last operation on a stack; `stack` by name, or by id if it may be deleted."""
    events = list(_events(cloudformation, stack))
    begun = next((event["Timestamp"] for event in events if _begins(event)), None)
    return min(_failures(cloudformation, events, begun), key=lambda failure: failure.at, default=None)


def _begins(event: dict[str, Any]) -> bool:
    """Whether the operation began with this event of the root stack."""
    is_root = event.get("PhysicalResourceId") == event["StackId"]
    return is_root and event["ResourceStatus"] in BEGUN and event.get("ResourceStatusReason") == "User Initiated"


def _failures(cloudformation: Any, events: list[dict[str, Any]], begun: datetime | None) -> Iterator[Failure]:
    nested = set()
    for event in events:
        if begun and event["Timestamp"] < begun:
            break  # they come newest first
        identifier, reason = event.get("PhysicalResourceId", ""), event.get("ResourceStatusReason", "")
        if event["ResourceType"] == STACK:
            if identifier and identifier != event["StackId"] and event["ResourceStatus"].endswith("_FAILED"):
                nested.add(identifier)
                if "Embedded stack" in reason:
                    continue
            elif identifier == event["StackId"]:
                continue
        if event["ResourceStatus"].endswith("_FAILED") and "cancelled" not in reason.lower():
            yield Failure(
                event["Timestamp"], event["LogicalResourceId"], event["ResourceType"], identifier, reason or "no reason"
            )
    for identifier in nested:
        yield from _failures(cloudformation, list(_events(cloudformation, identifier)), begun)


def _events(cloudformation: Any, stack: str) -> Iterator[dict[str, Any]]:
    """Newest first."""
    for page in cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack):
        yield from page["StackEvents"]


def stopped_task(ecs: Any, service: Failure) -> str | None:
    """Why the last task of a service stopped; ECS knows it for about an hour."""
    _, _, path = service.identifier.partition(":service/")
    cluster = path.partition("/")[0]
    if not cluster:
        return None
    try:
        stopped = ecs.list_tasks(cluster=cluster, desiredStatus="STOPPED")["taskArns"]
        tasks = ecs.describe_tasks(cluster=cluster, tasks=stopped)["tasks"] if stopped else []
    except ClientError:  # the rollback has deleted the cluster
        return None
    if not tasks:
        return None
    last = max(tasks, key=lambda task: task["stoppedAt"])
    codes = [f", exit code {entry['exitCode']}" for entry in last.get("containers", []) if "exitCode" in entry]
    return str(last.get("stoppedReason", "no reason")) + "".join(codes)
