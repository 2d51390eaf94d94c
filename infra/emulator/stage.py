"""One live session: the response being generated, the audio being played, and the caller being heard.

The stage plays the generators of `response` and `caller` on the clock and keeps the rules
that hold between them: one active response, one thing playing at a time, barge-in.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from infra.emulator import caller, ids, session, speech
from infra.emulator.conversation import Conversation, Spoken
from infra.emulator.events import Event, event
from infra.emulator.response import Response
from infra.emulator.script import Agent, Caller, Late, Transcription
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
        transcription_usage: str = "tokens",
        audio_deltas: bool = False,
        obfuscation: bool = True,
    ) -> None:
        self.conversation = Conversation()
        self.meter = Meter(self.conversation)
        self.session = opened
        self.meter.configured(opened)
        self.pace = pace
        self.active: Response | None = None
        self.audio: deque[Response] = deque()
        self.playing_since = 0.0
        self.disturbances = 0
        self._line = line
        self._next_line = next_line
        self._usage_variant = transcription_usage
        self._extras = {"audio_deltas": audio_deltas, "obfuscation": obfuscation}
        self._clock = asyncio.get_running_loop().time
        self._opened_at = self._clock()
        self._pulse = asyncio.Event()
        self._mouth = asyncio.Lock()
        self._generating: asyncio.Task[Any] | None = None
        self._playing: asyncio.Task[Any] | None = None
        self._unheard: list[Spoken] = []
        self._unheard_ms = 0.0

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
            self.active, self._generating = response, task
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

    # ------------------------------------------------------------------ the caller

    async def hear(self, said: Caller, mode: Transcription, on_commit: Callable[[], None]) -> None:
        """The caller says something; `on_commit` is called when it became part of the conversation."""
        async with self._mouth:
            detection = session.turn_detection(self.session)
            words = self.conversation.say(ids.new("item"), "caller", said.caller)
            words.audio_ms = speech.audio_ms(said.caller)
            self.disturbances += 1
            if detection is None:
                await self._hear_without_detection(words, on_commit)
                return
            padding = detection.get("prefix_padding_ms", 300)
            self._line.emit(caller.speech_started(words.item_id, self.now_ms(), padding))
            if detection.get("interrupt_response") is not False:
                self.interrupt()
            await self.sleep(words.audio_ms / 1000)
            if said.hangs_up:
                words.interrupted = True
                self._line.hang_up("caller")
                return
            end = self.now_ms()
            await self.sleep(detection.get("silence_duration_ms", 500) / 1000)
            self._line.emit(caller.speech_stopped(words.item_id, end))
            self._commit(words)
            on_commit()
        answered = detection.get("create_response") is not False
        await self._transcribe_and_answer(words, said.heard_as or said.caller, mode, answered)

    async def _hear_without_detection(self, words: Spoken, on_commit: Callable[[], None]) -> None:
        """With turn_detection null the words stay in the buffer until the client commits it."""
        await self.sleep(words.audio_ms / 1000)
        self._unheard.append(words)
        self._unheard_ms += words.audio_ms
        on_commit()

    def append_input(self, milliseconds: float) -> None:
        self._unheard_ms += milliseconds

    def clear_input(self) -> None:
        self._unheard.clear()
        self._unheard_ms = 0.0
        self._line.emit(event("input_audio_buffer.cleared"))

    def commit_input(self) -> None:
        """What the client's input_audio_buffer.commit does. It creates no response by itself."""
        if self._unheard_ms < 100:  # facts 3.9
            message = "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, "
            message += f"but buffer only has {self._unheard_ms:.2f}ms of audio."
            raise Wrong(message, "input_audio_buffer_commit_empty", None)
        heard, self._unheard, self._unheard_ms = self._unheard, [], 0.0
        if not heard:
            heard = [self.conversation.say(ids.new("item"), "caller", "")]
        first = heard[0]
        for later in heard[1:]:
            first.text += " " + later.text
            first.audio_ms += later.audio_ms
            self.conversation.spoken.pop(later.item_id)
        self._commit(first)
        self._line.spawn(self._transcribe_and_answer(first, first.text, "after", answered=False))

    def _commit(self, words: Spoken) -> None:
        for sent in caller.committed(words.item_id, self.conversation):
            self._line.emit(sent)

    async def _transcribe_and_answer(self, words: Spoken, text: str, mode: Transcription, answered: bool) -> None:
        model = session.transcription(self.session)
        if model is None or mode == "never":
            words.transcribed = "never"
        elif mode == "before":
            await self._transcribe(words, text, model)
        response: Response | None = None
        if answered:
            await self.until(lambda: self.active is None)
            response = self.respond()
        if words.transcribed == "pending" and model is not None:
            self._line.spawn(self._transcribe_later(words, text, model, mode, response))

    async def _transcribe_later(
        self, words: Spoken, text: str, model: dict[str, Any], mode: Transcription, response: Response | None
    ) -> None:
        if isinstance(mode, Late):
            await self.sleep(mode.late_ms / 1000)
        elif mode == "after" and response is not None:
            await self.until(lambda: response.status != "in_progress")
        if mode == "failed":
            await self.sleep(0.1)
            self._line.emit(caller.transcription_failed(words.item_id))
            words.transcribed = "failed"
            return
        await self._transcribe(words, text, model)

    async def _transcribe(self, words: Spoken, text: str, model: dict[str, Any]) -> None:
        item = self.conversation.items.get(words.item_id, {"id": words.item_id})
        steps = caller.transcription(item, text, words.audio_ms, model, self.meter, self._usage_variant)
        for step in steps:
            if step.after:
                await self.sleep(step.after)
            if step.event is not None:
                self._line.emit(step.event)
        words.transcribed = "completed"

    def time_out(self, silent_ms: int) -> None:
        """The caller was silent for idle_timeout_ms: an empty item, and a response (facts 4, "Idle")."""
        item_id, end = ids.new("item"), self.now_ms()
        what = {"item_id": item_id, "audio_start_ms": max(0, end - silent_ms), "audio_end_ms": end}
        self._line.emit(event("input_audio_buffer.timeout_triggered", **what))
        for sent in caller.committed(item_id, self.conversation):
            self._line.emit(sent)
        self.respond({"instructions": "'Are you still there?'"})
