"""The secret: the API key and the webhook's signing secrets. None of it is ever shown."""

import base64
import binascii
import json
import re
from dataclasses import dataclass

from cli.cloud import Cloud
from cli.doctor.finding import Finding, Findings, State


@dataclass
class Keys:
    """What the secret holds, for the checks that need it. Never shown."""

    api_key: str = ""


def check_secret(where: Cloud, keys: Keys) -> Findings:
    secret_id = where.variables.get("RINGSIDE_SECRET_ID")
    if not secret_id:
        return
    put = 'store {"api_key": "sk-...", "webhook_secrets": ["whsec_..."]} in it, or run `ringside setup`'
    client = where.secrets
    try:
        text = client.get_secret_value(SecretId=secret_id).get("SecretString", "")
    except client.exceptions.ResourceNotFoundException:
        yield Finding("secret", State.WRONG, f"there is no secret {secret_id}, or it is empty", put)
        return
    try:
        secret = json.loads(text)
    except ValueError:
        secret = None
    if not isinstance(secret, dict):
        yield Finding("secret", State.WRONG, "not a JSON object", put)
        return
    api_key = secret.get("api_key")
    if not isinstance(api_key, str) or not api_key.strip():
        yield Finding("secret", State.WRONG, "api_key is missing", put)
    elif not re.fullmatch(r"[!-~]+", api_key):
        yield Finding("secret", State.WRONG, "api_key has spaces or other invalid characters in it", put)
    else:
        keys.api_key = api_key
        yield Finding("secret", State.OK, "api_key is set")
    yield from _check_webhook_secrets(secret.get("webhook_secrets"), put)


def _check_webhook_secrets(given: object, put: str) -> Findings:
    if not isinstance(given, list) or not given:
        yield Finding("secret", State.WRONG, "webhook_secrets is missing: every webhook will be refused", put)
        return
    if len(given) > 2:
        yield Finding("secret", State.WARNING, f"{len(given)} webhook_secrets", "keep one, or two during a rotation")
    for index, entry in enumerate(given, start=1):
        wrong = _wrong_with(entry)
        if wrong:
            todo = "copy the whole signing secret from OpenAI's webhook settings"
            yield Finding("secret", State.WRONG, f"webhook secret {index}: {wrong}", todo)
        else:
            yield Finding("secret", State.OK, f"webhook secret {index} is well-formed")


def _wrong_with(entry: object) -> str:
    """What is wrong with a signing secret, without a word of it (Standard Webhooks: `whsec_` and base64)."""
    if not isinstance(entry, str):
        return "not a string"
    if not entry.startswith("whsec_"):
        return "does not begin with whsec_"
    try:
        key = base64.b64decode(entry.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        return "not base64 after whsec_"
    return "" if key else "empty after whsec_"
