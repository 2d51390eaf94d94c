"""The Realtime contract: every event of the API reads as what it says, and no frame whatever does any harm.

The examples are judged by the types of OpenAI's own SDK, so that they cannot be wishful.
"""

import json
from dataclasses import asdict
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.realtime import RealtimeClientEvent, RealtimeServerEvent
from pydantic import BaseModel, TypeAdapter

from ringside import calls
from ringside.conversation import events as e
from ringside.openai import client_events, realtime, urls
from tests.unit.conversation.talk import unhurried

Json = dict[str, Any]


def _class_of(event_type: str) -> type[BaseModel]:
    return SERVER_EVENTS[event_type]


def _by_type(union: Any) -> dict[str, type[BaseModel]]:
    members: tuple[type[BaseModel], ...] = get_args(get_args(union)[0])
    return {get_args(member.model_fields["type"].annotation)[0]: member for member in members}


SERVER_EVENTS = _by_type(RealtimeServerEvent)

SPOKEN = {"item_id": "item_1", "content_index": 0, "output_index": 0, "response_id": "resp_1"}
MESSAGE: Json = {"id": "item_1", "type": "message", "role": "assistant", "status": "completed", "content": []}
HEARD: Json = {"id": "item_1", "type": "message", "role": "user", "content": [{"type": "input_audio"}]}
CALL: Json = {
    "id": "item_1",
    "type": "function_call",
    "status": "completed",
    "call_id": "call_1",
    "name": "book",
    "arguments": '{"day": 1}',
}
SAID: Json = {
    "id": "item_0",
    "type": "message",
    "role": "assistant",
    "status": "completed",
    "content": [
        {"type": "output_audio", "transcript": "At eight."},
        {"type": "output_audio", "transcript": None},
        {"type": "output_text", "text": "Or at nine?"},
    ],
}
PART = {"type": "audio", "transcript": ""}
SESSION: Json = {"type": "realtime", "model": "gpt-realtime-2.1", "expires_at": 1_900_000_000}
TOKENS: Json = {"type": "tokens", "input_tokens": 30, "output_tokens": 4, "total_tokens": 34}
BOOK = e.ToolCalled("item_1", "resp_1", "call_1", "book", '{"day": 1}')

READ: list[tuple[Json, e.Event]] = [
    (
        {"type": "rate_limits.updated", "rate_limits": [{"name": "tokens", "remaining": 0, "reset_seconds": 1.5}]},
        e.RateLimitsUpdated((("tokens", 1.5),)),
    ),
    ({"type": "session.created", "session": SESSION}, e.SessionStarted(1_900_000_000.0)),
    (
        {"type": "error", "error": {"type": "invalid_request_error", "code": "c", "message": "m", "event_id": "ref"}},
        e.SessionError("c", "m", "ref"),
    ),
    (
        {"type": "conversation.item.added", "previous_item_id": "item_0", "item": HEARD},
        e.ItemAdded("item_1", "item_0", "caller"),
    ),
    ({"type": "conversation.item.retrieved", "item": MESSAGE}, e.ItemRetrieved("item_1", "agent", None)),
    (
        {"type": "conversation.item.truncated", "item_id": "item_1", "content_index": 0, "audio_end_ms": 1500},
        e.AgentCutOff("item_1", 1500),
    ),
    (
        {"type": "conversation.item.input_audio_transcription.delta", "item_id": "item_1", "delta": "Hel"},
        e.CallerWords("item_1", "Hel"),
    ),
    (
        {
            "type": "conversation.item.input_audio_transcription.completed",
            "item_id": "item_1",
            "content_index": 0,
            "transcript": "Hello.\n",
            "usage": {"type": "duration", "seconds": 2.5},
        },
        e.CallerTranscript("item_1", "Hello.", e.Usage(transcription_seconds=2.5)),
    ),
    (
        {
            "type": "conversation.item.input_audio_transcription.failed",
            "item_id": "item_1",
            "content_index": 0,
            "error": {"type": "transcription_error", "code": "audio_unintelligible", "message": "m"},
        },
        e.CallerTranscriptFailed("item_1", "audio_unintelligible"),
    ),
    (
        {"type": "input_audio_buffer.speech_started", "item_id": "item_1", "audio_start_ms": 10},
        e.CallerStarted("item_1"),
    ),
    ({"type": "input_audio_buffer.speech_stopped", "item_id": "item_1", "audio_end_ms": 20}, e.CallerStopped("item_1")),
    (
        {"type": "input_audio_buffer.committed", "item_id": "item_1", "previous_item_id": None},
        e.ItemAdded("item_1", None, "caller"),
    ),
    (
        {"type": "input_audio_buffer.dtmf_event_received", "event": "#", "received_at": 1_900_000_000},
        e.DigitPressed("#"),
    ),
    ({"type": "output_audio_buffer.started", "response_id": "resp_1"}, e.PlaybackStarted("resp_1")),
    ({"type": "output_audio_buffer.stopped", "response_id": "resp_1"}, e.PlaybackStopped("resp_1")),
    ({"type": "output_audio_buffer.cleared", "response_id": "resp_1"}, e.PlaybackCleared("resp_1")),
    (
        {"type": "response.created", "response": {"id": "resp_1", "status": "in_progress"}},
        e.ResponseStarted("resp_1"),
    ),
    (
        {"type": "response.output_audio_transcript.delta", "delta": "Goo", **SPOKEN},
        e.AgentWords("item_1", "resp_1", "Goo"),
    ),
    (
        {"type": "response.output_audio_transcript.done", "transcript": "Good day.", **SPOKEN, "content_index": 1},
        e.AgentTranscript("item_1", "resp_1", "Good day.", 1),
    ),
    (
        {"type": "response.output_text.done", "text": "Good day.", **SPOKEN},
        e.AgentTranscript("item_1", "resp_1", "Good day."),
    ),
    (
        {
            "type": "response.output_item.done",
            "output_index": 0,
            "response_id": "resp_1",
            "item": {
                "id": "item_1",
                "type": "mcp_approval_request",
                "server_label": "shop",
                "name": "buy",
                "arguments": "{}",
            },
        },
        e.ApprovalAsked("item_1", "shop", "buy"),
    ),
    (
        {
            "type": "response.function_call_arguments.done",
            "item_id": "item_1",
            "output_index": 0,
            "response_id": "resp_1",
            "call_id": "call_1",
            "name": "book",
            "arguments": '{"day": 1}',
        },
        BOOK,
    ),
    (
        {"type": "response.done", "response": {"id": "resp_1", "status": "completed", "output": [SAID, CALL]}},
        e.ResponseEnded(
            "resp_1",
            "completed",
            None,
            None,
            e.Usage(),
            (BOOK,),
            (e.AgentTranscript("item_0", "resp_1", "At eight. Or at nine?"),),
            ("item_0", "item_1"),
        ),
    ),
]

IGNORED: list[Json] = [
    {"type": "conversation.created", "conversation": {"id": "conv_1"}},
    {"type": "conversation.item.created", "item": MESSAGE},
    {"type": "conversation.item.deleted", "item_id": "item_1"},
    {"type": "conversation.item.done", "item": MESSAGE},
    {
        "type": "conversation.item.input_audio_transcription.segment",
        "id": "seg_1",
        "item_id": "item_1",
        "content_index": 0,
        "speaker": "A",
        "start": 0.0,
        "end": 1.0,
        "text": "Hello.",
    },
    {"type": "input_audio_buffer.cleared"},
    {"type": "input_audio_buffer.timeout_triggered", "item_id": "item_1", "audio_start_ms": 0, "audio_end_ms": 9},
    {"type": "mcp_list_tools.in_progress", "item_id": "item_1"},
    {"type": "mcp_list_tools.completed", "item_id": "item_1"},
    {"type": "mcp_list_tools.failed", "item_id": "item_1"},
    {"type": "response.content_part.added", "part": PART, **SPOKEN},
    {"type": "response.content_part.done", "part": PART, **SPOKEN},
    {"type": "response.function_call_arguments.delta", "call_id": "call_1", "delta": "{", **SPOKEN},
    {"type": "response.mcp_call.completed", "item_id": "item_1", "output_index": 0},
    {"type": "response.mcp_call.failed", "item_id": "item_1", "output_index": 0},
    {"type": "response.mcp_call.in_progress", "item_id": "item_1", "output_index": 0},
    {"type": "response.mcp_call_arguments.delta", "delta": "{", **SPOKEN},
    {"type": "response.mcp_call_arguments.done", "arguments": "{}", **SPOKEN},
    {"type": "response.output_audio.delta", "delta": "AAAA", **SPOKEN},
    {"type": "response.output_audio.done", **SPOKEN},
    {"type": "response.output_item.added", "item": MESSAGE, "output_index": 0, "response_id": "resp_1"},
    {"type": "response.output_text.delta", "delta": "Goo", **SPOKEN},
    {"type": "session.updated", "session": SESSION},
]


def wire(event: Json) -> Json:
    """As the API sends it: with an id, except for keys pressed."""
    return event if "dtmf" in event["type"] else {"type": event["type"], "event_id": "event_1", **event}


def decode(event: Json) -> e.Event | e.Skipped:
    return realtime.decode(json.dumps(wire(event)))


def id_of(value: Any) -> str:
    return str(value["type"]) if isinstance(value, dict) else ""


# --- every event ------------------------------------------------------------------------------


def test_the_examples_cover_every_event_of_the_api() -> None:
    examples = [event for event, _ in READ] + IGNORED
    assert len(SERVER_EVENTS) == 46
    assert sorted(event["type"] for event in examples) == sorted(SERVER_EVENTS)


@pytest.mark.parametrize("event", [event for event, _ in READ] + IGNORED, ids=id_of)
def test_the_examples_are_real(event: Json) -> None:
    _class_of(event["type"]).model_validate(wire(event))


@pytest.mark.parametrize(("event", "read"), READ, ids=id_of)
def test_what_matters_is_read(event: Json, read: e.Event) -> None:
    assert decode(event) == read


@pytest.mark.parametrize("event", IGNORED, ids=id_of)
def test_what_does_not_matter_is_ignored_and_never_unknown(event: Json) -> None:
    assert decode(event) == e.Skipped("ignored", event["type"])


@pytest.mark.parametrize("event", [event for event, _ in READ] + IGNORED, ids=id_of)
def test_it_does_not_matter_where_the_type_stands_or_what_else_there_is(event: Json) -> None:
    turned = {**dict(reversed(wire(event).items())), "obfuscation": "xxxx", "new": {"field": [None]}}
    spaced = json.dumps(turned, indent=4)
    assert realtime.decode(spaced) == decode(event)
    assert realtime.decode(json.dumps({"event_id": "event_1", **event})) == decode(event)


# --- the details ------------------------------------------------------------------------------


def test_a_key_is_understood_with_the_space_of_the_reference_s_own_example() -> None:
    frame = '{"type": " input_audio_buffer.dtmf_event_received", "event": "5", "received_at": 1763605109}'
    assert realtime.decode(frame) == e.DigitPressed("5")


@pytest.mark.parametrize("key", "0123456789*#ABCD")
def test_every_key_of_a_phone_is_understood(key: str) -> None:
    assert decode({"type": "input_audio_buffer.dtmf_event_received", "event": key}) == e.DigitPressed(key)


@pytest.mark.parametrize("key", ["", "12", "x", " ", 5, None])
def test_what_is_no_key_is_malformed(key: Any) -> None:
    skipped = e.Skipped("malformed", "input_audio_buffer.dtmf_event_received")
    assert decode({"type": "input_audio_buffer.dtmf_event_received", "event": key}) == skipped


@pytest.mark.parametrize(
    ("item", "kind", "tool_call_id"),
    [
        (HEARD, "caller", None),
        ({**HEARD, "content": [{"type": "input_text", "text": "typed"}]}, "other", None),
        ({**HEARD, "content": ["garbage", None]}, "other", None),
        (MESSAGE, "agent", None),
        ({"id": "item_1", "type": "message", "role": "system", "content": []}, "other", None),
        (CALL, "tool_call", "call_1"),
        ({"id": "item_1", "type": "function_call_output", "call_id": "call_1", "output": ""}, "tool_output", "call_1"),
        ({"id": "item_1", "type": "mcp_list_tools", "server_label": "shop", "tools": []}, "other", None),
        ({"id": "item_1", "type": "something_new"}, "other", None),
        (
            {"id": "item_1", "type": "mcp_approval_response", "approval_request_id": "mcpr_1", "approve": True},
            "approval",
            "mcpr_1",
        ),
    ],
)
def test_an_item_is_of_the_kind_that_it_is(item: Json, kind: Any, tool_call_id: str | None) -> None:
    event = {"type": "conversation.item.added", "previous_item_id": "item_0", "item": item}
    assert decode(event) == e.ItemAdded("item_1", "item_0", kind, tool_call_id)


@pytest.mark.parametrize("code", [None, ""])
def test_an_error_without_a_code_goes_by_its_type(code: str | None) -> None:
    event = {"type": "error", "error": {"type": "server_error", "code": code, "message": "m", "event_id": None}}
    assert decode(event) == e.SessionError("server_error", "m", None)


def test_a_tool_call_cut_short_by_the_caller_is_not_made() -> None:
    """The event is also sent when a response was interrupted: what it carries then is a torso."""
    torso = {**wire(READ[-2][0]), "arguments": '{"day"'}
    assert decode(torso) == e.Skipped("ignored", "response.function_call_arguments.done")
    assert decode({**torso, "arguments": ""}) == e.Skipped("ignored", "response.function_call_arguments.done")
    cut = {**CALL, "status": "incomplete", "arguments": '{"day"'}
    ended = decode({"type": "response.done", "response": {"id": "resp_1", "status": "cancelled", "output": [cut]}})
    assert isinstance(ended, e.ResponseEnded)
    assert ended.tool_calls == ()


def test_a_finished_tool_call_with_broken_arguments_is_made_so_that_the_model_hears_of_it() -> None:
    broken = {**CALL, "arguments": "{oops"}
    ended = decode({"type": "response.done", "response": {"id": "resp_1", "status": "completed", "output": [broken]}})
    assert isinstance(ended, e.ResponseEnded)
    assert [call.arguments for call in ended.tool_calls] == ["{oops"]


@pytest.mark.parametrize("status", ["in_progress", "incomplete"])
def test_a_tool_call_that_is_still_being_written_is_not_made_when_it_is_retrieved(status: str) -> None:
    event = {"type": "conversation.item.retrieved", "item": {**CALL, "status": status, "arguments": '{"da'}}
    assert decode(event) == e.ItemRetrieved("item_1", None, None)


def test_a_retrieved_tool_call_is_a_tool_call() -> None:
    retrieved = decode({"type": "conversation.item.retrieved", "item": CALL})
    assert isinstance(retrieved, e.ItemRetrieved)
    assert retrieved.tool_call == e.ToolCalled("item_1", "", "call_1", "book", '{"day": 1}')


def test_a_retrieved_item_has_all_its_words() -> None:
    content = [{"type": "output_audio", "transcript": "One"}, {"type": "output_text", "text": "two."}, {"type": "x"}]
    event = {"type": "conversation.item.retrieved", "item": {**MESSAGE, "content": content}}
    assert decode(event) == e.ItemRetrieved("item_1", "agent", "One two.")


def test_a_response_that_we_asked_for_names_our_request() -> None:
    said = json.loads(client_events.encode(e.Respond("Greet.", "ringside_1")))
    response = {"id": "resp_1", "status": "in_progress", "metadata": said["response"]["metadata"]}
    assert decode({"type": "response.created", "response": response}) == e.ResponseStarted("resp_1", "ringside_1")


@pytest.mark.parametrize("metadata", [None, {}, {"ref": None}, {"other": "x"}, "garbage"])
def test_a_response_that_names_no_request_is_a_response(metadata: Any) -> None:
    response = {"id": "resp_1", "status": "in_progress", "metadata": metadata}
    assert decode({"type": "response.created", "response": response}) == e.ResponseStarted("resp_1")


def test_a_response_tells_why_it_ended() -> None:
    details = {"type": "cancelled", "reason": "turn_detected"}
    cancelled = {"id": "resp_1", "status": "cancelled", "status_details": details}
    ended = decode({"type": "response.done", "response": cancelled})
    assert ended == e.ResponseEnded("resp_1", "cancelled", "turn_detected", None, e.Usage())
    failure = {"type": "failed", "error": {"type": "server_error", "code": "rate_limit_exceeded"}}
    failed: Json = {"id": "resp_1", "status": "failed", "status_details": failure}
    ended = decode({"type": "response.done", "response": failed})
    assert ended == e.ResponseEnded("resp_1", "failed", None, "rate_limit_exceeded", e.Usage())
    limited: Json = {"code": "rate_limit_exceeded", "message": "Rate limit reached. Please try again in 1.5s."}
    failed["status_details"] = {"type": "failed", "error": limited}
    ended = decode({"type": "response.done", "response": failed})
    assert isinstance(ended, e.ResponseEnded)
    assert ended.retry_after == 1.5


def test_rate_limits_say_when_they_are_reset() -> None:
    limits: list[Any] = [
        {"name": "requests", "limit": 1000, "remaining": 999, "reset_seconds": 0.06},
        {"name": "tokens", "limit": 50_000, "remaining": 0, "reset_seconds": 12},
        {"name": "tokens", "reset_seconds": None},
        {"name": "tokens", "reset_seconds": -1},
        "nonsense",
    ]
    assert decode({"type": "rate_limits.updated", "rate_limits": limits}) == e.RateLimitsUpdated(
        (("requests", 0.06), ("tokens", 12.0))
    )
    assert decode({"type": "rate_limits.updated", "rate_limits": []}) == e.Skipped("ignored", "rate_limits.updated")


@pytest.mark.parametrize("error", [None, {"type": "tool_execution_error", "message": "no"}])
def test_a_remote_tool_tells_what_it_did(error: Json | None) -> None:
    item: Json = {"id": "item_1", "type": "mcp_call", "server_label": "shop", "name": "buy", "arguments": "{}"}
    item |= {"output": "bought" if error is None else None, "error": error}
    event: Json = {"type": "response.output_item.done", "response_id": "resp_1", "output_index": 0, "item": item}
    _class_of(event["type"]).model_validate(wire(event))
    output = "bought" if error is None else None
    assert decode(event) == e.RemoteToolCalled("item_1", "shop", "buy", "{}", output, error is not None)


def test_a_remote_tool_s_output_is_kept_up_to_a_limit() -> None:
    item = {"id": "i", "type": "mcp_call", "server_label": "s", "name": "n", "arguments": "{}", "output": "x" * 500_000}
    called = decode({"type": "response.output_item.done", "item": item})
    assert isinstance(called, e.RemoteToolCalled)
    assert called.output == "x" * realtime.OUTPUT_LIMIT


@pytest.mark.parametrize("item", [MESSAGE, CALL])
def test_other_finished_items_say_nothing_new(item: Json) -> None:
    event = {"type": "response.output_item.done", "response_id": "resp_1", "output_index": 0, "item": item}
    assert decode(event) == e.Skipped("ignored", "response.output_item.done")


# --- usage ------------------------------------------------------------------------------------


def usage_of(usage: Any) -> e.Usage:
    ended = decode({"type": "response.done", "response": {"id": "r", "usage": usage}})
    assert isinstance(ended, e.ResponseEnded)
    return ended.usage


def test_usage_is_split_by_modality_and_cache() -> None:
    cached = {"text_tokens": 80, "audio_tokens": 30, "image_tokens": 1}
    into = {"text_tokens": 100, "audio_tokens": 50, "image_tokens": 2, "cached_tokens": 111}
    usage: Json = {
        "total_tokens": 222,
        "input_tokens": 152,
        "output_tokens": 70,
        "input_token_details": {**into, "cached_tokens_details": cached},
        "output_token_details": {"text_tokens": 20, "audio_tokens": 50},
    }
    _class_of("response.done").model_validate({**wire({"type": "response.done", "response": {"usage": usage}})})
    assert usage_of(usage) == e.Usage(100, 50, 2, 80, 30, 1, 20, 50, 0)


@pytest.mark.parametrize(("cached", "text", "audio"), [(0, 0, 0), (60, 60, 0), (120, 100, 20), (999, 100, 50)])
def test_cached_tokens_told_in_sum_are_text_first(cached: int, text: int, audio: int) -> None:
    details = {"text_tokens": 100, "audio_tokens": 50, "cached_tokens": cached}
    found = usage_of({"input_tokens": 150, "input_token_details": details})
    assert (found.cached_text, found.cached_audio) == (text, audio)


def test_tokens_without_their_modality_are_counted_apart() -> None:
    assert usage_of({"input_tokens": 150, "output_tokens": 70}) == e.Usage(unsplit=220)
    assert usage_of({"input_tokens": 150, "input_token_details": {"text_tokens": 100}}).unsplit == 50


@pytest.mark.parametrize("usage", [None, {}, [], "many", {"input_tokens": None}, {"input_tokens": -5}])
def test_no_usage_is_no_usage(usage: Any) -> None:
    assert usage_of(usage) == e.Usage()


@pytest.mark.parametrize(
    ("usage", "seconds"),
    [
        ({"type": "duration", "seconds": 3.2}, 3.2),
        ({"type": "duration", "seconds": -1}, 0.0),
        ({"type": "duration", "seconds": 1e300}, 0.0),
        ({"type": "tokens", "input_tokens": 2**52}, 0.0),
        (TOKENS, 3.0),
        ({**TOKENS, "input_token_details": {"audio_tokens": 25, "text_tokens": 5}}, 2.5),
        (None, 0.0),
        ({"type": "something_new"}, 0.0),
    ],
)
def test_transcription_is_counted_in_seconds_whatever_it_is_billed_in(usage: Json | None, seconds: float) -> None:
    event = {"type": "conversation.item.input_audio_transcription.completed", "item_id": "i", "transcript": "Hi"}
    assert decode({**event, "usage": usage}) == e.CallerTranscript("i", "Hi", e.Usage(transcription_seconds=seconds))


# --- whatever else may come -------------------------------------------------------------------

TRANSCRIPT = "response.output_audio_transcript.done"


@pytest.mark.parametrize(
    ("frame", "why"),
    [
        (b'{"type": "error"}', "malformed"),
        ("", "malformed"),
        ("not JSON", "malformed"),
        ('{"type": "error"', "malformed"),
        ("null", "malformed"),
        ('["type", "error"]', "malformed"),
        ('"error"', "malformed"),
        ("{}", "malformed"),
        ('{"type": 7}', "malformed"),
        ('{"type": "error"}', "malformed"),
        ('{"type": "error", "error": {}, "x": NaN}', "malformed"),
        ('{"type": "brand.new"}', "unknown"),
        ("[" * 100_000, "malformed"),
        ('{"type": "error", "error": ' + '{"a":' * 100_000, "malformed"),
        ('{"x": ' + "9" * 5000 + ', "type": "error"}', "malformed"),
        (json.dumps({"type": TRANSCRIPT, **SPOKEN, "transcript": "x" * 2_000_000}), "malformed"),
        (json.dumps({"pad": "x" * 2_000_000, "type": "response.created"}), "malformed"),
        (json.dumps({"type": "response.output_audio.delta", "delta": "A" * 2_000_000}), "ignored"),
        ("x" * 2_000_000, "malformed"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_frame_that_is_no_event_is_skipped(frame: str | bytes, why: str) -> None:
    skipped = realtime.decode(frame)
    assert isinstance(skipped, e.Skipped)
    assert skipped.why == why


def test_large_frames_that_the_call_needs_are_read() -> None:
    """A response with a remote tool's long answer still ends, and retrieved items carry their audio."""
    output = {"id": "i", "type": "mcp_call", "server_label": "s", "name": "n", "arguments": "{}", "output": "x" * 2**21}
    ended = decode({"type": "response.done", "response": {"id": "resp_1", "output": [output]}})
    assert isinstance(ended, e.ResponseEnded)
    assert isinstance(decode({"type": "response.output_item.done", "item": output}), e.RemoteToolCalled)
    heard = {**HEARD, "content": [{"type": "input_audio", "audio": "A" * 2**21, "transcript": "Hi."}]}
    retrieved = decode({"type": "conversation.item.retrieved", "item": heard})
    assert retrieved == e.ItemRetrieved("item_1", "caller", "Hi.")


def test_half_a_character_is_replaced_for_it_could_be_neither_stored_nor_sent() -> None:
    frame = '{"type": "%s", "item_id": "i", "response_id": "r", "transcript": "\\ud83d and \\ud83d\\ude00"}'
    assert realtime.decode(frame.replace("%s", TRANSCRIPT)) == e.AgentTranscript("i", "r", "? and 😀")


def test_numbers_that_no_record_could_hold_count_for_nothing() -> None:
    frame = '{"type": "%s", "item_id": "i", "transcript": "Hi", "usage": {"seconds": 1e999}}'
    read = realtime.decode(frame % "conversation.item.input_audio_transcription.completed")
    assert read == e.CallerTranscript("i", "Hi", e.Usage())
    assert usage_of({"input_tokens": 10**40}) == e.Usage()


any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)
FIELDS = sorted({name for event, _ in READ for name in event} | set(SPOKEN))
ITEM_FIELDS = sorted({"id", "content", "role", "status", "error", "output", "usage", "type", *CALL, *SESSION, *TOKENS})
known_item = st.dictionaries(st.sampled_from(ITEM_FIELDS), any_json | st.sampled_from(["message", "function_call"]))


@unhurried
@given(st.text() | st.binary())
def test_no_frame_at_all_raises(frame: str | bytes) -> None:
    assert isinstance(realtime.decode(frame), e.Skipped)


@unhurried
@given(
    st.sampled_from(sorted(SERVER_EVENTS)),
    st.dictionaries(st.sampled_from(FIELDS), any_json | known_item | st.lists(known_item, max_size=2)),
    st.booleans(),
)
def test_no_event_with_whatever_fields_raises(name: str, fields: Json, escaped: bool) -> None:
    read = realtime.decode(json.dumps({**fields, "type": name}, ensure_ascii=escaped))
    if isinstance(read, e.Skipped):
        assert read.why in ("ignored", "malformed")
    elif escaped:  # what was read can be written and sent on
        json.dumps(asdict(read), ensure_ascii=False, allow_nan=False).encode()


@unhurried
@given(st.sampled_from([event for event, _ in READ]), st.data())
def test_an_event_with_one_wrong_field_raises_nothing(event: Json, data: st.DataObject) -> None:
    field = data.draw(st.sampled_from(sorted(event)[:-1]))
    realtime.decode(json.dumps({**event, field: data.draw(any_json)}))


# --- what we say ------------------------------------------------------------------------------

COMMANDS: list[tuple[e.Command, Json]] = [
    (e.Respond(), {"type": "response.create"}),
    (
        e.Respond("Greet.", "ringside_1"),
        {
            "type": "response.create",
            "event_id": "ringside_1",
            "response": {"instructions": "Greet.", "metadata": {"ref": "ringside_1"}},
        },
    ),
    (e.TellFact("Keys: 1."), {"type": "conversation.item.create"}),
    (e.TellFact("Keys: 1.", "digits_1"), {"type": "conversation.item.create"}),
    (e.TellOutput("call_1", '{"ok": "ä"}'), {"type": "conversation.item.create"}),
    (e.RetrieveItem("item_1"), {"type": "conversation.item.retrieve", "item_id": "item_1"}),
    (e.DeleteItem("item_1"), {"type": "conversation.item.delete", "item_id": "item_1"}),
    (e.Approve("item_1", True), {"type": "conversation.item.create"}),
]


@pytest.mark.parametrize(("command", "expected"), COMMANDS)
def test_what_we_say_is_an_event_of_the_api(command: e.Command, expected: Json) -> None:
    said = json.loads(client_events.encode(command))
    assert {name: said.get(name) for name in expected} == expected
    event: BaseModel = TypeAdapter(RealtimeClientEvent).validate_python(said)
    assert event.model_dump(exclude_unset=True, mode="json") == said, "fields that the API does not know"


def item_of(command: e.Command) -> Json:
    item: Json = json.loads(client_events.encode(command))["item"]
    return item


def test_an_output_goes_to_its_call_under_one_id_however_often_it_is_told() -> None:
    told, again = item_of(e.TellOutput("call_1", "yes")), item_of(e.TellOutput("call_1", "yes"))
    assert (told["type"], told["call_id"], told["output"]) == ("function_call_output", "call_1", "yes")
    assert told["id"] == again["id"] != item_of(e.TellOutput("call_2", "yes"))["id"]


def test_a_fact_comes_from_the_system_and_not_from_the_caller() -> None:
    fact = item_of(e.TellFact("Keys: 1.", "digits_1"))
    assert (fact["id"], fact["role"]) == ("digits_1", "system")
    assert fact["content"] == [{"type": "input_text", "text": "Keys: 1."}]
    assert "id" not in item_of(e.TellFact("Keys: 1."))


@pytest.mark.parametrize("approve", [True, False])
def test_an_approval_answers_the_item_that_asked(approve: bool) -> None:
    answer = item_of(e.Approve("mcpr_1", approve))
    assert (answer["approval_request_id"], answer["approve"]) == ("mcpr_1", approve)


@unhurried
@given(st.text(max_size=80))
def test_the_ids_we_give_are_not_too_long(text: str) -> None:
    """The API takes 32 characters at most."""
    assert len(item_of(e.TellOutput(text, ""))["id"]) <= 32
    assert len(item_of(e.Approve(text, True))["id"]) <= 32


# --- URLs -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("https://api.openai.com/v1", "wss://api.openai.com/v1/realtime?call_id=rtc_1"),
        ("https://api.openai.com/v1/", "wss://api.openai.com/v1/realtime?call_id=rtc_1"),
        ("HTTPS://eu.api.openai.com/v1", "wss://eu.api.openai.com/v1/realtime?call_id=rtc_1"),
        ("http://127.0.0.1:8080/v1", "ws://127.0.0.1:8080/v1/realtime?call_id=rtc_1"),
        ("http://localhost:8080", "ws://localhost:8080/realtime?call_id=rtc_1"),
        ("http://[::1]:8080/a/b", "ws://[::1]:8080/a/b/realtime?call_id=rtc_1"),
    ],
)
def test_the_sideband_is_at_the_same_origin_as_the_rest(base: str, url: str) -> None:
    assert urls.sideband_url(base, "rtc_1") == url


@pytest.mark.parametrize("base", ["https://api.openai.com/v1", "https://api.openai.com/v1/"])
def test_a_call_is_controlled_at_its_own_address(base: str) -> None:
    assert urls.call_url(base, "rtc_1", "refer") == "https://api.openai.com/v1/realtime/calls/rtc_1/refer"


@unhurried
@given(st.text(min_size=1, max_size=40))
def test_no_call_id_can_lead_somewhere_else(call_id: str) -> None:
    try:
        call_id.encode()
    except UnicodeEncodeError:
        return
    url = urls.call_url("https://api.openai.com/v1", call_id, "accept")
    assert url.removeprefix("https://api.openai.com/v1/realtime/calls/").count("/") == 1
    assert "?" not in url
    assert "#" not in url
    assert urls.sideband_url("https://api.openai.com/v1", call_id).count("&") == 0


@pytest.mark.parametrize("call_id", ["rtc_u1_9c6574da8b8a41a18da9308f4ad974ce", "a", "A.b-c~d_e", "x" * 200])
def test_a_call_id_is_opaque(call_id: str) -> None:
    assert calls.CALL_ID.fullmatch(call_id)


@pytest.mark.parametrize("call_id", ["", ".", "..", "../x", "a/b", "a b", "ä", "a?b", "a\n", "x" * 201])
def test_what_would_not_fit_a_url_or_a_key_is_no_call_id(call_id: str) -> None:
    assert not calls.CALL_ID.fullmatch(call_id)
