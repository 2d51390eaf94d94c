"""The emulator's Responses endpoint, judged by OpenAI's own package."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI
from openai.types.responses import Response
from pydantic import TypeAdapter

from infra.emulator.app import Emulator
from infra.emulator.settings import Settings

KEY = "sk-test"
SCHEMA = {
    "type": "object",
    "required": ["answer", "line"],
    "additionalProperties": False,
    "properties": {"answer": {"type": "string", "enum": ["yes", "no"]}, "line": {"type": ["integer", "null"]}},
}


@asynccontextmanager
async def client(*answers: dict[str, Any]) -> AsyncIterator[tuple[AsyncOpenAI, Emulator]]:
    settings = Settings.model_validate({"responses": list(answers)})
    async with (
        Emulator(api_key=KEY, settings=settings) as emulator,
        AsyncOpenAI(base_url=emulator.base_url, api_key=KEY, max_retries=0, timeout=1) as made,
    ):
        yield made, emulator


async def ask(made: AsyncOpenAI, said: str = "Hello", **more: Any) -> Response:
    raw = await made.responses.with_raw_response.create(model="gpt-5.4-mini", input=said, **more)
    return TypeAdapter(Response).validate_json(await raw.http_response.aread(), strict=True)


async def test_an_answer_is_what_the_package_knows_with_nothing_left_over() -> None:
    async with client({"answer": "Hello to you."}) as (made, _):
        response = await ask(made, instructions="Be kind.")
    assert (response.output_text, response.status) == ("Hello to you.", "completed")
    assert response.model_extra in ({}, None)
    assert response.usage is not None
    assert response.usage.input_tokens > 0


async def test_the_first_entry_that_fits_answers_as_often_as_it_says() -> None:
    first = {"when": "weather", "answer": {"answer": "yes", "line": 1}, "times": 1}
    async with client(first, {"answer": "other"}) as (made, emulator):
        texts = [(await ask(made, text)).output_text for text in ("the weather?", "the weather?", "else?")]
        assert len(emulator.state.text_requests) == 3
    assert texts == ['{"answer": "yes", "line": 1}', "other", "other"]


async def test_without_an_entry_the_smallest_value_of_the_schema_is_the_answer() -> None:
    shape: Any = {"format": {"type": "json_schema", "name": "verdict", "schema": SCHEMA, "strict": True}}
    async with client() as (made, _):
        response = await ask(made, text=shape)
    assert response.output_text == '{"answer": "yes", "line": 0}'


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"status": 429}, openai.RateLimitError),
        ({"status": 500}, openai.InternalServerError),
        ({"hang": True}, openai.APITimeoutError),
    ],
)
async def test_it_fails_as_it_is_asked_to(fault: dict[str, Any], error: type[Exception]) -> None:
    async with client(fault) as (made, _):
        with pytest.raises(error):
            await ask(made)


async def test_it_can_fail_behind_a_200_and_say_when_to_ask_again() -> None:
    busy = {"status": 429, "retry_after": 1.5, "times": 1}
    cut = {"incomplete": "content_filter", "times": 1}
    async with client(busy, cut, {"failed": "rate_limit_exceeded"}) as (made, _):
        with pytest.raises(openai.RateLimitError) as thrown:
            await ask(made)
        filtered, failed = await ask(made), await ask(made)
    assert thrown.value.response.headers["retry-after"] == "1.5"
    assert filtered.incomplete_details is not None
    assert filtered.incomplete_details.reason == "content_filter"
    assert (failed.status, failed.output) == ("failed", [])
    assert failed.error is not None
    assert failed.error.code == "rate_limit_exceeded"


async def test_it_can_refuse_and_break_off() -> None:
    async with client({"refusal": "No.", "times": 1}, {"answer": "Hel", "incomplete": True}) as (made, _):
        refused, broken = await ask(made), await ask(made)
    (message,) = refused.output
    assert message.model_dump()["content"] == [{"type": "refusal", "refusal": "No."}]
    assert broken.status == "incomplete"
    assert broken.incomplete_details is not None
    assert broken.incomplete_details.reason == "max_output_tokens"


async def test_a_wrong_request_is_refused_as_openai_refuses_it() -> None:
    async with client() as (made, emulator):
        with pytest.raises(openai.BadRequestError, match="Unknown parameter: 'frob'"):
            await ask(made, extra_body={"frob": 1})
        stranger = AsyncOpenAI(base_url=emulator.base_url, api_key="sk-wrong", max_retries=0)
        with pytest.raises(openai.AuthenticationError):
            await ask(stranger)
        await stranger.close()
