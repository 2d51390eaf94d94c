"""Secrets Manager: the OpenAI key and the webhook secrets, as one JSON secret.

{"api_key": "sk-…", "webhook_secrets": ["whsec_…"]}      two webhook secrets while one is rotated
"""

from typing import TYPE_CHECKING

from aws_lambda_powertools.utilities.parameters import SecretsProvider
from pydantic import BaseModel, ConfigDict, Field, ValidationError

if TYPE_CHECKING:
    from types_boto3_secretsmanager.client import SecretsManagerClient

CACHE_SECONDS = 300


class SecretsError(Exception):
    """The secret cannot be read or is not of the form above. Never contains the secret."""


class Keys(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    api_key: str = Field(min_length=1, repr=False)
    webhook_secrets: tuple[str, ...] = Field(min_length=1, max_length=4, repr=False)


class Secrets:
    """The secret, read when it is first needed and again every five minutes."""

    def __init__(self, client: "SecretsManagerClient", secret_id: str) -> None:
        self._provider = SecretsProvider(boto3_client=client)
        self._secret_id = secret_id

    def keys(self, refresh: bool = False) -> Keys:
        """The keys; `refresh` reads them anew, for when one was refused."""
        try:
            text = self._provider.get(self._secret_id, max_age=CACHE_SECONDS, force_fetch=refresh)
        except Exception as error:
            raise SecretsError(f"secret {self._secret_id}: cannot be read: {type(error).__name__}") from None
        try:
            return Keys.model_validate_json(str(text))
        except ValidationError as error:
            wrong = ", ".join(sorted({".".join(map(str, p["loc"])) or "not JSON" for p in error.errors()}))
            raise SecretsError(f"secret {self._secret_id}: {wrong} missing or wrong") from None
