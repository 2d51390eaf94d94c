"""A microphone and a loudspeaker look like a phone to the conversation, and like one that tells what it played."""

import base64
from typing import Any

import pytest

from cli.talk.loudspeaker import BYTES_PER_MS, Loudspeaker
from cli.talk.voice_line import OPEN_AGAIN_SECONDS, VoiceLine

BLOCK = b"\x11\x22" * 20 * BYTES_PER_MS


def line(*, headphones: bool = False, interrupts: bool = True) -> tuple[VoiceLine, Loudspeaker]:
    loudspeaker = Loudspeaker()
    return VoiceLine(loudspeaker, headphones=headphones, interrupts_response=interrupts), loudspeaker


def delta(milliseconds: int, response: str = "r1", item: str = "a1") -> dict[str, Any]:
    audio = base64.b64encode(b"\x01" * (milliseconds * BYTES_PER_MS)).decode()
    return {"type": "response.output_audio.delta", "response_id": response, "item_id": item, "delta": audio}


def said(line: VoiceLine, now: float) -> bytes:
    (sent,) = line.hears(BLOCK, now).sent
    assert sent["type"] == "input_audio_buffer.append"
    return base64.b64decode(sent["audio"])


def test_what_is_played_is_told_as_on_the_phone() -> None:
    voice, loudspeaker = line()
    assert voice.receives(delta(100)).shown == []
    loudspeaker.take(40 * BYTES_PER_MS)
    assert voice.hears(BLOCK, 0.0).shown == [{"type": "output_audio_buffer.started", "response_id": "r1"}]
    voice.receives({"type": "response.done", "response": {"id": "r1"}})
    loudspeaker.take(100 * BYTES_PER_MS)
    assert voice.hears(BLOCK, 0.1).shown == [{"type": "output_audio_buffer.stopped", "response_id": "r1"}]


def test_the_microphone_is_closed_while_the_agent_is_heard_and_a_moment_longer() -> None:
    voice, loudspeaker = line()
    assert said(voice, 0.0) == BLOCK
    voice.receives(delta(40))
    voice.receives({"type": "response.done", "response": {"id": "r1"}})
    assert said(voice, 1.0) == bytes(len(BLOCK))
    loudspeaker.take(40 * BYTES_PER_MS)
    assert said(voice, 1.0 + OPEN_AGAIN_SECONDS - 0.01) == bytes(len(BLOCK))
    assert said(voice, 1.0 + OPEN_AGAIN_SECONDS) == BLOCK


def test_with_headphones_it_stays_open() -> None:
    voice, _ = line(headphones=True)
    voice.receives(delta(40))
    assert said(voice, 0.0) == BLOCK


def test_a_caller_who_interrupts_stops_the_sound_and_the_session_learns_what_was_heard() -> None:
    voice, loudspeaker = line(headphones=True)
    voice.receives(delta(300))
    loudspeaker.take(120 * BYTES_PER_MS)
    started = {"type": "input_audio_buffer.speech_started", "item_id": "c1"}
    moves = voice.receives(started)
    assert [event["type"] for event in moves.shown] == [
        "output_audio_buffer.started",
        "input_audio_buffer.speech_started",
        "output_audio_buffer.cleared",
    ]
    assert moves.sent == [
        {"type": "conversation.item.truncate", "item_id": "a1", "content_index": 0, "audio_end_ms": 120}
    ]


def test_an_agent_that_is_not_to_be_interrupted_goes_on() -> None:
    voice, loudspeaker = line(headphones=True, interrupts=False)
    voice.receives(delta(300))
    started = {"type": "input_audio_buffer.speech_started", "item_id": "c1"}
    moves = voice.receives(started)
    assert (moves.shown, moves.sent, loudspeaker.is_audible) == ([started], [], True)


@pytest.mark.parametrize("broken", ["!", None, 7])
def test_sound_that_cannot_be_read_is_none(broken: object) -> None:
    voice, loudspeaker = line()
    voice.receives({**delta(40), "delta": broken})
    assert loudspeaker.take(4) == bytes(4)
