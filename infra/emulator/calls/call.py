"""One call from its ringing to its end: its state, its sockets, and the record of what was asked of it.

ringing --accept--> accepted --first sideband--> live --> ended
   |---reject--> rejected
   `---nobody decides, or the caller gives up--> missed
"""

import asyncio
import json
import logging
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from infra.emulator.calls.script_runner import ScriptRunner
from infra.emulator.calls.sideband_socket import SidebandSocket
from infra.emulator.faults import CloseCodes, Faults
from infra.emulator.scripts.position import Position
from infra.emulator.scripts.script import Script
from infra.emulator.session import configuration
from infra.emulator.session.client_events import ClientEvents
from infra.emulator.session.input_audio import InputAudio
from infra.emulator.session.live_session import LiveSession
from infra.emulator.session.stand_in import StandIn
from infra.emulator.settings import Settings
from infra.emulator.webhooks.payloads import Headers
from infra.emulator.wire import ids
from infra.emulator.wire.server_events import Event, error

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
_log = logging.getLogger("emulator")
EXPIRED = "Your session hit the maximum duration of 60 minutes."


class Accepted(NamedTuple):
    """What there is of a call from its accept on."""

    session: LiveSession
    input_audio: InputAudio
    client_events: ClientEvents
    runner: ScriptRunner


@dataclass
class Call:
    """A call. What was asked of it is kept as it came, for tests to read."""

    caller: str
    called: str
    headers: Headers
    script: Script
    faults: Faults
    settings: Settings
    on_end: Callable[["Call"], None]
    call_id: str = field(default_factory=ids.call_id)
    state: str = "ringing"
    accepted_with: dict[str, Any] | None = None
    ended: dict[str, Any] | None = None
    accepted: Accepted | None = None
    position: Position | None = None
    """How far the script has been played; None before the accept."""
    events_sent: int = 0
    requests: list[dict[str, Any]] = field(default_factory=list)
    commands: list[dict[str, Any]] = field(default_factory=list)
    tool_calls: dict[str, dict[str, Any]] = field(default_factory=dict)
    webhooks: list[dict[str, Any]] = field(default_factory=list)
    sockets: list[SidebandSocket] = field(default_factory=list)
    attachments: list[SidebandSocket] = field(default_factory=list)
    faults_used: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.ghost = self.faults.gone_before_accept == "ghost"
        self._tasks: set[asyncio.Task[Any]] = set()
        self._first_attached = asyncio.Event()
        limit = self.faults.ring_limit_s or self.settings.ring_limit_s
        self._timer = asyncio.get_running_loop().call_later(limit, self._end_unanswered, "timeout")
        if self.faults.gone_before_accept is True:
            self._end_unanswered("caller")

    # ------------------------------------------------------------------ what a call does in its life

    @property
    def in_progress(self) -> Accepted | None:
        """What was accepted, as long as a sideband can attach and the caller is on the line."""
        return self.accepted if self.state in ("accepted", "live") else None

    def accept(self, body: dict[str, Any]) -> None:
        self._timer.cancel()
        self.state = "accepted"
        self.accepted_with = body
        lasts = self.faults.expires_s or self.settings.expires_s
        self.position = position = Position(self.script.lines)
        session = LiveSession(
            self,
            configuration.opened(body, time.time() + lasts),
            position.next_line,
            pace=(self.faults.pace or self.settings.pace) / self.script.speed,
            audio_deltas=self.settings.audio_deltas,
            obfuscation=self.settings.obfuscation,
            stand_in=None if self.script.speaks_for_the_model else StandIn(),
        )
        input_audio = InputAudio(self, session, self.script.transcription_usage)
        client_events = ClientEvents(session, input_audio, self.emit, self.note_output)
        runner = ScriptRunner(self, session, input_audio, self.script, position, self.faults.transcription)
        self.accepted = Accepted(session, input_audio, client_events, runner)
        self._timer = asyncio.get_running_loop().call_later(lasts, self.expire)
        if not self.ghost:
            self.spawn(runner.run())

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
        self.emit(error(EXPIRED, "session_expired"))  # facts 3.5
        self.hang_up("expired")

    def _finish(self, state: str, by: str | None) -> None:
        self.state = state
        if by:
            self.ended = {"by": by, "at": time.time()}
        if self.accepted:
            self.accepted.session.end()
        # Soon, not now: the task that ended the call may be one of them, and is still in the middle of it.
        for task in list(self._tasks):
            asyncio.get_running_loop().call_soon(task.cancel)
        asyncio.get_running_loop().call_soon(self.on_end, self)

    def stop(self) -> None:
        """The emulator itself stops."""
        self._timer.cancel()
        for task in list(self._tasks):
            task.cancel()
        for socket in self.sockets:
            socket.abort()

    # ------------------------------------------------------------------ what the session and the script ask for

    def emit(self, sent: Event) -> None:
        if self.in_progress is None:
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

    def attach(self, socket: SidebandSocket) -> None:
        self.sockets.append(socket)
        self.attachments.append(socket)
        if self.in_progress is None:  # it ended while the upgrade was under way
            socket.abort()
            return
        self.state = "live"
        self._first_attached.set()

    def detach(self, socket: SidebandSocket, code: int | None) -> None:
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
