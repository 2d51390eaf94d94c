"""boto3 clients for the local cloud, whatever the caller's own AWS configuration says."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import NoCredentialsError

from infra.local.aws_session import local_session

if TYPE_CHECKING:
    from botocore.credentials import Credentials
    from types_boto3_cloudformation import CloudFormationClient
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_secretsmanager import SecretsManagerClient
    from types_boto3_sqs import SQSClient


@dataclass(frozen=True)
class Clients:
    """One client per service, made when it is first asked for. `url` is the stand-in's."""

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

    @property
    def credentials(self) -> "Credentials":
        found = self._session.get_credentials()
        if found is None:
            raise NoCredentialsError
        return found

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
