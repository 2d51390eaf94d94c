"""OpenAI's Responses API as the analysis asks it: what is asked again, for how long, and what is never asked again."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from infra.emulator.app import Emulator
from infra.emulator.settings import Settings
from ringside.openai.text_model import ATTEMPTS, TextAnswer, TextModel, TextModelRefused, TextModelUnavailable

KEY = "sk-test"
SCHEMA = {
    "type": "object",
    "properties": {"summary": {"type": "string"}},
    "required": ["summary"],
    "additionalProperties": False,
}
GOOD = {"answer": {"summary": "Robin called."}}


class Asker:
    """Asks the emulator, and notes how long it would have waited instead of waiting."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self.pauses: list[float] = []
        self.keys = [KEY]
        self.refreshed: list[bool] = []

    def answers(self, *entries: dict[str, Any]) -> None:
        self._emulator.state.settings = Settings.model_validate({"responses": list(entries)})
        self._emulator.state.text_answers_used.clear()

    @property
    def requests(self) -> list[dict[str, Any]]:
        return list(self._emulator.state.text_requests)

    async def ask(self, seconds: float = 100.0, attempt_seconds: float = 30.0) -> TextAnswer:
        def api_key(refresh: bool) -> str:
            self.refreshed.append(refresh)
            return self.keys.pop(0) if len(self.keys) > 1 else self.keys[0]

        model = TextModel(self._emulator.base_url, api_key, self.pauses.append, attempt_seconds=attempt_seconds)
        try:
            return await asyncio.to_thread(
                model.ask, "gpt-5.6-luna", "Sum up.", "Robin: hello", "form", SCHEMA, time.monotonic() + seconds
            )
        finally:
            model.close()


@pytest.fixture
async def asker() -> AsyncIterator[Asker]:
    async with Emulator(api_key=KEY) as emulator:
        yield Asker(emulator)


async def test_an_answer_comes_with_the_tokens_that_it_took(asker: Asker) -> None:
    asker.answers(GOOD)
    answer = await asker.ask()

    assert answer.content == {"summary": "Robin called."}
    assert answer.tokens.read > 0
    assert answer.tokens.written > 0
    (request,) = asker.requests
    assert request["body"]["text"]["format"]["strict"] is True
    assert request["body"]["store"] is False


@pytest.mark.parametrize(
    ("busy", "pause"),
    [
        ({"status": 429, "retry_after": 7}, 7.0),
        ({"status": 429}, 2.0),
        ({"status": 500}, 2.0),
        ({"status": 503, "retry_after": 0.5}, 0.5),
        ({"failed": "rate_limit_exceeded"}, 2.0),
        ({"failed": "server_error"}, 2.0),
    ],
)
async def test_a_model_that_is_busy_is_asked_again_when_it_says(asker: Asker, busy: Any, pause: float) -> None:
    asker.answers({**busy, "times": 1}, GOOD)

    assert (await asker.ask()).content == {"summary": "Robin called."}
    assert asker.pauses == [pause]


async def test_pauses_grow_and_end(asker: Asker) -> None:
    asker.answers({"status": 503})

    with pytest.raises(TextModelUnavailable, match="HTTP 503"):
        await asker.ask()
    assert asker.pauses == [2.0, 4.0, 8.0]
    assert len(asker.requests) == ATTEMPTS


async def test_nobody_waits_for_longer_than_there_is_time(asker: Asker) -> None:
    asker.answers({"status": 429, "retry_after": 3600})

    with pytest.raises(TextModelUnavailable, match="HTTP 429") as thrown:
        await asker.ask()
    assert asker.pauses == []
    assert thrown.value.pause == 3600


async def test_an_answer_that_never_comes_is_asked_for_again(asker: Asker) -> None:
    asker.answers({"hang": True, "times": 1}, GOOD)

    assert (await asker.ask(attempt_seconds=1.0)).content == {"summary": "Robin called."}


async def test_a_key_that_was_rotated_is_read_again_once(asker: Asker) -> None:
    asker.answers(GOOD)
    asker.keys = ["sk-old", KEY]
    assert (await asker.ask()).content == {"summary": "Robin called."}
    assert asker.refreshed == [False, True]

    asker.keys = ["sk-old"]
    with pytest.raises(TextModelUnavailable, match="refuses the API key"):
        await asker.ask()


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({"refusal": "I cannot."}, "the model refused"),
        ({"answer": '{"summary": "Ro', "incomplete": True}, "incomplete: max_output_tokens"),
        ({"answer": "", "incomplete": "content_filter"}, "incomplete: content_filter"),
        ({"failed": "invalid_prompt"}, "failed: invalid_prompt"),
        ({"answer": "Robin called."}, "an answer that is not JSON"),
        ({"answer": [1]}, "an answer that is not an object"),
        ({"status": 400}, "HTTP 400"),
        ({"status": 404}, "HTTP 404"),
    ],
)
async def test_what_no_second_question_would_change_is_not_asked_again(asker: Asker, answer: Any, why: str) -> None:
    asker.answers(answer)

    with pytest.raises(TextModelRefused, match=why):
        await asker.ask()
    assert len(asker.requests) == 1
    assert asker.pauses == []
