"""Numbers and moments as people write them, and the parts of a call in words. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from time import time
from typing import Any, Self

from rich.text import Text

from cli.terminal import safe
from ringside.calls import ANONYMOUS, Step

Item = Mapping[str, Any]


@dataclass(frozen=True)
class Clock:
    """How times are shown. `zone` None: the local one. `now` in Unix seconds, for calls that are not over."""

    zone: tzinfo | None = None
    now: float | None = None

    @classmethod
    def here(cls, utc: bool) -> Self:
        return cls(UTC if utc else None, time())

    def moment(self, at: float) -> str:
        return datetime.fromtimestamp(at, UTC).astimezone(self.zone).strftime("%Y-%m-%d %H:%M:%S %z")


def status(call: Item) -> Text:
    """The status, with the reason for the end."""
    known, reason = str(call.get("status")), call.get("end_reason")
    if known in ("ringing", "accepted", "live"):
        return Text(safe(known), "green")
    style = "red" if known in ("failed", "missed") else "bold" if known == "ended" else "yellow"
    return Text.assemble((safe(known), style), f": {safe(reason)}" if reason else "")


def parties(call: Item) -> str:
    return f"{caller(call)} → {number(call.get('dialled'), 'unknown')}"


def caller(call: Item) -> str:
    """Who calls, with the extension behind the number, or what an unknown caller shows."""
    shown, extension = call.get("caller_shown"), call.get("caller_extension")
    more = f" ({safe(shown)})" if shown else f" ext. {safe(extension)}" if extension else ""
    return number(call.get("caller"), ANONYMOUS) + more


def number(value: object, otherwise: str) -> str:
    return safe(value) if value else otherwise


def money(cost: object) -> str:
    """US dollars; what is not known is never shown as nothing."""
    return "unknown" if cost is None else f"${float(str(cost)):.4f}"


def since(seconds: float) -> str:
    """`1:02.3`: minutes, seconds and tenths since the call was answered."""
    tenths = round(abs(seconds) * 10)
    return f"{'-' if seconds < 0 and tenths else ''}{tenths // 600}:{tenths % 600 / 10:04.1f}"


def span(seconds: float) -> str:
    """`12.3 s`, `3 min 4 s` or `1 h 2 min`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    return f"{whole // 60} min {whole % 60} s" if whole < 3600 else f"{whole // 3600} h {whole % 3600 // 60} min"


def answered_at(call: Item) -> float:
    """The zero of a conversation's times, in Unix seconds: the accept, or the ringing where there was none."""
    reached = call.get("steps") or {}
    return float(reached.get(Step.ACCEPTED) or reached.get(Step.CREATED) or 0)


def duration(call: Item, now: float | None) -> float | None:
    """Seconds since the answer, of a call that is not over until now; None where nobody answered."""
    if call.get("duration") is not None:
        return float(call["duration"])
    if call.get("status") == "live" and now is not None:
        return max(0.0, now - answered_at(call))
    return None


def usage(used: Item) -> str:
    """Tokens by direction and modality, and seconds that were transcribed."""
    parts = []
    for way, field, names in (("in", "input", ("text", "audio", "image")), ("out", "output", ("text", "audio"))):
        counted = []
        for name in names:
            tokens = int(used.get(f"{field}_{name}") or 0)
            cached = int(used.get(f"cached_{name}") or 0) if way == "in" else 0
            if tokens:
                counted.append(f"{tokens} {name}" + (f" ({cached} cached)" if cached else ""))
        parts.append(f"{way} {', '.join(counted) or '0'} tokens")
    if used.get("unsplit"):
        parts.append(f"{used['unsplit']} tokens of unknown modality")
    if used.get("transcription_seconds"):
        parts.append(f"{float(used['transcription_seconds']):.1f} s transcribed")
    return "; ".join(parts)
