"""Who sent this webhook: the Standard Webhooks signature over the raw body, and nothing else. Pure.

`standardwebhooks` makes the signatures that a delivery's are compared with. Its `verify` is not called, because it

- wants text, and what is signed may hold a carrier's bytes that are none: the call is not lost for a name in Latin-1;
- has a clock of its own and takes 300.4 s for too old, where OpenAI's package counts whole seconds;
- gives up on the whole header when one entry is malformed, even if another is good;
- raises five kinds of exceptions for what is one answer to a stranger;
- reads a secret without `whsec_` as base64, where OpenAI's package takes the text itself as the key.

Tests compare the outcome with OpenAI's package and with the library's own `verify`.
"""

import base64
import binascii
import hmac
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from standardwebhooks.webhooks import hmac_data

from ringside.errors import RequestError

HEADER_LIMIT = 4096  # characters; two signatures have about 100
TOLERANCE = 300  # seconds, both ways and inclusive, as in OpenAI's package
SHORTEST_KEY = 16  # bytes; OpenAI's have 32, and an empty one would let everybody in

_SECONDS = re.compile(r"[1-9][0-9]{0,11}")  # as the library writes them into what it signs
_SIGNATURES = re.compile(r"(?<![^ ,])(?=(v1,[^ ,]+))")
"""The entries of version 1. Spaces separate them (Standard Webhooks, "Signature scheme"), and a comma where API
Gateway joined two headers of this name; neither occurs in base64. Looks ahead, so that in `v1,v1,<base64>` the first
`v1` does not swallow the second."""


class UnverifiedRequest(RequestError):
    """Not signed by OpenAI with one of our secrets within the last 300 s. Says nothing about why."""


@dataclass(frozen=True)
class SignedRequest:
    """All that a signature needs, made within the tolerance. Whether a secret of ours made it is open."""

    webhook_id: str
    timestamp: int  # Unix seconds
    body: bytes
    signatures: tuple[bytes, ...]  # `v1,<base64>`

    def is_signed_by(self, secrets: Iterable[str]) -> bool:
        """Whether one of the secrets made one of the signatures. Raises `ValueError` for an unusable secret."""
        for secret in secrets:
            expected = sign(secret, self.webhook_id, self.timestamp, self.body).encode()
            if any(hmac.compare_digest(expected, given) for given in self.signatures):
                return True
        return False


def signed_request(headers: Mapping[str, object], body: bytes, now: float) -> SignedRequest:
    """Read what can be read without a secret.

    `headers` in any case; `now` in Unix seconds. Raises `UnverifiedRequest` for what OpenAI cannot have signed just
    now.
    """
    lowered = {str(name).lower(): value for name, value in headers.items()}
    webhook_id, timestamp, given = (lowered.get(f"webhook-{name}") for name in ("id", "timestamp", "signature"))
    if not (isinstance(webhook_id, str) and isinstance(timestamp, str) and isinstance(given, str)):
        raise UnverifiedRequest
    if not 0 < len(webhook_id) <= HEADER_LIMIT or len(given) > HEADER_LIMIT:
        raise UnverifiedRequest
    if not _SECONDS.fullmatch(timestamp) or abs(int(now) - int(timestamp)) > TOLERANCE:
        raise UnverifiedRequest
    try:
        webhook_id.encode()  # half a surrogate pair cannot be signed
        signatures = tuple(entry.encode() for entry in _SIGNATURES.findall(given))
        return SignedRequest(webhook_id, int(timestamp), body, signatures)
    except UnicodeError:
        raise UnverifiedRequest from None


def verify(headers: Mapping[str, object], body: bytes, secrets: Iterable[str], now: float | None = None) -> str:
    """Check the signature and return the webhook id; raise `UnverifiedRequest` for everything else.

    `headers` in any case; `secrets` as OpenAI shows them (`whsec_…`), two during a rotation.
    """
    request = signed_request(headers, body, time.time() if now is None else now)
    if not request.is_signed_by(secrets):
        raise UnverifiedRequest
    return request.webhook_id


def sign(secret: str, webhook_id: str, timestamp: int, body: bytes) -> str:
    """The entry of `webhook-signature` that this secret makes: `v1,<base64>`. `timestamp` in Unix seconds."""
    content = f"{webhook_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac_data(key(secret), content)).decode()


def wrong_with(secret: object) -> str:
    """What is wrong with a signing secret, without a word of it; empty if nothing is.

    The one rule for what is stored, by whomever: OpenAI shows `whsec_` and base64. (Its package also takes any other
    text for a key, so that whatever was pasted would be stored and sign nothing.)
    """
    if not isinstance(secret, str):
        return "is not a string"
    if not secret.startswith("whsec_"):
        return "does not begin with whsec_"
    if not secret.removeprefix("whsec_"):
        return "is empty after whsec_"
    try:
        key(secret)
    except ValueError as error:
        short = f"shorter than {SHORTEST_KEY} bytes"
        return f"is {short} after whsec_" if short in str(error) else "is not base64 after whsec_"
    return ""


def key(secret: str) -> bytes:
    """The key in a secret: base64 after `whsec_`, or else the text itself, as OpenAI's package has it.

    Raises `ValueError`, which does not quote the secret.
    """
    text = secret.removeprefix("whsec_")
    try:
        found = text.encode() if text == secret else base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("not whsec_ and base64") from None
    if len(found) < SHORTEST_KEY:
        raise ValueError(f"shorter than {SHORTEST_KEY} bytes")
    return found
