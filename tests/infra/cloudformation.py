"""A CloudFormation that deployments can be tried on, in the place of moto's own.

moto's own lacks what a deployment of ours rests on. Here it

- carries out the transform of SAM, with AWS's own translator, which at AWS runs inside CloudFormation;
- makes what moto does not know out of nothing but a name, and the secret in earnest;
- makes and removes what a changed parameter's condition asks for, updates nested stacks in place, and a service when
  its task definition is a new one;
- keeps a stack's parameters and outputs current, and rolls back what failed. An image of nothing but zeros is one that
  cannot be pulled: a service that is to run it fails, as ECS's circuit breaker has it fail.

One module: each of these is a line or two in the place of moto's, and none of them is of use without the others.

What it still does not do: run anything, wait for anything, refuse what a role may not, replace a resource because
a property can only be set at its creation, or count quotas.
"""

import importlib
import re
import secrets
from collections.abc import Mapping
from typing import Any

from moto.core.common_models import CloudFormationModel
from moto.secretsmanager.models import secretsmanager_backends
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from infra.deploy import plan
from infra.local import template as templates
from infra.local.aws_session import local_session

# What is put into them is not of the types that they declare.
models: Any = importlib.import_module("moto.cloudformation.models")
parsing: Any = importlib.import_module("moto.cloudformation.parsing")
ecs: Any = importlib.import_module("moto.ecs.models")

NO_IMAGE = "sha256:" + "0" * 64
KEPT = {"RetainExceptOnCreate": "Retain"}
"""How moto, which knows one kind of keeping, is told."""

NESTED = re.compile(r"\$\{(\w+)\.Outputs\.(\w+)\}")

NAMED_ONLY = (
    "AWS::ApiGatewayV2::Api",
    "AWS::ApiGatewayV2::Stage",
    "AWS::ApplicationAutoScaling::ScalableTarget",
    "AWS::ApplicationAutoScaling::ScalingPolicy",
    "AWS::CloudWatch::Alarm",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::SNS::Subscription",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
    "AWS::Scheduler::Schedule",
)

# --- templates ---


def transformed(text: str) -> dict[str, Any]:
    """A template as CloudFormation carries it out."""
    document = templates.parse(text)
    if "Transform" in document:
        logs = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
        translator = Translator({"AWSLambdaBasicExecutionRole": logs}, Parser(), boto_session=local_session())
        document = translator.translate(document, parameter_values={})
    found: dict[str, Any] = _without_nested_in_sub(templates.plain(document))
    for resource in found["Resources"].values():
        resource.setdefault("Properties", {})  # as moto does while it makes them: it is no change
        if "DeletionPolicy" in resource:
            resource["DeletionPolicy"] = KEPT.get(resource["DeletionPolicy"], resource["DeletionPolicy"])
    return found


def _without_nested_in_sub(value: Any) -> Any:
    """`${Stack.Outputs.Name}` within `Fn::Sub` as a variable of its own, since moto takes no more than one dot."""
    if isinstance(value, dict):
        text = value.get("Fn::Sub")
        if isinstance(text, str) and (names := NESTED.findall(text)):
            given = {f"{stack}{output}": {"Fn::GetAtt": [stack, f"Outputs.{output}"]} for stack, output in names}
            return {"Fn::Sub": [NESTED.sub(r"${\1\2}", text), given]}
        return {key: _without_nested_in_sub(inner) for key, inner in value.items()}
    return [_without_nested_in_sub(inner) for inner in value] if isinstance(value, list) else value


def wanted(text: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The template with those resources alone whose conditions hold."""
    template = transformed(text)
    values = {name: str(value) for name, value in parameters.items()}
    there = plan.resources(template, {**plan.defaults(template), **values})
    return {**template, "Resources": {name: template["Resources"][name] for name in there}}


# --- resources ---


class _Named(CloudFormationModel):
    """A resource that is nothing but its name."""

    def __init__(self, name: str) -> None:
        self.physical_resource_id = name

    @staticmethod
    def cloudformation_name_type() -> str:
        return ""

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        return True

    def get_cfn_attribute(self, attribute_name: str) -> str:
        return self.physical_resource_id

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str, **kwargs: Any
    ) -> "_Named":
        return cls(f"{resource_name.rpartition('-')[2].lower()[:6]}{secrets.token_hex(4)}")

    @classmethod
    def update_from_cloudformation_json(
        cls, original_resource: Any, new_resource_name: str, cloudformation_json: Any, account_id: str, region_name: str
    ) -> Any:
        return original_resource

    def delete(self, account_id: str, region_name: str) -> None:
        pass


class _Secret(_Named):
    """A secret; an update leaves its value alone, as AWS does while the template's value is the same."""

    @staticmethod
    def cloudformation_type() -> str:
        return "AWS::SecretsManager::Secret"

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str, **kwargs: Any
    ) -> "_Secret":
        text = cloudformation_json["Properties"]["SecretString"]
        backend = secretsmanager_backends[account_id][region_name]
        backend.create_secret(resource_name, text, None, None, None, None, None, [], False)
        return cls(str(backend.describe_secret(resource_name).arn))

    def delete(self, account_id: str, region_name: str) -> None:
        secretsmanager_backends[account_id][region_name].delete_secret(self.physical_resource_id, 30, False)


class Failed(BaseException):
    """A resource could not be made; its logical name and the reason. moto tries again after every `Exception`."""

    def __init__(self, resource: str, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.resource, self.kind, self.reason = resource, kind, reason


def make_known() -> None:
    """Teach moto these types."""
    known: list[Any] = [*parsing.get_model_list(), _Secret]
    for kind in NAMED_ONLY:
        known.append(type(kind, (_Named,), {"cloudformation_type": staticmethod(lambda kind=kind: kind)}))
    parsing.get_model_list = lambda: known


# --- stacks ---


def change(stack: Any, template: str, parameters: dict[str, Any]) -> None:
    """Make a stack what template and parameters say."""
    stack.template = template
    stack.template_dict = wanted(template, parameters)
    stack.resource_map.update(stack.template_dict, parameters)
    stack.parameters = parameters
    stack.output_map = stack._create_output_map()


def execute(backend: Any, change_set_name: str, stack_name: str | None = None) -> None:
    """Carry out a change set; what fails is taken back."""
    change_set = backend.describe_change_set(change_set_name)
    stack, kind = change_set.stack, change_set.change_set_type
    former = stack.template, dict(stack.parameters)
    stack._add_stack_event(f"{kind}_IN_PROGRESS", resource_status_reason="User Initiated")
    change_set.execution_status = "EXECUTE_COMPLETE"
    try:
        change(stack, change_set.template, change_set.parameters)
    except Failed as failure:
        _note(stack, failure, kind)
        if kind == "CREATE":
            stack.resource_map.delete()
        else:
            change(stack, *former)
        stack.status = "ROLLBACK_COMPLETE" if kind == "CREATE" else "UPDATE_ROLLBACK_COMPLETE"
    else:
        stack.status = f"{kind}_COMPLETE"
    stack._add_stack_event(stack.status)


def _note(stack: Any, failure: Failed, kind: str) -> None:
    """The event of the resource that failed, in whichever stack it is, and those of the stacks around it."""
    for name, inner in stack.resource_map._parsed_resources.items():
        if isinstance(inner, models.Stack) and failure.resource in inner.template_dict["Resources"]:
            _event(inner, failure.resource, "", failure.kind, f"{kind}_FAILED", failure.reason)
            reason = f"Embedded stack {inner.stack_id} was not successfully {kind.lower()}d"
            _event(stack, name, inner.stack_id, "AWS::CloudFormation::Stack", f"{kind}_FAILED", reason)


def _event(stack: Any, logical: str, physical: str, kind: str, status: str, reason: str) -> None:
    stack.events.append(models.Event(stack.stack_id, stack.name, logical, physical, kind, status, reason, None))


def update_nested(
    original_resource: Any,
    new_resource_name: str,
    cloudformation_json: Any,
    account_id: str,
    region_name: str,
) -> Any:
    properties = cloudformation_json["Properties"]
    text = models.get_stack_from_s3_url(properties["TemplateURL"], account_id=account_id, partition="aws")
    change(original_resource, text, {name: str(value) for name, value in properties.get("Parameters", {}).items()})
    return original_resource


def output_of(stack: Any, attribute: str) -> str:
    """`Outputs.Name` of a nested stack."""
    return str(stack.output_map[attribute.removeprefix("Outputs.")].value)


_difference = parsing.ResourceMap.build_resource_diff


def difference(resources: Any, template: dict[str, Any], parameters: dict[str, Any] | None = None) -> dict[str, Any]:
    """What is to be changed, and with a task definition, which is a new one each time, the service that runs it.

    What moto cannot change stays as it is.
    """
    found: dict[str, Any] = _difference(resources, template, parameters)
    kinds = {name: resource["Type"] for name, resource in template["Resources"].items()}
    found["Modify"] = [name for name in found["Modify"] if _can_change(kinds[name])]
    tasks = {name for name in found["Modify"] if kinds[name] == "AWS::ECS::TaskDefinition"}
    for name, resource in template["Resources"].items():
        if kinds[name] == "AWS::ECS::Service" and tasks & set(parsing.get_references_from_template(resource)):
            found["Modify"] = [each for each in found["Modify"] if each != name] + [name]
    return found


def _can_change(kind: str) -> bool:
    model = next(each for each in parsing.get_model_list() if each.cloudformation_type() == kind)
    return not hasattr(model.update_from_cloudformation_json, "__isabstractmethod__")


def changes(change_set: Any) -> list[Any]:
    """What a change set is going to do, because of its parameters, too."""
    former, template = change_set.stack.resource_map._resource_json_map, change_set.template_dict["Resources"]
    found = difference(change_set.stack.resource_map, change_set.template_dict, change_set.parameters)
    return [
        models.Change(action, name, {**former, **template}[name]["Type"])
        for action, names in found.items()
        for name in names
    ]


def run_only_what_can_be_pulled() -> None:
    """A service whose image cannot be pulled fails; another task definition is taken up in place."""
    make = ecs.Service.create_from_cloudformation_json.__func__

    def create(cls: Any, resource_name: str, cloudformation_json: Any, *where: Any, **named: Any) -> Any:
        _pull(cloudformation_json["Properties"]["TaskDefinition"], *where[:2])
        return make(cls, resource_name, cloudformation_json, *where, **named)

    def update(
        cls: Any, /, original_resource: Any, cloudformation_json: Any, account_id: str, region_name: str, **_: Any
    ) -> Any:
        task = cloudformation_json["Properties"]["TaskDefinition"]
        _pull(task, account_id, region_name)
        original_resource.task_definition = task
        return original_resource

    def delete(service: Any, account_id: str, region_name: str) -> None:
        ecs.ecs_backends[account_id][region_name].delete_service(service.cluster_name, service.name, force=True)

    ecs.Service.delete = delete
    ecs.Service.create_from_cloudformation_json = classmethod(create)
    ecs.Service.update_from_cloudformation_json = classmethod(update)


def _pull(task_definition: str, account: str, region: str) -> None:
    task = ecs.ecs_backends[account][region].describe_task_definition(task_definition)
    if any(each["image"].endswith(NO_IMAGE) for each in task.container_definitions):
        reason = "ECS Deployment Circuit Breaker was triggered: CannotPullContainerError"
        raise Failed("Service", "AWS::ECS::Service", reason)


def register_whole_task_definitions() -> None:
    """With its processor, and as a new revision each time, as ECS has it."""
    make = ecs.TaskDefinition.create_from_cloudformation_json.__func__

    def create(cls: Any, resource_name: str, cloudformation_json: Any, *where: Any, **named: Any) -> Any:
        made = make(cls, resource_name, cloudformation_json, *where, **named)
        made.cpu = cloudformation_json["Properties"]["Cpu"]
        return made

    def update(cls: Any, /, **given: Any) -> Any:
        given.pop("original_resource")
        return create(cls, given.pop("new_resource_name"), given.pop("cloudformation_json"), **given)

    ecs.TaskDefinition.create_from_cloudformation_json = classmethod(create)
    ecs.TaskDefinition.update_from_cloudformation_json = classmethod(update)


def install() -> None:
    """Put all this in moto's place."""
    register_whole_task_definitions()
    make_known()
    run_only_what_can_be_pulled()
    models.Stack.parse_template = staticmethod(transformed)
    models.Stack.physical_resource_id = property(lambda stack: stack.stack_id)
    models.Stack.get_cfn_attribute = output_of
    models.Stack.update_from_cloudformation_json = staticmethod(update_nested)
    models.ChangeSet._parse_template = lambda change_set: setattr(
        change_set, "template_dict", wanted(change_set.template, change_set.parameters)
    )
    models.ChangeSet.diff = changes
    models.CloudFormationBackend.execute_change_set = execute
    parsing.ResourceMap.build_resource_diff = difference
