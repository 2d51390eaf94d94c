"""How a session is configured: what the accept asked for, filled up with the API's defaults.

Defaults are those of the official `session.created` example (facts, appendix E).
"""

import copy
from typing import Any

from infra.emulator.wire import ids
from infra.emulator.wire.validation import InvalidRequest

Session = dict[str, Any]

_SERVER_VAD = {
    "type": "server_vad",
    "threshold": 0.5,
    "prefix_padding_ms": 300,
    "silence_duration_ms": 200,
    "idle_timeout_ms": None,
    "create_response": True,
    "interrupt_response": True,
}
_SEMANTIC_VAD = {"type": "semantic_vad", "eagerness": "auto", "create_response": True, "interrupt_response": True}


def _turn_detection(given: dict[str, Any] | None) -> dict[str, Any] | None:
    if given is None:
        return None
    return {**(_SEMANTIC_VAD if given["type"] == "semantic_vad" else _SERVER_VAD), **given}


def opened(accepted: dict[str, Any], expires_at: float) -> Session:
    """The session that an accept body opens. Twice the same body is twice a session of its own."""
    session: Session = {
        "object": "realtime.session",
        "id": ids.new("sess"),
        "type": "realtime",
        "model": "gpt-realtime-2.1",
        "output_modalities": ["audio"],
        "instructions": "",
        "tools": [],
        "tool_choice": "auto",
        "max_output_tokens": "inf",
        "tracing": None,
        "truncation": "auto",
        "prompt": None,
        "expires_at": int(expires_at),
        "include": None,
        "audio": {
            "input": {
                # On SIP the media format is negotiated by SIP, not by the session (facts 2.1).
                "format": {"type": "audio/pcmu"},
                "transcription": None,
                "noise_reduction": None,
                "turn_detection": dict(_SERVER_VAD),
            },
            "output": {"format": {"type": "audio/pcmu"}, "voice": "marin", "speed": 1.0},
        },
    }
    _merge(session, accepted)
    return session


def updated(session: Session, update: dict[str, Any], *, voice_locked: bool) -> Session:
    """The session after a session.update: only present fields change (facts 3.8).

    Raises `InvalidRequest` when the update touches what cannot change; then nothing of it applies.
    """
    voice = update.get("audio", {}).get("output", {}).get("voice")
    if voice is not None and voice_locked and voice != session["audio"]["output"]["voice"]:
        message = "Cannot update a conversation's voice if assistant audio is present."
        raise InvalidRequest(message, "cannot_update_voice", "session.audio.output.voice")
    if "model" in update and update["model"] != session["model"]:
        # Documented as not updatable; how the refusal is worded is not known (facts 3.8).
        message = "Cannot update the model of a session."
        raise InvalidRequest(message, "invalid_value", "session.model")
    if session["tracing"] is not None and update.get("tracing", session["tracing"]) != session["tracing"]:
        message = "Cannot update the tracing of a session once it is enabled."
        raise InvalidRequest(message, "invalid_value", "session.tracing")
    changed = copy.deepcopy(session)
    _merge(changed, update)
    return changed


def _merge(session: Session, update: dict[str, Any]) -> None:
    for name, value in update.items():
        if name != "audio":
            session[name] = copy.deepcopy(value)
    for side, fields in update.get("audio", {}).items():
        for name, value in fields.items():
            value = _turn_detection(value) if name == "turn_detection" else value
            session["audio"][side][name] = copy.deepcopy(value)


def turn_detection(session: Session) -> dict[str, Any] | None:
    found: dict[str, Any] | None = session["audio"]["input"]["turn_detection"]
    return found


def transcription(session: Session) -> dict[str, Any] | None:
    """Transcription of the caller is off unless it was asked for (facts 4)."""
    found: dict[str, Any] | None = session["audio"]["input"]["transcription"]
    return found
