"""A DynamoDB that listens on a port, with the table that template.yaml describes."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import yaml
from moto.server import ThreadedMotoServer

from ringside.record import Record

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

TEMPLATE = Path(__file__).parents[2] / "template.yaml"


class _CloudFormation(yaml.SafeLoader):
    """Reads the template's short forms (`!Ref`, `!If` …) as the plain values below them."""


def _below(loader: _CloudFormation, suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    assert isinstance(node, yaml.ScalarNode)
    return loader.construct_scalar(node)


_CloudFormation.add_multi_constructor("!", _below)


def table_properties() -> dict[str, Any]:
    """The properties of the one table in template.yaml."""
    resources = yaml.load(TEMPLATE.read_text(encoding="utf-8"), _CloudFormation)["Resources"]
    (table,) = (entry for entry in resources.values() if entry["Type"] == "AWS::DynamoDB::Table")
    properties: dict[str, Any] = table["Properties"]
    return properties


def create_table(client: "DynamoDBClient") -> str:
    """Create that table under a name of its own; returns the name."""
    properties, name = table_properties(), f"calls-{uuid.uuid4().hex[:8]}"
    wanted = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
    client.create_table(TableName=name, **{key: properties[key] for key in wanted})
    client.update_time_to_live(TableName=name, TimeToLiveSpecification=properties["TimeToLiveSpecification"])
    return name


@pytest.fixture(scope="session")
def aws_url() -> Iterator[str]:
    """AWS's stand-in, over the wire."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def aws(aws_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """The environment of a user whose AWS is the stand-in, in an empty directory."""
    for name in ("AWS_PROFILE", "RINGSIDE_TABLE", "RINGSIDE_STACK", "AWS_DEFAULT_REGION", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "AWS_ENDPOINT_URL": aws_url,
        "AWS_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_CONFIG_FILE": str(tmp_path / "no-config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "no-credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return aws_url


@pytest.fixture
def dynamodb(aws: str) -> "DynamoDBClient":
    client: DynamoDBClient = boto3.Session(region_name="eu-central-1").client("dynamodb")
    return client


@pytest.fixture
def table(dynamodb: "DynamoDBClient") -> str:
    """A table for one test."""
    return create_table(dynamodb)


@pytest.fixture
def record(dynamodb: "DynamoDBClient", table: str) -> Record:
    return Record(dynamodb, table)
