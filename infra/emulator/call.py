"""One call from its ringing to its end: its state, its sockets, and the record of what was asked of it.

ringing --accept--> accepted --first sideband--> live --> ended
   |---reject--> rejected
   `---nobody decides, or the caller gives up--> missed
"""

import asyncio
import json
import logging
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

from infra.emulator import events, ids, session
from infra.emulator.commands import Desk
from infra.emulator.connection import Socket
from infra.emulator.director import Director
from infra.emulator.ear import Ear
from infra.emulator.events import Event
from infra.emulator.faults import CloseCodes, Faults
from infra.emulator.script import Script
from infra.emulator.settings import Settings
from infra.emulator.sip import Headers
from infra.emulator.stage import Stage

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
_log = logging.getLogger("emulator")
EXPIRED = "Your session hit the maximum duration of 60 minutes."


@dataclass
class Call:
    caller: str
    called: str
    headers: Headers
    script: Script
    faults: Faults
    settings: Settings
    call_id: str = field(default_factory=ids.call_id)
    state: str = "ringing"
    accepted_with: dict[str, Any] | None = None
    ended: dict[str, Any] | None = None
    stage: Stage | None = None
    ear: Ear | None = None
    desk: Desk | None = None
    events_sent: int = 0
    requests: list[dict[str, Any]] = field(default_factory=list)
    commands: list[dict[str, Any]] = field(default_factory=list)
    tool_calls: dict[str, dict[str, Any]] = field(default_factory=dict)
    webhooks: list[dict[str, Any]] = field(default_factory=list)
    sockets: list[Socket] = field(default_factory=list)
    attachments: list[Socket] = field(default_factory=list)
    faults_used: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.director = Director(self, self.script, self.faults.transcription)
        self.ghost = self.faults.gone_before_accept == "ghost"
        self._tasks: set[asyncio.Task[Any]] = set()
        self._first_attached = asyncio.Event()
        limit = self.faults.ring_limit_s or self.settings.ring_limit_s
        self._timer = asyncio.get_running_loop().call_later(limit, self._end_unanswered, "timeout")
        if self.faults.gone_before_accept is True:
            self._end_unanswered("caller")

    # ------------------------------------------------------------------ what a call does in its life

    @property
    def joinable(self) -> bool:
        return self.stage is not None and self.state in ("accepted", "live")

    def accept(self, body: dict[str, Any]) -> None:
        self._timer.cancel()
        self.state = "accepted"
        self.accepted_with = body
        lasts = self.faults.expires_s or self.settings.expires_s
        self.stage = self.director.stage = Stage(
            self,
            session.opened(body, time.time() + lasts),
            self.director.next_line,
            pace=(self.faults.pace or self.settings.pace) / self.script.speed,
            audio_deltas=self.settings.audio_deltas,
            obfuscation=self.settings.obfuscation,
        )
        self.ear = self.director.ear = Ear(self, self.stage, self.script.transcription_usage)
        self.desk = Desk(self.stage, self.ear, self.emit, self.note_output)
        self._timer = asyncio.get_running_loop().call_later(lasts, self.expire)
        if not self.ghost:
            self.spawn(self.director.run())

    def die(self, body: dict[str, Any]) -> None:
        """Accepted with 200 and dead all the same: no session will ever be found (facts 2.2)."""
        self.accepted_with = body
        self._timer.cancel()
        self._finish("ended", "failed")

    def reject(self) -> None:
        self._timer.cancel()
        self._finish("rejected", None)

    def _end_unanswered(self, by: str) -> None:
        self._timer.cancel()
        if self.state == "ringing":
            self._finish("missed", by)

    def hang_up(self, by: str) -> None:
        """The call is over. `by` is the caller, the hang-up endpoint, a REFER or the time limit."""
        if self.state == "ringing":
            self._end_unanswered(by)
            return
        if self.state not in ("accepted", "live"):
            return
        self._timer.cancel()
        self._finish("ended", by)
        codes = self.faults.close_codes or self.settings.close_codes or CloseCodes()
        if not self.faults.sideband.never_close:
            for socket in self.sockets:
                socket.close(getattr(codes, by), EXPIRED if by == "expired" else "")

    def expire(self) -> None:
        self.emit(events.error(EXPIRED, "session_expired"))  # facts 3.5
        self.hang_up("expired")

    def _finish(self, state: str, by: str | None) -> None:
        self.state = state
        if by:
            self.ended = {"by": by, "at": time.time()}
        if self.stage:
            heard = self.stage.heard_ms()
            for response in self.stage.audio:
                if response.message and response.message["id"] in self.stage.conversation.spoken:
                    words = self.stage.conversation.spoken[response.message["id"]]
                    words.heard_ms, words.interrupted, heard = heard, True, 0
            for words in self.stage.conversation.spoken.values():
                words.transcribed = "never" if words.transcribed == "pending" else words.transcribed
        # Soon, not now: the task that ended the call may be one of them, and is still in the middle of it.
        for task in list(self._tasks):
            asyncio.get_running_loop().call_soon(task.cancel)

    def stop(self) -> None:
        """The emulator itself stops."""
        self._timer.cancel()
        for task in list(self._tasks):
            task.cancel()
        for socket in self.sockets:
            socket.abort()

    # ------------------------------------------------------------------ what the stage and the director ask for

    def emit(self, sent: Event) -> None:
        if not self.joinable:
            return
        self.events_sent += 1
        if self.sockets:
            self.emit_raw(_encode(sent).encode(), counted=True)

    def emit_raw(self, frame: bytes, counted: bool = False) -> None:
        """Serialised once, sent to every socket (facts 3.2)."""
        self.events_sent += not counted
        for socket in self.sockets:
            socket.send(frame)

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (problem := task.exception()):
            _log.error("a call of the emulator broke: %s", self.call_id, exc_info=problem)

    def note_tool_call(self, item: dict[str, Any]) -> None:
        noted = {name: item[name] for name in ("call_id", "name", "arguments")}
        self.tool_calls[item["call_id"]] = noted | {"output": None, "answers": 0, "at": time.time()}

    def note_output(self, call_id: str, output: str) -> None:
        if call_id in self.tool_calls:
            call = self.tool_calls[call_id]
            call["output"] = output if call["answers"] == 0 else call["output"]
            call["answers"] += 1

    def drop(self, code: int | None) -> None:
        """The sidebands go, the call stays (facts 3.5)."""
        for socket in self.sockets:
            socket.close(code)

    async def freeze(self, seconds: float) -> None:
        frozen = list(self.sockets)
        for socket in frozen:
            socket.thawed.clear()
        await asyncio.sleep(seconds)
        for socket in frozen:
            socket.thawed.set()

    async def sideband_attached(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._first_attached.wait()
        except TimeoutError:
            pass

    # ------------------------------------------------------------------ sockets

    def attach(self, socket: Socket) -> None:
        self.sockets.append(socket)
        self.attachments.append(socket)
        if not self.joinable:  # it ended while the upgrade was under way
            socket.abort()
            return
        self.state = "live"
        self._first_attached.set()

    def detach(self, socket: Socket, code: int | None) -> None:
        if socket in self.sockets:
            self.sockets.remove(socket)
        socket.gone(code)

    def use_fault(self, name: str, times: int | None) -> bool:
        """Whether a fault that strikes a number of times strikes once more."""
        used = self.faults_used.get(name, 0)
        if times is not None and used >= times:
            return False
        self.faults_used[name] = used + 1
        return True
