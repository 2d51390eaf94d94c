"""OpenAI's Responses API, asked for an object of a given JSON schema. With timeouts and retries of our own.

What can come back (API reference, "Responses"; the guide "Structured model outputs"): an answer; a refusal in its
place; a response that is `incomplete`, with half an object; one that is `failed`, with the status 200; 429 and 5xx,
which say in `retry-after` or in words when to ask again.
"""

import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from ringside.errors import ServiceError
from ringside.openai.error_details import code_of, retry_after

log = logging.getLogger(__name__)

MAX_OUTPUT_TOKENS = 16_000
"""Reasoning included, which is paid for only as far as it is used."""

ATTEMPT_SECONDS = 90.0
PAUSE = 2.0
"""Seconds before the second attempt, if the answer does not say; before each further one twice as many."""

ATTEMPTS = 4
BUSY_CODES = ("rate_limit_exceeded", "server_error")


class TextModelUnavailable(ServiceError):
    """No answer now; later there may be one. The text is fit for the record: a status or a code.

    `pause`: seconds until OpenAI wants to be asked again, if it says so. `key_refused`: another key may be taken.
    """

    def __init__(self, why: str, pause: float | None = None, key_refused: bool = False) -> None:
        super().__init__(why)
        self.pause = pause
        self.key_refused = key_refused


class TextModelRefused(ServiceError):
    """There will be no answer to this question. The text says why, and quotes nothing."""


@dataclass(frozen=True)
class TextTokens:
    """Tokens that were used; `cached` are among `read`."""

    read: int = 0
    cached: int = 0
    written: int = 0

    def __add__(self, other: "TextTokens") -> "TextTokens":
        return TextTokens(self.read + other.read, self.cached + other.cached, self.written + other.written)


@dataclass(frozen=True)
class TextAnswer:
    content: Mapping[str, Any]
    tokens: TextTokens


class TextModel:
    """Blocking. `api_key(refresh)` returns the key."""

    def __init__(
        self,
        base_url: str,
        api_key: Callable[[bool], str],
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
        attempt_seconds: float = ATTEMPT_SECONDS,
    ) -> None:
        self._url = f"{base_url.rstrip('/')}/responses"
        self._api_key = api_key
        self._sleep = sleep
        self._monotonic = monotonic
        self._attempt_seconds = attempt_seconds
        # A connection that was idle for longer may be dead without our knowing: Lambda freezes between calls.
        limits = httpx.Limits(max_connections=10, keepalive_expiry=5.0)
        self._client = httpx.Client(limits=limits, follow_redirects=False)

    def close(self) -> None:
        self._client.close()

    def ask(
        self, model: str, instructions: str, text: str, name: str, schema: Mapping[str, Any], before: float
    ) -> TextAnswer:
        """The model's answer, an object of this schema as far as the model keeps to it. `before` (monotonic seconds)
        bounds all attempts. Raises `TextModelUnavailable` or `TextModelRefused`."""
        body = {
            "model": model,
            "instructions": instructions,
            "input": [{"role": "user", "content": text}],
            "text": {"format": {"type": "json_schema", "name": name, "schema": schema, "strict": True}},
            "max_output_tokens": MAX_OUTPUT_TOKENS,
            "store": False,
        }
        refresh = False
        for number in range(1, ATTEMPTS + 1):
            try:
                return self._attempt(body, before, refresh)
            except TextModelUnavailable as busy:
                if busy.key_refused and not refresh:
                    refresh = True  # it may have been rotated since it was read
                    continue
                pause = busy.pause if busy.pause is not None else PAUSE * 2 ** (number - 1)
                if busy.key_refused or number == ATTEMPTS or self._monotonic() + pause + 1 > before:
                    raise
                self._sleep(pause)
        raise TextModelUnavailable("no answer")

    def _attempt(self, body: Mapping[str, Any], before: float, refresh: bool) -> TextAnswer:
        left = max(1.0, min(self._attempt_seconds, before - self._monotonic()))
        timeout = httpx.Timeout(left, connect=min(5.0, left))
        headers = {"Authorization": f"Bearer {self._api_key(refresh)}"}
        try:
            response = self._client.post(self._url, headers=headers, json=body, timeout=timeout)
        except httpx.TimeoutException:
            raise TextModelUnavailable(f"no answer within {left:g} s") from None
        except httpx.HTTPError as error:
            raise TextModelUnavailable(type(error).__name__) from None
        try:
            found = response.json()
        except (ValueError, RecursionError):
            found = None
        status, told = response.status_code, _error_of(found)
        code = code_of(told)
        log.info(
            "openai.analysed",
            extra={"status": status, "detail": code, "request_id": response.headers.get("x-request-id")},
        )
        if status == 401:
            raise TextModelUnavailable("HTTP 401: OpenAI refuses the API key", key_refused=True)
        if status in (408, 409, 429) or status >= 500:
            raise TextModelUnavailable(_named(status, code), _pause(response, told))
        if status != 200 or not isinstance(found, dict):
            raise TextModelRefused(_named(status, code))
        return _read(found)


def _named(status: int, code: str | None) -> str:
    return f"HTTP {status}: {code}" if code else f"HTTP {status}"


def _error_of(body: Any) -> Mapping[str, Any]:
    error = body.get("error") if isinstance(body, dict) else None
    return error if isinstance(error, dict) else {}


def _pause(response: httpx.Response, error: Mapping[str, Any]) -> float | None:
    """Seconds until OpenAI wants to be asked again; None if it does not say."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(response.headers[name]) * unit
        except (KeyError, ValueError):
            continue
        if 0 <= seconds < 1e6:
            return seconds
    return retry_after(error)


def tokens_of(usage: Mapping[str, Any]) -> TextTokens:
    """A response's `usage`. Raises `TypeError`, `AttributeError` or `ValueError` for what is none."""
    cached = int((usage.get("input_tokens_details") or {}).get("cached_tokens") or 0)
    return TextTokens(int(usage.get("input_tokens") or 0), cached, int(usage.get("output_tokens") or 0))


def _read(body: Mapping[str, Any]) -> TextAnswer:
    """The object in a response with the status 200."""
    status, code = body.get("status"), code_of(_error_of(body))
    if status == "failed":
        if code in BUSY_CODES:
            raise TextModelUnavailable(f"failed: {code}", retry_after(_error_of(body)))
        raise TextModelRefused(f"failed: {code or 'no reason given'}")
    try:
        parts = [part for item in body["output"] if item.get("type") == "message" for part in item["content"]]
        kinds = {part.get("type") for part in parts}
        text = "".join(str(part.get("text") or "") for part in parts)
        tokens = tokens_of(body.get("usage") or {})
    except (TypeError, KeyError, AttributeError, ValueError):
        raise TextModelRefused("an answer that cannot be read") from None
    if "refusal" in kinds:
        raise TextModelRefused("the model refused")
    if status != "completed":
        details = body.get("incomplete_details")
        why = code_of({"code": details.get("reason")}) if isinstance(details, dict) else None
        raise TextModelRefused(": ".join(filter(None, (code_of({"code": status}) or "no status", why))))
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        raise TextModelRefused("an answer that is not JSON") from None
    if not isinstance(content, dict):
        raise TextModelRefused("an answer that is not an object")
    return TextAnswer(content, tokens)
