"""The secrets: the API key and the webhook's signing secrets. None of it is ever shown."""

import json
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from cli.cloud import Cloud
from cli.doctor.finding import Finding, Findings, State
from cli.setup.stored import webhook_secret_id
from ringside.aws.secrets import wrong_with_api_key
from ringside.signatures import wrong_with

PUT_KEY = 'store {"api_key": "sk-..."} in it, or run `ringside setup`'
PUT_SIGNING = 'store {"webhook_secrets": ["whsec_..."]} in it, or run `ringside setup`'


@dataclass
class Keys:
    """What the secrets hold, for the checks that need it. Never shown."""

    api_key: str = ""


def check_secret(where: Cloud, keys: Keys) -> Findings:
    secret_id = where.variables.get("RINGSIDE_SECRET_ID")
    if not secret_id:
        return
    content = yield from _content(where, secret_id, PUT_KEY)
    if content is not None:
        api_key = content.get("api_key")
        if wrong := wrong_with_api_key(api_key):
            yield Finding("secret", State.WRONG, f"api_key {wrong}", PUT_KEY)
        else:
            keys.api_key = str(api_key)
            yield Finding("secret", State.OK, "api_key is set")
    apart, former = webhook_secret_id(where), (content or {}).get("webhook_secrets")
    if apart == secret_id:
        if content is not None:
            yield from _check_webhook_secrets(former)
        return
    signing = yield from _content(where, apart, PUT_SIGNING)
    if signing is not None:
        yield from _check_webhook_secrets(signing.get("webhook_secrets") or former)
    if former:
        told = "the signing secrets are also in the API key's secret, which the monitors can read"
        yield Finding("secret", State.WARNING, told, "run `ringside setup`, which moves them")


def _content(where: Cloud, secret_id: str, put: str) -> Generator[Finding, None, dict[str, Any] | None]:
    """What a secret holds, or what is wrong with it."""
    client = where.secrets
    try:
        text = client.get_secret_value(SecretId=secret_id).get("SecretString", "")
    except client.exceptions.ResourceNotFoundException:
        yield Finding("secret", State.WRONG, f"there is no secret {secret_id}, or it is empty", put)
        return None
    try:
        content = json.loads(text)
    except ValueError:
        content = None
    if isinstance(content, dict):
        return content
    yield Finding("secret", State.WRONG, "not a JSON object", put)
    return None


def _check_webhook_secrets(given: object) -> Findings:
    if not isinstance(given, list) or not given:
        told = "webhook_secrets is missing: every webhook will be refused"
        yield Finding("secret", State.WRONG, told, PUT_SIGNING)
        return
    if len(given) > 2:
        yield Finding("secret", State.WARNING, f"{len(given)} webhook_secrets", "keep one, or two during a rotation")
    for index, entry in enumerate(given, start=1):
        if wrong := wrong_with(entry):
            todo = "copy the whole signing secret from OpenAI's webhook settings"
            yield Finding("secret", State.WRONG, f"webhook secret {index} {wrong}", todo)
        else:
            yield Finding("secret", State.OK, f"webhook secret {index} is well-formed")
