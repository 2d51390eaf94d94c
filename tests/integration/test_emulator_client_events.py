"""What the emulator makes of a client's events: the documented effect, or the API's error event."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from infra.emulator.testing import SESSION, Supervisor, World, emulated, judge

pytestmark = pytest.mark.asyncio

LONG = "You can return anything within thirty days, if you put it back into its box and bring it to any of our shops."
OPEN = {"lines": [{"agent": LONG}], "then": "stay"}
HELLO = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello"}]}


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    async with emulated() as world:
        yield world


@pytest_asyncio.fixture
async def supervisor(world: World) -> AsyncIterator[Supervisor]:
    """A live call on which nothing was said yet."""
    async with Supervisor(world.openai, await world.accepted(OPEN), greet=False) as supervisor:
        yield supervisor


async def error_of(supervisor: Supervisor, **event: Any) -> dict[str, Any]:
    before = len(supervisor.of("error"))
    await supervisor.send(**event)
    answer = await supervisor.until_type("error", before + 1)
    judge(answer)
    error: dict[str, Any] = answer["error"]
    return error


@pytest.mark.parametrize(
    ("event", "code", "param", "message"),
    [
        ({"event_id": "mine"}, "invalid_event", "type", "The 'type' field is missing."),
        (
            {"type": "session.update", "session": {"instructions": "x"}},
            "missing_required_parameter",
            "session.type",
            "Missing required parameter: 'session.type'.",
        ),
        (
            {"type": "session.update", "session": {"type": "realtime", "voice": "marin"}},
            "unknown_parameter",
            "session.voice",
            "Unknown parameter: 'session.voice'.",
        ),
        (
            {"type": "response.create", "response": {"modalities": ["text"]}},
            "unknown_parameter",
            "response.modalities",
            "Unknown parameter: 'response.modalities'.",
        ),
        (
            {"type": "conversation.item.create", "item": {"type": "message", "role": "user"}},
            "missing_required_parameter",
            "item.content",
            "Missing required parameter: 'item.content'.",
        ),
        (
            {"type": "conversation.item.create", "item": {"type": "function_call_output", "call_id": 1, "output": ""}},
            "invalid_type",
            "item.call_id",
            "Invalid type for 'item.call_id': expected a string, but got an integer instead.",
        ),
        (
            {"type": "conversation.item.create", "item": {**HELLO, "content": [{"type": "text", "text": "x"}]}},
            "invalid_value",
            "item.content[0].type",
            "Invalid value: 'text'. Supported values are: 'input_text', 'input_audio', and 'input_image'.",
        ),
        (
            {
                "type": "conversation.item.create",
                "item": {"type": "function_call_output", "call_id": "call_x", "output": "{}"},
            },
            "invalid_tool_call_id",
            None,
            "Tool call ID 'call_x' not found in conversation.",
        ),
        (
            {"type": "conversation.item.create", "item": HELLO, "previous_item_id": "item_x"},
            "item_not_found",
            "previous_item_id",
            "Item with id 'item_x' not found.",
        ),
        (
            {"type": "conversation.item.retrieve", "item_id": "item_x"},
            "item_not_found",
            "item_id",
            "Item with id 'item_x' not found.",
        ),
        (
            {"type": "response.cancel"},
            "response_cancel_not_active",
            None,
            "Cancellation failed: no active response found",
        ),
        (
            {"type": "input_audio_buffer.commit"},
            "input_audio_buffer_commit_empty",
            None,
            "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, "
            "but buffer only has 0.00ms of audio.",
        ),
    ],
)
async def test_a_bad_event_is_answered_in_the_words_of_the_api(
    supervisor: Supervisor, event: dict[str, Any], code: str, param: str | None, message: str
) -> None:
    error = await error_of(supervisor, **{"event_id": "evt_of_mine", **event})
    assert (error["code"], error["param"], error["message"]) == (code, param, message)
    assert error["type"] == "invalid_request_error"
    assert error["event_id"] == event.get("event_id", "evt_of_mine")


async def test_an_unknown_event_is_told_which_ones_there_are(supervisor: Supervisor) -> None:
    error = await error_of(supervisor, type="response.begin")
    assert error["message"].startswith("Invalid value: 'response.begin'. Supported values are: 'session.update', ")
    assert (error["code"], error["param"], error["event_id"]) == ("invalid_value", "type", None)


async def test_what_is_no_json_is_an_error_event_too(supervisor: Supervisor) -> None:
    await supervisor.connection._connection.send("{")
    error = (await supervisor.until_type("error"))["error"]
    assert error["code"] == "invalid_event"


async def test_only_one_response_runs_at_a_time(supervisor: Supervisor) -> None:
    await supervisor.connection.response.create()
    first = (await supervisor.until_type("response.created"))["response"]["id"]
    error = await error_of(supervisor, type="response.create")
    assert error["code"] == "conversation_already_has_active_response"
    assert error["message"] == (
        f"Conversation already has an active response in progress: {first}. "
        "Wait until the response is finished before creating a new one."
    )
    done = await supervisor.until_type("response.done")
    assert done["response"]["status"] == "completed"


async def test_an_out_of_band_response_runs_beside_the_conversation(world: World, supervisor: Supervisor) -> None:
    await supervisor.connection.response.create()
    await supervisor.until_type("response.created")
    aside = {"conversation": "none", "output_modalities": ["text"], "metadata": {"topic": "mood"}}
    await supervisor.connection.response.create(response={**aside, "instructions": "Say 'cheerful'"})
    await supervisor.until_type("response.done", 2)
    found = {event["response"]["conversation_id"]: event["response"] for event in supervisor.of("response.done")}
    assert found[None]["metadata"] == {"topic": "mood"}
    assert found[None]["output"][0]["content"] == [{"type": "output_text", "text": "cheerful"}]
    items = [event["item"]["id"] for event in supervisor.of("conversation.item.added")]
    assert found[None]["output"][0]["id"] not in items


async def test_a_session_update_changes_what_it_names_and_no_more(supervisor: Supervisor) -> None:
    detection = {"type": "server_vad", "idle_timeout_ms": 7000}
    update = {"type": "realtime", "instructions": "", "audio": {"input": {"turn_detection": detection}}}
    await supervisor.send(type="session.update", session=update)
    updated = (await supervisor.until_type("session.updated"))["session"]
    created = supervisor.of("session.created")[0]["session"]
    assert updated["instructions"] == ""
    assert updated["audio"]["input"]["turn_detection"]["idle_timeout_ms"] == 7000
    assert updated["audio"]["input"]["transcription"] == created["audio"]["input"]["transcription"]
    assert updated["audio"]["output"] == created["audio"]["output"]
    assert updated["id"] == created["id"]


async def test_the_voice_is_locked_once_it_was_heard_and_the_whole_update_is_refused(supervisor: Supervisor) -> None:
    change = {"type": "realtime", "audio": {"output": {"voice": "cedar"}}, "instructions": "Be brief."}
    await supervisor.send(type="session.update", session=change)
    assert (await supervisor.until_type("session.updated"))["session"]["audio"]["output"]["voice"] == "cedar"
    await supervisor.connection.response.create()
    await supervisor.until_type("response.done")
    back = change | {"audio": {"output": {"voice": "marin"}}, "instructions": "Be long."}
    error = await error_of(supervisor, type="session.update", session=back)
    assert error["code"] == "cannot_update_voice"
    await supervisor.send(type="session.update", session={"type": "realtime"})
    assert (await supervisor.until_type("session.updated", 2))["session"]["instructions"] == "Be brief."


async def test_a_cancelled_response_says_who_cancelled_it(supervisor: Supervisor) -> None:
    await supervisor.connection.response.create()
    await supervisor.until_type("response.output_audio_transcript.delta", 2)
    await supervisor.connection.response.cancel()
    response = (await supervisor.until_type("response.done"))["response"]
    assert (response["status"], response["status_details"]["reason"]) == ("cancelled", "client_cancelled")
    await supervisor.until_type("output_audio_buffer.stopped")


async def test_clearing_the_output_stops_the_playback(world: World, supervisor: Supervisor) -> None:
    await supervisor.connection.response.create()
    done = await supervisor.until_type("response.done")
    await supervisor.connection.output_audio_buffer.clear()
    cleared = await supervisor.until_type("output_audio_buffer.cleared")
    assert cleared["response_id"] == done["response"]["id"]
    assert not supervisor.of("output_audio_buffer.stopped")


async def test_items_are_inserted_retrieved_truncated_and_deleted(supervisor: Supervisor) -> None:
    await supervisor.connection.response.create()
    spoken = (await supervisor.until_type("response.done"))["response"]["output"][0]["id"]
    item = supervisor.connection.conversation.item
    await item.create(item={"id": "item_first", **HELLO}, previous_item_id="root")
    await supervisor.until(lambda events: events[-1].get("item", {}).get("id") == "item_first")
    added = supervisor.of("conversation.item.added")[-1]
    assert added["previous_item_id"] is None
    await item.retrieve(item_id=spoken)
    retrieved = (await supervisor.until_type("conversation.item.retrieved"))["item"]
    assert retrieved["content"] == [{"type": "output_audio", "transcript": LONG}]
    await item.truncate(item_id=spoken, content_index=0, audio_end_ms=500)
    assert (await supervisor.until_type("conversation.item.truncated"))["audio_end_ms"] == 500
    error = await error_of(
        supervisor, type="conversation.item.truncate", item_id=spoken, content_index=0, audio_end_ms=900
    )
    assert error["message"] == "Audio content of 500ms is already shorter than 900ms."
    await item.delete(item_id="item_first")
    await supervisor.until_type("conversation.item.deleted")
    assert (await error_of(supervisor, type="conversation.item.delete", item_id="item_first"))["code"] == (
        "item_not_found"
    )


async def test_two_sockets_see_the_same_and_errors_go_to_the_one_who_erred(world: World) -> None:
    call_id = await world.accepted(OPEN)
    async with (
        Supervisor(world.openai, call_id, greet=False) as one,
        Supervisor(world.openai, call_id, greet=False) as other,
    ):
        await error_of(other, type="nonsense")
        await one.connection.response.create()
        await one.until_type("output_audio_buffer.stopped")
        await other.until_type("output_audio_buffer.stopped")
    assert not one.of("error")
    assert one.types()[2:] == [kind for kind in other.types() if kind != "error"][2:]
    call = await world.control.shown(call_id)
    assert [command["attachment"] for command in call["commands"]] == [1, 0]
    assert [command["event"]["type"] for command in call["commands"]] == ["nonsense", "response.create"]


async def test_the_session_of_the_accept_is_the_one_that_is_created(world: World, supervisor: Supervisor) -> None:
    session = (await supervisor.until_type("session.created"))["session"]
    assert session["instructions"] == SESSION["instructions"]
    assert session["audio"]["input"]["turn_detection"]["type"] == "server_vad"
    assert session["audio"]["output"]["voice"] == "marin"
    assert session["expires_at"] > 0
