"""The models that OpenAI documents for Realtime sessions and for transcription, to recognise a slip of the pen. Pure.

From OpenAI's Python library 3.54.0 (`CallAcceptParams.model`, `AudioTranscription.model`). Any other name is taken too:
there will be models that this list does not know.
"""

import difflib
import re
from collections.abc import Collection
from dataclasses import dataclass

REALTIME = frozenset(
    {
        "gpt-realtime",
        "gpt-realtime-1.5",
        "gpt-realtime-2",
        "gpt-realtime-2.1",
        "gpt-realtime-2.1-mini",
        "gpt-realtime-2025-08-28",
        "gpt-realtime-mini",
        "gpt-realtime-mini-2025-10-06",
        "gpt-realtime-mini-2025-12-15",
        "gpt-4o-realtime-preview",
        "gpt-4o-realtime-preview-2024-10-01",
        "gpt-4o-realtime-preview-2024-12-17",
        "gpt-4o-realtime-preview-2025-06-03",
        "gpt-4o-mini-realtime-preview",
        "gpt-4o-mini-realtime-preview-2024-12-17",
        "gpt-audio-1.5",
        "gpt-audio-mini",
        "gpt-audio-mini-2025-10-06",
        "gpt-audio-mini-2025-12-15",
    }
)

TRANSCRIPTION = frozenset(
    {
        "gpt-transcribe",
        "gpt-live-transcribe",
        "gpt-realtime-whisper",
        "whisper-1",
        "gpt-4o-transcribe",
        "gpt-4o-transcribe-diarize",
        "gpt-4o-mini-transcribe",
        "gpt-4o-mini-transcribe-2025-12-15",
    }
)


_OTHER_KINDS = re.compile(
    r"gpt-(3\.5|4|4\.1|4\.5|4o|5)(\.\d+)?(-(mini|nano|pro|turbo|codex|chat).*)?(-\d{4}-.*|-latest)?|o\d.*|chatgpt-.*|codex-.*"
    r"|gpt-live-.*|gpt-image-.*|gpt-oss-.*|tts-.*|gpt-4o-mini-tts.*|dall-e-.*|sora-.*|text-.*|omni-.*|davinci.*|babbage.*"
)
"""Models of OpenAI for something else: text, images, speech from text, the Live API."""


@dataclass(frozen=True)
class Doubt:
    """What is strange about a model's name. `is_sure`: it cannot be used so; else it may be newer than this list."""

    text: str
    is_sure: bool


def doubt(model: str, use: str, documented: Collection[str], listed: Collection[str] = ()) -> Doubt | None:
    """What is strange about a model, and which one may be meant; None if nothing is.

    `use`: "Realtime sessions" or "transcription". `listed`: the models that OpenAI lists for this key, if known.
    """
    if model in documented and (not listed or model in listed):
        return None
    likely = sorted(set(documented) & set(listed) or documented)
    near = difflib.get_close_matches(model, [name for name in likely if name != model], 1, 0.6)
    meant = f"; did you mean {near[0]}?" if near else ""
    if model in documented:
        return Doubt(f"OpenAI does not list {model} for this key{meant}", False)
    if _OTHER_KINDS.fullmatch(model) or model in REALTIME | TRANSCRIPTION:
        return Doubt(f"{model} is not a model for {use}{meant}", True)
    if listed and model not in listed:
        return Doubt(f"OpenAI lists no model {model} for this key{meant}", True)
    return None if listed else Doubt(f"OpenAI documents no model {model} for {use}{meant}", False)
