"""The commands of `python -m infra.deploy`."""

import json
from typing import Annotated

from botocore.exceptions import BotoCoreError, ClientError
from cyclopts import Parameter

from infra import command_line
from infra.deploy import account, checks, cost, deployer, image, plan, repository
from infra.deploy import stack as stacks
from infra.deploy.image import PLATFORM
from infra.deploy.programs import DeployError
from infra.terminal import console

EXPECTED = (DeployError, BotoCoreError, ClientError)
"""Errors that a person can mend; their text says how."""

program = command_line.program("python -m infra.deploy", "From this checkout to an AWS account, and back.")

Config = Annotated[str, Parameter(help="a section of samconfig.toml: default, prod")]
Stack = Annotated[str | None, Parameter(help="the stack's name, instead of the section's")]
Assignments = Annotated[
    list[str] | None, Parameter(name="--set", consume_multiple=True, help="parameters of template.yaml, as NAME=VALUE")
]

Yes = Annotated[bool, Parameter(help="do not ask")]

MonitorImage = Annotated[str | None, Parameter(name="--image", help="an image that was pushed before, as NAME@DIGEST")]


@program.command(name="check")
def _check() -> int:
    """Find out what can be known without an account."""
    return checks.check()


@program.command(name="plan")
def _plan(
    *,
    config: Config = "default",
    stack: Stack = None,
    parameters: Assignments = None,
    monitor_image: MonitorImage = None,
) -> None:
    """Show what a deployment would create, and what that costs. Needs no account."""
    name, chosen = _chosen(config, stack, parameters, monitor_image)
    shown = console()
    shown.print(plan.show(name, chosen), soft_wrap=True)
    for line in plan.compared(account.peek(lambda here: stacks.parameters_of(here, name)) or {}, chosen):
        shown.print(line, soft_wrap=True)
    shown.print(f"\nWithout a call it costs about {cost.monthly(chosen):.2f} USD a month; docs/cost.md says what for.")


@program.command(name="image")
def _image(
    *,
    config: Config = "default",
    stack: Stack = None,
    parameters: Assignments = None,
    refresh: Annotated[bool, Parameter(help="start from the newest Python image, and pin that")] = False,
    registry: Annotated[
        str | None, Parameter(help="push to this registry and name instead of to ECR; needs no account")
    ] = None,
    platform: Annotated[str, Parameter(help="of an image for another registry")] = PLATFORM,
    python_image: Annotated[str | None, Parameter(help="start from this image instead of the pinned one")] = None,
    build_flag: Annotated[
        list[str] | None, Parameter(allow_leading_hyphen=True, help="one more option for the builder; repeatable")
    ] = None,
) -> None:
    """Build and push the monitor's image."""
    name, chosen = _chosen(config, stack, parameters)
    if registry:
        flags = build_flag or []
        print(image.make_elsewhere(registry, platform=platform, refresh=refresh, base=python_image, flags=flags))
        return
    here = account.find(docker=True)
    repository_name = _repository(here, name, chosen)
    print(image.make(here, repository_name, refresh=refresh, base=python_image, tags=plan.tags(config)))


@program.command(name="deploy")
def _deploy(
    *,
    config: Config = "default",
    stack: Stack = None,
    parameters: Assignments = None,
    monitor_image: MonitorImage = None,
    yes: Yes = False,
) -> None:
    """Build, show what will change, and deploy everything."""
    checks.agents()
    name, chosen = _chosen(config, stack, parameters, monitor_image)
    here = account.find(docker="MonitorImage" not in chosen, build=True)
    checks.receivers({**stacks.parameters_of(here, name), **chosen})
    chosen["MonitorRepository"] = _repository(here, name, chosen)
    if monitor_image:
        print(
            "The image alone is chosen here: the webhook gets the agent files of this checkout. See also make rollback."
        )
    if "MonitorImage" not in chosen:
        chosen["MonitorImage"] = image.make(here, chosen["MonitorRepository"], tags=plan.tags(config))
    stacks.deploy(here, name, config, chosen, yes=yes)


@program.command(name="policy")
def _policy(
    *,
    config: Config = "default",
    stack: Stack = None,
    bucket: Annotated[str, Parameter(help="the bucket for uploads, if it is your own")] = deployer.SAMS_BUCKET,
) -> None:
    """Print what whoever deploys has to be allowed, as a policy of IAM. Needs no account."""
    name, _ = plan.configured(config)
    print(json.dumps(deployer.policy(stack or name, bucket), indent=2))


@program.command(name="rollback")
def _rollback(*, config: Config = "default", stack: Stack = None, yes: Yes = False) -> None:
    """Go back by one deployment: functions, agent files, image and parameters together."""
    name, _ = _chosen(config, stack, None)
    stacks.roll_back(account.find(), name, yes=yes)


@program.command(name="destroy")
def _destroy(
    *,
    config: Config = "default",
    stack: Stack = None,
    yes: Yes = False,
    with_records: Annotated[bool, Parameter(help="delete the record of calls, too")] = False,
) -> None:
    """Delete the stack. The record of calls stays."""
    name, _ = _chosen(config, stack, None)
    stacks.destroy(account.find(), name, yes=yes, records=with_records)


def _chosen(
    config: str, stack: str | None, given: list[str] | None, monitor_image: str | None = None
) -> tuple[str, plan.Parameters]:
    """The stack's name and its parameters: samconfig.toml's, and what the command line puts in their place."""
    name, parameters = plan.configured(config)
    pushed = [f"MonitorImage={monitor_image}"] if monitor_image else []
    chosen = {**parameters, **plan.assignments([*(given or []), *pushed])}
    plan.check_together(chosen)
    return stack or name, chosen


def _repository(here: account.Account, stack: str, chosen: plan.Parameters) -> str:
    return repository.of_stack(stack, {**stacks.parameters_of(here, stack), **chosen})
