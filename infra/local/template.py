"""`template.yaml` read: translated by AWS's own translator to plain CloudFormation, and looked at from there."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from infra.local.aws_session import local_session

REPOSITORY = Path(__file__).resolve().parents[2]
FUNCTIONS = REPOSITORY / "functions"

Expression = Any
"""A value of a template: a literal, or a CloudFormation function such as {"Ref": "CallsTable"}."""

Environment = dict[str, Expression]


class TemplateError(Exception):
    """The template has something that the local cloud cannot imitate."""


@dataclass(frozen=True)
class Function:
    """A Lambda function. `timeout` in seconds, `memory` in MB."""

    name: str
    handler: str
    timeout: float
    memory: int
    environment: Environment


@dataclass(frozen=True)
class Route:
    """A route of the HTTP API."""

    method: str
    path: str
    function: str
    by_iam: bool = False  # whether whoever asks must have signed with AWS's Signature Version 4

    @property
    def key(self) -> str:
        """As API Gateway writes it: `POST /webhook`."""
        return f"{self.method} {self.path}"


@dataclass(frozen=True)
class Schedule:
    """A function that runs every so many seconds."""

    seconds: float
    function: str


@dataclass(frozen=True)
class StreamSource:
    """A function that is told of the writes onto a table which fit one of the patterns (Lambda's event filtering)."""

    function: str
    patterns: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class QueueSource:
    """A function that is given the messages of a queue. `queue` is the queue's logical name."""

    function: str
    queue: str


def plain(document: Any) -> Any:
    """The template without the translator's own string and dictionary types."""
    if isinstance(document, Mapping):
        return {str(key): plain(value) for key, value in document.items()}
    if isinstance(document, list | tuple):
        return [plain(value) for value in document]
    return str(document) if isinstance(document, str) else document


def parse(text: str) -> dict[str, Any]:
    """Read YAML with CloudFormation's short forms (`!Ref`, `!GetAtt`, `!Sub` ...)."""
    document: dict[str, Any] = _loader()(text).get_single_data()
    return document


@cache
def _loader() -> type[yaml.CSafeLoader]:
    """As `samtranslator.yaml_helper.yaml_parse` reads it, by libyaml, which takes a tenth of the time."""
    from samtranslator.yaml_helper import intrinsics_multi_constructor

    class Loader(yaml.CSafeLoader):
        pass

    Loader.add_multi_constructor("!", intrinsics_multi_constructor)
    return Loader


@cache
def translate(path: Path = REPOSITORY / "template.yaml") -> dict[str, Any]:
    """Translate a SAM template to plain CloudFormation; no network, no credentials."""
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator

    document = parse(path.read_text(encoding="utf-8"))
    # `sam package` would have uploaded these; the translator accepts only places in S3.
    document.setdefault("Globals", {}).setdefault("Function", {})["CodeUri"] = "s3://local/functions.zip"
    for resource in document["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Application":
            resource["Properties"]["Location"] = f"https://local/{resource['Properties']['Location']}"
    logs = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    translator = Translator({"AWSLambdaBasicExecutionRole": logs}, Parser(), boto_session=local_session())
    translated: dict[str, Any] = plain(translator.translate(document, parameter_values={}))
    return translated


def of_type(template: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    """The properties of every resource of one type, by logical name."""
    resources = template["Resources"].items()
    return {name: resource.get("Properties", {}) for name, resource in resources if resource["Type"] == kind}


def functions(template: dict[str, Any]) -> dict[str, Function]:
    """The Lambda functions, by logical name."""
    return {
        name: Function(
            name=name,
            handler=properties["Handler"],
            timeout=properties["Timeout"],
            memory=properties["MemorySize"],
            environment=properties.get("Environment", {}).get("Variables", {}),
        )
        for name, properties in of_type(template, "AWS::Lambda::Function").items()
    }


def _wanted(value: Expression) -> Expression:
    """Of what is deployed under a condition, what there is where it holds."""
    return value["Fn::If"][1] if set(value) == {"Fn::If"} else value


def routes(template: dict[str, Any]) -> list[Route]:
    """The routes of the HTTP API, from the OpenAPI document that SAM writes for it."""
    found = []
    for api in of_type(template, "AWS::ApiGatewayV2::Api").values():
        for path, methods in api["Body"]["paths"].items():
            for method, operation in _wanted(methods).items():
                operation = _wanted(operation)
                integration = operation["x-amazon-apigateway-integration"]
                target = re.search(r"functions/\$\{(\w+)(\.Arn)?\}", _wanted(integration["uri"])["Fn::Sub"])
                if integration["payloadFormatVersion"] != "2.0" or target is None:
                    raise TemplateError(
                        f"{method.upper()} {path}: only functions with payload format 2.0 are known here"
                    )
                by_iam = {"AWS_IAM": []} in operation.get("security", [])
                found.append(Route(method.upper(), path, str(target[1]), by_iam))
    return found


def schedules(template: dict[str, Any]) -> list[Schedule]:
    """The schedules of EventBridge Scheduler that are always there; only `rate(...)` is known here."""
    found = []
    units = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
    for name, schedule in of_type(template, "AWS::Scheduler::Schedule").items():
        if "Condition" in template["Resources"][name]:  # the canary's: it walks when it is asked to
            continue
        rate = re.fullmatch(r"rate\((\d+) (second|minute|hour|day)s?\)", schedule["ScheduleExpression"])
        if rate is None:
            raise TemplateError(f"{name}: {schedule['ScheduleExpression']!r} is not a rate such as rate(1 minute)")
        found.append(Schedule(int(rate[1]) * units[rate[2]], schedule["Target"]["Arn"]["Fn::GetAtt"][0]))
    return found


def stream_sources(template: dict[str, Any]) -> list[StreamSource]:
    """The functions that follow a table's stream; one write at a time is what is known here."""
    found = []
    for name, mapping in of_type(template, "AWS::Lambda::EventSourceMapping").items():
        if "FunctionResponseTypes" in mapping:  # a queue's
            continue
        if mapping["EventSourceArn"].get("Fn::GetAtt", ["", ""])[1] != "StreamArn" or mapping["BatchSize"] != 1:
            raise TemplateError(f"{name}: only streams of tables with BatchSize 1 are known here")
        patterns = tuple(json.loads(each["Pattern"]) for each in mapping["FilterCriteria"]["Filters"])
        found.append(StreamSource(mapping["FunctionName"]["Ref"], patterns))
    return found


def queue_sources(template: dict[str, Any]) -> list[QueueSource]:
    """The functions that take messages from queues, one at a time, and say which are to come again."""
    return [
        QueueSource(mapping["FunctionName"]["Ref"], mapping["EventSourceArn"]["Fn::GetAtt"][0])
        for mapping in of_type(template, "AWS::Lambda::EventSourceMapping").values()
        if mapping.get("FunctionResponseTypes") == ["ReportBatchItemFailures"] and mapping["BatchSize"] == 1
    ]


def monitor_environment(template: dict[str, Any], path: Path = REPOSITORY / "infra" / "monitor.yaml") -> Environment:
    """The monitor's environment: of its container in the nested stack, in terms of the outer template."""
    nested = parse(path.read_text(encoding="utf-8"))
    given = template["Resources"]["Monitor"]["Properties"]["Parameters"]
    defaults = {name: parameter.get("Default") for name, parameter in nested["Parameters"].items()}
    (task,) = of_type(nested, "AWS::ECS::TaskDefinition").values()
    (container,) = task["ContainerDefinitions"]
    return {
        variable["Name"]: replace_references(plain(variable["Value"]), {**defaults, **given})
        for variable in container["Environment"]
    }


def replace_references(value: Expression, replacements: Mapping[str, Expression]) -> Expression:
    """Put an expression in the place of every `Ref` to one of the names, at any depth."""
    if isinstance(value, dict):
        if set(value) == {"Ref"} and value["Ref"] in replacements:
            return replacements[value["Ref"]]
        return {key: replace_references(inner, replacements) for key, inner in value.items()}
    if isinstance(value, list):
        return [replace_references(inner, replacements) for inner in value]
    return value
