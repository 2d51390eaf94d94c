"""Which deployment a command speaks to, and the AWS clients for it.

In this order: `--local`, `--stack NAME`, RINGSIDE_TABLE (and its siblings), RINGSIDE_STACK, and the
local cloud's `.local/env` in the current directory if there is one.
"""

import argparse
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError

from cli.errors import CliError, one_line
from ringside.aws.record import Record

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient
    from types_boto3_secretsmanager.client import SecretsManagerClient
    from types_boto3_sqs.client import SQSClient

LOCAL = Path(".local/env")
"""Written by a running local cloud, beside the checkout's other files."""

OUTPUTS = {
    "TableName": "RINGSIDE_TABLE",
    "QueueUrl": "RINGSIDE_QUEUE_URL",
    "SecretId": "RINGSIDE_SECRET_ID",
    "WebhookUrl": "RINGSIDE_WEBHOOK_URL",
}
"""template.yaml's outputs, and the environment's names for the same things."""

PARAMETERS = {"OpenAIBaseUrl": "OPENAI_BASE_URL"}
"""What only a parameter of the stack tells."""


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

    def client(self, service: Any) -> Any:
        """A client that gives up within seconds: somebody waits for the answer."""
        retries: Any = {"mode": "standard", "total_max_attempts": 3}
        more: Any = {"proxies": {}} if self.endpoint else {}
        config = Config(connect_timeout=5, read_timeout=20, retries=retries, **more)
        try:
            return self.session.client(service, endpoint_url=self.endpoint, config=config)
        except ValueError as error:  # an endpoint that is no URL
            raise CliError(f"{one_line(error)} (AWS_ENDPOINT_URL)") from None

    @property
    def dynamodb(self) -> "DynamoDBClient":
        client: DynamoDBClient = self.client("dynamodb")
        return client

    @property
    def sqs(self) -> "SQSClient":
        client: SQSClient = self.client("sqs")
        return client

    @property
    def secrets(self) -> "SecretsManagerClient":
        client: SecretsManagerClient = self.client("secretsmanager")
        return client

    @property
    def table(self) -> str:
        return self.variables["RINGSIDE_TABLE"]

    @contextmanager
    def record(self) -> Iterator[Record]:
        """The record, for reading; a table that is not there is told by its name."""
        try:
            yield Record(self.dynamodb, self.table, retention_days=0)  # it reads
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            where = self.session.region_name
            raise CliError(f"there is no table {self.table} in {where}, which {self.source} names") from None


def options() -> argparse.ArgumentParser:
    """The options that choose a deployment, as a parent of every command's parser that needs one."""
    parser = argparse.ArgumentParser(add_help=False)
    group = parser.add_argument_group("which deployment")
    group.add_argument("--stack", metavar="NAME", help="the CloudFormation stack; else RINGSIDE_STACK")
    group.add_argument("--local", action="store_true", help="the local cloud of this directory (.local/env)")
    group.add_argument("--region", help="the AWS region; else AWS_REGION, or the profile's")
    group.add_argument("--profile", help="the AWS profile; else AWS_PROFILE")
    return parser


def find(args: argparse.Namespace, environ: Mapping[str, str] | None = None, folder: Path | None = None) -> Cloud:
    """The deployment that options, environment and current directory name; `CliError` if none does."""
    environ = os.environ if environ is None else environ
    local = (folder or Path.cwd()) / LOCAL
    if args.local and args.stack:
        raise CliError("give either --local or --stack, not both")
    if args.local:
        return _local(local)
    if args.stack:
        return _of_stack(args.stack, args, environ)
    if environ.get("RINGSIDE_TABLE"):
        return Cloud("the environment", dict(environ), _access(args, environ))
    if environ.get("RINGSIDE_STACK"):
        return _of_stack(environ["RINGSIDE_STACK"], args, environ)
    if local.is_file():
        return _local(local, implied=True)
    raise CliError(
        "no table: name a stack (--stack NAME or RINGSIDE_STACK) or a table (RINGSIDE_TABLE), or start a local cloud"
    )


def _access(args: argparse.Namespace, environ: Mapping[str, str]) -> dict[str, Any]:
    # boto3 reads AWS_DEFAULT_REGION; everybody else, Lambda included, writes AWS_REGION.
    return {"region_name": args.region or environ.get("AWS_REGION") or None, "profile_name": args.profile}


def _of_stack(name: str, args: argparse.Namespace, environ: Mapping[str, str]) -> Cloud:
    cloud = Cloud(f"stack {name}", {}, _access(args, environ))
    try:
        (stack,) = cloud.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":
            region = cloud.session.region_name
            raise CliError(f"there is no stack {name} in {region}: is it another region or account?") from None
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
    access = {
        "aws_access_key_id": variables.get("AWS_ACCESS_KEY_ID") or "local",
        "aws_secret_access_key": variables.get("AWS_SECRET_ACCESS_KEY") or "local",
        "region_name": variables.get("AWS_REGION") or variables.get("AWS_DEFAULT_REGION") or "us-east-1",
    }
    return Cloud(f"the local cloud ({LOCAL})", variables, access, variables["AWS_ENDPOINT_URL"], implied)


def read_env(path: Path) -> dict[str, str]:
    """`NAME=value` lines; blank ones and comments are passed over, quotes around a value are taken off."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise CliError(f"{path} is not there: is a local cloud running in this directory?") from None
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
