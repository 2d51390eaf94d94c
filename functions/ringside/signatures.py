"""Who sent this webhook: the Standard Webhooks signature over the raw bytes, and nothing else."""

from collections.abc import Mapping, Sequence

from standardwebhooks import Webhook

BODY_LIMIT = 256 * 1024  # bytes; an event with its SIP headers has a few thousand
HEADER_LIMIT = 4096  # characters; two signatures have about 100


class InvalidSignature(Exception):
    """Not signed by OpenAI with a secret of ours within the last 300 s. Says nothing about why."""


def verify(headers: Mapping[str, str], body: bytes, secrets: Sequence[str]) -> str:
    """Check the signature and return the webhook id; raise `InvalidSignature` for everything else.

    `headers` in any case; `secrets` as OpenAI shows them (`whsec_…`), two during a rotation.
    """
    lowered = {name.lower(): value for name, value in headers.items()}
    if len(body) > BODY_LIMIT or len(lowered.get("webhook-signature", "")) > HEADER_LIMIT:
        raise InvalidSignature
    for secret in secrets:
        try:
            Webhook(secret).verify(body, lowered, json_parse=False)
        except Exception:  # noqa: S112
            # Besides its own errors the library lets through what malformed headers, bodies that are
            # not UTF-8 and bad base64 make Python raise. To a stranger they are one and the same.
            continue
        return lowered["webhook-id"]
    raise InvalidSignature
