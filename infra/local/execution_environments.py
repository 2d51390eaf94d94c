"""Lambda's execution environments: each runs one invocation at a time, and more are started while callers wait."""

import asyncio
import json
import os
import signal
import socket
import sys
import time
import uuid
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.local.aws_session import REGION
from infra.local.payload import ACCOUNT
from infra.local.template import FUNCTIONS, Function

RUNTIME = Path(__file__).with_name("lambda_runtime.py")
MAX_ENVIRONMENTS = 64
FEW_ENVIRONMENTS = 4
START_INTERVAL = 0.2
LONG_WAIT = 1.0
"""When more environments are started while callers wait: at once as long as there are few, then, looking every
`START_INTERVAL` seconds, when no environment got free meanwhile; and one every `LONG_WAIT` seconds in any case.
Lambda starts one for every caller that waits; here they share a few cores, and each costs a cold start."""


class FunctionError(Exception):
    """The invocation failed: the handler raised, ran out of time, or its process died."""


@dataclass(eq=False)
class Environment:
    """One execution environment: a connection to a process of its own."""

    pid: int
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def ask(self, question: dict[str, Any]) -> dict[str, Any]:
        frame = json.dumps(question).encode()
        self.writer.write(len(frame).to_bytes(4, "big") + frame)
        await self.writer.drain()
        return await read_frame(self.reader)

    def kill(self) -> None:
        self.writer.close()
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)


async def read_frame(reader: asyncio.StreamReader) -> dict[str, Any]:
    """One frame of `lambda_runtime.py`'s protocol."""
    size = int.from_bytes(await reader.readexactly(4), "big")
    content: dict[str, Any] = json.loads(await reader.readexactly(size))
    return content


class Environments:
    """The environments of one function. The process that holds them starts with the first invocation, or `start`."""

    def __init__(
        self,
        function: Function,
        environment: Mapping[str, str],
        *,
        code: Path = FUNCTIONS,
        most: int = MAX_ENVIRONMENTS,
    ) -> None:
        self._function = function
        self._environment = dict(environment)
        self._code = code
        self._most = most
        self._count = 0
        self._idle: list[Environment] = []
        self._waiting: deque[asyncio.Future[Environment]] = deque()
        self._last_release = self._last_start = 0.0
        self._grower: asyncio.Task[None] | None = None
        self.process: asyncio.subprocess.Process | None = None
        self._control: socket.socket | None = None
        self._starting = asyncio.Lock()

    async def start(self) -> None:
        """Import the handler and have one environment ready; raise `FunctionError` when it cannot be imported."""
        async with self._starting:
            if self.process is None or self.process.returncode is not None:
                await self._start()

    async def _start(self) -> None:
        self._control, theirs = socket.socketpair()
        with theirs:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", str(RUNTIME), self._function.handler, str(theirs.fileno())),
                stdin=asyncio.subprocess.DEVNULL,
                cwd=self._code,
                env={
                    **self._environment,
                    "PYTHONPATH": str(self._code),
                    "AWS_LAMBDA_FUNCTION_NAME": self._function.name,
                    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(self._function.memory),
                    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
                    "_HANDLER": self._function.handler,
                },
                pass_fds=[theirs.fileno()],
            )
        try:
            self._release(await self._open())
        except (OSError, asyncio.IncompleteReadError):
            raise FunctionError(f"{self._function.handler} could not be imported") from None

    async def stop(self) -> None:
        """End every environment and their process, whatever they are at."""
        if self._control is not None:
            self._control.close()
        for environment in self._idle:
            environment.writer.close()
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()

    def anew(self) -> "Environments":
        """The same function again, of which nothing runs yet."""
        return Environments(self._function, self._environment, code=self._code, most=self._most)

    async def retire(self) -> None:
        """Let what is under way come to its end, then stop."""
        deadline = time.monotonic() + self._function.timeout
        while self._count > len(self._idle) and time.monotonic() < deadline:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.05)
        await self.stop()

    async def invoke(self, event: Any) -> Any:
        """Run the handler and return its result; raise `FunctionError` when there is none."""
        await self.start()
        environment = await self._acquire()
        answered = False
        try:
            async with asyncio.timeout(self._function.timeout):
                answer = await environment.ask({"event": event, "context": self._context()})
            answered = True
        except TimeoutError:
            raise FunctionError(f"timed out after {self._function.timeout:.2f} seconds") from None
        except (OSError, asyncio.IncompleteReadError):
            raise FunctionError("the process exited before it answered") from None
        finally:
            if answered:
                self._release(environment)
            else:
                self._discard(environment)
        if "error" in answer:
            raise FunctionError(answer["error"]["errorType"])
        return answer["result"]

    def _context(self) -> dict[str, Any]:
        return {
            "aws_request_id": str(uuid.uuid4()),
            "function_name": self._function.name,
            "invoked_function_arn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{self._function.name}",
            "memory_limit_in_mb": self._function.memory,
            "deadline": time.time() + self._function.timeout,
        }

    async def _open(self) -> Environment:
        assert self._control is not None
        self._count += 1
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                socket.send_fds(self._control, [b"."], [theirs.fileno()])
            reader, writer = await asyncio.open_unix_connection(sock=ours)
            hello = await read_frame(reader)
        except BaseException:
            self._count -= 1
            raise
        return Environment(hello["pid"], reader, writer)

    async def _acquire(self) -> Environment:
        if self._idle:
            return self._idle.pop()
        waiter: asyncio.Future[Environment] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        if self._grower is None or self._grower.done():
            self._grower = asyncio.create_task(self._grow())
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self._release(waiter.result())  # it was given one in the moment it gave up
            raise

    def _release(self, environment: Environment) -> None:
        self._last_release = time.monotonic()
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(environment)
                return
        self._idle.append(environment)

    def _discard(self, environment: Environment) -> None:
        self._count -= 1
        environment.kill()
        if self._waiting and (self._grower is None or self._grower.done()):
            self._grower = asyncio.create_task(self._grow())

    async def _grow(self) -> None:
        while self._waiting and self._count < self._most:
            now, few = time.monotonic(), self._count < FEW_ENVIRONMENTS
            if few or now - self._last_release > START_INTERVAL or now - self._last_start > LONG_WAIT:
                self._last_start = now
                try:
                    self._release(await self._open())
                except (OSError, asyncio.IncompleteReadError):
                    self._refuse_all()
            await asyncio.sleep(0 if few else START_INTERVAL)

    def _refuse_all(self) -> None:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_exception(FunctionError("the runtime is gone"))
