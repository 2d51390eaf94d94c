"""One process in which tools run, as the monitor sees it; `tools/worker` is what happens in it."""

import asyncio
import contextlib
import logging
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path

from ringside.conversation.events import ToolFinished
from ringside.tools import frames
from ringside.tools.definition import CallContext, Options, ToolError, ToolTimedOut
from ringside.tools.runner import apology

log = logging.getLogger(__name__)

START_SECONDS = 60.0
"""For `tools.py` to be imported. What takes longer than that cannot be started."""

PING_SECONDS = 1.0
MAX_UNANSWERED = 5
"""Pings in a row without an answer, after which the interpreter counts as held."""

GRACE_SECONDS = 1.0
"""Beyond a tool's limit, which the worker keeps if it can."""

LAST_WORDS_SECONDS = 0.2
"""For the process to write where its threads stand, before it is killed."""


@dataclass(frozen=True)
class WorkerSettings:
    """How a worker is started. `names`: the tools that agents list; `environment` is all of its environment."""

    agents: Path
    names: Collection[str] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    log_level: str = "INFO"
    tracebacks: bool = False


class ToolWorker:
    """Made by `start`, which blocks; then `attend` reads its answers until it is gone.

    `hung` is called with the name of a tool that will not end, once for each.
    """

    def __init__(
        self, process: "subprocess.Popen[bytes]", connection: socket.socket, options: Mapping[str, Options]
    ) -> None:
        self.options = options
        """The tools that there are, by name."""
        self.hung: Callable[[str], None] = lambda tool: None
        self._process = process
        self._connection = connection
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._numbers = count(1)
        self._waiting: dict[int, tuple[str, asyncio.Future[ToolFinished | None]]] = {}
        self._unanswered = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self.is_gone = False
        self.went_down: list[str] = []
        """The tools that were running in it when it went."""

    @classmethod
    def start(cls, settings: WorkerSettings) -> "ToolWorker":
        """Start a process and wait until it has read the tools. Blocking; raises `ToolError`."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with theirs:
            # A new interpreter: a fork would have the monitor's memory, and locks of threads that it does not have.
            process = subprocess.Popen(  # noqa: S603  this program's own module
                [sys.executable, "-m", "ringside.tools.worker", str(theirs.fileno())],
                env=dict(settings.environment),
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
        try:
            ours.settimeout(START_SECONDS)
            given = {
                "agents": str(settings.agents),
                "names": None if settings.names is None else sorted(settings.names),
                "log_level": settings.log_level,
                "tracebacks": settings.tracebacks,
            }
            ours.sendall(frames.pack(given))
            said = frames.receive_blocking(ours)
        except OSError as error:
            said = {
                "refused": f"{settings.agents}: the process that runs the tools did not start: {type(error).__name__}"
            }
        if said is None or "refused" in said:
            process.kill()
            process.wait()
            ours.close()
            what = f"{settings.agents}/tools.py: the process that runs the tools ended while it was read"
            raise ToolError(what if said is None else said["refused"])
        return cls(process, ours, {name: Options(**options) for name, options in said["tools"].items()})

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def status(self) -> int | None:
        """Its exit status, negative after a signal; None while it lives."""
        return self._process.poll()

    @property
    def running(self) -> list[str]:
        """The tools that are running in it, by name."""
        return sorted({tool for tool, _ in self._waiting.values()})

    async def connect(self) -> None:
        """Speak with it on this event loop."""
        self._connection.settimeout(0)
        self._reader, self._writer = await asyncio.open_unix_connection(sock=self._connection, limit=2**20)

    async def attend(self) -> None:
        """Read what it says until it is gone, and end it if it does not answer; once it is connected."""
        if self._reader is None:
            return
        pinging = asyncio.create_task(self._ping(), name=f"pings of tool worker {self.pid}")
        try:
            while (said := await frames.receive(self._reader)) is not None:
                if "done" in said:
                    self._done(said)
                elif "pong" in said:
                    self._unanswered = 0
                elif "hung" in said:
                    self.hung(said["hung"])
        finally:
            pinging.cancel()
            self.went_down = self.went_down or self.running
            self.kill()
            await asyncio.get_running_loop().run_in_executor(None, self._process.wait)

    async def run(self, name: str, arguments: str, limit: float, context: CallContext) -> ToolFinished | None:
        """Run a tool for at most so many seconds; None if the process was gone before its outcome was known."""
        if self._writer is None or self.is_gone:
            return None
        seconds, number = self.options[name].seconds or limit, next(self._numbers)
        answer: asyncio.Future[ToolFinished | None] = asyncio.get_running_loop().create_future()
        self._waiting[number] = (name, answer)
        self._idle.clear()
        asked = {"tool": name, "arguments": arguments, "limit": limit, "context": asdict(context)}
        self._say({"run": number, **asked})
        try:
            async with asyncio.timeout(seconds + GRACE_SECONDS):
                finished = await answer
        except TimeoutError:  # its interpreter is held, maybe by this one
            self.hung(name)
            return ToolFinished(context.tool_call_id, "timeout", apology(str(ToolTimedOut())), seconds)
        except asyncio.CancelledError:
            self._say({"cancel": number})
            raise
        finally:
            self._waiting.pop(number, None)
            if not self._waiting:
                self._idle.set()
        return finished and ToolFinished(context.tool_call_id, finished.outcome, finished.output, finished.seconds)

    async def idle(self) -> None:
        """Wait until nothing runs in it."""
        await self._idle.wait()

    def kill(self) -> None:
        """End it; what is running in it learns so."""
        if self.is_gone:
            return
        self.is_gone = True
        self._process.kill()
        if self._writer is not None:
            self._writer.close()
        else:
            self._connection.close()
        for _, answer in self._waiting.values():
            if not answer.done():
                answer.set_result(None)

    def reap(self) -> None:
        """End it and wait until it is gone, which takes a moment. Blocking."""
        self.kill()
        self._process.wait()

    # --- inside ---

    def _say(self, message: frames.Message) -> None:
        if self._writer is not None and not self.is_gone:
            self._writer.write(frames.pack(message))

    def _done(self, said: frames.Message) -> None:
        _, answer = self._waiting.get(int(said["done"]), ("", None))
        if answer is not None and not answer.done():
            answer.set_result(ToolFinished("", said["outcome"], said["output"], said["seconds"]))

    async def _ping(self) -> None:
        for number in count(1):
            await asyncio.sleep(PING_SECONDS)
            if self._unanswered >= MAX_UNANSWERED:
                self.went_down = self.running
                log.error("tool_worker.stuck", extra={"tools": self.went_down})
                with contextlib.suppress(ProcessLookupError):
                    self._process.send_signal(signal.SIGUSR1)
                asyncio.get_running_loop().call_later(LAST_WORDS_SECONDS, self.kill)
                return
            self._unanswered += 1
            self._say({"ping": number})
