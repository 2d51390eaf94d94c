"""What reaches the session from the caller: speech, with and without turn detection, and its transcription."""

import asyncio
from collections.abc import Callable
from typing import Any

from infra.emulator import caller, ids, session, speech
from infra.emulator.conversation import Spoken
from infra.emulator.events import event
from infra.emulator.lines import Caller, Late, Transcription
from infra.emulator.response import Response
from infra.emulator.shapes import Wrong
from infra.emulator.stage import Line, Stage


class Ear:
    def __init__(self, line: Line, stage: Stage, transcription_usage: str = "tokens") -> None:
        self._line = line
        self._stage = stage
        self._usage_variant = transcription_usage
        self._mouth = asyncio.Lock()
        self._unheard: list[Spoken] = []
        self._unheard_ms = 0.0

    async def hear(self, said: Caller, mode: Transcription, on_commit: Callable[[], None]) -> None:
        """The caller says something; `on_commit` is called when it became part of the conversation."""
        async with self._mouth:
            detection = session.turn_detection(self._stage.session)
            words = self._stage.conversation.say(ids.new("item"), "caller", said.caller)
            words.audio_ms = speech.audio_ms(said.caller)
            self._stage.disturbances += 1
            if detection is None:
                await self._hear_without_detection(words, on_commit)
                return
            padding = detection.get("prefix_padding_ms", 300)
            self._line.emit(caller.speech_started(words.item_id, self._stage.now_ms(), padding))
            if detection.get("interrupt_response") is not False:
                self._stage.interrupt()
            await self._stage.sleep(words.audio_ms / 1000)
            if said.hangs_up:
                words.interrupted = True
                self._line.hang_up("caller")
                return
            end = self._stage.now_ms()
            await self._stage.sleep(detection.get("silence_duration_ms", 500) / 1000)
            self._line.emit(caller.speech_stopped(words.item_id, end))
            self._commit(words)
            on_commit()
        answered = detection.get("create_response") is not False
        await self._transcribe_and_answer(words, said.heard_as or said.caller, mode, answered)

    async def _hear_without_detection(self, words: Spoken, on_commit: Callable[[], None]) -> None:
        """With turn_detection null the words stay in the buffer until the client commits it."""
        await self._stage.sleep(words.audio_ms / 1000)
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
            heard = [self._stage.conversation.say(ids.new("item"), "caller", "")]
        first = heard[0]
        for later in heard[1:]:
            first.text += " " + later.text
            first.audio_ms += later.audio_ms
            self._stage.conversation.spoken.pop(later.item_id)
        self._commit(first)
        self._line.spawn(self._transcribe_and_answer(first, first.text, "after", answered=False))

    def _commit(self, words: Spoken) -> None:
        for sent in caller.committed(words.item_id, self._stage.conversation):
            self._line.emit(sent)

    async def _transcribe_and_answer(self, words: Spoken, text: str, mode: Transcription, answered: bool) -> None:
        model = session.transcription(self._stage.session)
        if model is None or mode == "never":
            words.transcribed = "never"
        elif mode == "before":
            await self._transcribe(words, text, model)
        response: Response | None = None
        if answered:
            await self._stage.until(lambda: self._stage.active is None)
            response = self._stage.respond()
        if words.transcribed == "pending" and model is not None:
            self._line.spawn(self._transcribe_later(words, text, model, mode, response))

    async def _transcribe_later(
        self, words: Spoken, text: str, model: dict[str, Any], mode: Transcription, response: Response | None
    ) -> None:
        if isinstance(mode, Late):
            await self._stage.sleep(mode.late_ms / 1000)
        elif mode == "after" and response is not None:
            await self._stage.until(lambda: response.status != "in_progress")
        if mode == "failed":
            await self._stage.sleep(0.1)
            self._line.emit(caller.transcription_failed(words.item_id))
            words.transcribed = "failed"
            return
        await self._transcribe(words, text, model)

    async def _transcribe(self, words: Spoken, text: str, model: dict[str, Any]) -> None:
        item = self._stage.conversation.items.get(words.item_id, {"id": words.item_id})
        steps = caller.transcription(item, text, words.audio_ms, model, self._stage.meter, self._usage_variant)
        for step in steps:
            if step.after:
                await self._stage.sleep(step.after)
            if step.event is not None:
                self._line.emit(step.event)
        words.transcribed = "completed"

    def time_out(self, silent_ms: int) -> None:
        """The caller was silent for idle_timeout_ms: an empty item, and a response (facts 4, "Idle")."""
        item_id, end = ids.new("item"), self._stage.now_ms()
        what = {"item_id": item_id, "audio_start_ms": max(0, end - silent_ms), "audio_end_ms": end}
        self._line.emit(event("input_audio_buffer.timeout_triggered", **what))
        for sent in caller.committed(item_id, self._stage.conversation):
            self._line.emit(sent)
        self._stage.respond({"instructions": "'Are you still there?'"})
