"""The process in which the functions of `tools.py` run, beside the monitor's: `python -m ringside.tools.worker FD`.

FD is a socket to the monitor. The monitor says where the agents are, learns which tools there are, and then asks for
runs; see `Worker`. Whatever a tool does to this process (hold its interpreter, block its loop, end it), the monitor
goes on with another one.
"""

import asyncio
import ctypes
import faulthandler
import logging
import os
import signal
import socket
import sys
import threading
import traceback
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ringside import telemetry
from ringside.tools import frames, runner
from ringside.tools.definition import CallContext, Tool, ToolError
from ringside.tools.loader import load_tools

log = logging.getLogger(__name__)

WATCH_SECONDS = 0.5
"""Between two looks at the async tools' loop, and from a timeout until its thread counts as hung."""

BLOCKED_SECONDS = 2.0
"""After which an async tool that does not let the others run is reported."""

_PR_SET_PDEATHSIG = 1
"""prctl(2): the signal that a process gets when its parent dies."""


class Worker:
    """Runs tools as asked, and reports those that will not end.

    It is asked `{"run": id, "tool", "arguments", "limit", "context"}`, `{"cancel": id}` and `{"ping": n}`, and says
    `{"done": id, "outcome", "output", "seconds"}`, `{"pong": n}` and `{"hung": tool}`: the monitor had better replace
    this process.
    """

    def __init__(self, tools: dict[str, Tool], writer: asyncio.StreamWriter) -> None:
        self._tools = tools
        self._writer = writer
        self._running: dict[int, asyncio.Task[None]] = {}

    async def serve(self, reader: asyncio.StreamReader) -> None:
        """Until the monitor is gone."""
        watching = asyncio.create_task(self._watch_loop())
        while (message := await frames.receive(reader)) is not None:
            if "run" in message:
                number = int(message["run"])
                self._running[number] = asyncio.create_task(self._run(number, message))
            elif "cancel" in message:
                if (task := self._running.pop(int(message["cancel"]), None)) is not None:
                    task.cancel()
            elif "ping" in message:
                self._say({"pong": message["ping"]})
        watching.cancel()

    def _say(self, message: frames.Message) -> None:
        self._writer.write(frames.pack(message))

    async def _run(self, number: int, asked: frames.Message) -> None:
        name, context = asked["tool"], CallContext(**asked["context"])
        try:
            finished = await runner.run(
                self._tools, context.tool_call_id, name, asked["arguments"], asked["limit"], context
            )
        finally:
            self._running.pop(number, None)
        answer = {"outcome": finished.outcome, "output": finished.output, "seconds": finished.seconds}
        self._say({"done": number, **answer})
        if finished.outcome == "timeout":
            await asyncio.sleep(WATCH_SECONDS)
            wanted = runner.thread_name(name, context.tool_call_id)
            for thread in threading.enumerate():
                if thread.name == wanted and thread.ident is not None:
                    self._report(name, thread.ident, "tool.hangs")

    async def _watch_loop(self) -> None:
        """An async tool that blocks holds up all the others."""
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            loop, thread = runner.tools_loop_if_any()
            if loop is None or thread is None:
                continue
            probe = asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop)
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(probe)), BLOCKED_SECONDS)
                continue
            task = None
            with suppress(RuntimeError):
                task = asyncio.current_task(loop)
            self._report(task.get_name() if task else "an async tool", thread, "tool.blocks")
            with suppress(Exception):
                await asyncio.wrap_future(probe)  # once for each time that it is blocked

    def _report(self, tool: str, thread: int, event: str) -> None:
        """Name the tool, and where it stands: places in files, and nothing of what it works with."""
        frame = sys._current_frames().get(thread)
        stack = [f"{at.filename}:{at.lineno} {at.name}" for at in traceback.extract_stack(frame)] if frame else []
        log.error(event, extra={"tool": tool, "stack": stack[-8:]})
        self._say({"hung": tool})


def die_with_parent() -> None:
    """A process whose interpreter is held would not see that the monitor is gone. Linux only."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def show_tracebacks() -> None:
    """Write what a tool raised, with its text, to standard error: for the laptop."""
    shown = logging.StreamHandler(sys.stderr)
    shown.setFormatter(logging.Formatter("%(message)s %(tool)s"))
    shown.addFilter(lambda record: hasattr(record, "tool"))
    logging.getLogger(runner.__name__).addHandler(shown)


async def _serve(connection: socket.socket, tools: dict[str, Tool]) -> None:
    reader, writer = await asyncio.open_unix_connection(sock=connection, limit=2**20)
    await Worker(tools, writer).serve(reader)


def main(arguments: list[str]) -> int:
    connection = socket.socket(fileno=int(arguments[0]))
    die_with_parent()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the monitor says when it is over: by leaving
    faulthandler.enable()
    faulthandler.register(signal.SIGUSR1, all_threads=True)  # asked for where the interpreter is held
    asked: Any = frames.receive_blocking(connection)
    if asked is None:
        return 0
    telemetry.log_as_json("tools", asked["log_level"])
    if asked["tracebacks"]:
        show_tracebacks()
    try:
        tools = load_tools(Path(asked["agents"]), asked["names"])
    except ToolError as error:
        connection.sendall(frames.pack({"refused": str(error)}))
        return 2
    options = {name: asdict(tool.options) for name, tool in tools.items()}
    connection.sendall(frames.pack({"tools": options}))
    asyncio.run(_serve(connection, tools))
    return 0


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(status)  # without waiting for threads that hang, and for what libraries do at exit
