"""Sessions without a call, over a WebSocket of their own, driven and judged by OpenAI's official package."""

import json
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
import pytest_asyncio

from infra.emulator.testing import World, emulated, judge

pytestmark = pytest.mark.asyncio

TOOL = {
    "type": "function",
    "name": "opening_hours",
    "parameters": {"type": "object", "properties": {"day": {"enum": ["monday", "sunday"]}}, "required": ["day"]},
}
TYPED: Any = {
    "type": "realtime",
    "output_modalities": ["text"],
    "instructions": "You are Alex.",
    "tools": [TOOL],
    "audio": {"input": {"turn_detection": None}},
}


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    async with emulated() as world:
        yield world


async def _until(connection: Any, kind: str) -> list[dict[str, Any]]:
    """Every event up to the first of that type, each judged by the package's type for it."""
    seen: list[dict[str, Any]] = []
    while not seen or seen[-1]["type"] != kind:
        sent = json.loads(await connection.recv_bytes())
        judge(sent)
        seen.append(sent)
    return seen


async def _say(connection: Any, text: str) -> list[dict[str, Any]]:
    content = [{"type": "input_text", "text": text}]
    await connection.conversation.item.create(item={"type": "message", "role": "user", "content": content})
    await connection.response.create()
    return await _until(connection, "response.done")


def _text(events: list[dict[str, Any]]) -> str:
    return "".join(event["text"] for event in events if event["type"] == "response.output_text.done")


async def test_a_typed_conversation_sends_what_the_package_knows_in_the_documented_order(world: World) -> None:
    async with world.openai.realtime.connect(model="gpt-realtime-2.1") as connection:
        assert [event["type"] for event in await _until(connection, "conversation.created")] == [
            "session.created",
            "conversation.created",
        ]
        await connection.session.update(session=TYPED)
        updated = (await _until(connection, "session.updated"))[-1]["session"]
        assert updated["output_modalities"] == ["text"]
        assert updated["audio"]["input"]["format"] == {"type": "audio/pcm", "rate": 24000}

        events = await _say(connection, "Hello")

    kinds = [event["type"] for event in events if not event["type"].endswith(".delta")]
    assert kinds == [
        *("conversation.item.added", "conversation.item.done", "response.created", "rate_limits.updated"),
        *("response.output_item.added", "conversation.item.added", "response.content_part.added"),
        *("response.output_text.done", "response.content_part.done", "response.output_item.done"),
        *("conversation.item.done", "response.done"),
    ]
    assert "stand-in" in _text(events)
    usage = events[-1]["response"]["usage"]
    assert usage["output_token_details"]["audio_tokens"] == usage["input_token_details"]["audio_tokens"] == 0
    assert usage["output_token_details"]["text_tokens"] > 0


async def test_the_stand_in_says_the_quoted_greeting_and_uses_a_tool_that_the_session_offers(world: World) -> None:
    async with world.openai.realtime.connect(model="gpt-realtime-2.1") as connection:
        await connection.session.update(session=TYPED)
        await connection.response.create(response={"instructions": 'Say exactly this: "Smile Dental, hello!"'})
        assert _text(await _until(connection, "response.done")) == "Smile Dental, hello!"

        called = (await _say(connection, "Your opening hours on sunday?"))[-1]["response"]["output"][-1]
        assert (called["name"], json.loads(called["arguments"])) == ("opening_hours", {"day": "sunday"})
        output: Any = {"type": "function_call_output", "call_id": called["call_id"], "output": "closed"}
        await connection.conversation.item.create(item=output)
        await connection.response.create()
        assert _text(await _until(connection, "response.done")) == "opening_hours answered: closed"

        ended = (await _say(connection, "Goodbye, then"))[-1]["response"]["output"]
    assert [item["type"] for item in ended] == ["message"]  # hang_up is not offered


async def test_a_script_speaks_for_the_model_and_the_server(world: World) -> None:
    lines = [
        {"agent": "First."},
        {"caller": "which the client says here"},
        {"error": {"message": "Hiccup."}},
        {"agent": "Second.", "tool": {"name": "opening_hours", "arguments": {"day": "monday"}}},
    ]
    await world.control.settings(session_script={"lines": lines})
    async with world.openai.realtime.connect(model="gpt-realtime-2.1-mini") as connection:
        await connection.session.update(session=TYPED)
        assert _text(await _say(connection, "One")) == "First."
        events = await _say(connection, "Two")
    assert [event["error"]["message"] for event in events if event["type"] == "error"] == ["Hiccup."]
    assert [item["type"] for item in events[-1]["response"]["output"]] == ["message", "function_call"]


async def test_a_script_that_does_not_exist_is_refused_when_it_is_set(world: World) -> None:
    with pytest.raises(Exception, match="There is no script 'nonsense'"):
        await world.control.settings(session_script="nonsense")


async def test_a_second_response_and_a_cut_one_are_answered_as_in_calls(world: World) -> None:
    async with world.openai.realtime.connect(model="gpt-realtime-2.1") as connection:
        await connection.session.update(session=TYPED)
        await connection.response.create(response={"instructions": "'" + "A long story. " * 20 + "'"})
        await _until(connection, "response.output_text.delta")
        await connection.response.create()
        problem = (await _until(connection, "error"))[-1]["error"]
        assert problem["code"] == "conversation_already_has_active_response"
        await connection.response.cancel()
        response = (await _until(connection, "response.done"))[-1]["response"]
    assert (response["status"], response["status_details"]["reason"]) == ("cancelled", "client_cancelled")


async def test_audio_is_sent_in_its_real_length_and_played_by_nobody_but_the_client(world: World) -> None:
    async with world.openai.realtime.connect(model="gpt-realtime-2.1") as connection:
        await connection.response.create(response={"instructions": "'Good morning to you.'"})
        events = await _until(connection, "response.done")
        message = events[-1]["response"]["output"][0]
        sound = sum(len(event["delta"]) * 3 // 4 for event in events if event["type"] == "response.output_audio.delta")
        assert not [event for event in events if event["type"].startswith("output_audio_buffer")]
        assert 1200 < sound / 48 < 1500  # milliseconds for 20 characters
        await connection.conversation.item.truncate(item_id=message["id"], content_index=0, audio_end_ms=60_000)
        assert "already shorter" in (await _until(connection, "error"))[-1]["error"]["message"]
        await connection.conversation.item.truncate(item_id=message["id"], content_index=0, audio_end_ms=500)
        await _until(connection, "conversation.item.truncated")


async def test_models_that_do_not_exist_are_answered_as_openai_does(world: World) -> None:
    async with world.openai.realtime.connect(model="gpt-realtime-9") as connection:
        await connection.response.create()
        response = (await _until(connection, "response.done"))[-1]["response"]
        assert response["status_details"]["error"]["code"] == "model_not_found"
    async with world.openai.realtime.connect(model="gpt-5") as connection:
        assert (await _until(connection, "error"))[-1]["error"]["code"] == "invalid_model"
        with pytest.raises(Exception, match=r"invalid_request_error\.invalid_model"):
            await connection.recv()


async def test_a_wrong_key_opens_no_session(world: World) -> None:
    with pytest.raises(Exception, match="401"):
        async with world.client("sk-wrong-0123456789abcdef").realtime.connect(model="gpt-realtime-2.1"):
            pass
    assert isinstance(world.openai, openai.AsyncOpenAI)


async def test_what_was_asked_of_a_session_is_kept(world: World) -> None:
    async with world.openai.realtime.connect(model="gpt-realtime-2.1") as connection:
        await connection.session.update(session=TYPED)
        await _say(connection, "Hello")
    [shown] = await world.control.sessions()
    assert shown["session"]["instructions"] == "You are Alex."
    assert [sent["type"] for sent in shown["commands"]] == [
        "session.update",
        "conversation.item.create",
        "response.create",
    ]
    assert shown["usage"]["responses"] == 1
