"""Secrets Manager: OpenAI's key, and apart from it the webhook's signing secrets, as two JSON secrets.

{"api_key": "sk-…"}                     for whoever asks OpenAI
{"webhook_secrets": ["whsec_…"],        for the webhook, and the canary that knocks there; two while one is rotated
 "mcp_credentials": {"crm": "…"}}       what MCP servers want to see, by the names that agent files use

The monitor runs its users' code and reads the first alone, so nothing there can sign a webhook. Stacks that were set up
before there were two have both in the first, where they count until `ringside setup` moves them.
"""

import json
import logging
import re
import threading
import time
from collections.abc import Callable, Collection
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from ringside import signatures
from ringside.errors import ServiceError

if TYPE_CHECKING:
    from types_boto3_secretsmanager.client import SecretsManagerClient

log = logging.getLogger(__name__)

_SIGNING = "webhook_secrets"
_CREDENTIALS = "mcp_credentials"

CACHE_SECONDS = 300.0
REREAD_SECONDS = 15.0
"""How often at most a signature that matches nothing makes us look for a new secret: strangers can make those."""

STALE_SECONDS = 3600.0
"""How long the phone is answered with what was read last while Secrets Manager cannot be read."""

RETRY_SECONDS = 30.0


class SecretsError(ServiceError):
    """The secret cannot be read or is not of the form above. Never contains the secret."""


def wrong_with_api_key(key: object) -> str:
    """What is wrong with an API key, without a word of it; empty if nothing is. The one rule for what is stored."""
    if not isinstance(key, str) or not key.strip():
        return "is missing"
    if not re.fullmatch(r"[!-~]+", key):  # what cannot stand in an HTTP header would be quoted by the error about it
        return "has spaces or other invalid characters in it"
    return "is a webhook's signing secret" if key.startswith("whsec_") else ""


def _usable_key(key: str) -> str:
    if wrong := wrong_with_api_key(key):
        raise ValueError(wrong)
    return key


def _usable(secret: str) -> str:
    if wrong := signatures.wrong_with(secret):
        raise ValueError(wrong)
    return secret


def _one_or_more(secrets: tuple[str, ...]) -> tuple[str, ...]:
    if not secrets:
        raise ValueError("none")
    return secrets


def wrong_with_credential(value: object) -> str:
    """What is wrong with an MCP server's credential, without a word of it; empty if nothing is."""
    if not isinstance(value, str) or not value.strip():
        return "is missing"
    return "" if re.fullmatch(r"[!-~]([ -~]*[!-~])?", value) else "has characters that a header cannot have"


def _usable_credentials(value: object) -> object:
    """Those that can be sent. One that cannot costs its server, and not the call."""
    found = value.items() if isinstance(value, dict) else ()
    return {str(name): text for name, text in found if not wrong_with_credential(text)}


_WebhookSecrets = Annotated[
    tuple[Annotated[str, AfterValidator(_usable)], ...], Field(max_length=4), AfterValidator(_one_or_more)
]


class Keys(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    api_key: Annotated[str, AfterValidator(_usable_key)] = Field(repr=False)
    webhook_secrets: _WebhookSecrets = Field(default=(), repr=False)  # none: for those who verify nothing
    mcp_credentials: Annotated[dict[str, str], BeforeValidator(_usable_credentials)] = Field(default={}, repr=False)


class Secrets:
    """What is read of the secrets, when it is first needed and again every five minutes. For any number of threads."""

    def __init__(
        self,
        client: "SecretsManagerClient",
        secret_id: str,
        webhook_secret_id: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`webhook_secret_id`: empty for those who verify nothing, and read no signing secret; it may be the same."""
        self._client = client
        self._secret_id = secret_id
        self._webhook_secret_id = webhook_secret_id
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
        must_read = known is None or refresh
        if not self._lock.acquire(blocking=must_read) and known is not None:
            return known  # another thread is reading them
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

    def mcp_credentials(self, names: Collection[str]) -> dict[str, str]:
        """Those of these credentials that are stored, by name. One that is missing is looked for as `reread` does."""
        known = self.keys().mcp_credentials
        if not known.keys() >= set(names) and (changed := self.reread()):
            known = changed.mcp_credentials
        return {name: known[name] for name in names if name in known}

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
        key = self._content(self._secret_id)
        content = {"api_key": key.get("api_key")}
        if apart := self._webhook_secret_id:
            own = key if apart == self._secret_id else self._content(apart)
            content |= {_SIGNING: own.get(_SIGNING) or key.get(_SIGNING) or (), _CREDENTIALS: own.get(_CREDENTIALS)}
        try:
            return Keys.model_validate(content)
        except ValidationError as error:
            wrong = sorted({".".join(map(str, problem["loc"])) for problem in error.errors()})
        by_secret = groupby(wrong, lambda name: self._secret_id if name == "api_key" or not apart else apart)
        told = (f"secret {secret_id}: missing or wrong: {', '.join(names)}" for secret_id, names in by_secret)
        raise SecretsError("; ".join(told))

    def _content(self, secret_id: str) -> dict[str, Any]:
        try:
            text = self._client.get_secret_value(SecretId=secret_id)["SecretString"]
        except Exception as error:  # a KeyError is a secret kept as bytes
            raise SecretsError(f"secret {secret_id}: cannot be read: {type(error).__name__}") from None
        try:
            content = json.loads(text)
        except ValueError:
            content = None
        if not isinstance(content, dict):
            raise SecretsError(f"secret {secret_id}: missing or wrong: not JSON")
        return content
