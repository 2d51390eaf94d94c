"""Secrets Manager: what messages to receivers are signed with, in a secret of its own.

{"crm": ["whsec_…"]}      by receiver; two while one is rotated

The monitor, which runs its users' code, cannot read it. Whoever signs messages reads neither OpenAI's key nor what
signs a webhook.
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
        """`secret_id`: empty where no receivers are notified; then there are no secrets."""
        self._client = client
        self._secret_id = secret_id
        self._clock = clock
        self._known: dict[str, tuple[str, ...]] = {}
        self._read_at = float("-inf")

    def of(self, receiver: str) -> tuple[str, ...]:
        """A receiver's secrets, the newest first; none if none is stored. Raises `SecretsError`."""
        if not self._secret_id:
            return ()
        age = self._clock() - self._read_at
        if age > CACHE_SECONDS or (receiver not in self._known and age > REREAD_SECONDS):
            self._known, self._read_at = self._read(), self._clock()
        return self._known.get(receiver, ())

    def _read(self) -> dict[str, tuple[str, ...]]:
        try:
            return usable(self._client.get_secret_value(SecretId=self._secret_id)["SecretString"])
        except Exception as error:  # a KeyError is a secret kept as bytes
            raise SecretsError(f"secret {self._secret_id}: cannot be read: {type(error).__name__}") from None


def usable(content: str) -> dict[str, tuple[str, ...]]:
    """The secrets that can sign, by receiver, out of what the secret holds. Raises `ValueError` or `TypeError`."""
    return {
        str(name): tuple(secret for secret in secrets if not signatures.wrong_with(secret))
        for name, secrets in dict(json.loads(content)).items()
        if isinstance(secrets, list)
    }
