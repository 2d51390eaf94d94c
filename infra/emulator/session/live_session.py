"""One live session: the response being generated and the audio being played.

It plays the generators of `response` on the clock and keeps the rules that hold between
them: one active response, one thing playing at a time, barge-in. What the caller says
comes in through `input_audio`.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from infra.emulator.scripts.lines import Agent
from infra.emulator.session import speech
from infra.emulator.session.conversation import Conversation
from infra.emulator.session.response import Response
from infra.emulator.session.stand_in import StandIn
from infra.emulator.session.usage import Meter
from infra.emulator.wire.server_events import Event, event
from infra.emulator.wire.validation import InvalidRequest

NextLine = Callable[[], Agent | None]
"""The model's next line of the script, or None when it is not the model's turn."""


class SessionCall(Protocol):
    """What a session needs of the call it belongs to."""

    def emit(self, sent: Event) -> None: ...
    def spawn(self, work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]": ...
    def note_tool_call(self, item: dict[str, Any]) -> None: ...
    def hang_up(self, by: str) -> None: ...


class LiveSession:
    def __init__(
        self,
        call: SessionCall,
        configuration: dict[str, Any],
        next_line: NextLine,
        *,
        pace: float = 1.0,
        audio_deltas: bool = False,
        obfuscation: bool = True,
        plays: bool = True,
        stand_in: StandIn | None = None,
    ) -> None:
        """`plays`: whether the audio is played on our side, as on SIP; on a WebSocket the client plays it.
        `stand_in`: who speaks when the script has no line; without one, the quoted part of the instructions is said.
        """
        self.conversation = Conversation()
        self.meter = Meter(self.conversation)
        self.configuration = configuration
        self.meter.configured(configuration)
        self.pace = pace
        self.active: Response | None = None
        self.latest: Response | None = None
        self.audio: deque[Response] = deque()
        self.playing_since = 0.0
        self.improvised = 0  # responses for which the script had no line
        self.activity = 0  # counts what interrupts a silence
        self._call = call
        self._next_line = next_line
        self._plays = plays
        self._stand_in = stand_in
        self._extras = {"audio_deltas": audio_deltas, "obfuscation": obfuscation}
        self._clock = asyncio.get_running_loop().time
        self._opened_at = self._clock()
        self._changed = asyncio.Event()
        self._generating: asyncio.Task[Any] | None = None
        self._playing: asyncio.Task[Any] | None = None

    # ------------------------------------------------------------------ time and change

    async def sleep(self, seconds: float) -> None:
        """Time of the conversation: seconds at pace 1."""
        await asyncio.sleep(seconds * self.pace)

    def now_ms(self) -> int:
        """How much caller audio there has been: offsets of speech count from here."""
        return round((self._clock() - self._opened_at) / self.pace * 1000)

    def changed(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def until(self, ready: Callable[[], bool]) -> None:
        while not ready():
            await self._changed.wait()

    @property
    def quiet(self) -> bool:
        """Nothing is being generated and nothing is being played."""
        return self.active is None and not self.audio

    # ------------------------------------------------------------------ responses

    def respond(self, params: dict[str, Any] | None = None) -> Response:
        """Start a response: the script's next line, or an improvisation. `InvalidRequest` while another is active."""
        params = params or {}
        out_of_band = params.get("conversation") == "none"
        if self.active is not None and not out_of_band:
            message = f"Conversation already has an active response in progress: {self.active.id}. "
            message += "Wait until the response is finished before creating a new one."
            raise InvalidRequest(message, "conversation_already_has_active_response", None)
        line = None if out_of_band else self._next_line()
        if line is None:
            line = self._improvised(params.get("instructions"))
            self.improvised += not out_of_band
        response = Response(line, self.conversation, self.meter, self.configuration, params, **self._extras)
        self.activity += 1
        task = self._call.spawn(self._generate(response))
        if not out_of_band:
            self.active = self.latest = response
            self._generating = task
        self.changed()
        return response

    def _improvised(self, instructions: str | None) -> Agent:
        if self._stand_in is None:
            return Agent(agent=speech.improvised(instructions))
        return self._stand_in.answer(instructions, self.conversation, self.configuration)

    async def _generate(self, response: Response) -> None:
        for step in response.steps():
            if step.after:
                await self.sleep(step.after)
            if step.event is None:
                continue
            self._call.emit(step.event)
            if step.audio_begins:
                self._play(response)
            elif step.event["type"] == "response.function_call_arguments.done":
                self._call.note_tool_call(step.event)
        if response is self.active:
            self.active = self._generating = None
        self.changed()

    def cancel(self, reason: str) -> None:
        """Stop generating; what was already generated goes on playing (facts 3.4)."""
        response = self.active
        if response is None:
            return
        if self._generating:
            self._generating.cancel()
        self.active = self._generating = None
        for sent in response.cut(reason):
            self._call.emit(sent)
        self.changed()

    # ------------------------------------------------------------------ playback

    def _play(self, response: Response) -> None:
        if not self._plays:
            return
        self.audio.append(response)
        if len(self.audio) == 1:
            self._begin_to_play(response)

    def _begin_to_play(self, response: Response) -> None:
        self.playing_since = self._clock()
        self._call.emit(event("output_audio_buffer.started", response_id=response.id))
        self._playing = self._call.spawn(self._play_out(response))
        self.changed()

    async def _play_out(self, response: Response) -> None:
        await self.until(lambda: response.status != "in_progress")
        left = self.playing_since + response.audio_ms / 1000 * self.pace - self._clock()
        if left > 0:
            await asyncio.sleep(left)
        self._call.emit(event("output_audio_buffer.stopped", response_id=response.id))
        self.audio.popleft()
        if self.audio:
            self._begin_to_play(self.audio[0])
        self.changed()

    def played_ms(self) -> int:
        """How long the buffer has been playing."""
        return round((self._clock() - self.playing_since) / self.pace * 1000) if self.audio else 0

    def heard_ms(self) -> int:
        """How much of what is playing has been heard."""
        return min(self.audio[0].audio_ms, self.played_ms()) if self.audio else 0

    def clear_audio(self, *, truncate: bool) -> None:
        """Throw away the audio that was not played yet; the conversation keeps what was heard (facts 3.4)."""
        if not self.audio:
            return
        heard = self.heard_ms()
        if self._playing:
            self._playing.cancel()
        self._call.emit(event("output_audio_buffer.cleared", response_id=self.audio[0].id))
        for response in self.audio:
            if response.message:
                self._mark_heard(response.message["id"], heard)
                if truncate:
                    what = {"item_id": response.message["id"], "content_index": 0, "audio_end_ms": heard}
                    self._call.emit(event("conversation.item.truncated", **what))
            heard = 0
        self.audio.clear()
        self.changed()

    def _mark_heard(self, item_id: str, heard: int) -> None:
        words = self.conversation.spoken.get(item_id)
        if words:
            words.heard_ms, words.interrupted, words.audio_ms = heard, True, heard

    def interrupt(self) -> None:
        """The caller spoke over the model. The order of these events is not documented (facts 3.4)."""
        self.clear_audio(truncate=True)
        self.cancel("turn_detected")

    def end(self) -> None:
        """The call is over: what was playing was heard up to here, and no transcript comes any more."""
        heard = self.heard_ms()
        for response in self.audio:
            words = self.conversation.spoken.get(response.message["id"]) if response.message else None
            if words:
                words.heard_ms, words.interrupted, heard = heard, True, 0
        for words in self.conversation.spoken.values():
            words.transcribed = "never" if words.transcribed == "pending" else words.transcribed
