"""Deploy and destroy: `sam build`, `sam deploy` with the image's digest, and the way back to nothing."""

import sys
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from infra.deploy import programs, repository
from infra.deploy.account import Account
from infra.deploy.plan import Parameters
from infra.deploy.programs import DeployError
from infra.local import template as templates

UNRESERVED = 10
"""Concurrent functions that Lambda keeps unreserved in every account."""

SWEEPERS = 2


def deploy(account: Account, stack: str, config: str, parameters: Parameters) -> None:
    """Create or change the stack, and say what to do next. `parameters` are those that differ from before."""
    prepare(account)
    parameters = {**without_reservation(account, parameters), **parameters}
    programs.run(programs.sam("build", "--cached", "--parallel"), what="sam build", env=programs.build_environment())
    assigned = [override(name, value) for name, value in sorted(parameters.items())]
    if parameters.get("MonitorImage"):
        repository.keep(account, parameters["MonitorImage"])
    command = programs.sam(
        *("deploy", "--config-env", config, "--stack-name", stack, "--region", account.region),
        *("--parameter-overrides", *assigned),
    )
    programs.run(command, what="sam deploy")
    for name, value in outputs(account, stack).items():
        print(f"{name:<20} {value}")


def override(name: str, value: str) -> str:
    """As SAM's `--parameter-overrides` takes it: it refuses `Name=`, and takes an empty value in quotes."""
    return f"{name}={value}" if value else f'{name}=""'


def prepare(account: Account) -> None:
    """Make ECS's own role: in an account that never had a cluster, the first service fails without it."""
    try:
        account.client("iam").create_service_linked_role(AWSServiceName="ecs.amazonaws.com")
    except ClientError as error:
        # InvalidInput: it is there. Denied: an administrator has made it, or the deployment will say so.
        if error.response["Error"]["Code"] not in ("InvalidInput", "EntityAlreadyExists", "AccessDenied"):
            raise


def without_reservation(account: Account, parameters: Mapping[str, str]) -> Parameters:
    """In an account that is too new to reserve concurrency from, reserve none."""
    wanted = int(
        parameters.get("WebhookConcurrency") or templates.translate()["Parameters"]["WebhookConcurrency"]["Default"]
    )
    try:
        limits = account.client("lambda").get_account_settings()["AccountLimit"]
    except ClientError:
        return {}
    free = limits["UnreservedConcurrentExecutions"]
    if "WebhookConcurrency" in parameters or free >= wanted + SWEEPERS + UNRESERVED:
        return {}
    print(
        f"Lambda lets this account run {limits['ConcurrentExecutions']} functions at once in {account.region}: none "
        "are reserved for webhooks. Ask for more in Service Quotas (Lambda, concurrent executions) before real traffic."
    )
    return {"WebhookConcurrency": "0"}


def outputs(account: Account, stack: str) -> dict[str, str]:
    """The stack's outputs; `DeployError` if there is no such stack."""
    found = describe(account, stack)
    return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}


def describe(account: Account, stack: str) -> dict[str, Any]:
    try:
        (found,) = account.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":
            raise DeployError(f"there is no stack {stack} in {account.region}") from None
        raise
    described: dict[str, Any] = found
    return described


def parameters_of(account: Account, stack: str) -> Parameters:
    """What the stack has now, defaults included; nothing if there is no such stack."""
    try:
        return _given(describe(account, stack))
    except DeployError:
        return {}


def _given(stack: Mapping[str, Any]) -> Parameters:
    return {entry["ParameterKey"]: entry.get("ParameterValue", "") for entry in stack.get("Parameters", [])}


def destroy(account: Account, stack: str, *, yes: bool, records: bool) -> None:
    """Delete the stack and its images; the record of calls stays unless `records` says otherwise."""
    found = describe(account, stack)
    given = _given(found)
    known = outputs(account, stack)
    table, images = known.get("TableName"), repository.of_stack(stack, given)
    sharing = [other for other in _others(account, found["StackId"]) if _repository_of(other) == images]
    kept = "" if records else f" The record of calls, the table {table}, stays."
    kept += f" The images in {images} stay: {', '.join(s['StackName'] for s in sharing)} runs them." if sharing else ""
    what = f"the stack {stack} in {account.region}, account {account.number}"
    print(f"This deletes {what}{'' if sharing else f', and the images in {images}'}.{kept}")
    if not yes and _typed() != stack:
        raise DeployError("nothing was deleted")
    if records and given.get("ProtectData") == "true":
        raise DeployError("the record of calls is protected: deploy with ProtectData=false first. Nothing was deleted")
    cloudformation = account.client("cloudformation")
    cloudformation.delete_stack(StackName=stack)
    waiter = cloudformation.get_waiter("stack_delete_complete")
    waiter.wait(StackName=found["StackId"], WaiterConfig={"Delay": 10, "MaxAttempts": 180})
    if not sharing:
        repository.delete(account, images)
    if records and table:
        account.client("dynamodb").delete_table(TableName=table)
    print("Deleted.")
    if table and not records:
        print(f"The table is left. To delete it: aws dynamodb delete-table --table-name {table}")
    print("OpenAI still has the webhook endpoint: delete it with `ringside setup --remove` or at platform.openai.com.")


def _others(account: Account, stack_id: str) -> list[dict[str, Any]]:
    """The other stacks of account and region that were not made by a stack."""
    pages = account.client("cloudformation").get_paginator("describe_stacks").paginate()
    stacks = [stack for page in pages for stack in page["Stacks"]]
    return [stack for stack in stacks if stack["StackId"] != stack_id and not stack.get("ParentId")]


def _repository_of(stack: Mapping[str, Any]) -> str | None:
    """The repository that a stack's monitors are pulled from; None for a stack that is not of this template."""
    given = _given(stack)
    return repository.of_stack(stack["StackName"], given) if "MonitorRepository" in given else None


def _typed() -> str:
    if not sys.stdin.isatty():
        raise DeployError(
            "this needs confirmation, and there is no terminal to ask on: use ARGS=--yes. Nothing was deleted"
        )
    return input("Type the name of the stack to continue: ").strip()
