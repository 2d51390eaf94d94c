"""What the roles allow is what the code asks of AWS, and nothing else."""

import re
from typing import Any

from infra.local import template as templates
from infra.local.template import FUNCTIONS, REPOSITORY, of_type

BATCHES = {"ChangeMessageVisibilityBatch": "ChangeMessageVisibility", "DeleteMessageBatch": "DeleteMessage"}
"""Permissions for a batch are those for one: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/
SQSDeveloperGuide/sqs-api-permissions-reference.html"""

NO_OPERATION = {"close", "get_paginator"}


def used() -> set[str]:
    """The operations of boto3 clients that the shipped code calls, as the API names them."""
    names = set()
    for path in FUNCTIONS.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if "boto" in text:
            names |= set(re.findall(r"_client\.(\w+)\(", text)) - NO_OPERATION
            names |= set(re.findall(r"get_paginator\(\"(\w+)\"\)", text))
        if "SecretsProvider(" in text:  # Powertools' way to ask for it
            names.add("get_secret_value")
    operations = {"".join(word.title() for word in name.split("_")) for name in names}
    return {BATCHES.get(operation, operation) for operation in operations}


def allowed(template: dict[str, Any]) -> set[str]:
    """The actions of the roles' own statements, without their service."""
    statements = [
        statement
        for role in of_type(template, "AWS::IAM::Role").values()
        for policy in role.get("Policies", [])
        for statement in policy["PolicyDocument"]["Statement"]
    ]
    actions = [statement["Action"] for statement in statements]
    flat = [action for entry in actions for action in (entry if isinstance(entry, list) else [entry])]
    return {action.partition(":")[2] for action in flat if action.startswith(("dynamodb:", "sqs:", "secretsmanager:"))}


def test_the_roles_allow_what_the_code_asks_for_and_nothing_else() -> None:
    monitor = templates.parse((REPOSITORY / "infra" / "monitor.yaml").read_text(encoding="utf-8"))

    assert allowed(templates.translate()) | allowed(monitor) == used()
