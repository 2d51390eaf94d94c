"""The whole template in the local AWS: queue, table, roles, cluster and service by CloudFormation, and processes that
have their roles' permissions and no others."""

import json
import subprocess
from functools import cache
from typing import Any

import boto3
import httpx
from botocore.config import Config

from infra.deploy import plan
from infra.local import stack
from infra.local import template as templates
from infra.local.aws_session import CREDENTIALS, REGION, local_session
from infra.local.cloud import LocalCloud
from infra.local.template import REPOSITORY, of_type, replace_references
from tests.infra.policies import Need, listed

ROLES = {
    "WebhookFunction": "WebhookRole",
    "SweeperFunction": "SweeperRole",
    "AnalysisFunction": "AnalysisRole",
    "NotifyFunction": "NotifyRole",
    "CanaryFunction": "CanaryRole",
    "ApiFunction": "ApiRole",
    "Monitor": "TaskRole",
}
"""Who runs as which role, by their names in the templates."""

UNKNOWN = (
    "AWS::ApiGatewayV2::",
    "AWS::ApplicationAutoScaling::",
    "AWS::CloudFormation::",
    "AWS::CloudWatch::",
    "AWS::Lambda::",
    "AWS::Scheduler::",
    "AWS::SecretsManager::",
)
"""What moto's CloudFormation does not make, or not without a container. The functions run as processes instead."""

SWEEPER_ARN = f"arn:aws:lambda:{REGION}:123456789012:function:sweeper"
CANARY_ARN = f"arn:aws:lambda:{REGION}:123456789012:function:canary"
TOOL_ARN = f"arn:aws:lambda:{REGION}:123456789012:function:order-status"
IMAGE = f"123456789012.dkr.ecr.{REGION}.amazonaws.com/ringside-monitor@sha256:{'0' * 64}"
HTTP = httpx.Client(trust_env=False)


class DeployedCloud(LocalCloud):
    """A local cloud whose components have the permissions of their roles."""

    done_by: dict[str, subprocess.CompletedProcess[str]]
    """What people have done from the command line."""

    def _run(self, name: str, program: str, *flags: str, **more: Any) -> None:
        super()._run(name, "tests.infra.enforcing_aws" if name == "aws" else program, *flags, **more)

    def _create_stack(self) -> None:
        contents = stack.secrets(self.openai.api_key, [self.openai.webhook_secret])
        arns = {
            name: self.aws.secrets.create_secret(Name=f"ringside-{name}", SecretString=json.dumps(content))["ARN"]
            for name, content in contents.items()
        }
        self._secrets, self.secret_id, self.webhook_secret_id = arns, arns["Secret"], arns["WebhookSecret"]
        self.notify_secret_id = arns["NotifySecret"]
        self.parameters = {"ToolFunctions": TOOL_ARN, "MonitorImage": IMAGE, **self._parameters}
        template = self._without_stand_ins(templates.translate())
        given = template["Resources"]["Monitor"]["Properties"]["Parameters"]
        wanted = stack.environments_of(template) | {"Parameters": given}
        found, outputs = self._create("ringside", template, self.parameters, wanted)
        stack._finish_tables(self.aws, template, outputs)
        for name, environment in found.items():
            self._environments = {**getattr(self, "_environments", {}), name: environment}
        _, network = self._create("ringside-network", parse("network"), {}, {})
        nested = self._environments.pop("Parameters") | network
        _, monitor = self._create("ringside-monitor", parse("monitor"), nested, {})
        self.outputs = outputs | network | monitor | self._secrets
        self.table, self.queue_url = outputs["CallsTable"], outputs["CallsQueue"]

    def _without_stand_ins(self, template: dict[str, Any]) -> dict[str, Any]:
        """What is not made in moto, named as what is there instead."""
        text = json.dumps(template)
        for function, arn in (("SweeperFunction", SWEEPER_ARN), ("CanaryFunction", CANARY_ARN)):
            text = text.replace(json.dumps({"Fn::GetAtt": [function, "Arn"]}), json.dumps(arn))
        for output in ("Subnets", "SecurityGroup", "PublicAddress"):
            text = text.replace(json.dumps({"Fn::GetAtt": ["Network", f"Outputs.{output}"]}), json.dumps("later"))
        replaced: dict[str, Any] = replace_references(json.loads(text), self._secrets)
        return replaced

    def _create(
        self, name: str, template: dict[str, Any], parameters: dict[str, Any], wanted: dict[str, Any]
    ) -> tuple[dict[str, dict[str, str]], dict[str, str]]:
        """Create a stack of what moto knows. Returns the values of the expressions in `wanted`, and all outputs."""
        there = plan.resources(template, {**plan.defaults(template), **parameters})
        resources = {
            logical: template["Resources"][logical] for logical, kind in there.items() if not kind.startswith(UNKNOWN)
        }
        outputs: dict[str, Any] = {logical: {"Value": {"Ref": logical}} for logical in resources}
        outputs |= {key: value for key, value in template.get("Outputs", {}).items() if name != "ringside"}
        meanings = {}
        for owner, expressions in wanted.items():
            for index, (variable, expression) in enumerate(sorted(expressions.items())):
                key = f"{owner}Value{index}"
                outputs[key], meanings[key] = {"Value": expression}, (owner, variable)
        kept = {key: value for key, value in template.items() if key not in ("Rules", "Resources", "Outputs")}
        body = json.dumps({**kept, "Resources": resources, "Outputs": outputs})
        for group in of_type(template, "AWS::Logs::LogGroup"):  # at AWS a log group's Arn ends with it
            body = body.replace(
                json.dumps({"Fn::GetAtt": [group, "Arn"]}), json.dumps({"Fn::Sub": f"${{{group}.Arn}}:*"})
            )
        listed = [{"ParameterKey": key, "ParameterValue": str(value)} for key, value in parameters.items()]
        self.aws.cloudformation.create_stack(StackName=name, TemplateBody=body, Parameters=listed)  # type: ignore[arg-type]
        (made,) = self.aws.cloudformation.describe_stacks(StackName=name)["Stacks"]
        assert made["StackStatus"] == "CREATE_COMPLETE", made
        values = {output["OutputKey"]: output["OutputValue"] for output in made["Outputs"]}
        found: dict[str, dict[str, str]] = {owner: {} for owner in wanted}
        for key, (owner, variable) in meanings.items():
            found[owner][variable] = values.pop(key)
        return found, values

    # --- roles ---

    def component_environment(self, name: str) -> dict[str, str]:
        """With the credentials of the component's role."""
        return {**super().component_environment(name), **self.credentials(ROLES[name])}

    def credentials(self, role: str) -> dict[str, str]:
        """What the service that runs a component gives it: its role's credentials, for a while."""
        arn = f"arn:aws:iam::123456789012:role/{self.outputs[role]}"
        given = self.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
        return {
            "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
            "AWS_SESSION_TOKEN": given["SessionToken"],
        }

    def client(self, service: str, role: str | None = None) -> Any:
        """A client with a role's permissions, or an administrator's."""
        given = self.credentials(role) if role else CREDENTIALS
        access: dict[str, Any] = {name.lower(): value for name, value in given.items()}
        config = Config(proxies={}, retries={"total_max_attempts": 1})
        return _session().client(service, endpoint_url=self.aws_url, config=config, **access)  # type: ignore[call-overload]

    def add_person(self, name: str, *managed: str) -> None:
        """A role for somebody with these managed policies of the template, as far as they are about the table."""
        resources = templates.plain(templates.parse((REPOSITORY / "template.yaml").read_text(encoding="utf-8")))[
            "Resources"
        ]
        text = json.dumps([resources[each]["Properties"]["PolicyDocument"]["Statement"] for each in managed])
        table = f"arn:aws:dynamodb:{REGION}:123456789012:table/{self.table}"
        text = text.replace(json.dumps({"Fn::GetAtt": ["CallsTable", "Arn"]}), json.dumps(table))
        text = text.replace("${CallsTable.Arn}", table)
        statements = [
            {**statement, "Resource": [_plain(each) for each in listed(statement["Resource"])]}
            for document in json.loads(text)
            for statement in document
            if "dynamodb" in json.dumps(statement["Action"])
        ]
        everybody = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
        iam = self.client("iam")
        trust, policy = ({"Version": "2012-10-17", "Statement": each} for each in ([everybody], statements))
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
        iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=json.dumps(policy))
        self.outputs[name] = name

    def policy(self, role: str) -> list[dict[str, Any]]:
        """The statements of a role, as CloudFormation made them."""
        found: list[dict[str, Any]]
        found = HTTP.get(f"{self.aws_url}/policies/{self.outputs[role]}").json()
        return found

    def needed(self) -> dict[str, dict[Need, bool]]:
        """What every role has needed so far, and whether it was given; by the role's name in the templates."""
        named = {self.outputs[role]: role for role in (*ROLES.values(), "ScheduleRole", "ExecutionRole")}
        found: dict[str, dict[Need, bool]] = {role: {} for role in named.values()}
        for role, action, resource, keys, given in HTTP.get(f"{self.aws_url}/permissions").json():
            if role not in named:  # a person's
                continue
            found[named[role]][Need(action, resource, frozenset(keys))] = given
        return found


@cache
def _session() -> boto3.Session:
    """One for all clients: it has read the services' models, which takes longer than a request."""
    return local_session()


def _plain(resource: Any) -> str:
    """A resource whose references are filled in."""
    return str(resource["Fn::Sub"] if isinstance(resource, dict) else resource)


def parse(name: str) -> dict[str, Any]:
    """A nested template, plain."""
    document = templates.parse((REPOSITORY / "infra" / f"{name}.yaml").read_text(encoding="utf-8"))
    plain: dict[str, Any] = templates.plain(document)
    assert of_type(plain, "AWS::CloudFormation::Stack") == {}
    return plain
