"""A stack from its making to its end, with the templates as they are: what a deployment changes, and what it must not.

The AWS is the local one with a CloudFormation that carries deployments out (`cloudformation`, which says what it does
not do); `make rollback` and `make destroy` are the real ones.
"""

import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from typing import Any

import boto3
import httpx
import pytest

from infra.deploy import deployer, failures, history
from infra.deploy.account import Account
from infra.local.host import inherited_environment, listen, module, no_proxy
from infra.local.process import Guard, Process
from infra.local.template import REPOSITORY
from tests.infra import policies
from tests.infra.cloudformation import NO_IMAGE

BUCKET, STACK, SECOND = "deployments", "ringside", "ringside-second"
S3 = f"https://s3.us-east-1.amazonaws.com/{BUCKET}"
NESTED = ("network", "monitor", "alarms", "dashboard")
FIRST = {"MonitorImage": f"localhost:5000/monitor@sha256:{'1' * 64}"}
LATER = {"MonitorImage": f"localhost:5000/monitor@sha256:{'2' * 64}", "MonitorSize": "large", "RingLimitSeconds": "45"}


class Here(Account):
    """An account on this machine, with nothing in it but the bucket for uploads."""

    def __init__(self, url: str) -> None:
        super().__init__("us-east-1", "123456789012")
        self.url = url

    def client(self, service: Any) -> Any:
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        return boto3.Session(region_name=self.region, **keys).client(service, endpoint_url=self.url)  # type: ignore[arg-type]

    def upload(self, edition: str) -> None:
        """What `sam package` uploads, in an edition of the functions' code."""
        s3, code = self.client("s3"), io.BytesIO()
        with zipfile.ZipFile(code, "w") as archive:
            archive.writestr("edition.txt", edition)
        s3.put_object(Bucket=BUCKET, Key=f"{edition}.zip", Body=code.getvalue())
        for name in NESTED:
            text = (REPOSITORY / "infra" / f"{name}.yaml").read_text(encoding="utf-8")
            s3.put_object(Bucket=BUCKET, Key=f"infra/{name}.yaml", Body=text.encode())
        root = (REPOSITORY / "template.yaml").read_text(encoding="utf-8")
        root = root.replace("CodeUri: functions/", f"CodeUri: s3://{BUCKET}/{edition}.zip")
        s3.put_object(
            Bucket=BUCKET, Key=f"{edition}.yaml", Body=root.replace("Location: ", f"Location: {S3}/").encode()
        )

    def deploy(self, stack: str, edition: str, parameters: dict[str, str], kind: str = "UPDATE") -> str:
        """Carry a change set out; the stack's status."""
        cloudformation = self.client("cloudformation")
        made = cloudformation.create_change_set(
            StackName=stack,
            ChangeSetName=f"to-{os.urandom(4).hex()}",
            ChangeSetType=kind,
            TemplateURL=f"{S3}/{edition}.yaml",
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        )
        cloudformation.execute_change_set(ChangeSetName=made["Id"])
        return str(self.stack(stack)["StackStatus"])

    def stack(self, name: str) -> dict[str, Any]:
        (found,) = self.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
        return dict(found)

    def webhook(self, stack: str) -> tuple[str, str]:
        """The edition of its code, and its `RINGSIDE_RING_LIMIT`."""
        resource = {"StackName": stack, "LogicalResourceId": "WebhookFunction"}
        found = self.client("cloudformation").describe_stack_resource(**resource)["StackResourceDetail"]
        function = self.client("lambda").get_function(FunctionName=found["PhysicalResourceId"])
        variables = function["Configuration"]["Environment"]["Variables"]
        edition = function["Code"]["Location"].rpartition("/")[2].removesuffix(".zip")
        return edition, str(variables["RINGSIDE_RING_LIMIT"])

    def monitor(self, stack: str) -> tuple[str, str, str]:
        """The last digit of its image, its processor, and its `RINGSIDE_RING_LIMIT`."""
        outputs = {each["OutputKey"]: each["OutputValue"] for each in self.stack(stack)["Outputs"]}
        cluster, _, service = outputs["MonitorService"].partition("/")
        (found,) = self.client("ecs").describe_services(cluster=cluster, services=[service])["services"]
        task = self.client("ecs").describe_task_definition(taskDefinition=found["taskDefinition"])["taskDefinition"]
        (container,) = task["containerDefinitions"]
        variables = {entry["name"]: str(entry["value"]) for entry in container["environment"]}
        return container["image"][-1], task["cpu"], variables["RINGSIDE_RING_LIMIT"]

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`python -m infra.deploy`, as the make targets have it."""
        keys = {"AWS_ACCESS_KEY_ID": "deployer", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": self.region}
        return subprocess.run(
            [sys.executable, "-m", "infra.deploy", *arguments],
            env={**inherited_environment(), **no_proxy(), **keys, "AWS_ENDPOINT_URL": self.url},
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


@pytest.fixture(scope="module")
def here() -> Iterator[Here]:
    guard = Guard()
    with listen(0, "AWS") as listener:
        # By this name moto takes an address for S3's.
        url = f"http://localhost:{listener.getsockname()[1]}"
        flags = (*module("tests.infra.deployable_aws"), str(listener.fileno()))
        environment = inherited_environment()
        aws = Process("aws", flags, environment=environment, guard=guard, cwd=REPOSITORY, listener=listener)
    try:
        aws.wait_for_line(lambda line: "listening" in line, 60)
        here = Here(url)
        here.client("s3").create_bucket(Bucket=BUCKET)
        for edition in ("first", "later"):
            here.upload(edition)
        yield here
    finally:
        aws.stop()
        guard.close()


def test_a_stack_changes_fails_goes_back_and_ends_beside_another(here: Here) -> None:
    """In the order of docs/deploy.md; each step begins with what the one before has left."""
    assert here.deploy(STACK, "first", FIRST, "CREATE") == "CREATE_COMPLETE"
    assert (here.webhook(STACK), here.monitor(STACK)) == (("first", "60"), ("1", "256", "60"))

    # A parameter alone is in force for the webhook and for the monitor.
    assert here.deploy(STACK, "first", {**FIRST, "RingLimitSeconds": "45"}) == "UPDATE_COMPLETE"
    assert (here.webhook(STACK), here.monitor(STACK)) == (("first", "45"), ("1", "256", "45"))

    # Code, image and size.
    former = history.current(here, here.stack(STACK))
    assert here.deploy(STACK, "later", LATER) == "UPDATE_COMPLETE"
    history.keep(here, here.stack(STACK)["StackId"], former)
    assert (here.webhook(STACK), here.monitor(STACK)) == (("later", "45"), ("2", "1024", "45"))

    # What fails changes nothing, and the first reason is found in the nested stack.
    absent = {**LATER, "MonitorImage": f"localhost:5000/monitor@{NO_IMAGE}", "RingLimitSeconds": "30"}
    assert here.deploy(STACK, "first", absent) == "UPDATE_ROLLBACK_COMPLETE"
    assert "CannotPullContainerError" in str(failures.explain(here, here.stack(STACK)["StackId"]))
    assert (here.webhook(STACK), here.monitor(STACK)) == (("later", "45"), ("2", "1024", "45"))

    # Going back takes all of it back.
    done = here.command("rollback", "--stack", STACK, "--yes")
    assert done.returncode == 0, done.stderr
    assert (here.webhook(STACK), here.monitor(STACK)) == (("first", "45"), ("1", "256", "45"))

    # Another stack is not touched by the end of this one, whose record is left.
    assert here.deploy(SECOND, "later", LATER, "CREATE") == "CREATE_COMPLETE"
    outputs = {each["OutputKey"]: each["OutputValue"] for each in here.stack(STACK)["Outputs"]}
    done = here.command("destroy", "--stack", STACK, "--yes")
    assert done.returncode == 0, done.stderr
    assert (here.webhook(SECOND), here.monitor(SECOND)) == (("later", "45"), ("2", "1024", "45"))
    assert outputs["TableName"] in here.client("dynamodb").list_tables()["TableNames"]

    # All that these commands asked for is in the deployer's policy.
    asked = httpx.get(f"{here.url}/_asked", trust_env=False).json()
    statements = deployer.policy(STACK, BUCKET)["Statement"]
    everywhere = [{**statement, "Resource": "*"} for statement in statements]
    assert asked
    assert [action for action in asked if not policies.allows(everywhere, policies.Need(action, "*"))] == []
