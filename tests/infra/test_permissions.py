"""Each role may do what its component does, and nothing else.

The template is created in the local AWS, and the real webhook, sweeper and monitor work there with the permissions
of their roles. What they needed is kept, and held against the roles again: without any one statement, action or
resource of theirs, something of it would have been refused.
"""

import itertools
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from typing import Any

import botocore.loaders
import httpx
import pytest
from botocore.exceptions import ClientError

from infra.local import gateway
from infra.local.agents import DEMO_AGENTS
from infra.local.aws_session import REGION
from ringside.admission.decide import Admission
from ringside.admission.rules import CallerLimit, Rule
from ringside.agentfile.agent import Agent
from ringside.agentfile.sections import LambdaTool
from ringside.aws import actions, receipts
from ringside.aws.counters import Counters
from ringside.aws.receipts import LeftReceipt
from ringside.aws.record import Record
from ringside.aws.table import Table
from ringside.calls import End, Status, Step
from ringside.records.rollups import RollUps
from ringside.tools import lambda_tools
from ringside.tools.definition import CallContext, ToolFailed
from tests.infra import policies
from tests.infra.deployed import CANARY_ARN, ROLES, SWEEPER_ARN, TOOL_ARN, DeployedCloud, parse
from tests.infra.policies import Need, Statement, listed

EVERY_ROLE = (*ROLES.values(), "ScheduleRole", "ExecutionRole")

EVERYTHING = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": {":pk": {"S": "a"}}}

AGENT = """
answers: [default]
model: gpt-realtime-2.1
greeting: Hello?
instructions: Be brief.
tools: [opening_hours, hang_up]
analysis: {min_seconds: 0}
notify: [{name: crm, url: "https://127.0.0.1:9/hook"}]
admission:
  - {name: too often, caller_calls: {calls: 1000, minutes: 60}, reject: 486}
  - {name: busy, agent_calls: 1000, reject: 486}
  - {name: budget, spent_today: 50000, reject: 480}
  - {name: no capacity, monitors_full: true, reject: 503}
"""
"""An agent that asks the record everything that admission can ask."""


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeployedCloud]:
    """The deployment after everything that its components do has been done once."""
    folder = tmp_path_factory.mktemp("agents")
    (folder / "concierge.yaml").write_text(AGENT, encoding="utf-8")
    shutil.copy(DEMO_AGENTS / "tools.py", folder)
    own = {"RINGSIDE_AGENTS": str(folder), "RINGSIDE_POLL": "1"}  # a monitor told to stop waits for its last poll
    environment = dict.fromkeys(ROLES, own)
    with DeployedCloud(
        pace=0.1,
        parameters={
            "LeaseSeconds": "2",
            "AttachWindowSeconds": "2",
            "MonitorDrain": "20",
            "Canary": "true",
            "RecordsApi": "true",
            "NotifyReceivers": "true",
        },
        environment=environment,
    ) as cloud:
        answer_a_call(cloud)
        walk_the_path(cloud)
        lose_a_caller_before_the_answer(cloud)
        take_a_call_over(cloud)
        act_over_https(cloud)
        cloud.done_by = act_as_people(cloud)
        count_what_rarely_is(cloud)
        sweep(cloud)
        write_in_a_group(cloud)
        leave_a_receipt_and_read_a_number(cloud)
        run_a_lambda_tool(cloud)
        keep_a_task(cloud)
        read_over_https(cloud)
        what_aws_does_for_us(cloud)
        yield cloud


# --- everything that is done ---


def answer_a_call(cloud: DeployedCloud) -> None:
    call_id = cloud.emulator.ring("opening-hours")
    record = cloud.records.wait_for_end(call_id)
    assert record.call["end_reason"] == "agent_hung_up"
    assert {item["kind"] for item in record.items} == {"turn", "tool"}
    cloud.records.wait(call_id, lambda record: record.call.get("analysis", {}).get("state") == "done")
    cloud.records.wait(call_id, lambda record: len(record.call.get("deliveries", {})) == 2)


def walk_the_path(cloud: DeployedCloud) -> None:
    walked = cloud.run_canary()
    assert {check: told.partition(":")[0] for check, told in walked.items()} == dict.fromkeys(walked, "ok"), walked


def lose_a_caller_before_the_answer(cloud: DeployedCloud) -> None:
    """OpenAI knows the call no more when it is accepted: what admission had counted is given back by the webhook."""
    call_id = cloud.emulator.ring("opening-hours", faults={"accept": {"status": 404}})
    assert cloud.records.wait_for_end(call_id).call["status"] == "missed"


def take_a_call_over(cloud: DeployedCloud) -> None:
    """A monitor dies, and another finds its call in the queue, its heartbeat old, and what was said so far."""
    call_id = cloud.emulator.ring("caller-hangs-up")
    cloud.records.wait(call_id, lambda record: record.status == "live")
    cloud.kill_monitor(0)
    cloud.add_monitor()
    cloud.records.wait_for_end(call_id)


def count_what_rarely_is(cloud: DeployedCloud) -> None:
    """Two rules of one kind, a limit that is full, so that who holds a place is looked at, and a call's words that are
    told of though no monitor had it."""
    limits: list[dict[str, Any]] = [
        {"caller_calls": CallerLimit(calls=1000, minutes=60)},
        {"agent_calls": 1},
        {"spent_today": 50_000},
    ]
    rules = [Rule(name="a limit", reject=486, **limit) for limit in limits for _ in range(2)]
    for role in ("WebhookRole", "ApiRole"):
        Counters(Table(cloud.client("dynamodb"), cloud.table)).reserve_live("live#agent#full", "rtc_over", None, 0)
        client, is_dry = cloud.client("dynamodb", role), role == "ApiRole"
        counted = Counters(Table(client, cloud.table))
        Admission(counted, "full", rules, True, "rtc_counted", "+14255550112", time.time(), dry=is_dry).decide()
        Record(client, cloud.table, retention_days=90).whole_call("rtc_counted")


def leave_a_receipt_and_read_a_number(cloud: DeployedCloud) -> None:
    """What a monitor does for another one, and for an operator who transfers a call to any number."""
    table = Table(cloud.client("dynamodb", "TaskRole"), cloud.table)
    table.run(receipts.leave("monitor-2", LeftReceipt("rtc_1", "message", "receipt", 2, 1), time.time()))
    assert table.run(receipts.last_left("monitor-2", "rtc_1"))
    assert table.run(actions.number_of("rtc_1", "a1")) is None


def sweep(cloud: DeployedCloud) -> None:
    """Two calls that nobody looks after: one is to be queued again, and one, of which something is wanted, closed."""
    record, now = Record(cloud.aws.dynamodb, cloud.table, retention_days=90), time.time()
    cloud.kill_monitor(1)
    for call_id, age in (("rtc_forgotten", 60.0), ("rtc_abandoned", 4000.0)):
        steps = {Step.CREATED: now - age}
        facts = {"agent": "concierge", "model": None, "caller": None, "dialled": None, "reservations": ["live#stack"]}
        record.claim({"call_id": call_id, "steps": steps, "decision": {"verdict": "accept"}, **facts}, now - age)
        record.accepted(call_id, {Step.ACCEPTED: now - age}, "")
    record.take("rtc_abandoned", "nobody", "message", {}, None)
    wanted = actions.Asked("rtc_abandoned", "a1", "hold", "arn:aws:iam::123456789012:user/ada", now)
    record.ask(record.call("rtc_abandoned") or {}, wanted)
    swept = cloud.run_sweeper()
    assert (swept["queue"], swept["hang_up"], swept["failed"]) == (1, 1, 0)
    keep_a_day(cloud, now)


def keep_a_day(cloud: DeployedCloud, now: float) -> None:
    """What the sweeper does once an hour, with its role."""
    yesterday = now // 86_400 * 86_400 - 3600
    record = Record(cloud.aws.dynamodb, cloud.table, retention_days=90)
    record.claim({"call_id": "rtc_yesterday", "steps": {Step.CREATED: yesterday}, "caller": None}, yesterday)
    record.close_unanswered("rtc_yesterday", End(Status.MISSED, None, yesterday), {})
    as_sweeper = Record(cloud.client("dynamodb", "SweeperRole"), cloud.table, retention_days=90)
    assert RollUps(as_sweeper, 90 * 86_400).keep(now // 3600 * 3600) == 1


def write_in_a_group(cloud: DeployedCloud) -> None:
    """What was said is written in company, of whatever calls; with it goes what is settled of what operators wanted."""
    first, *others = (
        {"pk": {"S": pk}, "sk": {"S": "1"}} for pk in ("CALL#rtc_1", "ACTIONS#rtc_1", "ANYWHERE#rtc_1", "MAILBOX#me")
    )
    writes: Any = [{"PutRequest": {"Item": first}}, *({"DeleteRequest": {"Key": other}} for other in others)]
    cloud.client("dynamodb", "TaskRole").batch_write_item(RequestItems={cloud.table: writes})


def run_a_lambda_tool(cloud: DeployedCloud) -> None:
    entry = LambdaTool(name="order_status", function=TOOL_ARN, description="Says where an order is.")
    agent = Agent.model_construct(name="concierge", lambda_tools=(entry,))
    tool = lambda_tools.tools(cloud.client("lambda", "TaskRole"), [agent])["concierge", "order_status"]
    with pytest.raises(ToolFailed):  # there is no such function here; whether it may be run is what counts
        tool.function({}, CallContext("rtc_1", "call_1", "concierge", None, None))


def keep_a_task(cloud: DeployedCloud) -> None:
    """A monitor looks at its own task and service, and has ECS's agent protect the task with the monitor's role."""
    ecs, cluster = cloud.client("ecs", "TaskRole"), cloud.outputs["Cluster"]
    task = {"cluster": cluster, "tasks": [f"arn:aws:ecs:{REGION}:123456789012:task/{cluster}/0123456789abcdef"]}
    attempt(ecs.describe_tasks, **task)
    attempt(ecs.update_task_protection, **task, protectionEnabled=True)
    (service,) = ecs.describe_services(cluster=cluster, services=[cloud.outputs["Service"]])["services"]
    assert [deployment["status"] for deployment in service["deployments"]] == ["PRIMARY"]


def read_over_https(cloud: DeployedCloud) -> None:
    """Everything that the records API can be asked; a decision counts what the agent's rules ask for."""
    signed = {"authorization": "AWS4-HMAC-SHA256 Credential=somebody"}
    with httpx.Client(base_url=f"{cloud.gateway_url}/v1", headers=signed, trust_env=False, timeout=30) as api:
        (call, *_) = api.get("/calls").raise_for_status().json()["calls"]
        number = {"caller": "+14255550112", "dialled": "+18005551212"}
        for path in (f"/calls/{call['call_id']}", "/live", "/statistics", "/agents"):
            api.get(path).raise_for_status()
        api.get("/statistics", params={"from": "2026-01-01", "to": "2026-01-02"}).raise_for_status()
        assert api.get("/calls", params={"caller": number["caller"]}).json()["calls"]
        assert api.get("/decision", params=number).json()["counted"] is True


def act_over_https(cloud: DeployedCloud) -> None:
    """An action on a live call, asked for twice by one key: it is done once, in the name of whoever signed."""
    call_id = cloud.emulator.ring("long-call")
    cloud.records.wait(call_id, lambda record: record.status == "live")
    signed = {"authorization": "AWS4-HMAC-SHA256 Credential=somebody", "idempotency-key": "0b7f"}
    with httpx.Client(base_url=f"{cloud.gateway_url}/v1", headers=signed, trust_env=False, timeout=30) as api:
        asked = [api.post(f"/calls/{call_id}/actions", json={"action": "hang_up", "silent": True}) for _ in range(2)]
    assert [answer.status_code for answer in asked] == [200, 200], [answer.text for answer in asked]
    record = cloud.records.wait_for_end(call_id)
    (action,) = (item for item in record.items if item["kind"] == "action")
    assert (action["by"], action["outcome"]) == (gateway.CALLER, "done")
    assert record.call["end_reason"] == "operator_hung_up"


def act_as_people(cloud: DeployedCloud) -> dict[str, subprocess.CompletedProcess[str]]:
    """The command line in the hands of a viewer, and of an operator, who has both policies."""
    cloud.add_person("viewer", "ViewerPolicy")
    cloud.add_person("operator", "ViewerPolicy", "OperatorPolicy")
    call_id = cloud.emulator.ring("long-call")
    cloud.records.wait(call_id, lambda record: record.status == "live")

    def done(person: str, *words: str) -> subprocess.CompletedProcess[str]:
        return cloud.cli("calls", *words, variables=cloud.credentials(person), seconds=60)

    found = {"list": done("viewer", "list", "--json"), "show": done("viewer", "show", call_id, "--json")}
    found["viewer"] = done("viewer", "hang-up", call_id, "--now", "--yes")
    found["still"] = done("viewer", "list", "--live", "--json")
    found["operator"] = done("operator", "hang-up", call_id, "--now", "--yes")
    assert call_id in found["list"].stdout
    return found


def what_aws_does_for_us(cloud: DeployedCloud) -> None:
    """What Lambda, ECS and the scheduler do with our roles before any code of ours runs."""
    for role, group in (
        ("WebhookRole", "WebhookLogs"),
        ("SweeperRole", "SweeperLogs"),
        ("AnalysisRole", "AnalysisLogs"),
        ("NotifyRole", "NotifyLogs"),
        ("CanaryRole", "CanaryLogs"),
        ("ApiRole", "ApiLogs"),
        ("ExecutionRole", "Logs"),
    ):
        where = {"logGroupName": cloud.outputs[group], "logStreamName": "stream"}
        logs = cloud.client("logs", role)
        logs.create_log_stream(**where)
        logs.put_log_events(**where, logEvents=[{"timestamp": int(time.time() * 1000), "message": "hello"}])
    # What Lambda could not deliver of the stream.
    undelivered = cloud.outputs["AnalysisDeadLetterQueue"]
    cloud.client("sqs", "AnalysisRole").send_message(QueueUrl=undelivered, MessageBody="{}")
    undelivered, queue = cloud.outputs["NotifyDeadLetterQueue"], cloud.outputs["NotifyQueue"]
    cloud.client("sqs", "NotifyRole").send_message(QueueUrl=undelivered, MessageBody="{}")
    # What it deletes of the queue is what was delivered.
    attempt(cloud.client("sqs", "NotifyRole").delete_message, QueueUrl=queue, ReceiptHandle="receipt")
    cloud.client("ecr").create_repository(repositoryName="ringside-monitor")
    ecr, image = cloud.client("ecr", "ExecutionRole"), {"repositoryName": "ringside-monitor"}
    ecr.get_authorization_token()
    ecr.batch_get_image(**image, imageIds=[{"imageTag": "none"}])
    ecr.batch_check_layer_availability(**image, layerDigests=["sha256:" + "0" * 64])
    attempt(ecr.get_download_url_for_layer, **image, layerDigest="sha256:" + "0" * 64)
    for function in (SWEEPER_ARN, CANARY_ARN):
        attempt(cloud.client("lambda", "ScheduleRole").invoke, FunctionName=function)


def attempt(operation: Any, **arguments: Any) -> None:
    """Ask for something that is not there, or that moto cannot do. Whether one may is what counts, and is kept."""
    with suppress(ClientError):
        operation(**arguments)


# --- what it proves ---


def test_a_viewer_sees_the_calls_and_acts_on_none(cloud: DeployedCloud) -> None:
    done = cloud.done_by
    (live,) = json.loads(done["still"].stdout)

    assert [done[name].returncode for name in ("list", "show", "still")] == [0, 0, 0]
    assert json.loads(done["show"].stdout)["call_id"] == live["call_id"]
    assert done["viewer"].returncode != 0
    assert "OperatorPolicy" in done["viewer"].stderr or "may not" in done["viewer"].stderr


def test_an_operator_hangs_up(cloud: DeployedCloud) -> None:
    done = cloud.done_by
    (live,) = json.loads(done["still"].stdout)

    assert done["operator"].returncode == 0, done["operator"].stderr
    assert cloud.records.wait_for_end(live["call_id"]).call["end_reason"] == "operator_hung_up"


def test_nothing_that_was_needed_was_refused(cloud: DeployedCloud) -> None:
    needed = cloud.needed()

    assert [(role, need) for role, needs in needed.items() for need, given in needs.items() if not given] == []
    assert all(needed[role] for role in EVERY_ROLE)


@pytest.mark.parametrize("role", EVERY_ROLE)
def test_without_any_one_statement_something_would_have_been_refused(cloud: DeployedCloud, role: str) -> None:
    policy, needs = cloud.policy(role), cloud.needed()[role]

    assert policy
    for statement in policy:
        rest = [other for other in policy if other is not statement]
        assert not all(policies.allows(rest, need) for need in needs), statement["Sid"]


@pytest.mark.parametrize("role", EVERY_ROLE)
def test_no_statement_has_an_action_or_a_resource_too_many(cloud: DeployedCloud, role: str) -> None:
    policy, needs = cloud.policy(role), cloud.needed()[role]

    for statement in policy:
        rest = [other for other in policy if other is not statement]
        for smaller in smaller_ones(statement):
            assert not all(policies.allows([*rest, smaller], need) for need in needs), (statement["Sid"], smaller)


def smaller_ones(statement: Statement) -> Iterator[Statement]:
    """The statement without one of its actions, of its resources, and of the keys that it is for."""
    for part in ("Action", "Resource"):
        for entry in listed(statement[part]):
            yield {**statement, part: [other for other in listed(statement[part]) if other != entry]}
    keys = policies.leading_keys(statement) or []
    for key in keys:
        fewer = {"dynamodb:LeadingKeys": [other for other in keys if other != key]}
        yield {**statement, "Condition": {"ForAllValues:StringLike": fewer}}


@pytest.mark.parametrize("role", EVERY_ROLE)
def test_everything_else_is_refused(cloud: DeployedCloud, role: str) -> None:
    """Every operation of every service in use, on our own resources and on somebody else's."""
    policy, needed = cloud.policy(role), {(need.action, need.resource) for need in cloud.needed()[role]}
    resources = {need.resource for needs in cloud.needed().values() for need in needs}
    strange = {resource.replace("ringside", "somebody").replace("/default", "/other") for resource in resources} - {"*"}
    operations = every_operation() - {"ecr:GetAuthorizationToken"}  # which knows no resource
    assert not strange & resources - {TOOL_ARN, SWEEPER_ARN, CANARY_ARN}
    named = [action for action in operations if any(policies.names(statement, action) for statement in policy)]

    for action, resource in itertools.product(named, resources | strange):
        if policies.allows(policy, Need(action, resource)):
            # Log streams are named by whoever runs the code: one of ours stands for all.
            assert (action, resource) in needed or action.startswith("logs:"), (action, resource)
            assert resource not in strange - resources, (action, resource)


@pytest.mark.parametrize("role", EVERY_ROLE)
def test_no_role_reaches_items_of_a_kind_that_it_does_not_need(cloud: DeployedCloud, role: str) -> None:
    policy, needed = cloud.policy(role), cloud.needed()[role]
    kinds = {kind_of(key) for needs in cloud.needed().values() for need in needs for key in need.keys}
    assert kinds >= {"CALL", "CALLERS", "FACTS", "MAILBOX", "MONITORS", "RECEIPTS", "RESERVATIONS", "SPENT"}

    own = {kind_of(key) for need in needed for key in need.keys}
    table = f"arn:aws:dynamodb:{REGION}:123456789012:table/{cloud.table}"
    operations = [operation for operation in every_operation() if operation.startswith("dynamodb:")]
    for operation, kind in itertools.product(operations, sorted(kinds - own)):
        for key in (kind, f"{kind}#x"):
            assert not policies.allows(policy, Need(operation, table, frozenset({key}))), (operation, key)


def kind_of(key: str) -> str:
    """A partition key without what it is about."""
    return key.partition("#")[0]


@pytest.mark.parametrize(
    ("role", "kinds"),
    [
        ("WebhookRole", ("CALL#", "RESERVATIONS#")),
        ("SweeperRole", ("CALL#", "RESERVATIONS#")),
        ("TaskRole", ("CALL#", "RESERVATIONS#", "SPENT#")),
    ],
)
def test_the_write_that_ends_a_call_is_allowed_however_aws_judges_the_keys_of_a_transaction(
    cloud: DeployedCloud, role: str, kinds: tuple[str, ...]
) -> None:
    """Those of each part, or those of the whole for each part: the documentation leaves it open."""
    table = f"arn:aws:dynamodb:{REGION}:123456789012:table/{cloud.table}"
    for action in ("DeleteItem", "UpdateItem"):
        need = Need(f"dynamodb:{action}", table, frozenset(f"{kind}x" for kind in kinds))
        assert policies.allows(cloud.policy(role), need), action


@cache
def every_operation() -> frozenset[str]:
    loader = botocore.loaders.Loader()
    used = ("dynamodb", "sqs", "secretsmanager", "logs", "events", "ecr", "lambda")
    return frozenset(
        f"{service}:{'InvokeFunction' if operation == 'Invoke' else operation}"
        for service in (*used, "iam", "sts", "s3", "kms", "ssm", "ecs", "ec2", "cloudformation")
        for operation in loader.load_service_model(service, "service-2")["operations"]
    )


def test_no_permission_is_given_by_a_wildcard(cloud: DeployedCloud) -> None:
    for role in EVERY_ROLE:
        for statement in cloud.policy(role):
            assert not [action for action in listed(statement["Action"]) if "*" in action], role
            if "*" in listed(statement["Resource"]):
                assert listed(statement["Action"]) == ["ecr:GetAuthorizationToken"]  # which knows no resource


@pytest.mark.parametrize(
    ("role", "service", "operation", "arguments"),
    [
        ("WebhookRole", "sqs", "receive_message", {"QueueUrl": "CallsQueue"}),
        ("WebhookRole", "dynamodb", "scan", {"TableName": "CallsTable"}),
        ("WebhookRole", "secretsmanager", "list_secrets", {}),
        (
            "SweeperRole",
            "dynamodb",
            "put_item",
            {"TableName": "CallsTable", "Item": {"pk": {"S": "a"}, "sk": {"S": "b"}}},
        ),
        ("NotifyRole", "dynamodb", "query", {"TableName": "CallsTable", **EVERYTHING}),
        ("NotifyRole", "sqs", "send_message", {"QueueUrl": "CallsQueue", "MessageBody": "x"}),
        ("AnalysisRole", "dynamodb", "scan", {"TableName": "CallsTable"}),
        ("AnalysisRole", "sqs", "send_message", {"QueueUrl": "CallsQueue", "MessageBody": "x"}),
        ("CanaryRole", "sqs", "send_message", {"QueueUrl": "CallsQueue", "MessageBody": "x"}),
        ("CanaryRole", "dynamodb", "query", {"TableName": "CallsTable", "IndexName": "live", **EVERYTHING}),
        ("TaskRole", "sqs", "send_message", {"QueueUrl": "CallsQueue", "MessageBody": "x"}),
        ("TaskRole", "sqs", "receive_message", {"QueueUrl": "CallsDeadLetterQueue"}),
        ("TaskRole", "lambda", "invoke", {"FunctionName": SWEEPER_ARN}),
        # Whoever runs users' code, or has no webhook to verify, cannot sign one.
        ("TaskRole", "secretsmanager", "get_secret_value", {"SecretId": "WebhookSecret"}),
        ("SweeperRole", "secretsmanager", "get_secret_value", {"SecretId": "WebhookSecret"}),
        ("AnalysisRole", "secretsmanager", "get_secret_value", {"SecretId": "WebhookSecret"}),
        # Whoever signs messages to receivers cannot sign a webhook, nor the other way round.
        ("NotifyRole", "secretsmanager", "get_secret_value", {"SecretId": "WebhookSecret"}),
        ("NotifyRole", "secretsmanager", "get_secret_value", {"SecretId": "Secret"}),
        ("WebhookRole", "secretsmanager", "get_secret_value", {"SecretId": "NotifySecret"}),
        ("CanaryRole", "secretsmanager", "get_secret_value", {"SecretId": "NotifySecret"}),
        ("TaskRole", "secretsmanager", "get_secret_value", {"SecretId": "NotifySecret"}),
        ("TaskRole", "secretsmanager", "put_secret_value", {"SecretId": "Secret", "SecretString": "{}"}),
        ("ExecutionRole", "secretsmanager", "list_secrets", {}),
    ],
)
def test_a_refusal_is_what_aws_says(
    cloud: DeployedCloud, role: str, service: str, operation: str, arguments: dict[str, Any]
) -> None:
    named = {
        name: cloud.outputs.get(value, value) if isinstance(value, str) else value for name, value in arguments.items()
    }

    with pytest.raises(ClientError, match=r"not authorized to perform|AccessDenied"):
        getattr(cloud.client(service, role), operation)(**named)


# --- that it is what is deployed ---


def test_roles_can_be_assumed_by_the_service_that_needs_them_alone() -> None:
    template = parse("monitor")["Resources"] | root()["Resources"]
    services = {
        name: template[name]["Properties"]["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["Service"]
        for name in EVERY_ROLE
    }

    assert services == {
        "WebhookRole": "lambda.amazonaws.com",
        "SweeperRole": "lambda.amazonaws.com",
        "AnalysisRole": "lambda.amazonaws.com",
        "NotifyRole": "lambda.amazonaws.com",
        "CanaryRole": "lambda.amazonaws.com",
        "ApiRole": "lambda.amazonaws.com",
        "ScheduleRole": "scheduler.amazonaws.com",
        "TaskRole": "ecs-tasks.amazonaws.com",
        "ExecutionRole": "ecs-tasks.amazonaws.com",
    }


def test_there_is_no_role_but_these_and_none_with_a_policy_of_somebody_elses() -> None:
    found = [
        (name, resource["Properties"])
        for document in (root(), *map(parse, ("monitor", "network", "alarms", "dashboard")))
        for name, resource in document["Resources"].items()
        if resource["Type"] == "AWS::IAM::Role"
    ]

    assert sorted(name for name, _ in found) == sorted(EVERY_ROLE)
    assert not [name for name, properties in found if properties.get("ManagedPolicyArns")]


def test_cluster_and_service_are_made_from_the_template(cloud: DeployedCloud) -> None:
    ecs = cloud.client("ecs")
    cluster = cloud.outputs["Cluster"]
    (service,) = ecs.describe_services(cluster=cluster, services=[cloud.outputs["Service"]])["services"]
    task = ecs.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]

    assert task["containerDefinitions"][0]["stopTimeout"] == 120
    assert {variable["name"] for variable in task["containerDefinitions"][0]["environment"]} >= {"RINGSIDE_TABLE"}


def root() -> dict[str, Any]:
    from infra.local import template as templates

    return templates.translate()
