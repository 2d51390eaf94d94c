"""One live session: the response being generated and the audio being played.

The stage plays the generators of `response` on the clock and keeps the rules that hold
between them: one active response, one thing playing at a time, barge-in. What the caller
says comes in through `ear`.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from infra.emulator import speech
from infra.emulator.conversation import Conversation
from infra.emulator.events import Event, event
from infra.emulator.lines import Agent
from infra.emulator.response import Response
from infra.emulator.shapes import Wrong
from infra.emulator.usage import Meter

Lines = Callable[[dict[str, Any]], Agent]


class Line(Protocol):
    """What a stage needs of the call it belongs to."""

    def emit(self, sent: Event) -> None: ...
    def spawn(self, work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]": ...
    def note_tool_call(self, item: dict[str, Any]) -> None: ...
    def hang_up(self, by: str) -> None: ...


class Stage:
    def __init__(
        self,
        line: Line,
        opened: dict[str, Any],
        next_line: Lines,
        *,
        pace: float = 1.0,
        audio_deltas: bool = False,
        obfuscation: bool = True,
    ) -> None:
        self.conversation = Conversation()
        self.meter = Meter(self.conversation)
        self.session = opened
        self.meter.configured(opened)
        self.pace = pace
        self.active: Response | None = None
        self.latest: Response | None = None
        self.audio: deque[Response] = deque()
        self.playing_since = 0.0
        self.disturbances = 0
        self._line = line
        self._next_line = next_line
        self._extras = {"audio_deltas": audio_deltas, "obfuscation": obfuscation}
        self._clock = asyncio.get_running_loop().time
        self._opened_at = self._clock()
        self._pulse = asyncio.Event()
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
        self._pulse.set()
        self._pulse = asyncio.Event()

    async def until(self, ready: Callable[[], bool]) -> None:
        while not ready():
            await self._pulse.wait()

    @property
    def quiet(self) -> bool:
        """Nothing is being generated and nothing is being played."""
        return self.active is None and not self.audio

    # ------------------------------------------------------------------ responses

    def respond(self, params: dict[str, Any] | None = None) -> Response:
        """Start a response: the script's next line, or an improvisation. `Wrong` while another is active."""
        params = params or {}
        out_of_band = params.get("conversation") == "none"
        if self.active is not None and not out_of_band:
            message = f"Conversation already has an active response in progress: {self.active.id}. "
            message += "Wait until the response is finished before creating a new one."
            raise Wrong(message, "conversation_already_has_active_response", None)
        spoken = Agent(agent=speech.improvised(params.get("instructions"))) if out_of_band else self._next_line(params)
        response = Response(spoken, self.conversation, self.meter, self.session, params, **self._extras)
        self.disturbances += 1
        task = self._line.spawn(self._generate(response))
        if not out_of_band:
            self.active = self.latest = response
            self._generating = task
        self.changed()
        return response

    async def _generate(self, response: Response) -> None:
        for step in response.steps():
            if step.after:
                await self.sleep(step.after)
            if step.event is None:
                continue
            self._line.emit(step.event)
            if step.audio_begins:
                self._play(response)
            elif step.event["type"] == "response.function_call_arguments.done":
                self._line.note_tool_call(step.event)
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
            self._line.emit(sent)
        self.changed()

    # ------------------------------------------------------------------ playback

    def _play(self, response: Response) -> None:
        self.audio.append(response)
        if len(self.audio) == 1:
            self._begin_to_play(response)

    def _begin_to_play(self, response: Response) -> None:
        self.playing_since = self._clock()
        self._line.emit(event("output_audio_buffer.started", response_id=response.id))
        self._playing = self._line.spawn(self._play_out(response))
        self.changed()

    async def _play_out(self, response: Response) -> None:
        await self.until(lambda: response.status != "in_progress")
        left = self.playing_since + response.audio_ms / 1000 * self.pace - self._clock()
        if left > 0:
            await asyncio.sleep(left)
        self._line.emit(event("output_audio_buffer.stopped", response_id=response.id))
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

    def silence(self, *, truncate: bool) -> None:
        """Throw away the audio that was not played yet; the conversation keeps what was heard (facts 3.4)."""
        if not self.audio:
            return
        heard = self.heard_ms()
        if self._playing:
            self._playing.cancel()
        self._line.emit(event("output_audio_buffer.cleared", response_id=self.audio[0].id))
        for response in self.audio:
            if response.message:
                self._mark_heard(response.message["id"], heard)
                if truncate:
                    what = {"item_id": response.message["id"], "content_index": 0, "audio_end_ms": heard}
                    self._line.emit(event("conversation.item.truncated", **what))
            heard = 0
        self.audio.clear()
        self.changed()

    def _mark_heard(self, item_id: str, heard: int) -> None:
        words = self.conversation.spoken.get(item_id)
        if words:
            words.heard_ms, words.interrupted, words.audio_ms = heard, True, heard

    def interrupt(self) -> None:
        """The caller spoke over the model. The order of these events is not documented (facts 3.4)."""
        self.silence(truncate=True)
        self.cancel("turn_detected")
