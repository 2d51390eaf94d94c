"""Realtime server events: what a session tells us, in our own words. Pure.

Names and shapes are those of the GA Realtime API (guide, "Monitor call events"; API reference,
Realtime server events). Parsed leniently: what is missing reads as empty, what is unknown is
skipped, and what is not a JSON object is counted and skipped.
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ringside.conversation import events as e
from ringside.openai.client_events import REF
from ringside.openai.error_details import code_of, retry_after

if TYPE_CHECKING:
    pass

LONGEST_SECONDS = 3600.0
"""Of speech in one turn: a session lasts an hour at most (guide, Managing conversations). More cannot be true."""

LARGE = 1 << 20
"""Frames longer than this are not parsed, unless the call could not go on without them."""

OUTPUT_LIMIT = 16_000
"""Characters kept of what an MCP tool answered: the record's items have a limit, servers have none."""


# What may carry an MCP tool's output of any size, or audio that we asked for, and must be heard all the same.
_NEEDED = frozenset({"conversation.item.retrieved", "response.done", "response.output_item.done"})

_TYPE_FIRST = re.compile(r'\s*\{\s*(?:"event_id"\s*:\s*"[^"\\]{0,100}"\s*,\s*)?"type"\s*:\s*"([^"\\]{1,100})"')

# Most events are deltas of things that arrive whole a moment later: they are dropped unparsed.
_UNINTERESTING = frozenset(
    {
        "conversation.created",
        "conversation.item.created",  # the beta's name, kept in the types; GA sends added and done
        "conversation.item.done",
        "conversation.item.deleted",
        "conversation.item.input_audio_transcription.segment",
        "input_audio_buffer.cleared",
        "input_audio_buffer.timeout_triggered",
        "mcp_list_tools.in_progress",
        "mcp_list_tools.completed",
        "mcp_list_tools.failed",
        "response.content_part.added",
        "response.content_part.done",
        "response.function_call_arguments.delta",
        "response.mcp_call.completed",
        "response.mcp_call.failed",
        "response.mcp_call.in_progress",
        "response.mcp_call_arguments.delta",
        "response.mcp_call_arguments.done",
        "response.output_audio.delta",
        "response.output_audio.done",
        "response.output_item.added",
        "response.output_text.delta",
        "session.updated",
    }
)


def decode(frame: str | bytes) -> e.Event | e.Skipped:
    """Read one server frame. Never raises, whatever the frame is."""
    if isinstance(frame, bytes):
        return e.Skipped("malformed", "binary")
    peeked = _TYPE_FIRST.match(frame)
    if peeked is not None:
        name = peeked[1].strip()
        if name in _UNINTERESTING:
            return e.Skipped("ignored", name)
        if len(frame) > LARGE and name not in _NEEDED:
            return e.Skipped("malformed", "oversized")
    elif len(frame) > LARGE:
        return e.Skipped("malformed", "oversized")
    try:
        event = _parse(frame)
    except (ValueError, RecursionError):
        return e.Skipped("malformed", "not JSON")
    if not isinstance(event, dict) or not isinstance(event.get("type"), str):
        return e.Skipped("malformed", "no type")
    # The reference's own DTMF example has a space before the type.
    name = event["type"].strip()
    read = _READERS.get(name)
    if read is None:
        return e.Skipped("ignored" if name in _UNINTERESTING else "unknown", name[:100])
    try:
        return read(event)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return e.Skipped("malformed", name)


def _no_number(literal: str) -> None:
    raise ValueError(literal)  # NaN and Infinity are not JSON, and the record could not hold them


_decoder = json.JSONDecoder(parse_constant=_no_number)


def _parse(frame: str) -> Any:
    if frame.startswith("{"):
        parsed, end = _decoder.raw_decode(frame)
        if end != len(frame):  # white space, or what is not JSON
            parsed = _decoder.decode(frame)
    else:
        parsed = _decoder.decode(frame)
    if "\\" in frame and ("\\ud" in frame or "\\uD" in frame):
        # Half of a surrogate pair can be written in JSON, but neither sent on nor stored.
        parsed = json.loads(json.dumps(parsed, ensure_ascii=False).encode("utf-8", "replace"))
    return parsed


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _maybe_text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 1 << 53 else 0


def _seconds(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _session_started(event: Mapping[str, Any]) -> e.Event:
    return e.SessionStarted(_seconds(_mapping(event.get("session")).get("expires_at")))


def _error(event: Mapping[str, Any]) -> e.Event:
    error = _mapping(event["error"])
    ref, message = _maybe_text(error.get("event_id")), str(error.get("message", ""))
    return e.SessionError(code_of(error) or "error", message, ref, retry_after(error))


def _rate_limits(event: Mapping[str, Any]) -> e.Event | e.Skipped:
    """Sent as a response begins; `reset_seconds`: until the limit is reset (API reference, rate_limits.updated)."""
    limits = [_mapping(limit) for limit in event.get("rate_limits") or ()][:10]
    told = [(str(limit.get("name"))[:20], _seconds(limit.get("reset_seconds"))) for limit in limits]
    resets = tuple((name, seconds) for name, seconds in told if seconds is not None and 0 <= seconds < 1e6)
    return e.RateLimitsUpdated(resets) if resets else e.Skipped("ignored", "rate_limits.updated")


def _item_added(event: Mapping[str, Any]) -> e.Event:
    item = _mapping(event["item"])
    item_id, previous = _text(item["id"]), _maybe_text(event.get("previous_item_id"))
    match item.get("type"), item.get("role"):
        case "message", "user":
            spoken = any(_mapping(part).get("type") == "input_audio" for part in item.get("content") or ())
            return e.ItemAdded(item_id, previous, "caller" if spoken else "other")
        case "message", "assistant":
            return e.ItemAdded(item_id, previous, "agent")
        case "function_call", _:
            return e.ItemAdded(item_id, previous, "tool_call", _maybe_text(item.get("call_id")))
        case "function_call_output", _:
            return e.ItemAdded(item_id, previous, "tool_output", _maybe_text(item.get("call_id")))
        case "mcp_approval_response", _:
            return e.ItemAdded(item_id, previous, "approval", _maybe_text(item.get("approval_request_id")))
    return e.ItemAdded(item_id, previous, "other")


def _committed(event: Mapping[str, Any]) -> e.Event:
    return e.ItemAdded(_text(event["item_id"]), _maybe_text(event.get("previous_item_id")), "caller")


def _item_retrieved(event: Mapping[str, Any]) -> e.Event:
    item = _mapping(event["item"])
    roles: dict[Any, e.Role] = {"user": "caller", "assistant": "agent"}
    role = roles.get(item.get("role")) if item.get("type") == "message" else None
    call = None
    if item.get("type") == "function_call" and item.get("call_id") and item.get("status", "completed") == "completed":
        call = _tool_called({**item, "item_id": item["id"]})
    return e.ItemRetrieved(_text(item["id"]), role, _words_of(item), call)


def _output_item_done(event: Mapping[str, Any]) -> e.Event | e.Skipped:
    """Only what comes in no other event: approvals asked for and MCP calls that have run."""
    item = _mapping(event["item"])
    match item.get("type"):
        case "mcp_approval_request":
            return e.ApprovalAsked(_text(item["id"]), str(item.get("server_label")), str(item.get("name")))
        case "mcp_call":
            return e.RemoteToolCalled(
                _text(item["id"]),
                str(item.get("server_label")),
                str(item.get("name")),
                str(item.get("arguments") or ""),
                (_maybe_text(item.get("output")) or "")[:OUTPUT_LIMIT] or None,
                item.get("error") is not None,
            )
    return e.Skipped("ignored", "response.output_item.done")


def _tool_called(event: Mapping[str, Any]) -> e.ToolCalled:
    return e.ToolCalled(
        _text(event["item_id"]),
        str(event.get("response_id") or ""),
        _text(event["call_id"]),
        _text(event["name"]),
        str(event.get("arguments") or "{}"),
    )


def _arguments_done(event: Mapping[str, Any]) -> e.Event | e.Skipped:
    """Also sent when a response was cut short: then the arguments are a torso, and nobody wants the tool to run.

    Broken arguments of a response that was completed come once more with `response.done`.
    """
    call = _tool_called(event)
    try:
        json.loads(event.get("arguments") or "")
    except (ValueError, RecursionError):
        return e.Skipped("ignored", "response.function_call_arguments.done")
    return call


def _response_started(event: Mapping[str, Any]) -> e.Event:
    response = _mapping(event["response"])
    return e.ResponseStarted(_text(response["id"]), _maybe_text(_mapping(response.get("metadata")).get(REF)))


def _response_ended(event: Mapping[str, Any]) -> e.Event:
    response = _mapping(event["response"])
    response_id, details = _text(response["id"]), _mapping(response.get("status_details"))
    output = [_mapping(item) for item in response.get("output") or ()]
    calls = tuple(
        e.ToolCalled(
            str(item.get("id") or item["call_id"]),
            response_id,
            str(item["call_id"]),
            str(item["name"]),
            str(item.get("arguments") or "{}"),
        )
        for item in output
        if item.get("type") == "function_call"
        and item.get("call_id")
        and item.get("name")
        and item.get("status", "completed") == "completed"
    )
    return e.ResponseEnded(
        response_id,
        str(response.get("status") or "completed"),
        _maybe_text(details.get("reason")),
        code_of(_mapping(details.get("error"))),
        _response_usage(_mapping(response.get("usage"))),
        calls,
        tuple(_said(response_id, item) for item in output if _has_words(item)),
        tuple(item["id"] for item in output if isinstance(item.get("id"), str)),
        retry_after(_mapping(details.get("error"))),
    )


def _words_of(item: Mapping[str, Any]) -> str | None:
    """The words of a message, of all its parts."""
    parts = [_mapping(part) for part in item.get("content") or ()]
    return " ".join(text for part in parts if (text := _maybe_text(part.get("transcript") or part.get("text")))) or None


def _has_words(item: Mapping[str, Any]) -> bool:
    return item.get("type") == "message" and isinstance(item.get("id"), str) and _words_of(item) is not None


def _said(response_id: str, item: Mapping[str, Any]) -> e.AgentTranscript:
    return e.AgentTranscript(item["id"], response_id, _words_of(item) or "")


def _response_usage(usage: Mapping[str, Any]) -> e.Usage:
    """`response.done` usage: every field is optional, cached tokens are a part of the input."""
    into, out = _mapping(usage.get("input_token_details")), _mapping(usage.get("output_token_details"))
    cached = _mapping(into.get("cached_tokens_details"))
    text, audio, image = (_count(into.get(f"{kind}_tokens")) for kind in ("text", "audio", "image"))
    cached_text, cached_audio, cached_image = (
        _count(cached.get(f"{kind}_tokens")) for kind in ("text", "audio", "image")
    )
    if not cached:  # told in sum only: the instructions come first in every prompt, so text is cached first
        total = _count(into.get("cached_tokens"))
        cached_text = min(total, text)
        cached_audio = min(total - cached_text, audio)
    said, spoken = _count(out.get("text_tokens")), _count(out.get("audio_tokens"))
    unsplit = max(0, _count(usage.get("input_tokens")) - text - audio - image)
    unsplit += max(0, _count(usage.get("output_tokens")) - said - spoken)
    return e.Usage(text, audio, image, cached_text, cached_audio, cached_image, said, spoken, unsplit)


def _caller_transcript(event: Mapping[str, Any]) -> e.Event:
    usage = _mapping(event.get("usage"))
    seconds = _seconds(usage.get("seconds"))
    if seconds is not None:
        heard = seconds
    else:  # tokens: the caller's audio is one token per 100 ms (guide, Managing costs)
        audio = _mapping(usage.get("input_token_details")).get("audio_tokens", usage.get("input_tokens"))
        heard = _count(audio) / 10
    heard = heard if 0 < heard <= LONGEST_SECONDS else 0.0  # DynamoDB takes no 1e300, and would not close the call
    text = str(event.get("transcript") or "").strip()
    return e.CallerTranscript(_text(event["item_id"]), text, e.Usage(transcription_seconds=heard))


def _transcript_failed(event: Mapping[str, Any]) -> e.Event:
    error = _mapping(event.get("error"))
    return e.CallerTranscriptFailed(_text(event["item_id"]), str(error.get("code") or error.get("type") or "failed"))


def _agent_words(event: Mapping[str, Any]) -> e.Event:
    return e.AgentWords(_text(event["item_id"]), str(event.get("response_id") or ""), _text(event["delta"]))


def _agent_transcript(key: str) -> Callable[[Mapping[str, Any]], e.Event]:
    return lambda event: e.AgentTranscript(
        _text(event["item_id"]),
        str(event.get("response_id") or ""),
        _text(event[key]),
        _count(event.get("content_index")),
    )


def _digit(event: Mapping[str, Any]) -> e.Event:
    digit = _text(event["event"])
    if len(digit) != 1 or digit not in "0123456789*#ABCD":
        raise ValueError(digit)
    return e.DigitPressed(digit)


_READERS: dict[str, Callable[[Mapping[str, Any]], e.Event | e.Skipped]] = {
    "session.created": _session_started,
    "error": _error,
    "conversation.item.added": _item_added,
    "conversation.item.retrieved": _item_retrieved,
    "conversation.item.truncated": lambda event: e.AgentCutOff(_text(event["item_id"]), _count(event["audio_end_ms"])),
    "conversation.item.input_audio_transcription.delta": lambda event: e.CallerWords(
        _text(event["item_id"]), str(event.get("delta") or "")
    ),
    "conversation.item.input_audio_transcription.completed": _caller_transcript,
    "conversation.item.input_audio_transcription.failed": _transcript_failed,
    "input_audio_buffer.speech_started": lambda event: e.CallerStarted(_text(event["item_id"])),
    "input_audio_buffer.speech_stopped": lambda event: e.CallerStopped(_text(event["item_id"])),
    "input_audio_buffer.committed": _committed,
    "input_audio_buffer.dtmf_event_received": _digit,
    "output_audio_buffer.started": lambda event: e.PlaybackStarted(_text(event["response_id"])),
    "output_audio_buffer.stopped": lambda event: e.PlaybackStopped(_text(event["response_id"])),
    "output_audio_buffer.cleared": lambda event: e.PlaybackCleared(_text(event["response_id"])),
    "rate_limits.updated": _rate_limits,
    "response.created": _response_started,
    "response.output_audio_transcript.delta": _agent_words,
    "response.output_audio_transcript.done": _agent_transcript("transcript"),
    "response.output_text.done": _agent_transcript("text"),
    "response.output_item.done": _output_item_done,
    "response.function_call_arguments.done": _arguments_done,
    "response.done": _response_ended,
}
