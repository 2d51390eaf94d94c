"""What reaches the session from the caller: speech, with and without turn detection, and its transcription."""

import asyncio
from collections.abc import Callable
from typing import Any

from infra.emulator.scripts.lines import Caller, Late, Transcription
from infra.emulator.session import configuration, input_events, speech
from infra.emulator.session.conversation import Spoken
from infra.emulator.session.live_session import LiveSession, SessionCall
from infra.emulator.session.response import Response
from infra.emulator.session.voice_activity import BYTES_PER_MS, VoiceActivity
from infra.emulator.wire import ids
from infra.emulator.wire.server_events import event
from infra.emulator.wire.validation import InvalidRequest


class InputAudio:
    """The caller's side of a session: one utterance at a time, committed, transcribed and answered."""

    def __init__(
        self,
        call: SessionCall,
        session: LiveSession,
        transcription_usage: str = "tokens",
        understood: Callable[[int], str] = lambda milliseconds: f"Speech of {milliseconds / 1000:.1f} seconds.",
    ) -> None:
        """`understood`: what somebody says who was heard for so many milliseconds; nothing here knows speech."""
        self._call = call
        self._session = session
        self._usage_variant = transcription_usage
        self._speaking = asyncio.Lock()
        self._buffered: list[Spoken] = []
        self._buffered_ms = 0.0
        self._understood = understood
        self._activity = VoiceActivity()
        self._sounding: Spoken | None = None

    async def hear(self, said: Caller, mode: Transcription, on_commit: Callable[[], None]) -> None:
        """The caller says something; `on_commit` is called when it became part of the conversation."""
        async with self._speaking:
            detection = configuration.turn_detection(self._session.configuration)
            words = self._session.conversation.say(ids.new("item"), "caller", said.caller)
            words.audio_ms = speech.audio_ms(said.caller)
            self._session.activity += 1
            if detection is None:
                await self._hear_without_detection(words, on_commit)
                return
            padding = detection.get("prefix_padding_ms", 300)
            self._call.emit(input_events.speech_started(words.item_id, self._session.now_ms(), padding))
            if detection.get("interrupt_response") is not False:
                self._session.interrupt()
            await self._session.sleep(words.audio_ms / 1000)
            if said.hangs_up:
                words.interrupted = True
                self._call.hang_up("caller")
                return
            end = self._session.now_ms()
            await self._session.sleep(detection.get("silence_duration_ms", 500) / 1000)
            self._call.emit(input_events.speech_stopped(words.item_id, end))
            self._commit(words)
            on_commit()
        answered = detection.get("create_response") is not False
        await self._transcribe_and_answer(words, said.heard_as or said.caller, mode, answered)

    async def _hear_without_detection(self, words: Spoken, on_commit: Callable[[], None]) -> None:
        """With turn_detection null the words stay in the buffer until the client commits it."""
        await self._session.sleep(words.audio_ms / 1000)
        self._buffered.append(words)
        self._buffered_ms += words.audio_ms
        on_commit()

    def append(self, pcm: bytes) -> None:
        """Audio that the client sends. With turn detection, sound begins and ends turns."""
        detection = configuration.turn_detection(self._session.configuration)
        if detection is None:
            self._buffered_ms += len(pcm) / BYTES_PER_MS
            return
        for change in self._activity.feed(pcm, detection.get("silence_duration_ms", 500)):
            if change == "started":
                self._sound_began(detection)
            else:
                self._sound_ended(detection)

    def _sound_began(self, detection: dict[str, Any]) -> None:
        self._sounding = self._session.conversation.say(ids.new("item"), "caller", "")
        self._session.activity += 1
        padding = detection.get("prefix_padding_ms", 300)
        self._call.emit(input_events.speech_started(self._sounding.item_id, self._session.now_ms(), padding))
        if detection.get("interrupt_response") is not False:
            self._session.interrupt()

    def _sound_ended(self, detection: dict[str, Any]) -> None:
        if (words := self._sounding) is None:
            return
        words.audio_ms = self._activity.spoken_ms
        words.text = self._understood(words.audio_ms)
        self._call.emit(input_events.speech_stopped(words.item_id, self._session.now_ms()))
        self._commit(words)
        answered = detection.get("create_response") is not False
        self._call.spawn(self._transcribe_and_answer(words, words.text, "before", answered))

    def clear(self) -> None:
        self._buffered.clear()
        self._buffered_ms = 0.0
        self._call.emit(event("input_audio_buffer.cleared"))

    def commit(self) -> None:
        """What the client's input_audio_buffer.commit does. It creates no response by itself."""
        if self._buffered_ms < 100:  # facts 3.9
            message = "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, "
            message += f"but buffer only has {self._buffered_ms:.2f}ms of audio."
            raise InvalidRequest(message, "input_audio_buffer_commit_empty", None)
        heard, self._buffered, self._buffered_ms = self._buffered, [], 0.0
        if not heard:
            heard = [self._session.conversation.say(ids.new("item"), "caller", "")]
        first = heard[0]
        for later in heard[1:]:
            first.text += " " + later.text
            first.audio_ms += later.audio_ms
            self._session.conversation.spoken.pop(later.item_id)
        self._commit(first)
        self._call.spawn(self._transcribe_and_answer(first, first.text, "after", answered=False))

    def _commit(self, words: Spoken) -> None:
        for sent in input_events.committed(words.item_id, self._session.conversation):
            self._call.emit(sent)

    async def _transcribe_and_answer(self, words: Spoken, text: str, mode: Transcription, answered: bool) -> None:
        model = configuration.transcription(self._session.configuration)
        if model is None or mode == "never":
            words.transcribed = "never"
        elif mode == "before":
            await self._transcribe(words, text, model)
        response: Response | None = None
        if answered:
            await self._session.until(lambda: self._session.active is None)
            response = self._session.respond()
        if words.transcribed == "pending" and model is not None:
            self._call.spawn(self._transcribe_later(words, text, model, mode, response))

    async def _transcribe_later(
        self, words: Spoken, text: str, model: dict[str, Any], mode: Transcription, response: Response | None
    ) -> None:
        if isinstance(mode, Late):
            await self._session.sleep(mode.late_ms / 1000)
        elif mode == "after" and response is not None:
            await self._session.until(lambda: response.status != "in_progress")
        if mode == "failed":
            await self._session.sleep(0.1)
            self._call.emit(input_events.transcription_failed(words.item_id))
            words.transcribed = "failed"
            return
        await self._transcribe(words, text, model)

    async def _transcribe(self, words: Spoken, text: str, model: dict[str, Any]) -> None:
        item = self._session.conversation.items.get(words.item_id, {"id": words.item_id})
        steps = input_events.transcription(item, text, words.audio_ms, model, self._session.meter, self._usage_variant)
        for step in steps:
            if step.after:
                await self._session.sleep(step.after)
            if step.event is not None:
                self._call.emit(step.event)
        words.transcribed = "completed"

    def time_out(self, silent_ms: int) -> None:
        """The caller was silent for idle_timeout_ms: an empty item, and a response (facts 4, "Idle")."""
        item_id, end = ids.new("item"), self._session.now_ms()
        what = {"item_id": item_id, "audio_start_ms": max(0, end - silent_ms), "audio_end_ms": end}
        self._call.emit(event("input_audio_buffer.timeout_triggered", **what))
        for sent in input_events.committed(item_id, self._session.conversation):
            self._call.emit(sent)
        self._session.respond({"instructions": "'Are you still there?'"})
