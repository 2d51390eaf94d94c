"""`make plan`, `image`, `deploy`, `destroy`: AWS is moto, Docker and SAM are programs that write down what is asked."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from infra.deploy import account, builders, checks, commands, image, package, plan, programs, repository, sbom, stack
from infra.deploy.account import Account
from infra.deploy.programs import DeployError
from infra.local import template as templates
from infra.local.template import REPOSITORY
from tests.in_process import deploy

DIGEST = "sha256:" + "ab" * 32
MANIFEST = json.dumps({"schemaVersion": 2, "mediaType": repository.MANIFESTS[0], "layers": []})


def nothing_but(path: Path, **variables: str) -> dict[str, str]:
    """The environment of somebody who has the programs in this folder and these variables."""
    nowhere = {"HOME": "/nonexistent", "AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/nonexistent/config"}
    return {"PATH": str(path), **nowhere, **variables}


# --- plan ---


def test_a_plan_needs_no_account_and_says_what_would_be_created(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "infra.deploy", "plan"]
    done = subprocess.run(
        command,
        env=nothing_but(tmp_path),
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert re.search(r"Without a call it costs about \d+\.\d\d USD a month", done.stdout)
    for wanted in ("DynamoDB::Table", "SQS::Queue", "ECS::Service", "ApiGatewayV2::Api", "CloudWatch::Dashboard"):
        assert wanted in done.stdout
    assert "NatGateway" not in done.stdout


@pytest.mark.parametrize(
    ("given", "stacks", "there", "absent"),
    [
        ({"NetworkMode": "private"}, "Network", {"NatA", "NatB", "PrivateSubnetA"}, set()),
        ({"VpcId": "vpc-1", "SubnetIds": "subnet-1"}, "Network", {"SecurityGroup"}, {"Vpc", "SubnetA", "S3Endpoint"}),
        ({"AlarmEmail": "a@example.com"}, "Alarms", {"Subscription"}, set()),
        ({}, "Alarms", {"MonitorSilent"}, {"Subscription"}),
        ({"Dashboard": "false"}, "", {"Monitor"}, {"DashboardStack"}),
        ({"MonitorImage": ""}, "", {"CallsTable"}, {"Monitor", "Network", "Alarms", "DashboardStack"}),
    ],
)
def test_a_plan_follows_the_parameters(given: dict[str, str], stacks: str, there: set[str], absent: set[str]) -> None:
    planned = plan.planned({"MonitorImage": plan.NO_DIGEST, **given})[stacks]

    assert there <= set(planned)
    assert not absent & set(planned)


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("MonitorSize=huge", "one of small, medium, large"),
        ("MonitorCount=0", "a number from 1 to 100"),
        ("MonitorCount=many", "a number from 1 to 100"),
        ("MonitorImage=ringside:latest", "an image by its digest, .* as `make image` prints it"),
        ("MonitorCount", "give it as MonitorCount=VALUE"),
        ("MonitorSiz=large", "Did you mean MonitorSize"),
        ("large", "large is not a parameter"),
    ],
)
def test_a_parameter_that_would_be_refused_in_minutes_is_refused_at_once(word: str, says: str) -> None:
    with pytest.raises(DeployError, match=says):
        plan.assignments([word])


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"MonitorCount": "5"}, "raise MaxMonitors"),
        ({"VpcId": "vpc-1"}, "without SubnetIds"),
        ({"SubnetIds": "subnet-1"}, "without VpcId"),
        ({"VpcId": "vpc-1", "SubnetIds": "subnet-1", "Zones": "a,b"}, "Zones is for the network that is made"),
    ],
)
def test_parameters_that_do_not_go_together_are_refused_before_anything_is_built(
    given: dict[str, str], says: str
) -> None:
    with pytest.raises(DeployError, match=says):
        plan.check_together(given)


def test_parameters_that_go_together_are_taken() -> None:
    plan.check_together({})
    plan.check_together({"MonitorCount": "5", "MaxMonitors": "5", "VpcId": "vpc-1", "SubnetIds": "subnet-1"})


SAM_OVERRIDE = re.compile(r"""^([A-Za-z0-9_-]+)=("[^"]*"|[^\s"]+)$""")
"""One word of `--parameter-overrides`, as SAM CLI's CfnParameterOverridesType takes it: an empty value needs quotes."""


@pytest.mark.parametrize(
    "parameter", [name for name, about in templates.translate()["Parameters"].items() if about["Type"] == "String"]
)
def test_an_empty_value_reaches_sam_in_a_form_that_it_takes(parameter: str) -> None:
    assert SAM_OVERRIDE.match(stack.override(parameter, ""))
    assert SAM_OVERRIDE.match(stack.override(parameter, "a,b+c"))


@pytest.mark.parametrize(
    "overrides",
    [
        "LogLevel=DEBUG EventBus=",
        'LogLevel="DEBUG" EventBus=""',  # as `sam deploy --guided` writes it
        ["LogLevel=DEBUG", "EventBus="],
    ],
)
def test_samconfig_may_be_written_by_hand_or_by_sam(overrides: str | list[str]) -> None:
    assert plan.assignments(plan.words(overrides)) == {"LogLevel": "DEBUG", "EventBus": ""}


def test_the_sections_of_samconfig_are_taken_and_an_unknown_one_is_named() -> None:
    assert plan.configured("prod") == ("ringside-prod", {"ProtectData": "true", "MonitorCount": "2"})
    with pytest.raises(DeployError, match="there are: default, prod"):
        plan.configured("staging")


# --- what is missing ---


def test_everything_that_is_missing_is_told_at_once_with_the_remedy(tmp_path: Path) -> None:
    done = deploy("deploy", environment=nothing_but(tmp_path))

    assert done.returncode == 1
    for problem in (builders.NO_ENGINE, account.NO_REGION, account.NO_CREDENTIALS):
        assert problem in done.stderr
    assert "Traceback" not in done.stderr


def test_docker_that_does_not_run_is_another_thing_than_docker_that_is_missing(tmp_path: Path) -> None:
    program(tmp_path / "docker", "exit 1")

    done = deploy("image", environment=nothing_but(tmp_path, AWS_REGION="eu-west-1"))

    assert builders.NO_DAEMON in done.stderr
    assert account.NO_REGION not in done.stderr


def test_a_profile_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = deploy("destroy", environment=nothing_but(tmp_path, AWS_REGION="eu-west-1", AWS_PROFILE="nobody"))

    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert "nobody" in done.stderr


# --- image ---


def program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield Account("eu-west-1", "123456789012")


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Docker that writes down how it was called, and answers as it would."""
    log = tmp_path / "docker.log"
    program(
        tmp_path / "docker",
        f"""echo "$@" >> {log}
case "$*" in
  *imagetools*) echo {DIGEST} ;;
  *"buildx build"*) while [ "$1" != --metadata-file ]; do shift; done
    echo '{{"containerimage.digest": "{DIGEST}"}}' > "$2" ;;
  login*) cat >> {log} ;;
esac""",
    )
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(image, "PINNED", tmp_path / "python-image.txt")
    monkeypatch.setattr(image, "REPOSITORY", tmp_path)
    monkeypatch.setattr(sbom, "FOLDER", tmp_path / "sbom")
    monkeypatch.setattr(
        image, "_git", lambda *arguments: {"rev-parse": "abc123", "log": "1700000000"}.get(arguments[0], "")
    )
    return log


def test_an_image_is_built_for_arm64_from_a_pinned_python_and_known_by_its_digest(
    here: Account, docker: Path, tmp_path: Path
) -> None:
    name = image.make(here, "ringside-monitor")

    registry = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
    assert name == f"{registry}/ringside-monitor@{DIGEST}"
    asked = docker.read_text()
    assert f"--build-arg PYTHON_IMAGE={image.base_tag()}@{DIGEST}" in asked
    assert "--platform linux/arm64" in asked
    assert f"--tag {registry}/ringside-monitor:abc123" in asked
    assert (tmp_path / "python-image.txt").read_text() == f"{image.base_tag()}@{DIGEST}\n"
    assert [path.name for path in (tmp_path / "sbom").iterdir()] == [f"{DIGEST.partition(':')[2]}.cdx.json"]
    (repository,) = here.client("ecr").describe_repositories()["repositories"]
    assert repository["imageTagMutability"] == "IMMUTABLE"
    assert repository["imageScanningConfiguration"] == {"scanOnPush": True}


def test_the_python_image_stays_the_one_that_is_pinned(here: Account, docker: Path, tmp_path: Path) -> None:
    pinned = f"python:3.13-slim@sha256:{'cd' * 32}"
    (tmp_path / "python-image.txt").write_text(pinned + "\n")

    image.make(here, "ringside-monitor")

    assert f"PYTHON_IMAGE={pinned}" in docker.read_text()
    assert "imagetools" not in docker.read_text()


def test_a_pin_without_a_digest_is_refused() -> None:
    with pytest.raises(DeployError, match="digest"):
        image.pinned("python:3.13-slim")


def test_the_repository_has_the_tags_that_everything_has(here: Account, docker: Path) -> None:
    image.make(here, "ringside-monitor", tags={"owner": "phone"})

    (made,) = here.client("ecr").describe_repositories()["repositories"]
    tags = here.client("ecr").list_tags_for_resource(resourceArn=made["repositoryArn"])["tags"]
    assert tags == [{"Key": "owner", "Value": "phone"}]


def test_another_python_image_is_another_tag(here: Account, docker: Path) -> None:
    """The commit's own stays for what the commit says."""
    image.make(here, "ringside-monitor", base="public.ecr.aws/docker/library/python:3.13-slim")

    assert "PYTHON_IMAGE=public.ecr.aws/docker/library/python:3.13-slim" in docker.read_text()
    assert re.search(r"--tag \S+:abc123-\d+-changed ", docker.read_text())


def test_a_repository_that_is_there_is_left_as_it_is(here: Account, docker: Path) -> None:
    here.client("ecr").create_repository(repositoryName="ringside-monitor")

    image.make(here, "ringside-monitor")

    (repository,) = here.client("ecr").describe_repositories()["repositories"]
    assert repository["imageTagMutability"] == "MUTABLE"


def test_a_repository_that_was_made_by_an_administrator_is_not_made_again(
    here: Account, docker: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ecr = here.client("ecr")
    ecr.create_repository(repositoryName="ringside-monitor")
    monkeypatch.setattr(Account, "client", lambda self, service: ecr)
    monkeypatch.setattr(ecr, "create_repository", None)  # not allowed

    assert image.make(here, "ringside-monitor").endswith(DIGEST)


def test_what_was_deployed_outlives_any_number_of_builds(here: Account) -> None:
    repository.create(here, "ringside-monitor")
    ecr = here.client("ecr")
    made = ecr.put_image(repositoryName="ringside-monitor", imageManifest=MANIFEST, imageTag="abc123")
    digest = made["image"]["imageId"]["imageDigest"]
    name = f"{here.registry}/ringside-monitor@{digest}"

    repository.keep(here, name)
    repository.keep(here, name)  # as the next deployment of the same image does

    (found,) = ecr.describe_images(repositoryName="ringside-monitor")["imageDetails"]
    kept_by = [tag for tag in found["imageTags"] if tag.startswith(repository.DEPLOYED)]
    assert len(kept_by) == 1
    policy = json.loads(ecr.get_lifecycle_policy(repositoryName="ringside-monitor")["lifecyclePolicyText"])
    first, *others = sorted(policy["rules"], key=lambda rule: rule["rulePriority"])
    assert first["selection"]["tagPrefixList"] == [repository.DEPLOYED]
    assert first["selection"]["countNumber"] >= 100
    assert all(rule["rulePriority"] > first["rulePriority"] for rule in others)


def test_an_image_that_is_not_there_is_found_missing_before_anything_is_deployed(
    here: Account, ran: list[list[str]]
) -> None:
    repository.create(here, "ringside-monitor")

    with pytest.raises(DeployError, match="no such image in eu-west-1"):
        stack.deploy(here, "ringside", "default", {"MonitorImage": f"{here.registry}/ringside-monitor@{DIGEST}"})

    assert not [line for line in ran if "deploy" in line]


@pytest.mark.parametrize("name", ["ringside", "Ringside-Prod"])
def test_every_stack_has_a_repository_of_its_own_unless_it_is_given_one(name: str) -> None:
    assert repository.of_stack(name, {}) == f"{name.lower()}-monitor"
    assert repository.of_stack(name, {"MonitorRepository": "shared"}) == "shared"


def test_a_newer_python_image_gets_a_tag_of_its_own(
    here: Account, docker: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tag of the commit was pushed before and cannot be moved."""
    (tmp_path / "python-image.txt").write_text(f"python:3.13-slim@sha256:{'cd' * 32}\n")
    repository.create(here, "ringside-monitor")
    here.client("ecr").put_image(repositoryName="ringside-monitor", imageManifest=MANIFEST, imageTag="abc123")

    def git(*arguments: str) -> str:
        changed = DIGEST in (tmp_path / "python-image.txt").read_text()
        return {"rev-parse": "abc123", "log": "1700000000", "status": " M pin" if changed else ""}[arguments[0]]

    monkeypatch.setattr(image, "_git", git)

    image.make(here, "ringside-monitor", refresh=True)

    assert re.search(r"--tag \S+:abc123-\d+-changed ", docker.read_text())


def test_the_registrys_password_is_on_no_command_line(here: Account, docker: Path) -> None:
    image.make(here, "ringside-monitor")

    (login,) = [line for line in docker.read_text().splitlines() if line.startswith("login")]
    assert login.split()[1:4] == ["--username", "AWS", "--password-stdin"]


# --- deploy and destroy ---


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The programs that were run, in order, and the packaging between them; none is."""
    commands: list[list[str]] = []

    def run(line: list[str], **more: Any) -> str:
        commands.append(line)
        return ""

    monkeypatch.setattr(programs, "run", run)
    monkeypatch.setattr(programs, "build_environment", dict)
    monkeypatch.setattr(package, "package", lambda build: commands.append(["package", str(build)]))
    monkeypatch.setattr(stack, "outputs", lambda account, name: {"NextStep": "ringside setup"})
    return commands


def test_a_deployment_builds_and_then_deploys_with_the_images_digest(here: Account, ran: list[list[str]]) -> None:
    name = f"registry.example.com/ringside-monitor@{DIGEST}"

    stack.deploy(here, "ringside", "default", {"MonitorImage": name})

    build, packaging, deploy = ran
    assert build[build.index("sam") :][:2] == ["sam", "build"]
    assert packaging == ["package", str(REPOSITORY / ".aws-sam" / "build")]
    asked = deploy[deploy.index("sam") :]
    assert asked[:8] == [
        "sam",
        "deploy",
        "--config-env",
        "default",
        "--stack-name",
        "ringside",
        "--region",
        "eu-west-1",
    ]
    assert "--no-execute-changeset" in asked  # what changes is shown before it does
    assert stack.DEPLOYMENT_MINUTES <= 60  # without a limit, CloudFormation may take hours
    assert f"MonitorImage={name}" in asked[asked.index("--parameter-overrides") :]


def test_an_image_that_is_chosen_alone_is_warned_of_since_the_functions_keep_other_agents(
    here: Account, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    deployed: list[dict[str, str]] = []
    monkeypatch.setattr(checks, "agents", lambda: None)
    monkeypatch.setattr(account, "find", lambda **_: here)
    monkeypatch.setattr(stack, "deploy", lambda *given, **_: deployed.append(given[-1]))
    chosen = f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/ringside-monitor@{DIGEST}"

    monkeypatch.setattr(image, "make", lambda *_, **__: chosen)

    commands._deploy()
    built = capsys.readouterr().out
    commands._deploy(monitor_image=chosen)
    warned = capsys.readouterr().out

    assert [each["MonitorImage"] for each in deployed] == [chosen, chosen]
    assert built == ""
    assert "the webhook gets the agent files of this checkout" in warned
    assert "make rollback" in warned


def test_ecs_gets_its_role_in_an_account_that_never_had_a_cluster(here: Account) -> None:
    stack.prepare(here)
    stack.prepare(here)  # and keeps it

    roles = boto3.client("iam").list_roles()["Roles"]
    assert [role["Path"] for role in roles] == ["/aws-service-role/ecs.amazonaws.com/"]


def make_stack(here: Account, name: str = "ringside", repository: str = "") -> None:
    """A stack with a table, as the template has it."""
    table = {
        "Type": "AWS::DynamoDB::Table",
        "DeletionPolicy": "Retain",
        "Properties": {
            "TableName": f"{name}-calls",
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        },
    }
    body = {
        "Parameters": {
            "MonitorRepository": {"Type": "String", "Default": repository},
            "ProtectData": {"Type": "String", "Default": "false"},
        },
        "Resources": {"CallsTable": table},
        "Outputs": {"TableName": {"Value": {"Ref": "CallsTable"}}},
    }
    here.client("cloudformation").create_stack(StackName=name, TemplateBody=json.dumps(body))


def repositories(here: Account) -> list[str]:
    return [found["repositoryName"] for found in here.client("ecr").describe_repositories()["repositories"]]


@pytest.fixture
def deployed(here: Account) -> Account:
    """A stack with a table, and its repository."""
    make_stack(here)
    here.client("ecr").create_repository(repositoryName="ringside-monitor")
    return here


def test_what_is_destroyed_of_one_stack_leaves_the_other_its_images(deployed: Account) -> None:
    make_stack(deployed, "ringside-prod")
    deployed.client("ecr").create_repository(repositoryName="ringside-prod-monitor")

    stack.destroy(deployed, "ringside", yes=True, records=False)

    assert repositories(deployed) == ["ringside-prod-monitor"]


def test_images_that_two_stacks_share_stay_until_the_last_of_them_goes(
    here: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("one", "two"):
        make_stack(here, name, repository="shared")
    here.client("ecr").create_repository(repositoryName="shared")

    stack.destroy(here, "one", yes=True, records=False)
    assert repositories(here) == ["shared"]
    assert "The images in shared stay: two runs them" in capsys.readouterr().out

    stack.destroy(here, "two", yes=True, records=False)
    assert repositories(here) == []


def test_what_is_destroyed_is_gone_and_the_record_of_calls_stays(
    deployed: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    stack.destroy(deployed, "ringside", yes=True, records=False)

    assert repositories(deployed) == []
    with pytest.raises(DeployError, match="no stack"):
        stack.describe(deployed, "ringside")
    assert "aws dynamodb delete-table --table-name ringside-calls" in capsys.readouterr().out


def test_nothing_is_destroyed_that_nobody_confirmed(deployed: Account) -> None:
    with pytest.raises(DeployError, match="Nothing was deleted"):
        stack.destroy(deployed, "ringside", yes=False, records=False)  # nobody is at a test's terminal

    assert stack.describe(deployed, "ringside")["StackStatus"] == "CREATE_COMPLETE"


def test_what_a_failed_first_deployment_left_is_deleted_before_the_next(
    deployed: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = stack.describe(deployed, "ringside")
    monkeypatch.setattr(stack, "describe", lambda *which: {**found, "StackStatus": "ROLLBACK_COMPLETE"})

    assert stack.ready(deployed, "ringside") == {}

    monkeypatch.undo()
    with pytest.raises(DeployError, match="no stack"):
        stack.describe(deployed, "ringside")


@pytest.mark.parametrize(
    ("status", "says"),
    [
        ("UPDATE_ROLLBACK_FAILED", "continue-update-rollback --stack-name ringside"),
        ("DELETE_FAILED", "make destroy STACK=ringside"),
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "wait"),
    ],
)
def test_a_stack_that_cannot_be_deployed_to_is_found_before_anything_is_built(
    deployed: Account, ran: list[list[str]], monkeypatch: pytest.MonkeyPatch, status: str, says: str
) -> None:
    found = stack.describe(deployed, "ringside")
    monkeypatch.setattr(stack, "describe", lambda *which: {**found, "StackStatus": status})

    with pytest.raises(DeployError, match=says):
        stack.deploy(deployed, "ringside", "default", {})

    assert ran == []


def test_a_stack_that_is_not_there_is_named(here: Account) -> None:
    with pytest.raises(DeployError, match="no stack other in eu-west-1"):
        stack.destroy(here, "other", yes=True, records=False)
