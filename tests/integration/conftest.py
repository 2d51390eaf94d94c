"""A DynamoDB that listens on a port, with the table that template.yaml describes."""

import asyncio
import functools
import os
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import yaml
from botocore.config import Config

from infra.local import aws
from infra.local.host import HOST, listen
from ringside.aws.record import Record

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
REGION = "eu-central-1"


class _CloudFormation(yaml.CSafeLoader):
    """Reads the template's short forms (`!Ref`, `!If` …) as the plain values below them."""


def _below(loader: _CloudFormation, suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    assert isinstance(node, yaml.ScalarNode)
    return loader.construct_scalar(node)


_CloudFormation.add_multi_constructor("!", _below)


@functools.cache
def template() -> dict[str, Any]:
    """template.yaml."""
    content: dict[str, Any] = yaml.load(TEMPLATE.read_text(encoding="utf-8"), _CloudFormation)
    return content


def table_properties() -> dict[str, Any]:
    """The properties of the one table in it."""
    resources = template()["Resources"]
    (table,) = (entry for entry in resources.values() if entry["Type"] == "AWS::DynamoDB::Table")
    properties: dict[str, Any] = table["Properties"]
    return properties


def create_table(client: "DynamoDBClient") -> str:
    """Create that table under a name of its own; returns the name."""
    properties, name = table_properties(), f"calls-{uuid.uuid4().hex[:8]}"
    wanted = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
    client.create_table(TableName=name, **{key: properties[key] for key in wanted})
    return name


@pytest.fixture(scope="session")
def aws_url() -> Iterator[str]:
    """AWS's stand-in, over the wire: the local cloud's, in a thread."""
    listener = listen(0, "AWS")
    loop = asyncio.new_event_loop()
    serving = loop.create_task(aws.serve(listener))
    thread = threading.Thread(target=lambda: loop.run_until_complete(asyncio.wait([serving])), name="AWS")
    thread.start()
    yield f"http://{HOST}:{listener.getsockname()[1]}"
    loop.call_soon_threadsafe(serving.cancel)
    thread.join()
    loop.close()


@pytest.fixture(scope="session")
def dynamodb(aws_url: str) -> "DynamoDBClient":
    session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION)
    client: DynamoDBClient = session.client("dynamodb", endpoint_url=aws_url, config=Config(proxies={}))
    return client


@pytest.fixture
def table(dynamodb: "DynamoDBClient") -> str:
    """A table for one test."""
    return create_table(dynamodb)


@pytest.fixture
def record(dynamodb: "DynamoDBClient", table: str) -> Record:
    """The record. Its calls are kept for a century: those of the tests have fixed dates."""
    return Record(dynamodb, table, retention_days=36_500)


@pytest.fixture
def operator(aws_url: str, table: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """The environment of a user whose AWS is the stand-in, in an empty directory. Returns the table's name."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "RINGSIDE_", "OPENAI_"))]:
        monkeypatch.delenv(name)
    for name, value in {
        "AWS_ENDPOINT_URL": aws_url,
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_CONFIG_FILE": str(tmp_path / "no-config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "no-credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
        "RINGSIDE_TABLE": table,
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return table
