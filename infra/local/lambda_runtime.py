"""Lambda's runtime on a laptop. Run by path, so that the function sees `functions/` and nothing of this package:

    python -P infra/local/lambda_runtime.py HANDLER FD

The handler's module is imported once. Every connection that then comes in over the Unix socket FD (as an open file,
SCM_RIGHTS) is one execution environment: a fork of this process that serves one invocation after another, as Lambda's
do. An environment ends with its connection, and this process with FD.

A frame is its length in four bytes, big-endian, and JSON. An environment says {"pid"} first; it is sent {"event",
"context"} and answers {"result"} or {"error": {"errorType", "errorMessage", "stackTrace"}}.
"""

import importlib
import json
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

Handler = Callable[[Any, Any], Any]


class Context:
    """https://docs.aws.amazon.com/lambda/latest/dg/python-context.html"""

    def __init__(self, given: dict[str, Any]) -> None:
        self.aws_request_id: str = given["aws_request_id"]
        self.function_name: str = given["function_name"]
        self.function_version = "$LATEST"
        self.invoked_function_arn: str = given["invoked_function_arn"]
        self.memory_limit_in_mb: str = str(given["memory_limit_in_mb"])
        self.log_group_name = f"/aws/lambda/{self.function_name}"
        self.log_stream_name = "local"
        self.identity = None
        self.client_context = None
        self._deadline: float = given["deadline"]

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self._deadline - time.time()) * 1000))


def read_exactly(connection: socket.socket, size: int) -> bytes:
    """So many bytes, or as many as came before the end."""
    received = b""
    while len(received) < size and (chunk := connection.recv(min(size - len(received), 2**20))):
        received += chunk
    return received


def send(connection: socket.socket, content: dict[str, Any]) -> None:
    """Send one frame."""
    frame = json.dumps(content).encode()
    connection.sendall(len(frame).to_bytes(4, "big") + frame)


def answer(handler: Handler, asked: dict[str, Any]) -> dict[str, Any]:
    """Invoke the handler. Whatever it raises is the invocation's error and harms nothing else."""
    try:
        result = handler(asked["event"], Context(asked["context"]))
        json.dumps(result)  # Runtime.MarshalError otherwise, and also the function's fault
        return {"result": result}
    except Exception as error:
        traceback.print_exc()
        lines = traceback.format_exception(error)
        return {"error": {"errorType": type(error).__name__, "errorMessage": str(error), "stackTrace": lines}}


def serve(handler: Handler, connection: socket.socket) -> None:
    """Be one execution environment, until the connection ends."""
    send(connection, {"pid": os.getpid()})
    while size := read_exactly(connection, 4):
        asked = json.loads(read_exactly(connection, int.from_bytes(size, "big")))
        send(connection, answer(handler, asked))


def serve_and_exit(handler: Handler, connection: socket.socket) -> None:
    """The life of a fork."""
    try:
        serve(handler, connection)
    except ConnectionError:
        pass  # the gateway is gone
    finally:
        sys.stdout.flush()
        os._exit(0)


def main() -> None:
    (name, descriptor) = sys.argv[1:]
    # One write a line: many environments share one log.
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # a text stream here
    module, _, attribute = name.rpartition(".")
    handler: Handler = getattr(importlib.import_module(module), attribute)
    control = socket.socket(fileno=int(descriptor))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for an environment
    while True:
        _, descriptors, _, _ = socket.recv_fds(control, 1, 1)
        if not descriptors:
            return
        connection = socket.socket(fileno=descriptors[0])
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            control.close()
            serve_and_exit(handler, connection)
        connection.close()


if __name__ == "__main__":
    main()
