"""Secrets Manager: the OpenAI key and the webhook secrets, as one JSON secret.

{"api_key": "sk-…", "webhook_secrets": ["whsec_…"]}      two webhook secrets while one is rotated
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from ringside import signatures
from ringside.errors import ServiceError

if TYPE_CHECKING:
    from types_boto3_secretsmanager.client import SecretsManagerClient

log = logging.getLogger(__name__)

CACHE_SECONDS = 300.0
REREAD_SECONDS = 15.0
"""How often at most a signature that matches nothing makes us look for a new secret: strangers can make those."""

STALE_SECONDS = 3600.0
"""How long the phone is answered with what was read last while Secrets Manager cannot be read."""

RETRY_SECONDS = 30.0


class SecretsError(ServiceError):
    """The secret cannot be read or is not of the form above. Never contains the secret."""


def _usable(secret: str) -> str:
    signatures.key(secret)
    return secret


def _one_or_more(secrets: tuple[str, ...]) -> tuple[str, ...]:
    if not secrets:
        raise ValueError("none")
    return secrets


_WebhookSecrets = Annotated[
    tuple[Annotated[str, AfterValidator(_usable)], ...], Field(max_length=4), AfterValidator(_one_or_more)
]


class Keys(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    # What cannot stand in an HTTP header would be quoted by the error about it.
    api_key: str = Field(pattern=r"^[!-~]+$", repr=False)
    webhook_secrets: _WebhookSecrets = Field(repr=False)


class Secrets:
    """The secret, read when it is first needed and again every five minutes. For any number of threads."""

    def __init__(
        self, client: "SecretsManagerClient", secret_id: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._client = client
        self._secret_id = secret_id
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: Keys | None = None
        self._good_until = 0.0
        self._read_at = 0.0
        self._asked_at = float("-inf")

    def keys(self, refresh: bool = False) -> Keys:
        """The keys; `refresh` reads them anew, for when one was refused."""
        known = self._keys
        if known is not None and not refresh and self._clock() < self._good_until:
            return known
        if not self._lock.acquire(blocking=known is None or refresh):
            assert known is not None
            return known  # somebody else is reading them
        try:
            if self._keys is not known and self._keys is not None:
                return self._keys  # somebody else has just read them
            return self._renew()
        finally:
            self._lock.release()

    def reread(self) -> Keys | None:
        """The keys if they have changed: for a signature that matches none of those known.

        A new webhook secret so works at once. Whoever asks, it is looked for every `REREAD_SECONDS` at most.
        """
        known = self._keys
        if self._clock() - self._asked_at < REREAD_SECONDS:
            return None
        found = self.keys(refresh=True)
        return found if found != known else None

    def _renew(self) -> Keys:
        now = self._asked_at = self._clock()
        try:
            found = self._read()
        except SecretsError as error:
            if self._keys is None or now - self._read_at > STALE_SECONDS:
                raise
            log.error("secret.not_reread", extra={"detail": str(error)})
            self._good_until = now + RETRY_SECONDS
            return self._keys
        self._keys, self._read_at, self._good_until = found, now, now + CACHE_SECONDS
        return found

    def _read(self) -> Keys:
        try:
            text = self._client.get_secret_value(SecretId=self._secret_id)["SecretString"]
        except Exception as error:  # a KeyError is a secret kept as bytes
            raise SecretsError(f"secret {self._secret_id}: cannot be read: {type(error).__name__}") from None
        try:
            return Keys.model_validate_json(text)
        except ValidationError as error:
            wrong = ", ".join(sorted({".".join(map(str, p["loc"])) or "not JSON" for p in error.errors()}))
            raise SecretsError(f"secret {self._secret_id}: missing or wrong: {wrong}") from None
