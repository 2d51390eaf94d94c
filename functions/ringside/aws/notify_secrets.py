"""Secrets Manager: with what messages to receivers are signed, beside the webhook's own signing secrets.

{"notify_secrets": {"crm": ["whsec_…"]}}      by receiver; two while one is rotated

The monitor, which runs its users' code, cannot read them, and whoever signs messages reads no key of OpenAI's.
"""

import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from ringside import signatures
from ringside.aws.secrets import CACHE_SECONDS, REREAD_SECONDS, SecretsError

if TYPE_CHECKING:
    from types_boto3_secretsmanager.client import SecretsManagerClient


class NotifySecrets:
    """Read when they are first needed, again every five minutes, and soon where one is missing."""

    def __init__(
        self, client: "SecretsManagerClient", secret_id: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._client = client
        self._secret_id = secret_id
        self._clock = clock
        self._known: dict[str, tuple[str, ...]] = {}
        self._read_at = float("-inf")

    def of(self, receiver: str) -> tuple[str, ...]:
        """A receiver's secrets, the newest first; none if none is stored. Raises `SecretsError`."""
        age = self._clock() - self._read_at
        if age > CACHE_SECONDS or (receiver not in self._known and age > REREAD_SECONDS):
            self._known, self._read_at = self._read(), self._clock()
        return self._known.get(receiver, ())

    def _read(self) -> dict[str, tuple[str, ...]]:
        try:
            content = json.loads(self._client.get_secret_value(SecretId=self._secret_id)["SecretString"])
            found = dict(content.get("notify_secrets") or {})
        except Exception as error:  # a KeyError is a secret kept as bytes
            raise SecretsError(f"secret {self._secret_id}: cannot be read: {type(error).__name__}") from None
        return {
            str(name): tuple(secret for secret in secrets if not signatures.wrong_with(secret))
            for name, secrets in found.items()
            if isinstance(secrets, list)
        }
