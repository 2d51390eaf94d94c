"""Which permission a request to AWS needs, and whether a policy gives it. For the services that Ringside uses.

Actions and resource types: https://docs.aws.amazon.com/service-authorization/latest/reference/
"""

import fnmatch
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

ACCOUNT = "123456789012"
Statement = dict[str, Any]


@dataclass(frozen=True)
class Need:
    """One permission: an action on a resource.

    `keys`: the partition keys that a request to DynamoDB names, of an index the index's: `dynamodb:LeadingKeys`
    (DynamoDB developer guide, "Using IAM policy conditions for fine-grained access control").
    """

    action: str
    resource: str
    keys: frozenset[str] = frozenset()


def needs(
    service: str, region: str, target: str, path: str, headers: Mapping[str, str], asked: Mapping[str, Any]
) -> Iterator[Need]:
    """The permissions of a request. `target` is its X-Amz-Target, `asked` its JSON body."""
    operation = target.rpartition(".")[2]
    here = f"{region}:{ACCOUNT}"
    match service:
        case "dynamodb" if target.startswith("DynamoDBStreams_"):
            # A shard iterator begins with its stream's ARN.
            stream = str(asked.get("StreamArn") or asked.get("ShardIterator", "*")).partition("|")[0]
            name = f"arn:aws:dynamodb:{here}:table/{asked.get('TableName')}/stream/*"
            yield Need(f"dynamodb:{operation}", name if operation == "ListStreams" else stream)
        case "dynamodb":
            index = f"/index/{asked['IndexName']}" if "IndexName" in asked else ""
            for wanted, name, keys in _tables(operation, asked):
                table = name if name.startswith("arn:") else f"arn:aws:dynamodb:{here}:table/{name}"
                yield Need(f"dynamodb:{wanted}", table + index, keys)
        case "sqs":
            # Permissions for a batch are those for one (SQS developer guide, API permissions reference).
            queue = str(asked.get("QueueUrl", "*")).rpartition("/")[2]
            yield Need(f"sqs:{operation.removesuffix('Batch')}", f"arn:aws:sqs:{here}:{queue}")
        case "sts":
            pass  # GetCallerIdentity, which nobody needs a permission for (STS API reference)
        case "secretsmanager":
            yield Need(f"secretsmanager:{operation}", str(asked.get("SecretId", "*")))
        case "logs":
            group, stream = asked.get("logGroupName", "*"), asked.get("logStreamName", "*")
            yield Need(f"logs:{operation}", f"arn:aws:logs:{here}:log-group:{group}:log-stream:{stream}")
        case "events":
            for entry in asked.get("Entries", [{}]):
                bus = entry.get("EventBusName", "default")
                yield Need(f"events:{operation}", f"arn:aws:events:{here}:event-bus/{bus}")
        case "ecr":
            repository = asked.get("repositoryName")
            yield Need(f"ecr:{operation}", f"arn:aws:ecr:{here}:repository/{repository}" if repository else "*")
        case "ecs":
            cluster = str(asked.get("cluster", "default")).rpartition("/")[2]
            for kind in ("service", "task"):
                for name in asked.get(f"{kind}s", []):
                    yield Need(f"ecs:{operation}", f"arn:aws:ecs:{here}:{kind}/{cluster}/{name.rpartition('/')[2]}")
        case "lambda":
            name = unquote(path).partition("/functions/")[2].partition("/")[0]
            arn = name if name.startswith("arn:") else f"arn:aws:lambda:{here}:function:{name}"
            yield Need("lambda:InvokeFunction" if path.endswith("/invocations") else f"lambda:{path}", arn)
        case _:
            yield Need(f"{service}:{operation or path}", "*")


def _tables(operation: str, asked: Mapping[str, Any]) -> Iterator[tuple[str, str, frozenset[str]]]:
    """Operations, tables and partition keys. A transaction needs the permissions of its parts (DynamoDB developer
    guide, "Managing complex workflows with transactions": IAM)."""
    if operation == "TransactWriteItems":
        for part in asked["TransactItems"]:
            for kind, write in part.items():
                yield f"{kind}Item", write["TableName"], _keys(write)
    elif operation == "BatchGetItem":
        for name, wanted in asked["RequestItems"].items():
            yield operation, name, frozenset(key["pk"]["S"] for key in wanted["Keys"])
    elif operation == "BatchWriteItem":
        for name, writes in asked["RequestItems"].items():
            yield operation, name, frozenset(key for write in writes for part in write.values() for key in _keys(part))
    else:
        yield operation, str(asked.get("TableName", "*")), _keys(asked)


def _keys(asked: Mapping[str, Any]) -> frozenset[str]:
    """The partition keys that one request names; none of a request for the whole table."""
    if "KeyConditionExpression" in asked:
        # Ours begin with the partition key: `pk = :pk AND ...`.
        value = asked["KeyConditionExpression"].split()[2]
        return frozenset(asked["ExpressionAttributeValues"][value].values())
    return frozenset(asked[part]["pk"]["S"] for part in ("Key", "Item") if part in asked)


def statements(document: str | Mapping[str, Any]) -> list[Statement]:
    """The statements of a policy."""
    found = json.loads(document) if isinstance(document, str) else document
    listed = found["Statement"]
    return list(listed) if isinstance(listed, list) else [listed]


def listed(value: str | list[str]) -> list[str]:
    return value if isinstance(value, list) else [value]


def gives(statement: Statement, need: Need) -> bool:
    """Whether a statement allows this. Only what our templates use is understood: anything else is an error."""
    if set(statement) - {"Sid", "Effect", "Action", "Resource", "Condition"} or statement["Effect"] != "Allow":
        raise NotImplementedError(f"a statement of a kind that these tests do not know: {statement}")
    patterns = leading_keys(statement)
    resources = any(fnmatch.fnmatchcase(need.resource, resource) for resource in listed(statement["Resource"]))
    # With ForAllValues a request that names no key meets the condition (IAM user guide, "Set operators for multivalued
    # context keys"), so a statement with one must not allow a Scan.
    keys = patterns is None or all(any(fnmatch.fnmatchcase(key, one) for one in patterns) for key in need.keys)
    return names(statement, need.action) and resources and keys


def names(statement: Statement, action: str) -> bool:
    """Whether an action is among those of a statement. IAM's wildcards are * and ?, and case does not matter."""
    return any(fnmatch.fnmatchcase(action.lower(), one.lower()) for one in listed(statement["Action"]))


def leading_keys(statement: Statement) -> list[str] | None:
    """The patterns of partition keys that a statement is for; None if it is for all."""
    match statement.get("Condition"):
        case None:
            return None
        case {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": patterns, **others}, **more} if not (others or more):
            return listed(patterns)
    raise NotImplementedError(f"a condition of a kind that these tests do not know: {statement['Condition']}")


def allows(policy: list[Statement], need: Need) -> bool:
    """Whether a policy allows this; what no statement allows is denied."""
    return any(gives(statement, need) for statement in policy)
