"""The stack's secret: what the functions and the monitor read."""

import json
from dataclasses import dataclass
from typing import Any

from cli.cloud import Cloud
from cli.errors import CliError


@dataclass
class Stored:
    """Its content. `write` changes it in Secrets Manager, too."""

    where: Cloud
    content: dict[str, Any]

    @classmethod
    def read(cls, where: Cloud) -> "Stored":
        secret_id = where.variables.get("RINGSIDE_SECRET_ID")
        if not secret_id:
            raise CliError("no secret: name a stack with --stack, or set RINGSIDE_SECRET_ID")
        text = where.secrets.get_secret_value(SecretId=secret_id).get("SecretString") or "{}"
        try:
            content = json.loads(text)
        except ValueError:
            content = None
        if not isinstance(content, dict):
            raise CliError(f"the secret {secret_id} is not a JSON object; fix or empty it first")
        return cls(where, content)

    @property
    def api_key(self) -> str:
        return str(self.content.get("api_key") or "")

    @property
    def webhook_secrets(self) -> list[str]:
        return list(self.content.get("webhook_secrets") or [])

    def write(self, **changes: Any) -> None:
        """Write the secret; whatever else it holds stays."""
        self.content |= changes
        secret_id = self.where.variables["RINGSIDE_SECRET_ID"]
        self.where.secrets.put_secret_value(SecretId=secret_id, SecretString=json.dumps(self.content))
