"""Deploy, go back and destroy: `sam build`, a change set of `sam deploy` with the image's digest, and the ways back."""

import sys
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError, WaiterError

from infra.deploy import changeset, concurrency, failures, history, package, plan, programs, repository
from infra.deploy.account import Account
from infra.deploy.plan import Parameters
from infra.deploy.programs import DeployError
from infra.local.template import REPOSITORY

DEPLOYMENT_MINUTES = 40
"""Within which a deployment has ended, rolled back or not: three monitors that never become healthy, in a row."""


def deploy(account: Account, stack: str, config: str, parameters: Parameters, *, yes: bool = False) -> None:
    """Create or change the stack, and say what to do next. `parameters` are those that differ from before; `yes` does
    not ask, where samconfig.toml says that somebody is to be asked."""
    current = ready(account, stack)
    prepare(account)
    parameters = {**concurrency.reservation(account, parameters, current), **parameters}
    if parameters.get("MonitorImage"):
        repository.keep(account, parameters["MonitorImage"])
    programs.run(programs.sam("build", "--cached", "--parallel"), what="sam build", env=programs.build_environment())
    package.package(REPOSITORY / ".aws-sam" / "build")
    former = history.current(account, describe(account, stack)) if current else None
    before = changeset.waiting(account, stack)
    assigned = [override(name, value) for name, value in sorted(parameters.items())]
    command = programs.sam(
        *("deploy", "--config-env", config, "--stack-name", stack, "--region", account.region),
        *("--no-execute-changeset", "--no-confirm-changeset", "--no-progressbar"),
        *("--parameter-overrides", *assigned),
    )
    programs.run(command, what="sam deploy")
    made = changeset.waiting(account, stack) - before
    if made:
        ask = plan.confirms(config) and not yes
        drain = int({**current, **parameters}.get("MonitorDrain") or 0)
        parts = (current, parameters, DEPLOYMENT_MINUTES + drain)
        if not changeset.carry_out(account, stack, made.pop(), *parts, ask=ask):
            return
        if former:
            history.keep(account, describe(account, stack)["StackId"], former)
    else:
        print(f"{stack} is as it should be: nothing was changed.")
    _say_outputs(account, stack)


def roll_back(account: Account, stack: str, *, yes: bool = False) -> None:
    """Go back by one deployment: functions, agent files, image and parameters together."""
    current = ready(account, stack)
    found = describe(account, stack)
    now = history.current(account, found)
    key, former = history.last(account, stack, found["StackId"], now)
    if former.parameters.get("MonitorImage"):
        repository.keep(account, former.parameters["MonitorImage"])
    arn = changeset.back_to(account, found, former)
    drain = int(current.get("MonitorDrain") or 0)
    if changeset.carry_out(account, stack, arn, current, former.parameters, DEPLOYMENT_MINUTES + drain, ask=not yes):
        history.forget(account, str(now.bucket), key)
        _say_outputs(account, stack)


def _say_outputs(account: Account, stack: str) -> None:
    for name, value in outputs(account, stack).items():
        print(f"{name:<20} {value}")


def ready(account: Account, stack: str) -> Parameters:
    """The stack's parameters, none if it is new. `DeployError` if it cannot be deployed to; what a failed first
    deployment has left, which is nothing but a name, is deleted."""
    try:
        found = describe(account, stack)
    except DeployError:
        return {}
    status = found["StackStatus"]
    if status == "ROLLBACK_COMPLETE":
        print(f"The first deployment of {stack} failed and was rolled back: its empty stack is deleted first.")
        _delete(account, found)
        return {}
    if status == "UPDATE_ROLLBACK_FAILED":
        command = f"aws cloudformation continue-update-rollback --stack-name {stack} --region {account.region}"
        reason = failures.explain(account, stack)
        raise DeployError(
            f"{stack} could not be rolled back. Mend what failed, run `{command}`, and deploy again."
            + (f" What failed first:\n{reason}" if reason else "")
        )
    if status in ("ROLLBACK_FAILED", "DELETE_FAILED", "CREATE_FAILED"):
        raise DeployError(f"{stack} is in {status}: `make destroy STACK={stack}`, then deploy again")
    if status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS":
        raise DeployError(f"{stack} is in {status}: wait until that has ended")
    return _given(found)


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
    kept = f" The record of calls, the table {table}, stays." if table and not records else ""
    kept += f" The images in {images} stay: {', '.join(s['StackName'] for s in sharing)} runs them." if sharing else ""
    what = f"the stack {stack} in {account.region}, account {account.number}"
    print(f"This deletes {what}{'' if sharing else f', and the images in {images}'}.{kept}")
    if not yes and _typed() != stack:
        raise DeployError("nothing was deleted")
    if records and given.get("ProtectData") == "true":
        raise DeployError("the record of calls is protected: deploy with ProtectData=false first. Nothing was deleted")
    _delete(account, found)
    if not sharing:
        repository.delete(account, images)
    if records and table:
        account.client("dynamodb").delete_table(TableName=table)
    print("Deleted.")
    if table and not records:
        print(f"The table is left. To delete it: aws dynamodb delete-table --table-name {table}")
    print("OpenAI still has the webhook endpoint: delete it with `ringside setup --remove` or at platform.openai.com.")


def _delete(account: Account, found: Mapping[str, Any]) -> None:
    """Delete a stack and wait for it; `DeployError` with the reason if it stays."""
    cloudformation = account.client("cloudformation")
    cloudformation.delete_stack(StackName=found["StackId"])
    try:
        waiter = cloudformation.get_waiter("stack_delete_complete")
        waiter.wait(StackName=found["StackId"], WaiterConfig={"Delay": 10, "MaxAttempts": 180})
    except WaiterError as error:
        reason = failures.explain(account, found["StackId"])
        raise DeployError(f"{found['StackName']} was not deleted: {reason or error}") from None


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
