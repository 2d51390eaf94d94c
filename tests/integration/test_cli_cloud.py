"""Which deployment a command speaks to."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError

from cli import cloud
from cli.cloud import Cloud
from cli.errors import CliError
from cli.main import main
from cli.options import Deployment
from ringside.aws.record import Record
from ringside.calls import Step


def chosen(**options: Any) -> Cloud:
    return cloud.find(Deployment(**options))


def a_local_cloud(folder: Path, url: str, table: str) -> Path:
    """A `.local/env` as a running local cloud writes it."""
    path = folder / ".local" / "env"
    path.parent.mkdir(exist_ok=True)
    path.write_text(
        f"""# the local cloud
AWS_ENDPOINT_URL={url}
export AWS_REGION=eu-central-1
AWS_ACCESS_KEY_ID="local"
AWS_SECRET_ACCESS_KEY='local'

RINGSIDE_TABLE={table}
OPENAI_BASE_URL=http://127.0.0.1:1/v1?a=b=c
"""
    )
    return path


@pytest.fixture
def stack(operator: str) -> Iterator[str]:
    """A CloudFormation stack with the outputs of template.yaml; its name."""
    outputs = {name: {"Value": f"the {name}"} for name in cloud.OUTPUTS} | {"TableName": {"Value": operator}}
    body = {
        "Parameters": {"OpenAIBaseUrl": {"Type": "String", "Default": "https://eu.api.openai.com/v1"}},
        "Resources": {"Queue": {"Type": "AWS::SQS::Queue"}},
        "Outputs": outputs,
    }
    client = boto3.Session(region_name="eu-central-1").client("cloudformation")
    client.create_stack(StackName="phone", TemplateBody=json.dumps(body))
    yield "phone"
    client.delete_stack(StackName="phone")


def test_the_outputs_that_are_read_are_those_of_the_template() -> None:
    from tests.integration.conftest import template

    assert set(cloud.OUTPUTS) <= set(template()["Outputs"])
    assert set(cloud.PARAMETERS) <= set(template()["Parameters"])


def test_a_stack_tells_everything_by_its_outputs(stack: str, operator: str) -> None:
    found = chosen(stack=stack)
    assert found.source == "stack phone"
    assert found.variables == {
        "RINGSIDE_TABLE": operator,
        "RINGSIDE_QUEUE_URL": "the QueueUrl",
        "RINGSIDE_SECRET_ID": "the SecretId",
        "RINGSIDE_WEBHOOK_SECRET_ID": "the WebhookSecretId",
        "RINGSIDE_ANALYSIS_FUNCTION": "the AnalysisFunction",
        "RINGSIDE_NOTIFY_FUNCTION": "the NotifyFunction",
        "RINGSIDE_NOTIFY_SECRET_ID": "the NotifySecretId",
        "RINGSIDE_WEBHOOK_URL": "the WebhookUrl",
        "OPENAI_BASE_URL": "https://eu.api.openai.com/v1",
    }


def test_the_stack_that_is_named_comes_before_the_environment_and_that_before_its_stack(
    stack: str, operator: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RINGSIDE_STACK", stack)
    assert chosen().source == "the environment"
    assert chosen(stack=stack).source == "stack phone"
    monkeypatch.delenv("RINGSIDE_TABLE")
    assert chosen().source == "stack phone"


def test_a_stack_that_is_not_there_is_told(operator: str) -> None:
    with pytest.raises(CliError, match="there is no stack nobody in eu-central-1"):
        chosen(stack="nobody")


def test_a_stack_of_something_else_is_told(operator: str) -> None:
    client = boto3.Session(region_name="eu-central-1").client("cloudformation")
    client.create_stack(StackName="other", TemplateBody='{"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}}')
    with pytest.raises(CliError, match=r"stack other \(CREATE_COMPLETE\) has no output TableName"):
        chosen(stack="other")


def test_a_local_cloud_is_used_when_it_is_asked_for(operator: str, aws_url: str, tmp_path: Path) -> None:
    a_local_cloud(tmp_path, aws_url, "local-calls")
    found = chosen(local=True)
    assert (found.table, found.endpoint, found.implied) == ("local-calls", aws_url, False)
    assert found.variables["OPENAI_BASE_URL"] == "http://127.0.0.1:1/v1?a=b=c"
    assert found.variables["AWS_SECRET_ACCESS_KEY"] == "local"
    assert chosen().source == "the environment"


def test_a_local_cloud_is_used_when_nothing_else_is_named_and_this_is_said(
    operator: str,
    aws_url: str,
    record: Record,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    record.claim({"call_id": "rtc_1", "caller": None, "steps": {Step.CREATED: 1795348800.0}}, 1795348800.0)
    a_local_cloud(tmp_path, aws_url, operator)
    for name in ("RINGSIDE_TABLE", "AWS_ENDPOINT_URL", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_PROFILE", "a-profile-of-work")  # must neither be used nor missed
    assert main(["calls", "list", "--day", "2026-11-22"]) == 0
    out, err = capsys.readouterr()
    assert "rtc_1" in out
    assert err == "using the local cloud (.local/env)\n"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("RINGSIDE_TABLE=calls\n", "AWS_ENDPOINT_URL is missing; start the local cloud again"),
        ("AWS_ENDPOINT_URL=http://x\n", "RINGSIDE_TABLE is missing; start the local cloud again"),
        ("# fine\nRINGSIDE_TABLE\n", "env:2: not NAME=value"),
        ("=x\n", "env:1: not NAME=value"),
    ],
)
def test_a_local_cloud_that_is_half_there_is_told(operator: str, tmp_path: Path, content: str, told: str) -> None:
    a_local_cloud(tmp_path, "http://x", "calls").write_text(content)
    with pytest.raises(CliError, match=told):
        chosen(local=True)


def test_no_local_cloud_is_told(operator: str) -> None:
    with pytest.raises(CliError, match=r"the local cloud is not running \(`make local` starts it\)"):
        chosen(local=True)


def test_a_local_cloud_that_was_killed_is_not_taken_for_a_network_that_is_down(
    operator: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    a_local_cloud(tmp_path, f"http://127.0.0.1:{port}", "calls")
    monkeypatch.delenv("RINGSIDE_TABLE")
    for command in (["calls", "list"], ["calls", "watch", "--local"], ["doctor"], ["setup"]):
        assert main(command) == 1
        err = capsys.readouterr().err
        assert err.startswith("ringside: the local cloud is not running (`make local` starts it)")
        assert err.count("\n") == 1


def test_a_local_cloud_that_stops_while_it_is_watched_is_named(
    operator: str, aws_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_local_cloud(tmp_path, aws_url, operator)
    with pytest.raises(CliError, match="the local cloud is not running"), chosen(local=True).record():
        raise EndpointConnectionError(endpoint_url=aws_url)


def test_two_deployments_at_once_are_refused(operator: str) -> None:
    with pytest.raises(CliError, match="either --local or --stack"):
        chosen(local=True, stack="phone")


def test_region_and_profile_can_be_given(operator: str) -> None:
    assert chosen().session.region_name == "eu-central-1"
    assert chosen(region="us-west-2").session.region_name == "us-west-2"


def test_the_choice_depends_on_nothing_but_what_it_is_given(tmp_path: Path) -> None:
    found = cloud.find(Deployment(), {"RINGSIDE_TABLE": "calls", "AWS_REGION": "us-east-1"}, tmp_path)
    assert (found.table, found.session.region_name) == ("calls", "us-east-1")
