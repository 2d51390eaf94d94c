"""Which deployment a command speaks to, and the AWS clients for it.

In this order: `--local`, `--stack NAME`, RINGSIDE_TABLE (and its siblings), RINGSIDE_STACK, and the
local cloud's `.local/env` in the current directory if there is one.
"""

import os
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError

from cli.errors import CliError, UsageError, one_line
from ringside.aws.record import Record

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient
    from types_boto3_secretsmanager.client import SecretsManagerClient
    from types_boto3_sqs.client import SQSClient

    from cli.options import Deployment

NOT_RUNNING = "the local cloud is not running (`make local` starts it)"

LOCAL = Path(".local/env")
"""Written by a running local cloud, beside the checkout's other files."""

ENVIRONMENT = "the environment"
"""The source of a deployment whose names are variables."""

OUTPUTS = {
    "TableName": "RINGSIDE_TABLE",
    "QueueUrl": "RINGSIDE_QUEUE_URL",
    "SecretId": "RINGSIDE_SECRET_ID",
    "WebhookSecretId": "RINGSIDE_WEBHOOK_SECRET_ID",
    "NotifySecretId": "RINGSIDE_NOTIFY_SECRET_ID",
    "WebhookUrl": "RINGSIDE_WEBHOOK_URL",
    "AnalysisFunction": "RINGSIDE_ANALYSIS_FUNCTION",
    "NotifyFunction": "RINGSIDE_NOTIFY_FUNCTION",
}
"""template.yaml's outputs, and the environment's names for the same things."""

PARAMETERS = {
    "OpenAIBaseUrl": "OPENAI_BASE_URL",
    "DialledNumberHeaders": "RINGSIDE_DIALLED_IN",
    "PlainNumbers": "RINGSIDE_PLAIN_NUMBERS",
}
"""What only a parameter of the stack says."""


@dataclass(frozen=True)
class Cloud:
    """A deployment. `variables` are RINGSIDE_TABLE and its siblings, as far as they are known."""

    source: str
    variables: Mapping[str, str]
    access: Mapping[str, Any] = field(default_factory=dict, repr=False)
    endpoint: str | None = None
    implied: bool = False  # nobody asked for this one

    @cached_property
    def session(self) -> boto3.Session:
        # With an endpoint of its own, a deployment has its own credentials: no profile is to be looked for.
        unaware: Any = {"profile": (None, [], None, None)} if self.endpoint else None
        return boto3.Session(botocore_session=botocore.session.Session(unaware), **self.access)

    def client(self, service: Any, patience: Config | None = None) -> Any:
        """A client that gives up within seconds, or has more `patience`: somebody waits for the answer."""
        retries: Any = {"mode": "standard", "total_max_attempts": 3}
        more: Any = {"proxies": {}} if self.endpoint else {}
        config = Config(connect_timeout=5, read_timeout=20, retries=retries, **more).merge(patience or Config())
        # The local cloud's functions are behind another address than the rest of its AWS.
        own = self.variables.get(f"AWS_ENDPOINT_URL_{service.upper()}") if self.endpoint else None
        try:
            return self.session.client(service, endpoint_url=own or self.endpoint, config=config)
        except ValueError as error:  # the endpoint is not a URL
            raise CliError(f"{one_line(error)} (AWS_ENDPOINT_URL)") from None

    @cached_property
    def dynamodb(self) -> "DynamoDBClient":
        client: DynamoDBClient = self.client("dynamodb")
        return client

    @cached_property
    def sqs(self) -> "SQSClient":
        client: SQSClient = self.client("sqs")
        return client

    @cached_property
    def secrets(self) -> "SecretsManagerClient":
        client: SecretsManagerClient = self.client("secretsmanager")
        return client

    @property
    def table(self) -> str:
        return self.variables["RINGSIDE_TABLE"]

    @contextmanager
    def record(self) -> Iterator[Record]:
        """The record, for reading. A missing table is an error that names it."""
        with self.reading():
            yield Record(self.dynamodb, self.table, retention_days=0)  # it reads

    @contextmanager
    def reading(self) -> Iterator[None]:
        """What is read meanwhile: a missing table, or a local cloud that has stopped, is a `CliError` that says so."""
        try:
            yield
        except EndpointConnectionError:
            if self.endpoint is None:
                raise
            raise CliError(NOT_RUNNING) from None
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            where = self.session.region_name
            missing = f"there is no table {self.table} in {where} (named by {self.source})"
            raise CliError(f"{missing}: is it in another region or account?") from None


def chosen(asked: "Deployment") -> Cloud:
    """The deployment; one that nobody named is announced on standard error."""
    found = find(asked)
    if found.implied:
        print(f"using {found.source}", file=sys.stderr)
    return found


def find(asked: "Deployment", environ: Mapping[str, str] | None = None, folder: Path | None = None) -> Cloud:
    """The deployment that options, environment and current directory name; `CliError` if none does."""
    environ = os.environ if environ is None else environ
    local = (folder or Path.cwd()) / LOCAL
    if asked.local and asked.stack:
        raise UsageError("use either --local or --stack, not both")
    if asked.local:
        return _local(local)
    if asked.stack:
        return _of_stack(asked.stack, asked, environ)
    if environ.get("RINGSIDE_TABLE"):
        return Cloud(ENVIRONMENT, dict(environ), _access(asked, environ))
    if environ.get("RINGSIDE_STACK"):
        return _of_stack(environ["RINGSIDE_STACK"], asked, environ)
    if local.is_file():
        return _local(local, implied=True)
    raise CliError(
        "no deployment: name a stack (--stack NAME or RINGSIDE_STACK) or a table (RINGSIDE_TABLE), "
        "or start a local cloud (`make local`)"
    )


def account(asked: "Deployment") -> Cloud:
    """The account and region alone, before anything is deployed."""
    access = _access(asked, os.environ)
    return Cloud(f"the account, region {access['region_name'] or 'of the profile'}", {}, access)


def _access(asked: "Deployment", environ: Mapping[str, str]) -> dict[str, Any]:
    # boto3 reads AWS_DEFAULT_REGION; everything else, Lambda included, uses AWS_REGION.
    return {"region_name": asked.region or environ.get("AWS_REGION") or None, "profile_name": asked.profile}


def _of_stack(name: str, asked: "Deployment", environ: Mapping[str, str]) -> Cloud:
    cloud = Cloud(f"stack {name}", {}, _access(asked, environ))
    try:
        (stack,) = cloud.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":
            region = cloud.session.region_name
            raise CliError(f"there is no stack {name} in {region}: is it in another region or account?") from None
        raise
    found = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
    if "TableName" not in found:
        raise CliError(f"stack {name} ({stack['StackStatus']}) has no output TableName: is it Ringside's?")
    given = {parameter["ParameterKey"]: parameter.get("ParameterValue") for parameter in stack.get("Parameters", [])}
    variables = {OUTPUTS[key]: value for key, value in found.items() if key in OUTPUTS}
    variables |= {variable: given[key] for key, variable in PARAMETERS.items() if given.get(key)}
    return Cloud(f"stack {name}", variables, cloud.access)


def _local(path: Path, implied: bool = False) -> Cloud:
    variables = read_env(path)
    for name in ("RINGSIDE_TABLE", "AWS_ENDPOINT_URL"):
        if not variables.get(name):
            raise CliError(f"{path}: {name} is missing; start the local cloud again")
    if not _answers(variables["AWS_ENDPOINT_URL"]):
        raise CliError(f"{NOT_RUNNING}; {LOCAL} is left over from one that was killed")
    access = {
        "aws_access_key_id": variables.get("AWS_ACCESS_KEY_ID") or "local",
        "aws_secret_access_key": variables.get("AWS_SECRET_ACCESS_KEY") or "local",
        "region_name": variables.get("AWS_REGION") or variables.get("AWS_DEFAULT_REGION") or "us-east-1",
    }
    return Cloud(f"the local cloud ({LOCAL})", variables, access, variables["AWS_ENDPOINT_URL"], implied)


def _answers(url: str) -> bool:
    """Whether anything listens there."""
    try:
        where = urlsplit(url)
        socket.create_connection((where.hostname or "", where.port or 80), timeout=2).close()
    except (OSError, ValueError):
        return False
    return True


def read_env(path: Path) -> dict[str, str]:
    """`NAME=value` lines; blank lines and comments are skipped, quotes around a value are removed."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise CliError(f"{NOT_RUNNING}: there is no {path}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise CliError(f"{path} cannot be read: {error}") from None
    variables = {}
    for index, line in enumerate(text.splitlines(), start=1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        name, equals, value = line.removeprefix("export ").partition("=")
        if not equals or not name.strip():
            raise CliError(f"{path}:{index}: not NAME=value")
        value = value.strip()
        if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        variables[name.strip()] = value
    return variables
