"""The line of a spoken conversation without a call: a microphone and a loudspeaker in place of the phone. Pure.

The session hears and answers by itself, as on the phone. What it cannot know is what was played: `VoiceLine` tells the
conversation of that in the vocabulary of a call's sideband, and the session of what was not heard
(`conversation.item.truncate`; guide, "Realtime API with WebSocket").
"""

import base64
import binascii
import secrets
from typing import Any

from cli.talk.line import Event, Moves
from cli.talk.loudspeaker import Loudspeaker

OPEN_AGAIN_SECONDS = 0.3
"""How long the microphone stays closed after the agent was heard, so that it does not hear its own echo."""


class VoiceLine:
    is_busy = True
    """Nobody types: time goes on by itself."""

    def __init__(self, loudspeaker: Loudspeaker, *, headphones: bool, interrupts_response: bool) -> None:
        """`headphones`: the microphone cannot hear the agent, and may stay open while it speaks."""
        self._loudspeaker = loudspeaker
        self._headphones = headphones
        self._interrupts_response = interrupts_response
        self._audible_until = float("-inf")

    @property
    def is_playing(self) -> bool:
        """Whether the agent is heard."""
        return self._loudspeaker.is_audible

    # --- the caller ---

    def hears(self, pcm: bytes, now: float) -> Moves:
        """A block of the microphone's. `now` in seconds, of any clock."""
        if self._loudspeaker.is_audible:
            self._audible_until = now
        if not self._headphones and now - self._audible_until < OPEN_AGAIN_SECONDS:
            pcm = bytes(len(pcm))
        audio = base64.b64encode(pcm).decode()
        return Moves(self._played(), [{"type": "input_audio_buffer.append", "audio": audio}])

    def _played(self) -> list[Event]:
        return [
            {"type": f"output_audio_buffer.{each.kind}", "response_id": each.response_id}
            for each in self._loudspeaker.happened()
        ]

    def caller_says(self, text: str) -> Moves:
        """What is typed all the same: an item, and the session is asked to answer it."""
        item: dict[str, Any] = {"id": f"item_{secrets.token_hex(10)}", "type": "message", "role": "user"}
        item["content"] = [{"type": "input_text", "text": text}]
        return Moves([], [{"type": "conversation.item.create", "item": item}, {"type": "response.create"}])

    def caller_presses(self, digits: str) -> Moves:
        return Moves([{"type": "input_audio_buffer.dtmf_event_received", "event": digit} for digit in digits])

    # --- the session ---

    def sends(self, event: Event) -> Event:
        return event

    def receives(self, event: Event) -> Moves:
        match event.get("type"):
            case "response.output_audio.delta":
                self._loudspeaker.add(str(event.get("response_id")), str(event.get("item_id")), _pcm(event))
                return Moves()
            case "response.done":
                self._loudspeaker.complete(str((event.get("response") or {}).get("id")))
                return Moves([event, *self._played()])
            case "input_audio_buffer.speech_started" if self._interrupts_response:
                return self._interrupted(event)
        return Moves([event])

    def _interrupted(self, event: Event) -> Moves:
        moves = Moves([*self._played(), event])
        cuts = self._loudspeaker.cut()
        for response_id in dict.fromkeys(cut.response_id for cut in cuts):
            moves.shown.append({"type": "output_audio_buffer.cleared", "response_id": response_id})
        for cut in cuts:
            where = {"item_id": cut.item_id, "content_index": 0, "audio_end_ms": cut.heard_ms}
            moves.sent.append({"type": "conversation.item.truncate", **where})
        return moves


def _pcm(event: Event) -> bytes:
    delta = event.get("delta")
    try:
        return base64.b64decode(delta, validate=True) if isinstance(delta, str) else b""
    except binascii.Error:
        return b""
