"""Signatures as Standard Webhooks has them (facts 1.2)."""

import base64
import binascii
import hashlib
import hmac
import secrets

from infra.emulator.errors import BadInput


def new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def sign(secret: str, webhook_id: str, timestamp: int, body: bytes) -> str:
    """`v1,<base64>` over `{id}.{timestamp}.{body}`; a secret without its prefix is used as it is (facts 1.2)."""
    digest = hmac.new(key_of(secret), f"{webhook_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def key_of(secret: str) -> bytes:
    """The key that a secret stands for; `BadInput` when its base64 is broken."""
    if not secret.startswith("whsec_"):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        raise BadInput("webhook_secret must be whsec_ and base64.") from None
