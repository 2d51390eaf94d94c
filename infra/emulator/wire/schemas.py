"""The documented shapes of what a client sends: the session, items, and the eleven client events.

Sources: facts 2.1 and appendices B and C; in the SDK `types/realtime/call_accept_params.py`,
`realtime_session_create_request_param.py` and `realtime_client_event_param.py`.
"""

from infra.emulator.wire.validation import (
    InvalidRequest,
    Shape,
    anything,
    by_type,
    either,
    flag,
    listing,
    mapping,
    nullable,
    number,
    record,
    strings,
    text,
)

VOICES = ("alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar")


def _modalities(value: object, path: str) -> None:
    listing(text("text", "audio"))(value, path)
    if value not in (["text"], ["audio"]):  # never both, facts 2.1
        message = f"Invalid modalities: {value}. Supported combinations are: ['text'] and ['audio']."
        raise InvalidRequest(message, "invalid_value", path)


_FORMAT = by_type(
    {
        "audio/pcm": record({"type": text()}, {"rate": number(24000, 24000, whole=True)}),
        "audio/pcmu": record({"type": text()}),
        "audio/pcma": record({"type": text()}),
    }
)
_VOICE = either(string=text(*VOICES), object=record({"id": text()}))
_TURN_DETECTION = by_type(
    {
        "server_vad": record(
            {"type": text()},
            {
                "threshold": number(0, 1),
                "prefix_padding_ms": number(0, whole=True),
                "silence_duration_ms": number(0, whole=True),
                "create_response": flag,
                "interrupt_response": flag,
                "idle_timeout_ms": nullable(number(5000, 30000, whole=True)),  # facts 2.1
            },
        ),
        "semantic_vad": record(
            {"type": text()},
            {
                "eagerness": text("low", "medium", "high", "auto"),
                "create_response": flag,
                "interrupt_response": flag,
            },
        ),
    }
)
_TRANSCRIPTION = record(
    None,
    {
        "model": text(),
        "language": text(),
        "languages": listing(text()),
        "prompt": text(),
        "keywords": listing(text()),
        "delay": text("minimal", "low", "medium", "high", "xhigh"),
    },
)
_AUDIO = record(
    None,
    {
        "input": record(
            None,
            {
                "format": _FORMAT,
                "noise_reduction": nullable(
                    record(None, {"type": text("near_field", "far_field"), "strength": number()})
                ),
                "transcription": nullable(_TRANSCRIPTION),
                "turn_detection": nullable(_TURN_DETECTION),
            },
        ),
        "output": record(None, {"format": _FORMAT, "voice": _VOICE, "speed": number(0.25, 1.5)}),
    },
)
_TOOL = by_type(
    {
        "function": record({"type": text(), "name": text()}, {"description": text(), "parameters": mapping}),
        "mcp": record(
            {"type": text(), "server_label": text()},
            {
                "server_url": text(),
                "connector_id": text(),
                "tunnel_id": text(),
                "authorization": text(),
                "headers": nullable(strings()),
                "allowed_tools": nullable(anything),
                "require_approval": nullable(anything),
                "server_description": text(),
                "allowed_callers": listing(text("direct", "programmatic")),
                "defer_loading": flag,
            },
        ),
    }
)
_TOOL_CHOICE = either(
    string=text("none", "auto", "required"),
    object=by_type(
        {
            "function": record({"type": text(), "name": text()}),
            "mcp": record({"type": text(), "server_label": text()}, {"name": nullable(text())}),
        }
    ),
)
_MAX_TOKENS = either(number=number(1, 4096, whole=True), string=text("inf"))
_PROMPT = nullable(record({"id": text()}, {"version": nullable(text()), "variables": nullable(mapping)}))
_REASONING = record(None, {"effort": text("minimal", "low", "medium", "high", "xhigh")})

SESSION: Shape = record(
    {"type": text("realtime")},
    {
        "model": text(),
        "instructions": text(),
        "output_modalities": _modalities,
        "audio": _AUDIO,
        "tools": listing(_TOOL),
        "tool_choice": _TOOL_CHOICE,
        "parallel_tool_calls": flag,
        "reasoning": _REASONING,
        "max_output_tokens": _MAX_TOKENS,
        "truncation": either(
            string=text("auto", "disabled"),
            object=record(
                {"type": text("retention_ratio"), "retention_ratio": number(0, 1)},
                {"token_limits": record(None, {"post_instructions": number(0, whole=True)})},
            ),
        ),
        "tracing": nullable(
            either(
                string=text("auto"),
                object=record(None, {"workflow_name": text(), "group_id": text(), "metadata": mapping}),
            )
        ),
        "prompt": _PROMPT,
        "include": listing(text("item.input_audio_transcription.logprobs")),
    },
)

_ITEM_FIELDS: dict[str, Shape] = {
    "id": text(longest=32),
    "object": text("realtime.item"),
    "status": text("completed", "incomplete", "in_progress"),
}
_CONTENT = {
    "system": by_type({"input_text": record({"type": text(), "text": text()})}),
    "user": by_type(
        {
            "input_text": record({"type": text(), "text": text()}),
            "input_audio": record({"type": text()}, {"audio": text(), "transcript": nullable(text())}),
            "input_image": record({"type": text(), "image_url": text()}, {"detail": text("auto", "low", "high")}),
        }
    ),
    "assistant": by_type(
        {
            "output_text": record({"type": text(), "text": text()}),
            "output_audio": record({"type": text()}, {"audio": text(), "transcript": nullable(text())}),
        }
    ),
}
_MESSAGE = by_type(
    {
        role: record({"type": text(), "role": text(), "content": listing(content)}, _ITEM_FIELDS)
        for role, content in _CONTENT.items()
    },
    field="role",
)
_ITEMS: dict[str, Shape] = {
    "message": _MESSAGE,
    "function_call": record({"type": text(), "name": text(), "arguments": text()}, _ITEM_FIELDS | {"call_id": text()}),
    "function_call_output": record({"type": text(), "call_id": text(), "output": text()}, _ITEM_FIELDS),
    "mcp_approval_response": record(
        {"type": text(), "approval_request_id": text(), "approve": flag},
        {"id": text(longest=32), "reason": nullable(text())},
    ),
}
_RESPONSE: Shape = record(
    None,
    {
        "audio": record(None, {"output": record(None, {"format": _FORMAT, "voice": _VOICE})}),
        "conversation": text(),
        "input": listing(by_type({**_ITEMS, "item_reference": record({"type": text(), "id": text()})})),
        "instructions": text(),
        "max_output_tokens": _MAX_TOKENS,
        "metadata": nullable(strings(longest_key=64, longest=512, most=16)),
        "output_modalities": _modalities,
        "parallel_tool_calls": flag,
        "prompt": _PROMPT,
        "reasoning": _REASONING,
        "tool_choice": _TOOL_CHOICE,
        "tools": listing(_TOOL),
    },
)


def _client_event(required: dict[str, Shape] | None = None, optional: dict[str, Shape] | None = None) -> Shape:
    return record({"type": text(), **(required or {})}, {"event_id": text(longest=512), **(optional or {})})


# 15 MiB is the documented maximum of one append (facts 3.6).
CLIENT_EVENTS: dict[str, Shape] = {
    "session.update": _client_event({"session": SESSION}),
    "input_audio_buffer.append": _client_event({"audio": text(longest=15 * 1024 * 1024)}),
    "input_audio_buffer.commit": _client_event(),
    "input_audio_buffer.clear": _client_event(),
    "output_audio_buffer.clear": _client_event(),
    "conversation.item.create": _client_event({"item": by_type(_ITEMS)}, {"previous_item_id": nullable(text())}),
    "conversation.item.delete": _client_event({"item_id": text()}),
    "conversation.item.retrieve": _client_event({"item_id": text()}),
    "conversation.item.truncate": _client_event(
        {"item_id": text(), "content_index": number(0, whole=True), "audio_end_ms": number(0, whole=True)}
    ),
    "response.create": _client_event(None, {"response": _RESPONSE}),
    "response.cancel": _client_event(None, {"response_id": text()}),
}

REJECT: Shape = record(None, {"status_code": number(300, 699, whole=True)})  # facts 2.3
REFER: Shape = record({"target_uri": text()})
