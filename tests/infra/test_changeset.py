"""What a deployment says before and while it changes something, and how one goes back: AWS is moto."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws

from infra.deploy import changeset, changeset_view, concurrency, following, history, package, plan, programs, stack
from infra.deploy.account import Account
from infra.deploy.changeset_view import Change
from infra.deploy.programs import DeployError

BUCKET = "aws-sam-cli-managed-default-samclisourcebucket-abc123"


def entry(name: str, action: str, replacement: str = "", kind: str = "AWS::SQS::Queue") -> dict[str, Any]:
    """As DescribeChangeSet lists a change."""
    change = {"Action": action, "LogicalResourceId": name, "ResourceType": kind}
    return {"Type": "Resource", "ResourceChange": {**change, **({"Replacement": replacement} if replacement else {})}}


@pytest.mark.parametrize(
    ("action", "replacement", "becomes"),
    [
        ("Add", "", "new"),
        ("Remove", "", "deleted"),
        ("Modify", "False", "changed"),
        ("Modify", "True", "replaced"),
        ("Modify", "Conditional", "perhaps replaced"),
    ],
)
def test_each_change_is_a_word(action: str, replacement: str, becomes: str) -> None:
    (change,) = changeset_view.read([entry("CallsQueue", action, replacement)])

    assert change == Change("CallsQueue", "AWS::SQS::Queue", becomes)


def test_what_a_change_means_is_said_where_it_means_something() -> None:
    found = changeset_view.read(
        [
            entry("CallsTable", "Modify", "True", "AWS::DynamoDB::Table"),
            entry("Monitor", "Modify", "False", changeset_view.STACK),
            entry("WebhookFunction", "Modify", "False", "AWS::Lambda::Function"),
        ]
    )

    assert [bool(change.remark) for change in found] == [True, True, False]
    assert "new and empty" in found[0].remark


def test_a_remark_is_about_something_that_the_template_has() -> None:
    everything = {"MonitorImage": plan.NO_DIGEST, "NotifyReceivers": "true"}
    assert {name for name, _ in changeset_view.REMARKS} <= set(plan.planned(everything)[""])


def test_a_plan_says_what_changes_and_what_stays_although_nobody_gave_it() -> None:
    current = {**plan.defaults({"Parameters": {}}), "LogLevel": "DEBUG", "MonitorSize": "small", "RetentionDays": "30"}

    said = "\n".join(plan.compared(current, {"MonitorSize": "large"}))

    assert "MonitorSize: small -> large" in said
    assert "LogLevel=DEBUG stays, and is not given; the default is INFO" in said
    assert plan.compared({"LogLevel": "INFO"}, {}) == []
    assert plan.compared({}, {"MonitorSize": "large"}) == []


# --- while it runs ---


def event(number: int, name: str, status: str, **more: str) -> dict[str, Any]:
    made = {"EventId": str(number), "StackId": "arn:root", "StackName": "ringside", "LogicalResourceId": name}
    return {**made, "ResourceType": "AWS::SQS::Queue", "ResourceStatus": status, **more}


def test_progress_tells_each_resource_once_and_follows_nested_stacks() -> None:
    progress = following.Progress()
    nested = {"ResourceType": following.STACK, "PhysicalResourceId": "arn:monitor"}
    first = [event(2, "CallsQueue", "CREATE_COMPLETE"), event(1, "CallsQueue", "CREATE_IN_PROGRESS")]

    assert progress.take(first) == ["create complete: CallsQueue"]
    assert progress.take([event(3, "Monitor", "CREATE_IN_PROGRESS", **nested), *first]) == []
    assert progress.nested == {"arn:monitor"}
    assert str(progress) == "1 of 2 done; under way: Monitor"


class StuckCloudFormation:
    """A stack that is being updated for ever."""

    def describe_stacks(self, StackName: str) -> dict[str, Any]:
        return {"Stacks": [{"StackName": "ringside", "StackStatus": "UPDATE_IN_PROGRESS"}]}

    def describe_stack_events(self, StackName: str) -> dict[str, Any]:
        return {"StackEvents": []}


def test_an_operation_that_does_not_end_is_not_waited_for_for_ever() -> None:
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    with pytest.raises(DeployError, match="UPDATE_IN_PROGRESS after 40 minutes"):
        following.follow(
            StuckCloudFormation(), "arn:root", 40, already=following.Progress(), clock=lambda: now[0], sleep=sleep
        )


def test_ctrl_c_ends_the_waiting_and_says_that_the_deployment_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    arn = "arn:aws:cloudformation:us-east-1:123456789012:stack/ringside/1a2b"
    with pytest.raises(KeyboardInterrupt):
        following.follow(StuckCloudFormation(), arn, 40, already=following.Progress(), sleep=interrupted)

    shown = capsys.readouterr().out
    assert "goes on by itself" in shown
    assert "describe-stacks --stack-name ringside`" in shown


# --- back by one ---


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        account = Account("eu-west-1", "123456789012")
        account.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        yield account


def template(code: str) -> str:
    """Of one queue; `code` stands for what SAM has uploaded, named by a hash of its content."""
    return json.dumps(
        {
            "Metadata": {"Code": f"s3://{BUCKET}/ringside/{code}"},
            "Parameters": {"LogLevel": {"Type": "String"}, "MonitorImage": {"Type": "String", "Default": ""}},
            "Resources": {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Ref": "LogLevel"}}}},
        }
    )


@pytest.fixture
def deploy(here: Account, monkeypatch: pytest.MonkeyPatch) -> Any:
    """`stack.deploy`, with a change set of moto's where SAM would make one of what it has built."""
    code = ["one"]

    def run(line: list[str], **more: Any) -> str:
        if "deploy" not in line:
            return ""
        given = dict(word.split("=", 1) for word in line[line.index("--parameter-overrides") + 1 :])
        cloudformation = here.client("cloudformation")
        cloudformation.create_change_set(
            StackName="ringside",
            ChangeSetName=f"samcli-deploy-{code[0]}",
            ChangeSetType="UPDATE" if stack.parameters_of(here, "ringside") else "CREATE",
            TemplateBody=template(code[0]),
            Parameters=[{"ParameterKey": "LogLevel", "ParameterValue": given["LogLevel"]}],
        )
        return ""

    monkeypatch.setattr(programs, "run", run)
    monkeypatch.setattr(programs, "build_environment", dict)
    monkeypatch.setattr(package, "package", lambda build: None)
    monkeypatch.setattr(following, "POLL_SECONDS", 0)
    monkeypatch.setattr(concurrency, "reservation", lambda *given: {})

    def deployed(what: str, **parameters: str) -> None:
        code[0] = what
        stack.deploy(here, "ringside", "default", parameters)

    return deployed


def what_runs(here: Account) -> tuple[str, str]:
    """The code, and the value of the parameter."""
    now = history.current(here, stack.describe(here, "ringside"))
    return json.loads(now.template)["Metadata"]["Code"].rsplit("/", 1)[1], now.parameters["LogLevel"]


def test_a_deployment_shows_what_changes_and_carries_it_out(
    here: Account, deploy: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    deploy("one", LogLevel="INFO")
    assert "ringside is new" in capsys.readouterr().out

    deploy("two", LogLevel="DEBUG")

    assert what_runs(here) == ("two", "DEBUG")
    assert "LogLevel: INFO -> DEBUG" in capsys.readouterr().out


def test_one_goes_back_by_one_deployment_each_time_code_and_parameters_together(here: Account, deploy: Any) -> None:
    deploy("one", LogLevel="INFO")
    deploy("two", LogLevel="DEBUG")
    deploy("three", LogLevel="WARNING")

    stack.roll_back(here, "ringside", yes=True)
    assert what_runs(here) == ("two", "DEBUG")

    stack.roll_back(here, "ringside", yes=True)
    assert what_runs(here) == ("one", "INFO")

    with pytest.raises(DeployError, match="no deployment to go back to"):
        stack.roll_back(here, "ringside", yes=True)


def test_going_back_is_asked_about_and_declined_leaves_no_change_set(here: Account, deploy: Any) -> None:
    deploy("one", LogLevel="INFO")
    deploy("two", LogLevel="DEBUG")

    with pytest.raises(DeployError, match="Nothing was changed"):  # nobody is at a test's terminal
        stack.roll_back(here, "ringside")

    assert what_runs(here) == ("two", "DEBUG")
    assert changeset.waiting(here, "ringside") == set()


def test_a_stack_that_was_made_anew_does_not_go_back_to_the_one_before(here: Account, deploy: Any) -> None:
    deploy("one", LogLevel="INFO")
    deploy("two", LogLevel="DEBUG")
    here.client("cloudformation").delete_stack(StackName="ringside")
    deploy("three", LogLevel="INFO")

    with pytest.raises(DeployError, match="no deployment to go back to"):
        stack.roll_back(here, "ringside", yes=True)


@pytest.mark.parametrize(
    "place",
    [f"s3://{BUCKET}/ringside/abc", f"https://s3.eu-west-1.amazonaws.com/{BUCKET}/abc.template"],
)
def test_the_bucket_is_the_one_that_sam_uploads_to(place: str) -> None:
    assert history.Deployment(json.dumps({"CodeUri": place}), {}).bucket == BUCKET
