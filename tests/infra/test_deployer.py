"""The deployer's policy: enough for every resource, and nothing that is not a deployer's."""

import fnmatch
import itertools
import json

import pytest

from infra.deploy import deployer
from infra.local import template as templates
from infra.local.template import of_type
from tests.infra import policies
from tests.infra.policies import Need

HERE = "us-east-1:123456789012"
POLICY = deployer.policy("ringside")["Statement"]


def allowed(action: str, resource: str) -> bool:
    return policies.allows(POLICY, Need(action, resource))


@pytest.mark.parametrize("kind", sorted(deployer.kinds()))
def test_every_type_of_resource_can_be_made_changed_and_deleted(kind: str) -> None:
    """By the permissions that the type's own schema names for its handlers."""
    given = [action for statement in POLICY for action in policies.listed(statement["Action"])]
    needed = {action for action in deployer.of_type(kind) if not deployer.is_unused(action)}

    assert needed
    assert not [a for a in needed if not any(fnmatch.fnmatchcase(a.lower(), pattern.lower()) for pattern in given)]


def test_nothing_is_left_out_that_no_schema_names() -> None:
    named = {action for kind in deployer.kinds() for action in deployer.of_type(kind)}

    assert not [pattern for pattern in deployer.UNUSED if not fnmatch.filter(named, pattern)]


@pytest.mark.parametrize("stack", ["ringside", "ringside-production-eu-central-1"])
def test_it_fits_into_a_role(stack: str) -> None:
    assert len(json.dumps(deployer.policy(stack), separators=(",", ":"))) <= deployer.LIMIT


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("dynamodb:GetItem", f"arn:aws:dynamodb:{HERE}:table/ringside-CallsTable-1"),
        ("dynamodb:Query", f"arn:aws:dynamodb:{HERE}:table/ringside-CallsTable-1"),
        ("secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:{HERE}:secret:Secret-1"),
        ("sqs:ReceiveMessage", f"arn:aws:sqs:{HERE}:ringside-CallsQueue-1"),
        ("logs:GetLogEvents", f"arn:aws:logs:{HERE}:log-group:ringside-WebhookLogs-1:*"),
        ("lambda:InvokeFunction", f"arn:aws:lambda:{HERE}:function:ringside-WebhookFunction-1"),
        ("iam:AttachRolePolicy", "arn:aws:iam::123456789012:role/ringside-WebhookRole-1"),
        ("iam:CreateUser", "arn:aws:iam::123456789012:user/somebody"),
    ],
)
def test_a_deployer_reads_no_calls_and_becomes_nobody_else(action: str, resource: str) -> None:
    assert not allowed(action, resource)


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("dynamodb:DeleteTable", f"arn:aws:dynamodb:{HERE}:table/{{}}-CallsTable-1"),
        ("iam:PassRole", "arn:aws:iam::123456789012:role/{}-WebhookRole-1"),
        ("iam:PutRolePolicy", "arn:aws:iam::123456789012:role/{}-WebhookRole-1"),
        ("lambda:UpdateFunctionCode", f"arn:aws:lambda:{HERE}:function:{{}}-WebhookFunction-1"),
        ("ecs:UpdateService", f"arn:aws:ecs:{HERE}:service/{{}}-Monitor-1-Cluster-1/monitor"),
        ("ecr:DeleteRepository", f"arn:aws:ecr:{HERE}:repository/{{}}-monitor"),
        ("sqs:DeleteQueue", f"arn:aws:sqs:{HERE}:{{}}-CallsQueue-1"),
        ("scheduler:DeleteSchedule", f"arn:aws:scheduler:{HERE}:schedule/default/{{}}-SweeperFunctionEveryMinute-1"),
    ],
)
def test_what_has_the_stacks_name_is_that_stacks_alone(action: str, resource: str) -> None:
    assert allowed(action, resource.format("ringside"))
    assert not allowed(action, resource.format("somebody"))


@pytest.mark.parametrize("secret", sorted(of_type(templates.translate(), "AWS::SecretsManager::Secret")))
def test_each_secret_can_be_made_and_deleted(secret: str) -> None:
    """CloudFormation names one after its logical name, without the stack's."""
    for action in ("secretsmanager:CreateSecret", "secretsmanager:DeleteSecret"):
        assert allowed(action, f"arn:aws:secretsmanager:{HERE}:secret:{secret}-1")


def test_no_action_is_a_whole_service() -> None:
    actions = itertools.chain.from_iterable(policies.listed(statement["Action"]) for statement in POLICY)

    assert not [action for action in actions if action.endswith(":*")]
