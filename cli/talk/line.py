"""The line that a session without a call lacks: it makes typed text look like a caller on the phone. Pure.

A plain session has no caller's voice, no playback and no keys (API reference, Realtime server events: the
`output_audio_buffer` events and `input_audio_buffer.dtmf_event_received` are those of SIP and WebRTC). `Line` reads
what the session sends and what the caller does, and returns what the sideband of a call would have shown, in the same
vocabulary, so that the conversation cannot tell the difference. In text, what was written was heard.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Event = dict[str, Any]


@dataclass
class Moves:
    """What follows: `shown` to the conversation, `sent` to the session, each in order."""

    shown: list[Event] = field(default_factory=list)
    sent: list[Event] = field(default_factory=list)


class Line:
    def __init__(self, *, creates_response: bool = True, interrupts_response: bool = True) -> None:
        """As the agent's turn detection has it: whether the caller's turn is answered by itself, and whether the
        caller's words cut the agent short."""
        self._creates_response = creates_response
        self._interrupts_response = interrupts_response
        self._active: str | None = None
        self._asked: list[str] = []  # responses asked for, by the client events' ids, that have not begun
        self._playing: str | None = None
        self._words: dict[str, str] = {}  # the caller's, by the items that are on their way
        self._waiting: list[str] = []  # what the caller said while the agent's response was under way
        self._cut = False

    @property
    def is_busy(self) -> bool:
        """Whether the session is answering, or is about to."""
        return self._active is not None or bool(self._asked or self._words or self._waiting)

    @property
    def is_playing(self) -> bool:
        """Whether the agent is heard."""
        return self._playing is not None

    # --- the caller ---

    def caller_says(self, text: str) -> Moves:
        """The caller's words become an item, and the session is asked to answer. Over the agent's words they cut it
        short, and are said when it has stopped."""
        if self._active is None and not self._asked:
            return self._say(text)
        self._waiting.append(text)
        moves = Moves()
        if self._interrupts_response and self._active is not None and not self._cut:
            self._cut = True
            moves.sent.append({"type": "response.cancel", "response_id": self._active})
        return moves

    def caller_presses(self, digits: str) -> Moves:
        return Moves([{"type": "input_audio_buffer.dtmf_event_received", "event": digit} for digit in digits])

    def _say(self, text: str) -> Moves:
        item_id = f"item_{secrets.token_hex(10)}"
        self._words[item_id] = text
        content = [{"type": "input_text", "text": text}]
        item = {"id": item_id, "type": "message", "role": "user", "content": content}
        shown = [{"type": "input_audio_buffer.speech_started", "item_id": item_id}]
        shown.append({"type": "input_audio_buffer.speech_stopped", "item_id": item_id})
        return Moves(shown, [{"type": "conversation.item.create", "event_id": item_id, "item": item}])

    # --- the session ---

    def sends(self, event: Event) -> Event:
        """What the conversation says to the session, with a name for each response asked for."""
        if event["type"] == "response.create":
            event = {"event_id": f"ask_{secrets.token_hex(8)}", **event}
            self._asked.append(event["event_id"])
        return event

    def receives(self, event: Event) -> Moves:
        """What the session sends."""
        match event.get("type"):
            case "response.created":
                return self._begun(event)
            case "response.output_text.delta" if self._playing != event.get("response_id"):
                self._playing = str(event.get("response_id"))
                return Moves([{"type": "output_audio_buffer.started", "response_id": self._playing}, event])
            case "response.done":
                return self._ended(event)
            case "conversation.item.added":
                return self._added(event)
            case "error":
                error = event.get("error")
                refused = error.get("event_id") if isinstance(error, Mapping) else None
                self._asked = [asked for asked in self._asked if asked != refused]
                self._words.pop(str(refused), None)
                return self._go_on(Moves([event]))
        return Moves([event])

    def _begun(self, event: Event) -> Moves:
        response = event.get("response") or {}
        self._active = str(response.get("id"))
        given = (response.get("metadata") or {}).get("ref")
        if given in self._asked:
            self._asked.remove(given)
        elif self._asked:
            self._asked.pop(0)
        return Moves([event])

    def _ended(self, event: Event) -> Moves:
        response = event.get("response") or {}
        response_id, status = str(response.get("id")), response.get("status")
        played, self._playing, self._active = self._playing, None, None
        if self._cut and status == "cancelled":
            # The caller spoke over it: the session of a call would have noticed that by itself.
            details = {"type": "cancelled", "reason": "turn_detected"}
            event = {**event, "response": {**response, "status_details": details}}
        self._cut = False
        if status == "cancelled":
            shown = [{"type": "output_audio_buffer.cleared", "response_id": response_id}] if played else []
            return self._go_on(Moves([*shown, event]))
        has_words = any(item.get("type") == "message" for item in response.get("output") or ())
        heard = [{"type": "output_audio_buffer.stopped", "response_id": response_id}] if has_words or played else []
        return self._go_on(Moves([event, *heard]))

    def _added(self, event: Event) -> Moves:
        item = event.get("item") or {}
        text = self._words.pop(str(item.get("id")), None)
        if text is None:
            return Moves([event])
        spoken = {**item, "content": [{"type": "input_audio", "transcript": None}]}
        kind = "conversation.item.input_audio_transcription.completed"
        moves = Moves([{**event, "item": spoken}, {"type": kind, "item_id": item["id"], "transcript": text}])
        if self._creates_response and not self._waiting:
            moves.sent.append(self.sends({"type": "response.create"}))
        return self._go_on(moves)

    def _go_on(self, moves: Moves) -> Moves:
        """What the caller said meanwhile is said now, if nothing is under way any more."""
        if self._waiting and self._active is None and not self._asked:
            said = self._say(self._waiting.pop(0))
            moves.shown += said.shown
            moves.sent += said.sent
        return moves
