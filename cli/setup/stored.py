"""The stack's secrets: OpenAI's key, and the webhook's signing secrets apart from it."""

import json
from dataclasses import dataclass
from typing import Any

from cli.cloud import Cloud
from cli.errors import CliError

SIGNING = ("webhook_secrets", "rotated_at")
"""What belongs to the webhook's own secret. A stack that was set up before there was one has it beside the key."""


@dataclass
class Stored:
    """Their contents. `write` and `write_signing` change them in Secrets Manager, too."""

    where: Cloud
    content: dict[str, Any]
    signing: dict[str, Any]

    @classmethod
    def read(cls, where: Cloud) -> "Stored":
        secret_id = where.variables.get("RINGSIDE_SECRET_ID")
        if not secret_id:
            raise CliError("no secret: name a stack with --stack, or set RINGSIDE_SECRET_ID")
        content = _read(where, secret_id)
        apart = webhook_secret_id(where)
        return cls(where, content, content if apart == secret_id else _read(where, apart))

    @property
    def api_key(self) -> str:
        return str(self.content.get("api_key") or "")

    @property
    def webhook_secrets(self) -> list[str]:
        """As the webhook has them: its own, or else those that are still beside the key."""
        return list(self.signing.get("webhook_secrets") or self.content.get("webhook_secrets") or [])

    @property
    def rotated_at(self) -> float:
        found = self.signing if self.signing.get("webhook_secrets") else self.content
        return float(found.get("rotated_at") or 0)

    def write(self, **changes: Any) -> None:
        """Write the key's secret; whatever else it holds stays."""
        self.content |= changes
        self._put(self.where.variables["RINGSIDE_SECRET_ID"], self.content)

    def write_signing(self, **changes: Any) -> None:
        """Write the webhook's secret; whatever else it holds stays."""
        self.signing |= changes
        self._put(webhook_secret_id(self.where), self.signing)

    def move_signing(self) -> bool:
        """Give the webhook a secret of its own, which no monitor reads. False if it is there already.

        What verifies is in one of the two at each moment, so no webhook is refused.
        """
        if self.signing is self.content or not any(self.content.get(name) for name in SIGNING):
            return False
        if not self.signing.get("webhook_secrets"):
            self.write_signing(**{name: self.content[name] for name in SIGNING if name in self.content})
        self.content = {name: value for name, value in self.content.items() if name not in SIGNING}
        self.write()
        return True

    def _put(self, secret_id: str, content: dict[str, Any]) -> None:
        self.where.secrets.put_secret_value(SecretId=secret_id, SecretString=json.dumps(content))


def webhook_secret_id(where: Cloud) -> str:
    """The ID of the webhook's own secret. A stack from before there were two has one secret for everything."""
    return where.variables.get("RINGSIDE_WEBHOOK_SECRET_ID") or where.variables["RINGSIDE_SECRET_ID"]


def _read(where: Cloud, secret_id: str) -> dict[str, Any]:
    text = where.secrets.get_secret_value(SecretId=secret_id).get("SecretString") or "{}"
    try:
        content = json.loads(text)
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise CliError(f"the secret {secret_id} is not a JSON object; fix or empty it first")
    return content
