"""The deployments of a stack, so that one can go back: functions, agent files and image together.

CloudFormation knows only the template and the parameters of now. Those of before are kept beside the functions, in the
bucket that SAM uploads to: template and parameters name everything else by a hash of its content, and ECR keeps every
image that was deployed.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from infra.deploy.account import Account
from infra.deploy.plan import Parameters
from infra.deploy.programs import DeployError

IN_BUCKET = re.compile(r"s3://([a-z0-9.-]+)/\S+|https://s3[.\w-]*\.amazonaws\.com(?:\.cn)?/([a-z0-9.-]+)/")
"""Where SAM has put a function, or a nested template (`sam package`)."""


@dataclass(frozen=True)
class Deployment:
    """What was deployed: the template as SAM packaged it, and every parameter."""

    template: str
    parameters: Parameters

    @property
    def bucket(self) -> str | None:
        """Where its parts are; None for a template without any."""
        found = IN_BUCKET.search(self.template)
        return (found[1] or found[2]) if found else None


def current(account: Account, stack: Mapping[str, Any]) -> Deployment:
    """What a stack is now; `stack` as CloudFormation describes it."""
    found = account.client("cloudformation").get_template(StackName=stack["StackId"], TemplateStage="Original")
    body = found["TemplateBody"]
    template = body if isinstance(body, str) else json.dumps(body)
    given = {entry["ParameterKey"]: entry.get("ParameterValue", "") for entry in stack.get("Parameters", [])}
    return Deployment(template, given)


def keep(account: Account, stack_id: str, former: Deployment) -> None:
    """Keep what was before a deployment that has succeeded."""
    if former.bucket is None:
        return
    key = f"{_folder(stack_id)}{datetime.now(UTC):%Y%m%dT%H%M%S%f}.json"
    body = json.dumps({"template": former.template, "parameters": former.parameters})
    account.client("s3").put_object(Bucket=former.bucket, Key=key, Body=body.encode())


def last(account: Account, stack: str, stack_id: str, now: Deployment) -> tuple[str, Deployment]:
    """The deployment before `now`, with its key in the bucket; `DeployError` if none is kept."""
    s3, keys = account.client("s3"), list[str]()
    if now.bucket:
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=now.bucket, Prefix=_folder(stack_id))
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
    if not keys:
        raise DeployError(f"{stack} has no deployment to go back to: this is its first, or the first that was kept")
    key = max(keys)
    kept = json.loads(s3.get_object(Bucket=now.bucket, Key=key)["Body"].read())
    return key, Deployment(kept["template"], kept["parameters"])


def forget(account: Account, bucket: str, key: str) -> None:
    """After going back to it: the next time goes back by one more."""
    account.client("s3").delete_object(Bucket=bucket, Key=key)


def uploaded(account: Account, stack_id: str, deployment: Deployment) -> str:
    """The URL of a deployment's template, for CloudFormation, which takes only small ones by themselves."""
    key = f"{_folder(stack_id).replace('/deployments/', '/')}going-back.template"
    s3 = account.client("s3")
    s3.put_object(Bucket=deployment.bucket, Key=key, Body=deployment.template.encode())
    suffix = "amazonaws.com.cn" if account.region.startswith("cn-") else "amazonaws.com"
    return f"https://s3.{account.region}.{suffix}/{deployment.bucket}/{key}"


def _folder(stack_id: str) -> str:
    """By the id: a stack that is made anew under its name cannot go back to another's."""
    _, name, unique = stack_id.rsplit("/", 2)
    return f"{name}/{unique}/deployments/"
