"""Where AWS is: `AWS_ENDPOINT_URL` is declared in the template, empty, so that `sam local --env-vars` can set it."""

import boto3
import pytest


@pytest.mark.parametrize("service", ["dynamodb", "events", "lambda", "secretsmanager", "sqs"])
def test_an_empty_endpoint_is_aws_itself(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "")
    session = boto3.Session(aws_access_key_id="local", aws_secret_access_key="local", region_name="eu-west-1")

    client = session.client(service)  # type: ignore[call-overload]

    assert client.meta.endpoint_url == f"https://{service}.eu-west-1.amazonaws.com"
    client.close()
