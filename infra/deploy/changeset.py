"""A change set of CloudFormation, from its making to its end: shown, confirmed, carried out and followed."""

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError, WaiterError

from infra.deploy import changeset_view, failures, following, history
from infra.deploy.account import Account
from infra.deploy.history import Deployment
from infra.deploy.plan import Parameters
from infra.deploy.programs import DeployError
from infra.terminal import console

CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]


def waiting(account: Account, stack: str) -> set[str]:
    """The ARNs of the stack's change sets that could be carried out; none for a stack that is not there."""
    try:
        pages = account.client("cloudformation").get_paginator("list_change_sets").paginate(StackName=stack)
        found = [entry for page in pages for entry in page["Summaries"]]
    except ClientError:
        return set()
    return {entry["ChangeSetId"] for entry in found if entry.get("ExecutionStatus") == "AVAILABLE"}


def back_to(account: Account, stack: Mapping[str, Any], former: Deployment) -> str:
    """Make a change set that gives a stack a former template and its parameters; returns its ARN."""
    cloudformation = account.client("cloudformation")
    made = cloudformation.create_change_set(
        StackName=stack["StackName"],
        ChangeSetName=f"ringside-rollback-{datetime.now(UTC):%Y%m%dT%H%M%S}",
        ChangeSetType="UPDATE",
        TemplateURL=history.uploaded(account, stack["StackId"], former),
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in former.parameters.items()],
        Capabilities=CAPABILITIES,
        Tags=stack.get("Tags", []),
    )
    arn = str(made["Id"])
    try:
        waiter = cloudformation.get_waiter("change_set_create_complete")
        waiter.wait(ChangeSetName=arn, WaiterConfig={"Delay": 3, "MaxAttempts": 200})
    except WaiterError:
        reason = cloudformation.describe_change_set(ChangeSetName=arn).get("StatusReason", "no reason")
        raise DeployError(f"{stack['StackName']} cannot go back: {reason}") from None
    return arn


def carry_out(
    account: Account, stack: str, arn: str, current: Parameters, given: Parameters, minutes: float, *, ask: bool
) -> bool:
    """Show a change set, ask if it is to be carried out, and follow it to its end. False if it was declined.

    `current` and `given` are the parameters of before and of now. `DeployError`, with what failed first, if it fails.
    """
    cloudformation = account.client("cloudformation")
    listed = changeset_view.of(cloudformation, arn)
    now = _resources(cloudformation, stack) if current else 0
    console().print(changeset_view.show(stack, listed, now, changeset_view.differences(current, given)), soft_wrap=True)
    if ask and not _confirmed(cloudformation, arn):
        return False
    stack_id = str(cloudformation.describe_change_set(ChangeSetName=arn)["StackId"])
    progress = following.before(cloudformation, stack_id)
    cloudformation.execute_change_set(ChangeSetName=arn)
    status = following.follow(cloudformation, stack_id, minutes, already=progress)
    if status not in following.SUCCEEDED:
        reason = failures.explain(account, stack_id)
        what = f"{stack} is in {status}"
        raise DeployError(f"{what}. What failed first:\n{reason}" if reason else what)
    return True


def _resources(cloudformation: Any, stack: str) -> int:
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
    return sum(len(page["StackResourceSummaries"]) for page in pages)


def _confirmed(cloudformation: Any, arn: str) -> bool:
    if not sys.stdin.isatty():
        cloudformation.delete_change_set(ChangeSetName=arn)
        raise DeployError(
            "this needs confirmation, and there is no terminal to ask on: use ARGS=--yes. Nothing was changed"
        )
    if input("Type yes to continue: ").strip().lower() in ("y", "yes"):
        return True
    cloudformation.delete_change_set(ChangeSetName=arn)
    print("Nothing was changed.")
    return False
