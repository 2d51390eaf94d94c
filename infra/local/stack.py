"""Creates queue, table and secrets from the template, and lets CloudFormation work out every environment."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from infra.local import template as templates
from infra.local.template import Environment, of_type, replace_references

if TYPE_CHECKING:
    from infra.local.clients import Clients

STACK = "ringside"
WEBHOOK_URL = "RINGSIDE_WEBHOOK_URL"
CREATED = ("AWS::SQS::Queue", "AWS::DynamoDB::Table")
"""What the stand-in's CloudFormation creates well. Functions and monitor run as processes instead; roles, logs,
networks and schedules have nothing to stand in for; moto knows no `AWS::SecretsManager::Secret`."""


class StackError(Exception):
    """CloudFormation did not create the stack; the message has its reason."""


def secrets(
    api_key: str, webhook_secrets: Sequence[str], credential_names: Iterable[str] = ()
) -> dict[str, dict[str, Any]]:
    """What the template's secrets hold, by their logical names; of MCP servers' credentials, stand-ins."""
    credentials = {name: f"local-{name}" for name in sorted(credential_names)}
    return {
        "Secret": {"api_key": api_key},
        "WebhookSecret": {"webhook_secrets": list(webhook_secrets), "mcp_credentials": credentials},
        "NotifySecret": {},
    }


def create(
    clients: "Clients", contents: Mapping[str, Mapping[str, Any]], parameters: Mapping[str, str]
) -> dict[str, dict[str, str]]:
    """Create everything `template.yaml` names that the stand-in can create. `contents`: of the secrets, by their
    logical names.

    Returns the environments: each function's, by its logical name, and the monitor's as `Monitor`.
    """
    template = templates.translate()
    arns = {
        name: clients.secrets.create_secret(Name=name, SecretString=json.dumps(contents[name]))["ARN"]
        for name in of_type(template, "AWS::SecretsManager::Secret")
    }
    template = replace_references(template, arns)
    environments = environments_of(template)
    local, meanings = reduced(template, environments)
    values = _create_stack(clients, local, parameters)
    _finish_tables(clients, template, values)
    resolved: dict[str, dict[str, str]] = {name: {} for name in environments}
    for output, (owner, variable) in meanings.items():
        resolved[owner][variable] = values[output]
    return resolved


def environments_of(template: dict[str, Any]) -> dict[str, Environment]:
    """Each function's environment by its logical name, and the monitor's as `Monitor`, but for the webhook's URL: there
    is no API in the stand-in."""
    found = {name: function.environment for name, function in templates.functions(template).items()}
    found["Monitor"] = templates.monitor_environment(template)
    return {
        owner: {variable: value for variable, value in environment.items() if variable != WEBHOOK_URL}
        for owner, environment in found.items()
    }


def reduced(
    template: dict[str, Any], environments: Mapping[str, Environment]
) -> tuple[dict[str, Any], dict[str, tuple[str, str]]]:
    """The template cut to what can be created, with one output for each variable of each environment.

    Outputs are how CloudFormation is asked for the value of an expression: nothing here evaluates one.
    Returns the template, and what each of those outputs stands for: (owner, variable).
    """
    resources = {name: kind for name, kind in template["Resources"].items() if kind["Type"] in CREATED}
    outputs = {name: {"Value": {"Ref": name}} for name in resources}
    meanings = {}
    for owner, environment in environments.items():
        for index, (variable, expression) in enumerate(sorted(environment.items())):
            outputs[f"{owner}Variable{index}"] = {"Value": expression}
            meanings[f"{owner}Variable{index}"] = (owner, variable)
    shared = ("AWSTemplateFormatVersion", "Parameters", "Conditions", "Mappings")
    kept: dict[str, Any] = {key: template[key] for key in shared if key in template}
    return {**kept, "Resources": resources, "Outputs": outputs}, meanings


def _create_stack(clients: "Clients", template: dict[str, Any], parameters: Mapping[str, str]) -> dict[str, str]:
    unknown = set(parameters) - set(template["Parameters"])
    if unknown:
        raise StackError(f"template.yaml has no parameter {', '.join(sorted(unknown))}")
    clients.cloudformation.create_stack(
        StackName=STACK,
        TemplateBody=json.dumps(template),
        Parameters=[{"ParameterKey": name, "ParameterValue": str(value)} for name, value in parameters.items()],
    )
    (stack,) = clients.cloudformation.describe_stacks(StackName=STACK)["Stacks"]
    if stack["StackStatus"] != "CREATE_COMPLETE":
        raise StackError(f"stack {STACK}: {stack['StackStatus']} {stack.get('StackStatusReason', '')}")
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def _finish_tables(clients: "Clients", template: dict[str, Any], names: Mapping[str, str]) -> None:
    """Switch on what moto's CloudFormation passes over in a table: time to live and point-in-time recovery."""
    for logical, table in of_type(template, "AWS::DynamoDB::Table").items():
        if "TimeToLiveSpecification" in table:
            clients.dynamodb.update_time_to_live(
                TableName=names[logical], TimeToLiveSpecification=table["TimeToLiveSpecification"]
            )
        if "PointInTimeRecoverySpecification" in table:
            clients.dynamodb.update_continuous_backups(
                TableName=names[logical], PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
            )
