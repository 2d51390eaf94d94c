"""What whoever deploys has to be allowed, as a policy of IAM: `python -m infra.deploy policy`.

CloudFormation acts with the deployer's permissions. What it needs for a resource is in the schema of its type, by
handler (https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html, "handlers");
cfn-lint has the schemas. Beside that, there is what the commands here and SAM CLI ask for themselves.
"""

import fnmatch
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from infra.deploy import plan, repository

LIMIT = 10_240
"""Characters of a role's policies that are its own, white space not counted (IAM and STS quotas). A managed policy may
have 6,144, which are too few."""

UNUSED = (
    # Features that the templates do not use: keys of one's own, replicas, streams to elsewhere, file systems, gateways.
    *("kms:*", "kinesis:*", "firehose:*", "elasticfilesystem:*", "s3files:*", "vpc-lattice:*", "vpce:*"),
    *("dynamodb:*Kinesis*", "dynamodb:*Import*", "dynamodb:*Replica*", "dynamodb:*ResourcePolicy"),
    *("secretsmanager:*Replicat*", "secretsmanager:GetRandomPassword", "iam:*GroupPolicy", "iam:*UserPolicy"),
    *("iam:AttachRolePolicy", "iam:DetachRolePolicy", "lambda:*ProvisionedConcurrency*", "lambda:PublishVersion"),
    *(
        "lambda:AssociateRuntimeAlias",
        "lambda:PassCapacityProvider",
        "lambda:GetLayerVersion",
        "lambda:*Put*CodeSigning*",
    ),
    *("lambda:DeleteFunctionCodeSigningConfig", "lambda:PutFunctionRecursionConfig", "lambda:PutFunctionScalingConfig"),
    *("lambda:PutRuntimeManagementConfig", "logs:*KmsKey", "logs:*DataProtectionPolicy", "logs:*IndexPolic*"),
    *("logs:PutBearerTokenAuthentication", "logs:PutLogGroupDeletionProtection", "ec2:*Vpn*", "ec2:*AddressTransfer"),
    *(
        "ec2:*PrivateNatGatewayAddress",
        "ec2:*CidrBlock",
        "ec2:*Encryption*",
        "ec2:ModifyVpcTenancy",
        "ec2:DescribeInstances",
    ),
    *(
        "ecs:PutAccountSetting*",
        "ecs:PutClusterCapacityProviders",
        "sns:*DataProtectionPolicy",
        "cloudwatch:GetMetricData",
    ),
    *("s3:REST.PUT.OBJECT", "s3:getObject", "s3:GetObjectMetadata", "cloudformation:*StackPolicy"),
    # A deployer reads no calls and no secrets, and writes none.
    *("dynamodb:*Item", "dynamodb:Query", "dynamodb:Scan", "secretsmanager:GetSecretValue", "logs:PutLogEvents"),
    *("logs:CreateLogStream", "logs:DescribeLogStreams"),
)
"""What the schemas name and a deployment of ours does not need."""

OWN = {
    "cloudformation": (
        "CreateChangeSet DeleteChangeSet DescribeChangeSet ExecuteChangeSet ListChangeSets GetTemplateSummary "
        "TagResource DescribeStackEvents DescribeStackResource ListStackResources CreateStack UpdateStack "
        "DeleteStack DescribeStacks GetTemplate ContinueUpdateRollback ValidateTemplate"
    ),
    "ecr": (
        "BatchCheckLayerAvailability BatchGetImage CompleteLayerUpload CreateRepository DeleteRepository "
        "DescribeImages DescribeRepositories GetAuthorizationToken GetDownloadUrlForLayer InitiateLayerUpload "
        "PutImage UploadLayerPart PutLifecyclePolicy TagResource"
    ),
    "ecs": "DescribeTasks ListTasks",
    "iam": "CreateServiceLinkedRole",
    "lambda": "GetAccountSettings GetFunctionConcurrency",
    "logs": "CreateLogDelivery DeleteLogDelivery GetLogDelivery ListLogDeliveries UpdateLogDelivery",
    "s3": (
        "CreateBucket GetBucketLocation GetBucketPolicy GetEncryptionConfiguration GetObject ListBucket "
        "PutBucketPolicy PutBucketPublicAccessBlock PutBucketTagging PutBucketVersioning "
        "PutEncryptionConfiguration PutObject DeleteObject"
    ),
    "servicequotas": "GetAWSDefaultServiceQuota GetServiceQuota",
    "sts": "GetCallerIdentity",
}
"""What infra/deploy asks for itself, and SAM CLI: change sets, uploads, images, and API Gateway's logs."""

NAMED = {
    "dynamodb": ["table/{stack}-*"],
    "ecr": ["repository/{repository}"],
    "ecs": ["cluster/{stack}-*", "service/{stack}-*", "task-definition/{stack}*", "task/{stack}-*"],
    "events": ["rule/{stack}-*"],
    "lambda": ["function:{stack}-*", "event-source-mapping:*"],
    "scheduler": ["schedule/default/{stack}-*"],
    "secretsmanager": ["secret:Secret-*", "secret:WebhookSecret-*", "secret:NotifySecret-*"],
    "sns": ["{stack}-*"],
    "sqs": ["{stack}-*"],
}
"""The resources of services whose names CloudFormation makes out of the stack's; a secret's begins with its own."""

SAMS_BUCKET = "aws-sam-cli-managed-default-*"
"""What SAM makes for uploads, with a stack of its own, where samconfig.toml has `resolve_s3`."""

READING = ("Describe", "List", "Get")
HOLDS_CALLS = ("dynamodb", "lambda", "secretsmanager", "sqs")
"""Where an action that begins like these could read what is not the deployer's to read."""

UNSCOPED = (
    "ecr:GetAuthorizationToken",
    "ecs:RegisterTaskDefinition",
    "ecs:DeregisterTaskDefinition",
    "ecs:CreateCluster",
)
"""Actions that know no resource, or none that is there yet."""


def policy(stack: str, bucket: str = SAMS_BUCKET) -> dict[str, Any]:
    """The policy for one stack with its nested ones and its repository; `bucket` is the one for uploads."""
    names = {"stack": stack, "repository": repository.of_stack(stack, {}), "bucket": bucket}
    by_service: dict[str, set[str]] = defaultdict(set)
    for action in actions():
        service, _, name = action.partition(":")
        by_service[service].add(name)
    return {
        "Version": "2012-10-17",
        "Statement": [each for pair in sorted(by_service.items()) for each in _of(*pair, names)],
    }


def actions() -> set[str]:
    """All that is needed, as `service:Action`."""
    found = {action for kind in kinds() for action in of_type(kind) if not is_unused(action)}
    return found | {f"{service}:{name}" for service, names in OWN.items() for name in names.split()}


def kinds() -> set[str]:
    """The types of all resources that any choice of parameters makes."""
    found: set[str] = set()
    everything = {"MonitorImage": plan.NO_DIGEST, "AlarmEmail": "somebody@example.com", "Tracing": "Active"}
    everything |= dict.fromkeys(("Canary", "RecordsApi", "AccessPolicies", "NotifyReceivers"), "true")
    everything |= {"NetworkMode": "private"}
    for resources in plan.planned(everything).values():
        found |= set(resources.values())
    return found


def of_type(kind: str) -> set[str]:
    """What CloudFormation needs to make, look at, change and delete a resource of a type."""
    from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER  # type: ignore[import-untyped]

    handlers = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema.get("handlers", {})
    return {action for name, handler in handlers.items() if name != "list" for action in handler.get("permissions", [])}


def is_unused(action: str) -> bool:
    return any(fnmatch.fnmatchcase(action, pattern) for pattern in UNUSED)


def _of(service: str, names: set[str], known: dict[str, str]) -> Iterator[dict[str, Any]]:
    """The statements of one service: what only looks, or knows no resource, for all; what changes, for the stack's."""
    everywhere = {name for name in names if name.startswith(READING) or f"{service}:{name}" in UNSCOPED}
    scoped = _resources(service, known)
    if service == "iam":
        yield _statement("Iam", (f"iam:{name}" for name in names - {"CreateServiceLinkedRole"}), scoped)
        yield _statement(
            "ServiceLinkedRoles", ["iam:CreateServiceLinkedRole"], ["arn:*:iam::*:role/aws-service-role/*"]
        )
        return
    if scoped == ["*"] or service == "s3":
        yield _statement(service, (f"{service}:{name}" for name in names), scoped)
        return
    yield _statement(service, (f"{service}:{name}" for name in names - everywhere), scoped)
    if everywhere:
        yield _statement(f"{service} Look", _shortened(service, everywhere), ["*"])


def _resources(service: str, known: dict[str, str]) -> list[str]:
    if service == "iam":
        return [f"arn:*:iam::*:{kind}/{known['stack']}-*" for kind in ("role", "policy")]
    if service == "s3":
        return [f"arn:*:s3:::{known['bucket']}", f"arn:*:s3:::{known['bucket']}/*"]
    return [f"arn:*:{service}:*:*:{name.format(**known)}" for name in NAMED.get(service, [])] or ["*"]


def _shortened(service: str, names: Iterable[str]) -> Iterator[str]:
    """Reading actions by their first word: none of them reads what a call left behind."""
    for name in names:
        word = next((word for word in READING if name.startswith(word)), None)
        yield (
            f"{service}:{word}*"
            if word and service not in ("secretsmanager", "dynamodb", "lambda")
            else f"{service}:{name}"
        )


def _statement(name: str, actions: Iterable[str], resources: list[str]) -> dict[str, Any]:
    sid = "".join(word[:1].upper() + word[1:] for word in name.replace("-", " ").split())
    return {"Sid": sid, "Effect": "Allow", "Action": sorted(set(actions)), "Resource": resources}
