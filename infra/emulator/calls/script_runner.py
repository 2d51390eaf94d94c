"""Walks through a script's lines: the caller's by itself, the model's as responses ask for them."""

import asyncio
import json
from functools import partial
from typing import Any, Protocol

from infra.emulator.scripts import lines
from infra.emulator.scripts.lines import Agent, Transcription
from infra.emulator.scripts.position import Position
from infra.emulator.scripts.script import Script
from infra.emulator.session import configuration
from infra.emulator.session.input_audio import InputAudio
from infra.emulator.session.live_session import LiveSession
from infra.emulator.wire import ids
from infra.emulator.wire.server_events import Event, dtmf, error, event, rate_limits


class PlayedCall(Protocol):
    """What a script runner needs of the call that it plays on."""

    def emit(self, sent: Event) -> None: ...
    def emit_raw(self, frame: bytes) -> None: ...
    def hang_up(self, by: str) -> None: ...
    def expire(self) -> None: ...
    def drop(self, code: int | None) -> None: ...
    async def freeze(self, seconds: float) -> None: ...
    async def sideband_attached(self, seconds: float) -> None: ...


class ScriptRunner:
    """Plays a script on a call. `transcription` overrides what script and lines say of it."""

    def __init__(
        self,
        call: PlayedCall,
        session: LiveSession,
        input_audio: InputAudio,
        played: Script,
        position: Position,
        transcription: Transcription | None = None,
    ) -> None:
        self.script = played
        self._call = call
        self._session = session
        self._input_audio = input_audio
        self._position = position
        self._transcription = transcription

    def transcription_of(self, line: lines.Caller) -> Transcription:
        return self._transcription or line.transcription or self.script.transcription

    async def run(self) -> None:
        script = self.script.lines
        if not script or not isinstance(script[0], Agent):
            # A real caller would not wait; with a scaled clock a supervisor could never be in time.
            await self._call.sideband_attached(self.script.wait_for_sideband_s)
        while self._position.here < len(script):
            here = self._position.here
            if isinstance(script[here], Agent):
                await self._session.until(partial(self._position.is_said, here))
            else:
                await self._perform(script[here])
            self._past(here)
        if self.script.then == "hang_up":
            await self._when_quiet(self.script.hang_up_after_s)
            self._call.hang_up("caller")
        else:
            await self._watch_for_idle()

    def _past(self, here: int) -> None:
        """From now on the line after this one is the next."""
        self._position.past(here)
        self._session.changed()

    async def _when_quiet(self, pause: float) -> None:
        """Wait until the model has been quiet for that long."""
        while True:
            await self._session.until(lambda: self._session.quiet)
            before = self._session.activity
            await self._session.sleep(pause)
            if self._session.quiet and self._session.activity == before:
                return

    async def _while_speaking(self, after_ms: int) -> None:
        """Wait until the model has been heard for that long (or has nothing to say after all)."""
        session = self._session
        await session.until(lambda: session.quiet or bool(session.audio and session.audio[0] is session.latest))
        while session.audio and session.audio[0] is session.latest and (left := after_ms - session.played_ms()) > 0:
            await session.sleep(max(0.01, left / 1000))

    async def _perform(self, line: object) -> None:
        here = self._position.here
        match line:
            case lines.Caller():
                if line.interrupts:
                    await self._while_speaking(line.after_ms)
                else:
                    await self._when_quiet(line.pause_ms / 1000)
                await self._input_audio.hear(line, self.transcription_of(line), lambda: self._past(here))
            case lines.Dtmf():
                await self._when_quiet(line.pause_ms / 1000)
                await self.press(line.dtmf, here)
            case lines.Silence():
                self._past(here)
                watch = asyncio.ensure_future(self._watch_for_idle())
                try:
                    await self._session.sleep(line.silence)
                finally:
                    watch.cancel()
            case lines.HangUp():
                if line.after_ms is None:
                    await self._when_quiet(line.pause_ms / 1000)
                else:
                    await self._while_speaking(line.after_ms)
                self._call.hang_up("caller")
            case lines.Drop():
                self._call.drop(line.drop.code)
            case lines.Freeze():
                await self._call.freeze(line.freeze)
            case lines.Expire():
                self._call.expire()
            case lines.Raw():
                self._call.emit_raw(raw_frame(line))
            case lines.Flood():
                await self._flood(line.flood)
            case lines.Error():
                details = line.error
                self._call.emit(error(details.message, details.code, param=details.param, kind=details.type))
            case lines.McpTools():
                await self._list_mcp_tools(line.mcp_tools)

    async def press(self, digits: str, here: int | None = None) -> None:
        for number, digit in enumerate(digits):
            if here is not None and number == len(digits) - 1:
                self._past(here)
            self._call.emit(dtmf(digit))
            await self._session.sleep(0.15)

    async def _watch_for_idle(self) -> None:
        """idle_timeout_ms counts only while the script has the caller silent.

        On a scaled clock it would otherwise fire while the client is busy with a tool.
        """
        while True:
            await self._session.until(lambda: self._session.quiet and self._idle_ms() is not None)
            before, idle = self._session.activity, self._idle_ms() or 0
            await self._session.sleep(idle / 1000)
            if self._session.quiet and self._session.activity == before:
                self._input_audio.time_out(idle)

    def _idle_ms(self) -> int | None:
        detection = configuration.turn_detection(self._session.configuration) or {}
        found: int | None = detection.get("idle_timeout_ms")
        return found

    async def _flood(self, rate: lines.Rate) -> None:
        """Seconds on the clock: a flood is a load, not a conversation."""
        loop = asyncio.get_running_loop()
        start, sent = loop.time(), 0
        while (elapsed := loop.time() - start) < rate.seconds:
            while sent < elapsed * rate.events_per_s:
                self._call.emit(event(**_typed(rate.event)) if rate.event else rate_limits(sent))
                sent += 1
            await asyncio.sleep(min(0.01, 1 / rate.events_per_s))

    async def _list_mcp_tools(self, listing: lines.McpListing) -> None:
        item: dict[str, Any] = {"id": ids.new("mcpl"), "type": "mcp_list_tools", "server_label": listing.server_label}
        item["tools"] = []
        conversation = self._session.conversation
        previous = conversation.add(item)
        self._call.emit(event("conversation.item.added", previous_item_id=previous, item=dict(item)))
        self._call.emit(event("mcp_list_tools.in_progress", item_id=item["id"]))
        await self._session.sleep(0.2)
        if listing.fails:
            self._call.emit(event("mcp_list_tools.failed", item_id=item["id"]))
            return
        item["tools"] = [{"input_schema": {"type": "object"}, **tool} for tool in listing.tools]
        self._call.emit(event("mcp_list_tools.completed", item_id=item["id"]))
        self._call.emit(event("conversation.item.done", previous_item_id=previous, item=item))


def _typed(fields: dict[str, Any]) -> dict[str, Any]:
    return {"kind": fields.get("type", "unknown"), **{name: value for name, value in fields.items() if name != "type"}}


def raw_frame(line: lines.Raw) -> bytes:
    """The frame, filled up to `bytes` without ceasing to be the JSON (or the garbage) that it is."""
    if isinstance(line.raw, str):
        return line.raw.encode().ljust(line.bytes or 0)
    sent = {"event_id": ids.event_id(), **line.raw}
    if line.bytes:
        sent["padding"] = "x" * max(0, line.bytes - len(json.dumps(sent)) - len(', "padding": ""'))
    return json.dumps(sent).encode()
