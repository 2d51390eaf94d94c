"""A text model that answers in JSON: OpenAI's Responses API, asked with a schema.

Temporary errors (429, 5xx, no answer) are tried again; what remains is a `TextModelError`, which says nothing about the
agent that is tested.
"""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

import httpx

from ringside.openai.text_model import TextTokens, tokens_of

MODEL = "gpt-5.6-luna"
"""One with a price (prices.yaml), and not the agent's own: a model is lenient with itself."""

ATTEMPTS = 3
SECONDS = 60.0
"""For one answer."""

MAX_OUTPUT_TOKENS = 4_000

Json = dict[str, Any]


class TextModelError(Exception):
    """The model did not answer, refused, or answered something else than was asked for."""


@dataclass
class TextModel:
    """`tokens` counts what was used."""

    base_url: str
    api_key: str
    model: str = MODEL
    pause: float = 1.0
    """Seconds before the second attempt; before each further one twice as many."""
    seconds: float = SECONDS
    tokens: TextTokens = field(default_factory=TextTokens)

    async def ask(self, instructions: str, text: str, name: str, schema: Json) -> Json:
        """The answer as an object of this schema. Raises `TextModelError`."""
        asked = {
            "model": self.model,
            "instructions": instructions,
            "input": [{"role": "user", "content": text}],
            "text": {"format": {"type": "json_schema", "name": name, "schema": schema, "strict": True}},
            "max_output_tokens": MAX_OUTPUT_TOKENS,
            "store": False,
        }
        why = "no answer"
        for attempt in range(ATTEMPTS):
            if attempt:
                await asyncio.sleep(self.pause * 2 ** (attempt - 1))
            try:
                async with httpx.AsyncClient(timeout=self.seconds) as client:
                    headers = {"Authorization": f"Bearer {self.api_key}"}
                    response = await client.post(f"{self.base_url}/responses", json=asked, headers=headers)
            except httpx.TimeoutException:
                why = f"no answer within {self.seconds:g} s"
                continue
            except httpx.HTTPError as error:
                why = type(error).__name__
                continue
            if response.status_code == 429 or response.status_code >= 500:
                why = f"HTTP {response.status_code}"
                continue
            if response.status_code != 200:
                raise TextModelError(f"{self.model}: HTTP {response.status_code}: {_message(response)}")
            try:
                return self._read(response)
            except _Malformed as malformed:
                why = str(malformed)
        raise TextModelError(f"{self.model}: {why}")

    def _read(self, response: httpx.Response) -> Json:
        try:
            body = response.json()
            usage = body.get("usage") or {}
            self.tokens += tokens_of(usage)
            parts = [part for item in body["output"] if item.get("type") == "message" for part in item["content"]]
            status = body.get("status")
        except (ValueError, TypeError, KeyError, AttributeError):
            raise _Malformed("an answer that cannot be read") from None
        if any(part.get("type") == "refusal" for part in parts):
            raise TextModelError(f"{self.model}: it refused")
        if status != "completed":
            raise _Malformed(f"an answer that is {status}")
        try:
            found = json.loads("".join(str(part.get("text") or "") for part in parts))
        except ValueError:
            raise _Malformed("an answer that is not JSON") from None
        if not isinstance(found, dict):
            raise _Malformed("an answer that is not an object")
        return found


class _Malformed(Exception):
    """Asked again, it may do better."""


def _message(response: httpx.Response) -> str:
    try:
        return str(response.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return "no reason given"
