"""A Realtime session over a WebSocket of its own: `?model=` in place of a call (guide, "Realtime API with WebSocket").

There is no phone: nothing is played here, no keys are pressed, and only the client ends it. Sound that the client sends
begins and ends turns, by its loudness. What the model says comes from a script's lines for the model, in their order,
or from the stand-in.
"""

import asyncio
import json
import logging
import re
import time
from collections.abc import Coroutine
from typing import Any

from infra.emulator.calls.script_runner import raw_frame
from infra.emulator.calls.sideband_socket import SidebandSocket
from infra.emulator.scripts import lines
from infra.emulator.scripts.lines import Agent
from infra.emulator.scripts.script import Script
from infra.emulator.session import client_events, configuration
from infra.emulator.session.client_events import ClientEvents
from infra.emulator.session.input_audio import InputAudio
from infra.emulator.session.live_session import LiveSession
from infra.emulator.session.stand_in import StandIn
from infra.emulator.settings import Settings
from infra.emulator.wire.server_events import Event, error, event
from infra.emulator.wire.validation import InvalidRequest

_log = logging.getLogger("emulator")
_KNOWN = re.compile(r"gpt-realtime(-mini|-1\.5|-2|-2\.1|-2\.1-mini)?(-\d{4}-\d{2}-\d{2})?")
CLOSED_FOR_ERROR = 4000
"""Of a model that speaks no Realtime at all; seen in github.com/livekit/agents-js/issues/1756."""

EXPIRED = "Your session hit the maximum duration of 60 minutes."


def speaks_realtime(model: str) -> bool:
    return model.startswith("gpt-realtime")


class PlainSession:
    """One such session. What was asked of it is kept as it came, for tests to read."""

    def __init__(self, socket: SidebandSocket, model: str, played: Script, settings: Settings) -> None:
        self.model = model
        self.opened_at = time.time()
        self.commands: list[Event] = []
        self.tool_calls: dict[str, dict[str, Any]] = {}
        self._socket = socket
        self._lines = list(played.lines)
        self._tasks: set[asyncio.Task[Any]] = set()
        opened = configuration.opened({"model": model}, time.time() + settings.expires_s)
        for side in opened["audio"].values():
            side["format"] = {"type": "audio/pcm", "rate": 24000}
        self.session = LiveSession(
            self,
            opened,
            self._next_line,
            pace=settings.pace / played.speed,
            audio_deltas=True,
            obfuscation=settings.obfuscation,
            plays=False,
            stand_in=StandIn(),
        )
        self._callers = [line.caller for line in self._lines if isinstance(line, lines.Caller)]
        input_audio = InputAudio(self, self.session, played.transcription_usage, self._understood)
        self._client_events = ClientEvents(self.session, input_audio, self.emit, self._note_output)
        self._timer = asyncio.get_running_loop().call_later(settings.expires_s, self._expire)

    def begin(self) -> None:
        """The first server events of any connection; an error instead for a model of another API."""
        if not speaks_realtime(self.model):
            message = f'Model "{self.model}" is not supported in realtime mode.'
            self.emit(error(message, "invalid_model"))
            self._socket.close(CLOSED_FOR_ERROR, "invalid_request_error.invalid_model")
            return
        self.emit(event("session.created", session=self.session.configuration))
        conversation = {"id": self.session.conversation.id, "object": "realtime.conversation"}
        self.emit(event("conversation.created", conversation=conversation))

    def obey(self, frame: str | bytes) -> None:
        try:
            sent = client_events.parse(frame)
        except InvalidRequest as invalid:
            self.emit(error(invalid.message, invalid.code, param=invalid.param))
            return
        self.commands.append(sent)
        self._client_events.handle(sent, self.emit)

    def shown(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "opened_at": self.opened_at,
            "session": self.session.configuration,
            "commands": self.commands,
            "tool_calls": list(self.tool_calls.values()),
            "spoken": self.session.conversation.all_spoken(),
            "usage": self.session.meter.totals,
        }

    def end(self) -> None:
        self._timer.cancel()
        for task in list(self._tasks):
            task.cancel()

    # --- what the session asks for ---

    def emit(self, sent: Event) -> None:
        self._socket.send(json.dumps(sent, ensure_ascii=False, separators=(",", ":")).encode())

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def note_tool_call(self, item: dict[str, Any]) -> None:
        noted = {name: item[name] for name in ("call_id", "name", "arguments")}
        self.tool_calls[item["call_id"]] = {**noted, "output": None}

    def hang_up(self, by: str) -> None:
        """Nobody is on a line here."""

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (problem := task.exception()):
            _log.error("a session of the emulator broke", exc_info=problem)

    def _note_output(self, call_id: str, output: str) -> None:
        if call_id in self.tool_calls:
            self.tool_calls[call_id]["output"] = output

    def _expire(self) -> None:
        self.emit(error(EXPIRED, "session_expired"))
        self._socket.close(1001, EXPIRED)

    # --- the script ---

    def _understood(self, milliseconds: int) -> str:
        """What somebody says into a microphone: the caller's next line in the script, whatever it was."""
        return self._callers.pop(0) if self._callers else f"Speech of {milliseconds / 1000:.1f} seconds."

    def _next_line(self) -> Agent | None:
        """The model's next line. What the script has the server do before it is done at once."""
        if not _KNOWN.fullmatch(self.model):
            # The session opens all the same (github.com/openai/openai-realtime-console/issues/561).
            message = f"The model `{self.model}` does not exist or you do not have access to it."
            failure = lines.Failure(type="invalid_request_error", code="model_not_found", message=message)
            return Agent(fails=failure, thinking_ms=0)
        while self._lines:
            match self._lines.pop(0):
                case Agent() as line:
                    return line
                case lines.Error(error=details):
                    self.emit(error(details.message, details.code, param=details.param, kind=details.type))
                case lines.Raw() as line:
                    self._socket.send(raw_frame(line))
                case lines.Drop(drop=drop):
                    self._socket.close(drop.code)
                case lines.Expire():
                    self._expire()
        return None
