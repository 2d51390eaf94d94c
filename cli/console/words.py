"""Calls in words, for pages. Pure."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

Call = Mapping[str, Any]

ENDS = {
    "caller_hung_up": "The caller hung up",
    "agent_hung_up": "The agent said goodbye and hung up",
    "operator_hung_up": "An operator hung up",
    "transferred": "The caller was transferred",
    "max_duration": "The call reached its longest duration",
    "silence": "The caller was silent for too long",
    "spend_limit": "The call reached its spending limit",
    "session_expired": "OpenAI ended the session",
    "caller_gone_before_accept": "The caller was gone before the call was answered",
    "never_connected": "The call was accepted, but never connected",
    "accept_failed": "OpenAI did not accept the call",
    "supervision_lost": "Nobody supervised the call any more",
    "swept": "Nobody supervised the call; it was closed afterwards",
}

STATES = {
    "ringing": "Ringing",
    "accepted": "Answered, waiting for a monitor",
    "live": "In progress",
    "ended": "Ended",
    "rejected": "Turned away",
    "missed": "Missed",
    "failed": "Failed",
}

STEPS = {
    "created": "OpenAI had the call",
    "received": "webhook received",
    "claimed": "claimed in the record",
    "decided": "decided by the rules",
    "accept_sent": "accept sent to OpenAI",
    "accepted": "accepted: the caller hears somebody pick up",
    "rejected": "rejected",
    "queued": "handed to the queue",
    "taken": "taken by a monitor",
    "attached": "sideband open",
    "greeted": "greeting asked for",
    "first_audio": "first word heard",
}

ACTIONS = {
    "say": "Say",
    "instruct": "Told the agent",
    "transfer": "Transfer to",
    "hang_up": "Hang up",
    "hold": "Put the agent on hold",
    "resume": "Let the agent go on",
}

SILENTLY = {"instruct": "silently", "hang_up": "without a goodbye"}

MARKS = {
    "interrupted": "interrupted by the caller",
    "cut": "cut off by the end of the call",
    "pending": "not transcribed yet",
    "untranscribed": "no transcript",
}


def ending(call: Call) -> str:
    """How the call ended, or how it stands, in a sentence."""
    if call.get("status") == "rejected":
        decision = call.get("decision") or {}
        return f"Turned away by the rule “{decision.get('rule') or 'unknown'}”"
    return ENDS.get(str(call.get("end_reason")), STATES.get(str(call.get("status")), str(call.get("status"))))


def is_open(call: Call) -> bool:
    return call.get("status") in ("ringing", "accepted", "live")


def tone(call: Call) -> str:
    """Which colour a status has, besides its word."""
    status = str(call.get("status"))
    if status in ("failed", "missed"):
        return "bad"
    return "live" if is_open(call) else "plain" if status == "ended" else "warn"


def span(seconds: float | None) -> str:
    """`0.85 s`, `12.3 s`, `3 min 04 s` or `1 h 02 min`; nothing of None."""
    if seconds is None:
        return ""
    if seconds < 10:
        return f"{seconds:.2f} s"
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    return f"{whole // 60} min {whole % 60:02} s" if whole < 3600 else f"{whole // 3600} h {whole % 3600 // 60:02} min"


def money(cost: float | None) -> str:
    """US dollars; what is not known is never shown as nothing."""
    return "unknown" if cost is None else f"${cost:.4f}" if cost < 1 else f"${cost:,.2f}"


def so_far(call: Call, now: float) -> float | None:
    """How long the call has lasted, in seconds; None where nobody answered."""
    if call.get("duration") is not None:
        return float(call["duration"])
    return max(0.0, now - datetime.fromisoformat(str(call["started_at"])).timestamp()) if is_open(call) else None


def clock(iso: str) -> str:
    """The time of day of a moment, in UTC."""
    return datetime.fromisoformat(iso).astimezone(UTC).strftime("%H:%M:%S")


def day(iso: str) -> str:
    return datetime.fromisoformat(iso).astimezone(UTC).date().isoformat()


def since_answer(at: float | None, answered: float) -> str:
    """`1:02.3`: minutes, seconds and tenths since the call was answered."""
    if at is None:
        return ""
    tenths = round(abs(at - answered) * 10)
    return f"{'-' if at < answered and tenths else ''}{tenths // 600}:{tenths % 600 / 10:04.1f}"


def answered_at(call: Call) -> float:
    """The zero of a conversation's times, in Unix seconds."""
    steps = call.get("steps") or {}
    return float(steps.get("accepted") or steps.get("created") or 0)


def usage(used: Mapping[str, Any]) -> list[tuple[str, int]]:
    """Tokens by what they were, those that there are."""
    names = {
        "input_text": "text in",
        "input_audio": "audio in",
        "input_image": "images in",
        "output_text": "text out",
        "output_audio": "audio out",
        "cached_text": "of text in, cached",
        "cached_audio": "of audio in, cached",
        "unsplit": "of unknown modality",
    }
    return [(label, int(used[name])) for name, label in names.items() if used.get(name)]


def rounded_up(value: float) -> float:
    """The end of an axis: 1, 2 or 5 times a power of ten."""
    if value <= 0:
        return 1
    power = 10 ** math.floor(math.log10(value))
    return next(float(step * power) for step in (1, 2, 5, 10) if value <= step * power)
