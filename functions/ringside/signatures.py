"""Who sent this webhook: the Standard Webhooks signature over the raw bytes, and nothing else. Pure.

Written out rather than left to a library: `standardwebhooks` wants the body as text, raises whatever Python
raises on malformed headers, refuses a header for one bad entry among good ones, and has a clock of its own.
A test compares both, and OpenAI's own package.
"""

import base64
import binascii
import hashlib
import hmac
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

BODY_LIMIT = 256 * 1024  # bytes; an event with its SIP headers has a few thousand
HEADER_LIMIT = 4096  # characters; two signatures have about 100
TOLERANCE = 300  # seconds, both ways and inclusive, as in OpenAI's package
SHORTEST_KEY = 16  # bytes; OpenAI's have 32, and an empty one would let everybody in

_SECONDS = re.compile(r"[0-9]{1,12}")


class InvalidSignature(Exception):
    """Not signed by OpenAI with a secret of ours within the last 300 s. Says nothing about why."""


@dataclass(frozen=True)
class Claim:
    """A delivery that could be signed: its headers are whole and its time is now. Who signed it is open."""

    webhook_id: str
    signed: bytes
    signatures: tuple[bytes, ...]

    def is_signed_by(self, secrets: Iterable[str]) -> bool:
        """Whether one of the secrets made one of the signatures."""
        for secret in secrets:
            digest = hmac.digest(key(secret), self.signed, hashlib.sha256)
            expected = base64.b64encode(digest)
            if any(hmac.compare_digest(expected, given) for given in self.signatures):
                return True
        return False


def claim(headers: Mapping[str, object], body: bytes, now: float) -> Claim:
    """Read what can be read without a secret; raise `InvalidSignature` for what nobody can have signed just now.

    `headers` in any case.
    """
    lowered = {str(name).lower(): value for name, value in headers.items()}
    webhook_id, timestamp, given = (lowered.get(f"webhook-{name}") for name in ("id", "timestamp", "signature"))
    if not (isinstance(webhook_id, str) and isinstance(timestamp, str) and isinstance(given, str)):
        raise InvalidSignature
    if len(body) > BODY_LIMIT or not 0 < len(webhook_id) <= HEADER_LIMIT or len(given) > HEADER_LIMIT:
        raise InvalidSignature
    if not _SECONDS.fullmatch(timestamp) or abs(int(now) - int(timestamp)) > TOLERANCE:
        raise InvalidSignature
    try:
        signed = f"{webhook_id}.{timestamp}.".encode() + body
        # "v1,<base64>", several with spaces between them; other versions are none of ours.
        signatures = tuple(entry[3:].encode() for entry in given.split(" ") if entry.startswith("v1,"))
    except UnicodeEncodeError:
        raise InvalidSignature from None
    return Claim(webhook_id, signed, signatures)


def verify(headers: Mapping[str, object], body: bytes, secrets: Iterable[str], now: float | None = None) -> str:
    """Check the signature and return the webhook id; raise `InvalidSignature` for everything else.

    `headers` in any case; `secrets` as OpenAI shows them (`whsec_…`), two during a rotation.
    """
    claimed = claim(headers, body, time.time() if now is None else now)
    if not claimed.is_signed_by(secrets):
        raise InvalidSignature
    return claimed.webhook_id


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
