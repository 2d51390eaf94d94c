"""What the caller does, as generators of timed events: an utterance, and its transcription.

Order: facts 3.7 and 4 (speech_started, speech_stopped, committed, item added and done,
then the transcription, which runs on its own).
"""

from collections.abc import Iterator
from typing import Any

from infra.emulator.session import speech
from infra.emulator.session.conversation import Conversation, Item
from infra.emulator.session.response import Step
from infra.emulator.session.usage import Meter
from infra.emulator.wire import ids
from infra.emulator.wire.server_events import Event, event


def speech_started(item_id: str, now_ms: int, prefix_padding_ms: int) -> Event:
    """The item's id is known from the first sound on (facts 4)."""
    start = max(0, now_ms - prefix_padding_ms)
    return event("input_audio_buffer.speech_started", item_id=item_id, audio_start_ms=start)


def speech_stopped(item_id: str, end_ms: int) -> Event:
    return event("input_audio_buffer.speech_stopped", item_id=item_id, audio_end_ms=end_ms)


def committed(item_id: str, conversation: Conversation) -> Iterator[Event]:
    """The buffer becomes an item of the conversation; its transcript is not known yet."""
    item: Item = {"id": item_id, "object": "realtime.item", "type": "message", "status": "completed", "role": "user"}
    item["content"] = [{"type": "input_audio", "transcript": None}]
    previous = conversation.add(item)
    yield event("input_audio_buffer.committed", item_id=item_id, previous_item_id=previous)
    yield event("conversation.item.added", previous_item_id=previous, item=item)
    yield event("conversation.item.done", previous_item_id=previous, item=item)


def transcription(
    item: Item, text: str, audio_ms: int, model: dict[str, Any], meter: Meter, variant: str
) -> Iterator[Step]:
    """Deltas and the whole; the text enters the item when it is complete."""
    kind = "conversation.item.input_audio_transcription"
    name = str(model.get("model") or "")
    if "diarize" in name:
        segment = {"id": ids.new("seg"), "speaker": "A", "start": 0.0, "end": audio_ms / 1000, "text": text}
        yield Step(0.05, event(f"{kind}.segment", item_id=item["id"], content_index=0, **segment))
    # whisper-1 sends one delta with everything, newer models stream (facts 4)
    deltas = [text] if name.startswith("whisper") else speech.pieces(text)
    for piece in deltas:
        yield Step(0.03, event(f"{kind}.delta", item_id=item["id"], content_index=0, delta=piece))
    if item.get("content"):
        item["content"][0]["transcript"] = text
    usage = meter.transcription(text, audio_ms, variant)
    done = event(f"{kind}.completed", item_id=item["id"], content_index=0, transcript=text, usage=usage)
    if name == "gpt-transcribe":
        done["languages"] = [{"code": model.get("language") or "en"}]  # facts 4: returned by gpt-transcribe
    yield Step(0.05, done)


def transcription_failed(item_id: str) -> Event:
    details = {
        "type": "transcription_error",
        "code": "audio_unintelligible",
        "message": "The audio could not be transcribed.",
        "param": None,
    }
    kind = "conversation.item.input_audio_transcription.failed"
    return event(kind, item_id=item_id, content_index=0, error=details)
