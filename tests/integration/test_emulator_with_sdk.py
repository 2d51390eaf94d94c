"""The emulator, driven and judged by OpenAI's official package."""

import json
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
import pytest_asyncio
from websockets.exceptions import ConnectionClosedError, InvalidStatus

from infra.emulator import Emulator
from infra.emulator.testing import SESSION, Supervisor, World, emulated, judge, server_event_types

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    async with emulated() as world:
        yield world


async def test_a_phone_call_from_the_ring_to_the_hang_up(world: World) -> None:
    call_id = await world.control.ring("+14255550112", "+18005551212", script="opening-hours")
    headers, body = (await world.receiver.until(1))[0]

    event = world.openai.webhooks.unwrap(body, headers)
    assert event.type == "realtime.call.incoming"
    assert event.data.call_id == call_id
    assert [header.name for header in event.data.sip_headers] == ["From", "To", "Call-ID"]
    assert event.data.sip_headers[0].value == "sip:+14255550112@sip.example.com"

    await world.openai.realtime.calls.accept(call_id, **SESSION)
    async with Supervisor(world.openai, call_id) as supervisor:
        await supervisor.until(lambda events: any(_calls(event, "hang_up") for event in events))
        await world.openai.realtime.calls.hangup(call_id)
        await supervisor.until_closed()

    call = await world.control.until_ended(call_id)
    assert call["session"] == SESSION
    assert call["ended"]["by"] == "hangup"
    assert [words["role"] for words in call["spoken"]] == ["agent", "caller", "agent", "agent", "caller", "agent"]
    assert call["spoken"][0]["text"] == "Thank you for calling Example Corp, this is Alex. How can I help you?"
    assert [tool["name"] for tool in call["tool_calls"]] == ["opening_hours", "hang_up"]
    assert json.loads(call["tool_calls"][0]["arguments"]) == {"day": "saturday"}
    assert call["tool_calls"][0]["output"] == '{"ok": true}'
    assert supervisor.close_code == 1000


def _calls(event: dict[str, Any], name: str) -> bool:
    return (event["type"], event.get("name")) == ("response.function_call_arguments.done", name)


async def test_the_package_itself_parses_what_it_receives(world: World) -> None:
    call_id = await world.accepted("caller-hangs-up")
    seen = []
    async with world.openai.realtime.connect(call_id=call_id) as connection:
        await connection.response.create(response={"instructions": "Say 'Hello'"})
        try:
            async for event in connection:
                seen.append(event)
        except ConnectionClosedError:
            pass  # the caller's hang-up closes without a frame (facts 3.5)
    assert [event.type for event in seen[:3]] == ["session.created", "conversation.created", "response.created"]
    assert all(type(event) is type(server_event_types()[event.type].validate_python(event.to_dict())) for event in seen)


@pytest.mark.parametrize(("given", "noted"), [({}, {}), ({"status_code": 486}, {"status_code": 486})])
async def test_a_call_can_be_rejected(world: World, given: dict[str, Any], noted: dict[str, Any]) -> None:
    call_id = await world.control.ring()
    await world.openai.realtime.calls.reject(call_id, **given)
    call = await world.control.shown(call_id)
    assert call["state"] == "rejected"
    assert call["requests"][0]["body"] == noted


async def test_a_referred_call_leaves_and_the_sideband_closes(world: World) -> None:
    call_id = await world.accepted()
    async with Supervisor(world.openai, call_id) as supervisor:
        await world.openai.realtime.calls.refer(call_id, target_uri="tel:+14155550123")
        await supervisor.until_closed()
    call = await world.control.until_ended(call_id)
    assert call["ended"]["by"] == "refer"
    assert call["requests"][-1]["body"] == {"target_uri": "tel:+14155550123"}


async def test_hanging_up_twice_is_not_found(world: World) -> None:
    call_id = await world.accepted()
    await world.openai.realtime.calls.hangup(call_id)
    with pytest.raises(openai.NotFoundError) as refused:
        await world.openai.realtime.calls.hangup(call_id)
    assert refused.value.code == "call_id_not_found"


async def test_the_first_decision_wins(world: World) -> None:
    call_id = await world.accepted()
    with pytest.raises(openai.ConflictError) as refused:
        await world.openai.realtime.calls.accept(call_id, **SESSION)
    assert refused.value.code == "decision_already_made"
    with pytest.raises(openai.ConflictError):
        await world.openai.realtime.calls.reject(call_id)


@pytest.mark.parametrize(
    ("body", "message", "code", "param"),
    [
        ({"model": "gpt-realtime-2.1"}, "Missing required parameter: 'type'.", "missing_required_parameter", "type"),
        ({"type": "realtime", "voice": "marin"}, "Unknown parameter: 'voice'.", "unknown_parameter", "voice"),
        ({"type": "chat"}, "Invalid value: 'chat'. Supported values are: 'realtime'.", "invalid_value", "type"),
        (
            {"type": "realtime", "audio": {"output": {"speed": 3}}},
            "Invalid 'audio.output.speed': decimal above maximum value. Expected a value <= 1.5, but got 3 instead.",
            "decimal_above_max_value",
            "audio.output.speed",
        ),
    ],
)
async def test_a_wrong_session_is_refused_in_the_words_of_the_api(
    world: World, body: dict[str, Any], message: str, code: str, param: str
) -> None:
    call_id = await world.control.ring()
    with pytest.raises(openai.BadRequestError) as refused:
        await world.openai.post(f"/realtime/calls/{call_id}/accept", body=body, cast_to=object)
    error = refused.value.body
    assert error == {"message": message, "type": "invalid_request_error", "code": code, "param": param}
    assert (await world.control.shown(call_id))["state"] == "ringing"


async def test_a_wrong_key_is_refused_everywhere(world: World) -> None:
    stranger = world.client("sk-somebody-else-entirely")
    call_id = await world.accepted()
    with pytest.raises(openai.AuthenticationError) as refused:
        await stranger.realtime.calls.hangup(call_id)
    assert refused.value.code == "invalid_api_key"
    assert "somebody-else" not in str(refused.value)
    with pytest.raises(InvalidStatus, match="401"):
        await stranger.realtime.connect(call_id=call_id).enter()


async def test_calls_can_neither_be_listed_nor_looked_up(world: World) -> None:
    call_id = await world.accepted()
    for path in ("/realtime/calls", f"/realtime/calls/{call_id}"):
        with pytest.raises(openai.NotFoundError, match="Invalid URL"):
            await world.openai.get(path, cast_to=object)
    with pytest.raises(openai.APIStatusError, match="different HTTP method") as refused:
        await world.openai.get(f"/realtime/calls/{call_id}/accept", cast_to=object)
    assert refused.value.status_code == 405


async def test_there_is_no_sideband_before_the_accept_nor_after_the_end(world: World) -> None:
    call_id = await world.control.ring()
    with pytest.raises(InvalidStatus) as early:
        await world.openai.realtime.connect(call_id=call_id).enter()
    assert early.value.response.status_code == 404
    assert json.loads(early.value.response.body)["error"]["code"] == "call_id_not_found"
    await world.openai.realtime.calls.accept(call_id, **SESSION)
    await world.openai.realtime.calls.hangup(call_id)
    with pytest.raises(InvalidStatus, match="404"):
        await world.openai.realtime.connect(call_id=call_id).enter()


EVERYTHING = {
    "lines": [
        {"mcp_tools": {"server_label": "crm", "tools": [{"name": "find"}]}},
        {"mcp_tools": {"server_label": "erp", "fails": True}},
        {"agent": "Hello, this is Alex, how can I help you?"},
        {"caller": "Please look me up.", "transcription": "before"},
        {"mcp_call": {"server_label": "crm", "name": "find", "arguments": {"number": 1}, "output": "found"}},
        {"caller": "And again."},
        {"mcp_call": {"server_label": "crm", "name": "find", "arguments": {"number": 2}, "error": "no such customer"}},
        {"caller": "May you delete me?", "transcription": "failed"},
        {"mcp_approval": {"server_label": "crm", "name": "delete", "arguments": {"number": 1}}},
        {"caller": "What is your telephone number, and what is your address?"},
        {"agent": "It is one two three.", "tools": [{"name": "note"}, {"name": "note", "arguments": {"a": [1, "b"]}}]},
        {"agent": "Now this will be a very long answer that is going to be interrupted by the caller after a while."},
        {"caller": "Stop it!", "interrupts": True, "after_ms": 1000, "transcription": "never"},
        {"agent": "This one breaks in the middle.", "fails": {"code": "server_error"}},
        {"caller": "Pardon?"},
        {"fails": {"code": "rate_limit_exceeded"}},
        {"caller": "Hello?"},
        {"agent": "This one is too long, and it ends here", "incomplete": "max_output_tokens"},
        {"error": {"message": "Something went wrong."}},
        {"dtmf": "1#"},
        {"silence": 20},
        {"flood": {"events_per_s": 1000, "seconds": 0.05}},
    ],
    "then": "stay",
    "transcription_usage": "duration",
}
A_SHORT_ONE = {"lines": [{"agent": "Hello?"}, {"caller": "Hello!"}, {"agent": "Bye."}], "hang_up_after_s": 5}
DIARIZED = SESSION | {
    "audio": {
        "input": {
            "transcription": {"model": "gpt-4o-transcribe-diarize"},
            "turn_detection": {"type": "server_vad", "idle_timeout_ms": 6000},
        }
    }
}


async def test_every_event_it_can_send_is_one_the_package_knows_strictly(world: World) -> None:
    await world.control.settings(audio_deltas=True)
    events: list[dict[str, Any]] = []
    for script, session in ((EVERYTHING, DIARIZED), (A_SHORT_ONE, SESSION)):
        call_id = await world.accepted(script, session)
        async with Supervisor(world.openai, call_id) as supervisor:
            if script is EVERYTHING:
                await supervisor.until_type("input_audio_buffer.timeout_triggered")
                await _use_every_command(supervisor)
                await world.openai.realtime.calls.hangup(call_id)
            await supervisor.until_closed()
        events += supervisor.events

    sent = {judge(event) for event in events}

    # conversation.item.created is left over from the beta (facts 3.7); it is not sent.
    assert sent == set(server_event_types()) - {"conversation.item.created"}


async def _use_every_command(supervisor: Supervisor) -> None:
    await supervisor.until(lambda events: events[-1]["type"] == "output_audio_buffer.stopped")
    text = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]}
    await supervisor.send(type="conversation.item.create", item={"id": "item_mine", **text})
    await supervisor.send(type="conversation.item.retrieve", item_id="item_mine")
    await supervisor.send(type="conversation.item.delete", item_id="item_mine")
    await supervisor.send(type="input_audio_buffer.append", audio="AAAA" * 2000)
    await supervisor.send(type="input_audio_buffer.commit")
    await supervisor.send(type="input_audio_buffer.clear")
    await supervisor.send(type="session.update", session={"type": "realtime", "instructions": "Be brief."})
    aside = {"conversation": "none", "output_modalities": ["text"], "metadata": {"topic": "summary"}}
    await supervisor.send(type="response.create", response=aside)
    await supervisor.until(lambda events: any(_is_done(event, {"topic": "summary"}) for event in events))
    await supervisor.send(type="response.create", response={"instructions": "'A long goodbye to you, my friend'"})
    await supervisor.send(type="response.create")
    await supervisor.until(lambda events: events[-1]["type"].endswith(".delta"))
    await supervisor.send(type="response.cancel")
    await supervisor.send(type="output_audio_buffer.clear")
    await supervisor.send(type="nonsense")
    await supervisor.until(lambda events: any(event.get("error", {}).get("param") == "type" for event in events))


def _is_done(event: dict[str, Any], metadata: dict[str, str]) -> bool:
    return bool(event["type"] == "response.done" and event["response"]["metadata"] == metadata)


async def test_a_good_key_may_list_the_models_and_a_wrong_one_may_not() -> None:
    async with (
        Emulator(api_key="sk-good") as emulator,
        openai.AsyncOpenAI(base_url=emulator.base_url, api_key="sk-good", max_retries=0) as good,
        openai.AsyncOpenAI(base_url=emulator.base_url, api_key="sk-wrong", max_retries=0) as wrong,
    ):
        assert "gpt-realtime-2.1" in [model.id async for model in good.models.list()]
        with pytest.raises(openai.AuthenticationError):
            await wrong.models.list()
