"""What a session says in a turn of caller and agent, as frames of a WebSocket, ready to be sent. Pure.

Events and their order are those of the GA Realtime API (API reference, "Realtime server events"); a test has OpenAI's
package judge them. All calls say the same in their nth turn, so a frame is made once, whoever gets it.
"""

import json
import struct
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from typing import Any

Event = dict[str, Any]

SECONDS = 9.0
"""How long a turn takes in which somebody is always speaking."""

HEARD, SPOKEN = 12, 22
"""Deltas of a turn: of the caller's transcript, and of the agent's."""

HEARD_TEXT = "I would like to know how much the blue chair costs, please."
_SPOKEN = "The blue chair costs ninety dollars, and delivery within the city is free of charge. Anything else?"


def heard_id(turn: int) -> str:
    """The item of what the caller says in a turn."""
    return f"item_caller_{turn:06d}"


def spoken_id(turn: int) -> str:
    return f"item_agent_{turn:06d}"


def hello() -> Event:
    """The first event of a session."""
    session = {"type": "realtime", "object": "realtime.session", "id": "sess_1", "model": "gpt-realtime-2.1"}
    return {"type": "session.created", "event_id": "event_0", "session": session}


def turn(number: int) -> Iterator[Event]:
    """The events of a turn, in their order."""
    for place, event in enumerate(_events(number)):
        yield {"type": event.pop("type"), "event_id": f"event_{number:06d}_{place:03d}", **event}


def _events(number: int) -> Iterator[Event]:
    heard, spoken, before = heard_id(number), spoken_id(number), spoken_id(number - 1) if number else None
    response_id, at = f"resp_{number:06d}", int(number * SECONDS * 1000)
    about: Event = {"response_id": response_id, "item_id": spoken, "output_index": 0, "content_index": 0}
    caller: Event = _item(heard, "user", "completed", [{"type": "input_audio", "transcript": None}])
    agent: Event = _item(spoken, "assistant", "in_progress", [])
    said: Event = _item(spoken, "assistant", "completed", [{"type": "output_audio", "transcript": _SPOKEN}])
    yield {"type": "input_audio_buffer.speech_started", "audio_start_ms": at, "item_id": heard}
    yield {"type": "input_audio_buffer.speech_stopped", "audio_end_ms": at + 3000, "item_id": heard}
    yield {"type": "input_audio_buffer.committed", "previous_item_id": before, "item_id": heard}
    yield {"type": "conversation.item.added", "previous_item_id": before, "item": caller}
    yield {"type": "conversation.item.done", "previous_item_id": before, "item": caller}
    yield {"type": "response.created", "response": _response(response_id, "in_progress", [])}
    for delta in _pieces(HEARD_TEXT, HEARD):
        yield {
            "type": "conversation.item.input_audio_transcription.delta",
            "item_id": heard,
            "content_index": 0,
            "delta": delta,
        }
    yield {
        "type": "conversation.item.input_audio_transcription.completed",
        "item_id": heard,
        "content_index": 0,
        "transcript": HEARD_TEXT,
        "usage": {"type": "duration", "seconds": 3.0},
    }
    yield {"type": "response.output_item.added", "response_id": response_id, "output_index": 0, "item": agent}
    yield {"type": "conversation.item.added", "previous_item_id": heard, "item": agent}
    yield {"type": "response.content_part.added", **about, "part": {"type": "audio", "transcript": ""}}
    yield {"type": "output_audio_buffer.started", "response_id": response_id}
    for delta in _pieces(_SPOKEN, SPOKEN):
        yield {"type": "response.output_audio_transcript.delta", **about, "delta": delta}
    yield {"type": "response.output_audio.done", **about}
    yield {"type": "response.output_audio_transcript.done", **about, "transcript": _SPOKEN}
    yield {"type": "response.content_part.done", **about, "part": {"type": "audio", "transcript": _SPOKEN}}
    yield {"type": "conversation.item.done", "previous_item_id": heard, "item": said}
    yield {"type": "response.output_item.done", "response_id": response_id, "output_index": 0, "item": said}
    yield {"type": "response.done", "response": _response(response_id, "completed", [said])}
    limits = [{"name": "tokens", "limit": 800_000, "remaining": 790_000, "reset_seconds": 0.75}]
    yield {"type": "rate_limits.updated", "rate_limits": limits}
    yield {"type": "output_audio_buffer.stopped", "response_id": response_id}


@cache
def frames(number: int) -> tuple[bytes, ...]:
    return tuple(frame(event) for event in turn(number))


def frame(event: Event) -> bytes:
    """One text frame of a server: not masked, not compressed (RFC 6455, 5.2)."""
    payload = json.dumps(event).encode()
    if len(payload) < 126:
        return struct.pack("!BB", 0x81, len(payload)) + payload
    return struct.pack("!BBH", 0x81, 126, len(payload)) + payload


def _item(item_id: str, role: str, status: str, content: list[Event]) -> Event:
    what = {"id": item_id, "object": "realtime.item", "type": "message", "status": status}
    return {**what, "role": role, "content": content}


def _response(response_id: str, status: str, output: list[Event]) -> Event:
    usage = {
        "total_tokens": 850,
        "input_tokens": 800,
        "output_tokens": 50,
        "input_token_details": {
            "text_tokens": 500,
            "audio_tokens": 300,
            "cached_tokens": 600,
            "cached_tokens_details": {"text_tokens": 400, "audio_tokens": 200},
        },
        "output_token_details": {"text_tokens": 15, "audio_tokens": 35},
    }
    return {
        "id": response_id,
        "object": "realtime.response",
        "status": status,
        "status_details": None,
        "conversation_id": "conv_1",
        "output": output,
        "output_modalities": ["audio"],
        "usage": usage if status == "completed" else None,
    }


def _pieces(text: str, count: int) -> Iterator[str]:
    """A text in so many pieces."""
    cuts = [len(text) * number // count for number in range(count + 1)]
    yield from (text[start:end] for start, end in pairwise(cuts))


EVENTS = sum(1 for _ in turn(1))
"""Of one turn."""

COMPLETED = 6 + HEARD
"""Which of them says all that the caller has said."""
