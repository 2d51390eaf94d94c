"""boto3 clients for the local cloud, whatever the caller's own AWS configuration says."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import boto3
import botocore.session
from botocore.config import Config

from infra.local.template import REGION

if TYPE_CHECKING:
    from types_boto3_cloudformation import CloudFormationClient
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_secretsmanager import SecretsManagerClient
    from types_boto3_sqs import SQSClient

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
"""The stand-in asks for a signature and checks none."""


def local_session() -> boto3.Session:
    """A session with these credentials, which does not look for the profile that AWS_PROFILE may name."""
    without_profile: Any = {"profile": (None, None, None, None)}
    return boto3.Session(
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        region_name=REGION,
        botocore_session=botocore.session.Session(session_vars=without_profile),
    )


@dataclass(frozen=True)
class Clients:
    """One client a service, made when first asked for. `url` is the stand-in's."""

    url: str

    @cached_property
    def dynamodb(self) -> "DynamoDBClient":
        return self._session.client("dynamodb", endpoint_url=self.url, config=self._config)

    @cached_property
    def sqs(self) -> "SQSClient":
        return self._session.client("sqs", endpoint_url=self.url, config=self._config)

    @cached_property
    def secrets(self) -> "SecretsManagerClient":
        return self._session.client("secretsmanager", endpoint_url=self.url, config=self._config)

    @cached_property
    def cloudformation(self) -> "CloudFormationClient":
        return self._session.client("cloudformation", endpoint_url=self.url, config=self._config)

    def close(self) -> None:
        """Close the connections of every client that was made."""
        for name in ("dynamodb", "sqs", "secrets", "cloudformation"):
            if name in self.__dict__:
                getattr(self, name).close()

    @cached_property
    def _session(self) -> boto3.Session:
        return local_session()

    @cached_property
    def _config(self) -> Config:
        return Config(max_pool_connections=64, retries={"max_attempts": 1}, proxies={})
