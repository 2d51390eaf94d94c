"""Walks through a script's lines: the caller's by itself, the model's as responses ask for them."""

import asyncio
import json
from typing import Any, Protocol

from infra.emulator import events, ids, lines, session, speech
from infra.emulator.ear import Ear
from infra.emulator.events import Event, event
from infra.emulator.lines import Agent, Transcription
from infra.emulator.script import Script
from infra.emulator.stage import Stage

_OF_THE_CALLER = (lines.Caller, lines.Dtmf, lines.Silence, lines.HangUp)


class Show(Protocol):
    """What a director needs of the call it directs."""

    def emit(self, sent: Event) -> None: ...
    def emit_raw(self, frame: bytes) -> None: ...
    def hang_up(self, by: str) -> None: ...
    def expire(self) -> None: ...
    def drop(self, code: int | None) -> None: ...
    async def freeze(self, seconds: float) -> None: ...
    async def sideband_attached(self, seconds: float) -> None: ...


class Director:
    def __init__(self, show: Show, played: Script, transcription: Transcription | None = None) -> None:
        self.script = played
        self._show = show
        self._forced = transcription
        self._cursor = 0
        self._said: set[int] = set()
        self.stage: Stage
        self.ear: Ear

    def next_line(self, params: dict[str, Any]) -> Agent:
        """The model's next words: the script's line if it is the model's turn, else an improvisation.

        It is the model's turn when nothing that the caller does comes first.
        """
        for place in range(self._cursor, len(self.script.lines)):
            line = self.script.lines[place]
            if isinstance(line, _OF_THE_CALLER):
                break
            if isinstance(line, Agent) and place not in self._said:
                self._said.add(place)
                self.stage.changed()
                return line
        return Agent(agent=speech.improvised(params.get("instructions")))

    def transcription_of(self, line: lines.Caller) -> Transcription:
        return self._forced or line.transcription or self.script.transcription

    async def run(self) -> None:
        script = self.script.lines
        if not script or not isinstance(script[0], Agent):
            # A real caller would not wait; with a scaled clock a supervisor could never be in time.
            await self._show.sideband_attached(self.script.wait_for_sideband_s)
        while self._cursor < len(script):
            here = self._cursor
            if isinstance(script[here], Agent):
                await self.stage.until(lambda here=here: here in self._said)  # type: ignore[misc]
            else:
                await self._perform(script[here])
            self._past(here)
        if self.script.then == "hang_up":
            await self._politely(self.script.hang_up_after_s)
            self._show.hang_up("caller")
        else:
            await self._watch_for_idle()

    def _past(self, here: int) -> None:
        """From now on the line after this one is the next."""
        self._cursor = max(self._cursor, here + 1)
        self.stage.changed()

    async def _politely(self, pause: float) -> None:
        """Wait until the model has been quiet for that long."""
        while True:
            await self.stage.until(lambda: self.stage.quiet)
            before = self.stage.disturbances
            await self.stage.sleep(pause)
            if self.stage.quiet and self.stage.disturbances == before:
                return

    async def _into_the_middle(self, after_ms: int) -> None:
        """Wait until the model has been heard for that long (or has nothing to say after all)."""
        stage = self.stage
        await stage.until(lambda: stage.quiet or bool(stage.audio and stage.audio[0] is stage.latest))
        while stage.audio and stage.audio[0] is stage.latest and (left := after_ms - stage.played_ms()) > 0:
            await stage.sleep(max(0.01, left / 1000))

    async def _perform(self, line: object) -> None:
        here = self._cursor
        match line:
            case lines.Caller():
                if line.interrupts:
                    await self._into_the_middle(line.after_ms)
                else:
                    await self._politely(line.pause_ms / 1000)
                await self.ear.hear(line, self.transcription_of(line), lambda: self._past(here))
            case lines.Dtmf():
                await self._politely(line.pause_ms / 1000)
                await self.press(line.dtmf, here)
            case lines.Silence():
                self._past(here)
                watch = asyncio.ensure_future(self._watch_for_idle())
                try:
                    await self.stage.sleep(line.silence)
                finally:
                    watch.cancel()
            case lines.HangUp():
                if line.after_ms is None:
                    await self._politely(line.pause_ms / 1000)
                else:
                    await self._into_the_middle(line.after_ms)
                self._show.hang_up("caller")
            case lines.Drop():
                self._show.drop(line.drop.code)
            case lines.Freeze():
                await self._show.freeze(line.freeze)
            case lines.Expire():
                self._show.expire()
            case lines.Raw():
                self._show.emit_raw(_frame(line))
            case lines.Flood():
                await self._flood(line.flood)
            case lines.Error():
                details = line.error
                self._show.emit(events.error(details.message, details.code, param=details.param, kind=details.type))
            case lines.McpTools():
                await self._list_mcp_tools(line.mcp_tools)

    async def press(self, digits: str, here: int | None = None) -> None:
        for number, digit in enumerate(digits):
            if here is not None and number == len(digits) - 1:
                self._past(here)
            self._show.emit(events.dtmf(digit))
            await self.stage.sleep(0.15)

    async def _watch_for_idle(self) -> None:
        """idle_timeout_ms counts only while the script has the caller silent.

        On a scaled clock it would otherwise fire while the client is busy with a tool.
        """
        while True:
            await self.stage.until(lambda: self.stage.quiet and self._idle_ms() is not None)
            before, idle = self.stage.disturbances, self._idle_ms() or 0
            await self.stage.sleep(idle / 1000)
            if self.stage.quiet and self.stage.disturbances == before:
                self.ear.time_out(idle)

    def _idle_ms(self) -> int | None:
        detection = session.turn_detection(self.stage.session) or {}
        found: int | None = detection.get("idle_timeout_ms")
        return found

    async def _flood(self, rate: lines.Rate) -> None:
        """Seconds on the clock: a flood is a load, not a conversation."""
        loop = asyncio.get_running_loop()
        start, sent = loop.time(), 0
        while (elapsed := loop.time() - start) < rate.seconds:
            while sent < elapsed * rate.events_per_s:
                self._show.emit(event(**_typed(rate.event)) if rate.event else events.rate_limits(sent))
                sent += 1
            await asyncio.sleep(min(0.01, 1 / rate.events_per_s))

    async def _list_mcp_tools(self, listing: lines.McpListing) -> None:
        item: dict[str, Any] = {"id": ids.new("mcpl"), "type": "mcp_list_tools", "server_label": listing.server_label}
        item["tools"] = []
        conversation = self.stage.conversation
        previous = conversation.add(item)
        self._show.emit(event("conversation.item.added", previous_item_id=previous, item=dict(item)))
        self._show.emit(event("mcp_list_tools.in_progress", item_id=item["id"]))
        await self.stage.sleep(0.2)
        if listing.fails:
            self._show.emit(event("mcp_list_tools.failed", item_id=item["id"]))
            return
        item["tools"] = [{"input_schema": {"type": "object"}, **tool} for tool in listing.tools]
        self._show.emit(event("mcp_list_tools.completed", item_id=item["id"]))
        self._show.emit(event("conversation.item.done", previous_item_id=previous, item=item))


def _typed(fields: dict[str, Any]) -> dict[str, Any]:
    return {"kind": fields.get("type", "unknown"), **{name: value for name, value in fields.items() if name != "type"}}


def _frame(line: lines.Raw) -> bytes:
    """The frame, filled up to `bytes` without ceasing to be the JSON (or the garbage) that it is."""
    if isinstance(line.raw, str):
        return line.raw.encode().ljust(line.bytes or 0)
    sent = {"event_id": ids.event_id(), **line.raw}
    if line.bytes:
        sent["padding"] = "x" * max(0, line.bytes - len(json.dumps(sent)) - len(', "padding": ""'))
    return json.dumps(sent).encode()
