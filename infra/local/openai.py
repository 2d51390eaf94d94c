"""Which OpenAI the local cloud talks to: the emulator, or the real one."""

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from ringside import signatures

REAL_URL = "https://api.openai.com/v1"


class MissingVariable(Exception):
    """The real OpenAI needs an environment variable that is not set; one line of the message for each."""


def new_webhook_secret() -> str:
    """A secret as Standard Webhooks has them: `whsec_` and base64 of 24 to 64 random bytes."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


@dataclass(frozen=True)
class OpenAI:
    """Credentials, and the base URL if it is not the emulator's."""

    base_url: str | None = None
    api_key: str = "sk-local"
    webhook_secret: str = field(default_factory=new_webhook_secret)

    @property
    def is_real(self) -> bool:
        return self.base_url is not None

    @classmethod
    def real(cls, environ: Mapping[str, str], *, has_tunnel: bool = False) -> "OpenAI":
        """The real one, with the credentials of the environment. With a tunnel of ours the endpoint's secret is new."""
        needed = {
            "OPENAI_API_KEY": "the key of the project that answers the calls",
            "OPENAI_WEBHOOK_SECRET": "the signing secret of its webhook (whsec_...), unless there is a --tunnel",
        }
        if has_tunnel:
            del needed["OPENAI_WEBHOOK_SECRET"]
        missing = [f"{name} is not set: {meaning}" for name, meaning in needed.items() if not environ.get(name)]
        if missing:
            raise MissingVariable("\n".join(missing))
        secret = new_webhook_secret() if has_tunnel else environ["OPENAI_WEBHOOK_SECRET"].strip()
        if wrong := signatures.wrong_with(secret):
            raise MissingVariable(f"OPENAI_WEBHOOK_SECRET is not a signing secret: it {wrong}")
        return cls(environ.get("OPENAI_BASE_URL") or REAL_URL, environ["OPENAI_API_KEY"].strip(), secret)
