"""template.yaml says once what queue, table, functions and environment are; these compare it with who relies on it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from infra.deploy import plan, pricelist
from infra.local import template as templates
from infra.local.template import REPOSITORY, of_type
from ringside import calls
from ringside.analysis.analyst import ASK_SECONDS
from ringside.aws import record
from ringside.monitor.owned_calls import MAX_OWNERS
from ringside.notify.notifier import RETRY_PAUSES
from ringside.notify.sender import SECONDS
from ringside.settings import Settings

COMMON = {
    "OPENAI_BASE_URL",
    "RINGSIDE_AGENTS",
    "RINGSIDE_EVENT_BUS",
    "RINGSIDE_LOG_LEVEL",
    "RINGSIDE_QUEUE_URL",
    "RINGSIDE_RETENTION_DAYS",
    "RINGSIDE_SECRET_ID",
    "RINGSIDE_STACK",
    "RINGSIDE_TABLE",
}
GIVEN_BY_ECS = {"ECS_AGENT_URI", "ECS_CONTAINER_METADATA_URI_V4"}
ROUTING = {"RINGSIDE_DIALLED_IN", "RINGSIDE_PLAIN_NUMBERS", "RINGSIDE_KEEP_WITHHELD"}
NOT_FOR_THE_MONITOR = {"RINGSIDE_WEBHOOK_URL", "RINGSIDE_WEBHOOK_SECRET_ID"}
NOT_FOR_THE_MONITOR |= {"RINGSIDE_NOTIFY_SECRET_ID", "RINGSIDE_NOTIFY_QUEUE_URL", "RINGSIDE_NOTIFY_PRIVATE"}
READ_BY_BOTO3 = {"AWS_ENDPOINT_URL"}
SETTINGS = {str(field.alias) for field in Settings.model_fields.values()} - GIVEN_BY_ECS


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    return templates.translate()


@pytest.fixture(scope="module")
def environments(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found = {name: function.environment for name, function in templates.functions(template).items()}
    return found | {"Monitor": templates.monitor_environment(template)}


def default(template: dict[str, Any], expression: Any) -> Any:
    """What an expression is when no parameter is given."""
    if isinstance(expression, dict) and expression.get("Ref") in template["Parameters"]:
        return template["Parameters"][expression["Ref"]]["Default"]
    return expression


COMPONENTS = [
    "WebhookFunction",
    "SweeperFunction",
    "AnalysisFunction",
    "NotifyFunction",
    "CanaryFunction",
    "ApiFunction",
    "Monitor",
]


@pytest.mark.parametrize("component", COMPONENTS)
def test_every_variable_set_is_one_that_somebody_reads(environments: dict[str, dict[str, Any]], component: str) -> None:
    assert set(environments[component]) <= SETTINGS | READ_BY_BOTO3


@pytest.mark.parametrize("component", COMPONENTS)
def test_every_component_is_told_where_everything_is(environments: dict[str, dict[str, Any]], component: str) -> None:
    assert set(environments[component]) >= COMMON


def test_every_variable_that_settings_know_is_set(environments: dict[str, dict[str, Any]]) -> None:
    assert set().union(*environments.values()) >= SETTINGS
    assert (
        set(environments["Monitor"]) >= SETTINGS - ROUTING - NOT_FOR_THE_MONITOR
    )  # a call is routed before it gets there


def test_what_is_said_twice_is_said_alike(template: dict[str, Any], environments: dict[str, dict[str, Any]]) -> None:
    for name in SETTINGS:
        values = [environment[name] for environment in environments.values() if name in environment]
        assert all(value == values[0] for value in values), name


def test_the_defaults_of_the_template_are_the_defaults_of_the_code(
    template: dict[str, Any], environments: dict[str, dict[str, Any]]
) -> None:
    given = {name: default(template, value) for name, value in environments["Monitor"].items()}
    deployed = {"agents", "stack", "event_bus"}  # where the template says something that code alone cannot
    given |= dict.fromkeys(("RINGSIDE_TABLE", "RINGSIDE_QUEUE_URL", "RINGSIDE_SECRET_ID"), "somewhere")
    required = {name: given[name] for name in ("RINGSIDE_TABLE", "RINGSIDE_QUEUE_URL", "RINGSIDE_SECRET_ID")}

    configured = Settings.model_validate({name: str(value) for name, value in given.items()})

    assert configured.model_dump(exclude=deployed) == Settings.model_validate(required).model_dump(exclude=deployed)
    assert str(configured.agents) == "agents"  # below the folder that ships, where every process starts


@pytest.mark.parametrize("name", ["monitor", "network", "alarms", "dashboard"])
def test_the_defaults_of_a_nested_stack_are_those_of_the_parameters_that_fill_it(
    template: dict[str, Any], name: str
) -> None:
    nested = templates.parse((REPOSITORY / "infra" / f"{name}.yaml").read_text(encoding="utf-8"))["Parameters"]
    (stack,) = (
        each
        for each in templates.parse((REPOSITORY / "template.yaml").read_text(encoding="utf-8"))["Resources"].values()
        if each["Properties"].get("Location") == f"infra/{name}.yaml"
    )

    for parameter, expression in stack["Properties"]["Parameters"].items():
        outer = template["Parameters"].get(expression["Ref"]) if set(expression) == {"Ref"} else None
        # Empty: without what only the outer stack has.
        if outer and nested[parameter].get("Default", "") != "":
            assert str(nested[parameter]["Default"]) == str(outer["Default"]), parameter


def test_a_changed_parameter_reaches_the_function_that_is_called(template: dict[str, Any]) -> None:
    """A version would keep the environment that it was published with, and its name knows parameters by name only."""
    kinds = {resource["Type"] for resource in template["Resources"].values()}
    called = json.dumps(of_type(template, "AWS::ApiGatewayV2::Api")["HttpApi"]["Body"]["paths"])

    assert not {"AWS::Lambda::Version", "AWS::Lambda::Alias"} & kinds
    assert "${WebhookFunction.Arn}/invocations" in called


def test_functions_are_traced_only_when_asked_to_and_may_write_traces_only_then(template: dict[str, Any]) -> None:
    for function in of_type(template, "AWS::Lambda::Function").values():
        assert function["TracingConfig"] == {"Mode": {"Ref": "Tracing"}}
    policy = template["Resources"]["TracingPolicy"]

    assert template["Parameters"]["Tracing"]["Default"] == "PassThrough"
    assert template["Conditions"][policy["Condition"]] == {"Fn::Equals": [{"Ref": "Tracing"}, "Active"]}
    canary = {"Fn::If": ["CanaryIsDeployed", {"Ref": "CanaryRole"}, {"Ref": "AWS::NoValue"}]}
    api = {"Fn::If": ["RecordsApiIsWanted", {"Ref": "ApiRole"}, {"Ref": "AWS::NoValue"}]}
    assert policy["Properties"]["Roles"] == [
        {"Ref": "WebhookRole"},
        {"Ref": "SweeperRole"},
        {"Ref": "AnalysisRole"},
        {"Ref": "NotifyRole"},
        canary,
        api,
    ]


def test_parameters_keep_to_the_limits_that_the_code_has(template: dict[str, Any]) -> None:
    environment = templates.monitor_environment(template)
    schema = Settings.model_json_schema(by_alias=True)["properties"]
    for name, expression in environment.items():
        limits = schema.get(name, {})
        parameter = template["Parameters"].get(expression.get("Ref") if isinstance(expression, dict) else "", {})
        if "MaxValue" in parameter:
            assert parameter["MaxValue"] <= limits["maximum"], name
            assert parameter["MinValue"] >= limits.get("minimum", limits.get("exclusiveMinimum")), name


def test_the_table_has_the_keys_and_indexes_of_the_record(template: dict[str, Any]) -> None:
    (table,) = of_type(template, "AWS::DynamoDB::Table").values()
    keys = {index["IndexName"]: index for index in table["GlobalSecondaryIndexes"]}

    assert [key["AttributeName"] for key in table["KeySchema"]] == ["pk", "sk"]
    assert set(keys) == {"by_day", "by_caller", "live"}
    for name, prefix in {"by_day": "day", "by_caller": "caller", "live": "live"}.items():
        assert [key["AttributeName"] for key in keys[name]["KeySchema"]] == [f"{prefix}_pk", f"{prefix}_sk"]
        assert sorted(keys[name]["Projection"]["NonKeyAttributes"]) == sorted(record.LIST_ATTRIBUTES)


def test_the_table_forgets_in_time_and_survives_its_stack(template: dict[str, Any]) -> None:
    ((name, table),) = of_type(template, "AWS::DynamoDB::Table").items()

    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    assert table["PointInTimeRecoverySpecification"] == {
        "PointInTimeRecoveryEnabled": True,
        "RecoveryPeriodInDays": {"Ref": "RecoveryDays"},
    }
    assert template["Resources"][name]["DeletionPolicy"] == "RetainExceptOnCreate"
    assert template["Resources"][name]["UpdateReplacePolicy"] == "Retain"
    assert table["DeletionProtectionEnabled"] == {"Fn::If": ["DataIsProtected", True, False]}


def test_the_table_is_encrypted_with_a_key_of_the_account_s_own_if_one_is_named(template: dict[str, Any]) -> None:
    (table,) = of_type(template, "AWS::DynamoDB::Table").values()

    key = {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": {"Ref": "TableKmsArn"}}
    assert table["SSESpecification"] == {"Fn::If": ["KeyIsNamed", key, {"Ref": "AWS::NoValue"}]}
    allowed = re.compile(template["Parameters"]["TableKmsArn"]["AllowedPattern"])
    assert allowed.match("arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab")
    assert allowed.match("alias/mine") is None  # an alias may come to mean another key


def test_what_the_page_on_privacy_says_of_retention_is_what_is_deployed(template: dict[str, Any]) -> None:
    page = (Path(__file__).parents[2] / "docs" / "privacy.md").read_text(encoding="utf-8")
    said = dict(re.findall(r"`(\w+)` \((\d+)\)", page))
    assert {name: int(days) for name, days in said.items()} == {
        name: template["Parameters"][name]["Default"] for name in ("RetentionDays", "RecoveryDays", "LogRetentionDays")
    }
    queues = of_type(template, "AWS::SQS::Queue")
    kept = [queues[name]["MessageRetentionPeriod"] for name in ("CallsQueue", "CallsDeadLetterQueue")]
    assert "| SQS | call ids | 2 hours; in the dead-letter queue 14 days |" in page
    assert kept == [2 * 3600, 14 * 86_400]


def test_the_queue_outlasts_hand_overs_and_gives_up_on_poison(template: dict[str, Any]) -> None:
    queues = of_type(template, "AWS::SQS::Queue")
    redrive = queues["CallsQueue"]["RedrivePolicy"]

    assert redrive["deadLetterTargetArn"] == {"Fn::GetAtt": ["CallsDeadLetterQueue", "Arn"]}
    assert redrive["maxReceiveCount"] >= 4 * MAX_OWNERS  # a monitor that leaves may receive what it offers, too
    assert default(template, queues["CallsQueue"]["VisibilityTimeout"]) == 12
    assert queues["CallsQueue"]["MessageRetentionPeriod"] == 2 * 3600
    assert queues["CallsDeadLetterQueue"]["MessageRetentionPeriod"] == 14 * 24 * 3600
    assert all(queue["SqsManagedSseEnabled"] for queue in queues.values())


def test_a_lease_is_the_time_the_queue_waits(template: dict[str, Any], environments: dict[str, dict[str, Any]]) -> None:
    queue = of_type(template, "AWS::SQS::Queue")["CallsQueue"]

    assert environments["Monitor"]["RINGSIDE_LEASE"] == queue["VisibilityTimeout"]


def test_the_functions_are_the_entry_points_that_ship(template: dict[str, Any]) -> None:
    functions = templates.functions(template)

    assert {name: function.handler for name, function in functions.items()} == {
        "WebhookFunction": "webhook.handler",
        "SweeperFunction": "sweeper.handler",
        "AnalysisFunction": "analysis.handler",
        "NotifyFunction": "notify.handler",
        "CanaryFunction": "canary.handler",
        "ApiFunction": "api.handler",
    }
    for properties in of_type(template, "AWS::Lambda::Function").values():
        assert (properties["Runtime"], properties["Architectures"]) == ("python3.13", ["arm64"])
        module = properties["Handler"].partition(".")[0]
        assert (REPOSITORY / "functions" / f"{module}.py").is_file()


def test_all_functions_are_built_once() -> None:
    """SAM builds functions together whose code, runtime and metadata are the same; each other one costs a minute."""
    read = templates.parse((REPOSITORY / "template.yaml").read_text(encoding="utf-8"))["Resources"].values()
    functions = [resource for resource in read if resource["Type"] == "AWS::Serverless::Function"]

    assert all(function["Metadata"] == functions[0]["Metadata"] for function in functions)


def test_a_claim_is_respected_longer_than_the_webhook_may_run(template: dict[str, Any]) -> None:
    assert templates.functions(template)["WebhookFunction"].timeout < calls.CLAIM_SECONDS


def test_nothing_of_the_records_api_is_deployed_unless_it_is_asked_for(template: dict[str, Any]) -> None:
    assert template["Parameters"]["RecordsApi"]["Default"] == "false"
    of_the_api = {name: each for name, each in template["Resources"].items() if name.startswith("Api")}
    assert set(of_the_api) >= {"ApiFunction", "ApiRole", "ApiLogs"}
    assert {each.get("Condition") for each in of_the_api.values()} == {"RecordsApiIsWanted"}


def test_webhooks_come_in_by_post_and_the_sweeper_runs_every_minute(template: dict[str, Any]) -> None:
    assert [(route.key, route.function, route.by_iam) for route in templates.routes(template)] == [
        ("POST /webhook", "WebhookFunction", False),
        ("POST /v1/{proxy+}", "ApiFunction", True),
        ("GET /v1/{proxy+}", "ApiFunction", True),
    ]
    assert [(schedule.seconds, schedule.function) for schedule in templates.schedules(template)] == [
        (60, "SweeperFunction")
    ]


def test_the_secrets_are_made_empty_and_no_parameter_carries_one(template: dict[str, Any]) -> None:
    secrets = of_type(template, "AWS::SecretsManager::Secret")

    assert {name: secret["SecretString"] for name, secret in secrets.items()} == {
        "Secret": '{"api_key": "", "webhook_secrets": []}',  # as ever, or a deployment would empty it
        "WebhookSecret": '{"webhook_secrets": []}',
        "NotifySecret": "{}",
    }
    assert not [name for name in template["Parameters"] if "secret" in name.lower() or "key" in name.lower()]


@pytest.mark.parametrize(
    ("name", "secret", "wanted"),
    [
        ("RINGSIDE_WEBHOOK_SECRET_ID", "WebhookSecret", {"WebhookFunction", "CanaryFunction"}),
        ("RINGSIDE_NOTIFY_SECRET_ID", "NotifySecret", {"NotifyFunction"}),
    ],
)
def test_only_those_who_verify_or_sign_know_of_a_signing_secret(
    template: dict[str, Any], name: str, secret: str, wanted: set[str]
) -> None:
    """The monitor runs users' code. What it does not know, and may not read, it cannot sign with."""
    told = {each for each, function in templates.functions(template).items() if name in function.environment}

    assert told == wanted
    assert name not in templates.monitor_environment(template)
    assert secret not in json.dumps(template["Resources"]["Monitor"])


def test_a_stack_without_receivers_has_no_secret_for_them_and_nobody_may_read_one(template: dict[str, Any]) -> None:
    assert template["Parameters"]["NotifyReceivers"]["Default"] == "false"
    resources = template["Resources"]
    assert resources["NotifySecret"]["Condition"] == "ReceiversAreNotified"
    (policy,) = resources["NotifyRole"]["Properties"]["Policies"]
    about = [each for each in policy["PolicyDocument"]["Statement"] if "NotifySecret" in json.dumps(each)]
    assert [each["Fn::If"][::2] for each in about] == [["ReceiversAreNotified", {"Ref": "AWS::NoValue"}]]


def test_the_queues_and_the_topic_refuse_what_comes_without_tls(template: dict[str, Any]) -> None:
    (policy,) = of_type(template, "AWS::SQS::QueuePolicy").values()
    (statement,) = policy["PolicyDocument"]["Statement"]

    queues = list(of_type(template, "AWS::SQS::Queue"))
    assert sorted(queue["Ref"] for queue in policy["Queues"]) == sorted(queues)
    assert sorted(arn["Fn::GetAtt"][0] for arn in statement["Resource"]) == sorted(queues)
    alarms = templates.plain(templates.parse((REPOSITORY / "infra/alarms.yaml").read_text(encoding="utf-8")))
    (topics,) = of_type(alarms, "AWS::SNS::TopicPolicy").values()
    for each in (statement, topics["PolicyDocument"]["Statement"][-1]):
        assert (each["Effect"], each["Principal"]) == ("Deny", "*")
        assert each["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


@pytest.mark.parametrize(("url", "taken"), [("https://eu.api.openai.com/v1", True), ("http://10.0.0.1/v1", False)])
def test_the_api_key_is_sent_over_https_only(template: dict[str, Any], url: str, taken: bool) -> None:
    assert bool(re.fullmatch(template["Parameters"]["OpenAIBaseUrl"]["AllowedPattern"], url)) is taken


def test_an_operator_is_told_where_everything_is_and_what_to_do_next(template: dict[str, Any]) -> None:
    assert {
        "NextStep",
        "WebhookUrl",
        "TableName",
        "QueueUrl",
        "SecretId",
        "WebhookSecretId",
        "AnalysisFunction",
    } <= set(template["Outputs"])
    assert all(output["Description"] for output in template["Outputs"].values())


def test_every_parameter_is_explained_and_nobody_has_to_give_one(template: dict[str, Any]) -> None:
    assert all("Default" in parameter for parameter in template["Parameters"].values())
    for path in (REPOSITORY / "template.yaml", *(REPOSITORY / "infra").glob("*.yaml")):
        parameters = templates.parse(path.read_text(encoding="utf-8"))["Parameters"]
        assert all(len(parameter.get("Description", "")) > 10 for parameter in parameters.values()), path


def test_parameters_are_asked_for_in_groups_with_what_matters_first() -> None:
    read = templates.parse((REPOSITORY / "template.yaml").read_text(encoding="utf-8"))
    groups = read["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert [name for group in groups for name in group["Parameters"]] == list(read["Parameters"])
    assert (groups[0]["Parameters"][0], groups[-1]["Parameters"]) == ("MonitorImage", ["OpenAIBaseUrl"])


def test_a_value_that_a_pattern_refuses_is_refused_in_words(template: dict[str, Any]) -> None:
    """CloudFormation shows the words, too, in place of the pattern."""
    patterned = {name: each for name, each in template["Parameters"].items() if "AllowedPattern" in each}

    assert patterned
    assert [
        name for name, each in patterned.items() if not each.get("ConstraintDescription", "").startswith("must be")
    ] == []


def test_every_default_is_one_that_is_allowed(template: dict[str, Any]) -> None:
    for name, parameter in template["Parameters"].items():
        chosen = parameter["Default"]
        assert chosen in parameter.get("AllowedValues", [chosen]), name
        assert re.search(parameter.get("AllowedPattern", ""), str(chosen)), name
        if parameter["Type"] == "Number" and "AllowedValues" not in parameter:
            assert parameter["MinValue"] <= chosen <= parameter["MaxValue"], name


def test_strangers_cannot_use_the_webhook_up(template: dict[str, Any]) -> None:
    (stage,) = of_type(template, "AWS::ApiGatewayV2::Stage").values()
    limits = stage["DefaultRouteSettings"]

    assert default(template, limits["ThrottlingRateLimit"]) == 1000, "so that a flood starves no call"
    assert default(template, limits["ThrottlingBurstLimit"]) == 2000
    assert "$context.status" in stage["AccessLogSettings"]["Format"]
    webhook = of_type(template, "AWS::Lambda::Function")["WebhookFunction"]
    assert webhook["ReservedConcurrentExecutions"]["Fn::If"][:2] == [
        "ConcurrencyIsReserved",
        {"Ref": "WebhookConcurrency"},
    ]


QUOTELESS = {
    *("requestId", "routeKey", "status", "responseLatency", "integrationLatency", "integrationStatus"),
    "error.responseType",
}
"""Variables of an HTTP API's access log that hold names of AWS's or ours, or numbers. Messages, paths and user agents
may hold a quote, which API Gateway does not escape
(https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging-variables.html)."""


def test_a_line_of_the_access_log_is_json_whatever_was_asked(template: dict[str, Any]) -> None:
    (stage,) = of_type(template, "AWS::ApiGatewayV2::Stage").values()
    line = stage["AccessLogSettings"]["Format"]

    assert set(re.findall(r"\$context\.([\w.]+)", line)) <= QUOTELESS
    assert json.loads(re.sub(r"\$context\.[\w.]+", "-", line))["status"] == "-"


def test_whoever_analyses_a_call_gives_up_before_it_is_stopped(template: dict[str, Any]) -> None:
    assert templates.functions(template)["AnalysisFunction"].timeout - 10 > ASK_SECONDS


def test_a_call_that_ends_is_told_with_both_images_one_at_a_time_and_kept_for_hours(template: dict[str, Any]) -> None:
    mapping = of_type(template, "AWS::Lambda::EventSourceMapping")["AnalysisFunctionEnded"]
    (table,) = of_type(template, "AWS::DynamoDB::Table").values()

    assert table["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert (mapping["StartingPosition"], mapping["BatchSize"]) == ("TRIM_HORIZON", 1)
    assert mapping["MaximumRecordAgeInSeconds"] == 6 * 3600
    assert "MaximumRetryAttempts" not in mapping  # until the record is too old
    (failed,) = mapping["DestinationConfig"].values()
    assert failed["Destination"] == {"Fn::GetAtt": ["AnalysisDeadLetterQueue", "Arn"]}


def test_a_message_to_a_receiver_is_tried_as_often_as_it_may_be_received(template: dict[str, Any]) -> None:
    queue = of_type(template, "AWS::SQS::Queue")["NotifyQueue"]
    function = templates.functions(template)["NotifyFunction"]
    due = of_type(template, "AWS::Lambda::EventSourceMapping")["NotifyFunctionDue"]

    assert queue["RedrivePolicy"]["maxReceiveCount"] == len(RETRY_PAUSES) + 1
    assert queue["MessageRetentionPeriod"] > sum(RETRY_PAUSES) + 86_400
    assert queue["VisibilityTimeout"] >= 6 * function.timeout  # Lambda developer guide, "Using Lambda with Amazon SQS"
    assert function.timeout > SECONDS + 10
    assert (due["BatchSize"], due["FunctionResponseTypes"]) == (1, ["ReportBatchItemFailures"])


def test_a_sweep_is_over_before_the_next_begins(template: dict[str, Any]) -> None:
    (schedule,) = templates.schedules(template)

    assert templates.functions(template)["SweeperFunction"].timeout < schedule.seconds


def test_a_sweep_that_failed_is_not_repeated_beside_the_next(template: dict[str, Any]) -> None:
    configs = of_type(template, "AWS::Lambda::EventInvokeConfig").values()

    assert [config["FunctionName"]["Ref"] for config in configs] == ["SweeperFunction", "CanaryFunction"]
    for config in configs:
        assert (config["MaximumRetryAttempts"], config["MaximumEventAgeInSeconds"]) == (0, 60)


def test_there_is_a_canary_only_where_one_is_wanted(template: dict[str, Any]) -> None:
    without, walking = (
        plan.planned({"MonitorImage": plan.NO_DIGEST}),
        {"MonitorImage": plan.NO_DIGEST, "Canary": "true"},
    )
    added = {
        (stack, name) for stack, found in plan.planned(walking).items() for name in set(found) - set(without[stack])
    }

    assert added == {
        ("", "CanaryFunction"),
        ("", "CanaryFunctionEventInvokeConfig"),
        ("", "CanaryFunctionEveryFiveMinutes"),
        ("", "CanaryLogs"),
        ("", "CanaryRole"),
        ("Alarms", "CanaryFailing"),
    }
    assert "CanaryFunction" not in plan.planned({"Canary": "true"})[""]  # without a monitor it could only fail


def test_a_period_of_the_canarys_alarm_has_one_walk_at_least(template: dict[str, Any]) -> None:
    schedule = template["Resources"]["CanaryFunctionEveryFiveMinutes"]["Properties"]
    alarms = templates.parse((REPOSITORY / "infra" / "alarms.yaml").read_text(encoding="utf-8"))

    assert schedule["ScheduleExpression"] == "rate(5 minutes)"
    assert of_type(alarms, "AWS::CloudWatch::Alarm")["CanaryFailing"]["Period"] == 2 * 5 * 60


def test_metrics_are_written_often_enough_for_the_alarms_that_watch_them(template: dict[str, Any]) -> None:
    """The monitor writes them with each beat of its lease, and three empty minutes are an alarm."""
    assert template["Parameters"]["LeaseSeconds"]["MaxValue"] / pricelist.BEATS_A_LEASE <= 20


def test_two_regions_do_not_share_a_dashboard() -> None:
    stack = templates.parse((REPOSITORY / "infra" / "dashboard.yaml").read_text(encoding="utf-8"))
    (dashboard,) = of_type(stack, "AWS::CloudWatch::Dashboard").values()

    assert dashboard["DashboardName"] == {"Fn::Sub": "${Stack}-${AWS::Region}"}


INDEX_COLUMNS = (
    "call_id status agent caller dialled started_at duration end_reason cost decision owner epoch steps expires_at"
)


def test_an_index_is_never_changed_in_place(template: dict[str, Any]) -> None:
    """DynamoDB changes neither keys nor columns of an index, and creates or deletes only one per update: the deployment
    of such a change would fail for everyone. To add a column: create an index of a new name that has it, release; let
    the code read the new index, release; drop the old one, release. Then change this test."""
    (table,) = of_type(template, "AWS::DynamoDB::Table").values()

    assert [
        (index["IndexName"], index["Projection"]["ProjectionType"], " ".join(index["Projection"]["NonKeyAttributes"]))
        for index in table["GlobalSecondaryIndexes"]
    ] == [(name, "INCLUDE", INDEX_COLUMNS) for name in ("by_day", "by_caller", "live")], "see this test's docstring"


def test_every_log_is_forgotten_in_time(template: dict[str, Any]) -> None:
    nested = templates.parse((REPOSITORY / "infra" / "monitor.yaml").read_text(encoding="utf-8"))
    groups = [*of_type(template, "AWS::Logs::LogGroup").values(), *of_type(nested, "AWS::Logs::LogGroup").values()]

    assert len(groups) == 8
    assert all(group["RetentionInDays"] == {"Ref": "LogRetentionDays"} for group in groups)
    for function in of_type(template, "AWS::Lambda::Function").values():
        assert function["LoggingConfig"]["LogGroup"]["Ref"] in of_type(template, "AWS::Logs::LogGroup")


def test_every_role_keeps_to_the_accounts_boundary() -> None:
    expected = {"Fn::If": ["RolesAreBounded", {"Ref": "PermissionsBoundary"}, {"Ref": "AWS::NoValue"}]}
    monitor = templates.parse((REPOSITORY / "infra" / "monitor.yaml").read_text(encoding="utf-8"))
    roles = of_type(templates.translate(), "AWS::IAM::Role") | of_type(templates.plain(monitor), "AWS::IAM::Role")

    assert len(roles) == 9
    assert all(role["PermissionsBoundary"] == expected for role in roles.values())


def test_api_gateways_log_group_takes_no_room_in_the_regions_policy(template: dict[str, Any]) -> None:
    assert str(of_type(template, "AWS::Logs::LogGroup")["HttpApiLogs"]["LogGroupName"]["Fn::Sub"]).startswith(
        "/aws/vendedlogs/"
    )
