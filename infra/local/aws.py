"""AWS on localhost: moto behind a server of our own. Run as `python -m infra.local.aws FD`, a listening socket.

SIGUSR1 lets every receiver that waits for a message go without one, now and from then on: whoever stops the local cloud
need not wait for them.

moto checks a DynamoDB condition and writes in two steps, and hands an SQS message out in several: under its own
threaded server two conditional writes of one key can both win, and two receivers can get one message. Here every
request runs from start to end on one event loop, which makes each atomic, as they are at AWS, without a lock.
Only long polls wait, and they wait outside moto.
"""

import asyncio
import io
import json
import logging
import re
import signal
import socket
import sys
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache
from typing import Any

import moto.sqs.models
from aiohttp import web
from moto.backends import SERVICE_NAMES
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from infra.local.moto_tuning import tune

Answer = tuple[int, list[tuple[str, str]], bytes]

MAX_REQUEST_BYTES = 64 * 2**20
DIRECT: tuple[SERVICE_NAMES, ...] = ("dynamodb", "sqs")
"""Services asked often: their requests skip moto's search for the right backend, which costs 0.4 ms each."""

CREDENTIAL_SCOPE = re.compile(r"Credential=[^/]+/\d+/([^/]+)/([^/]+)/aws4_request")
"""In the Authorization header of every signed request: region and service."""


class Moto:
    """moto as a function from request to answer."""

    def __init__(self) -> None:
        self._any = DomainDispatcherApplication(create_backend_app)
        self._direct = {service: create_backend_app(service) for service in DIRECT}
        tune()

    def __call__(self, request: web.BaseRequest, body: bytes, service: str) -> Answer:
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], error: Any = None) -> Callable[[bytes], None]:
            started.append((status, headers))
            return lambda _: None

        # Streams are signed for as DynamoDB, and are a service of their own in moto.
        is_stream = request.headers.get("X-Amz-Target", "").startswith("DynamoDBStreams_")
        application = self._any if is_stream else self._direct.get(service, self._any)  # type: ignore[call-overload]
        chunks: Iterable[bytes] = application(wsgi_environ(request, body), start_response)
        content = b"".join(chunks)
        (status, headers) = started[0]
        return int(status.split(" ", 1)[0]), headers, content


def wsgi_environ(request: web.BaseRequest, body: bytes) -> dict[str, Any]:
    """The request as PEP 3333 has it."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": request.path,
        "QUERY_STRING": request.query_string,
        "RAW_URI": request.raw_path,
        "REQUEST_URI": request.raw_path,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": str(request.url.port or 80),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in request.headers.items():
        key = name.upper().replace("-", "_")
        if key == "CONTENT_TYPE":
            environ[key] = value
        elif key != "CONTENT_LENGTH":
            environ[f"HTTP_{key}"] = value
    return environ


class LongPolls:
    """Receivers that wait for a message, per queue, longest waiting first."""

    def __init__(self) -> None:
        self._waiting: defaultdict[str, deque[asyncio.Event]] = defaultdict(deque)
        self.over = False

    def end(self) -> None:
        """Wake all, and keep nobody waiting any more."""
        self.over = True
        for waiting in self._waiting.values():
            while waiting:
                waiting.popleft().set()

    def wake(self, action: str, asked: dict[str, Any]) -> None:
        """Wake one receiver for every message that a request has made visible."""
        entries = asked.get("Entries", [asked])
        if action.startswith("ChangeMessageVisibility"):
            entries = [entry for entry in entries if entry.get("VisibilityTimeout") == 0]
        elif not action.startswith("SendMessage"):
            return
        waiting = self._waiting[asked["QueueUrl"]]
        for _ in range(min(len(entries), len(waiting))):
            waiting.popleft().set()

    async def wait(self, queue_url: str, seconds: float) -> None:
        """Wait until woken, at most so long."""
        woken = asyncio.Event()
        waiting = self._waiting[queue_url]
        waiting.append(woken)
        try:
            async with asyncio.timeout(seconds):
                await woken.wait()
        except TimeoutError:
            pass
        finally:
            if woken in waiting:
                waiting.remove(woken)


@cache  # twice would wrap what is wrapped already
def only_the_newest_receipt_counts() -> None:
    """moto honours every receipt that a message ever had. "Always use the most recent ReceiptHandle": with another one,
    a deletion succeeds and may not delete (SQS API reference, DeleteMessage).
    """
    queue: Any = moto.sqs.models.Queue
    message: Any = moto.sqs.models.Message
    delete = queue.delete_message

    def delete_message(self: Any, receipt: str) -> None:
        outdated = any(
            receipt in each.all_receipt_handles and receipt != each.receipt_handle for each in self._messages
        )
        if not outdated:
            delete(self, receipt)

    def had_receipt_handle(self: Any, receipt: str) -> bool:
        return bool(receipt == self.receipt_handle)

    queue.delete_message, message.had_receipt_handle = delete_message, had_receipt_handle


def next_visible(queue: Any) -> float:
    """When the queue's next message can be received, as `time.time()` has it; infinity for an empty one."""
    moments = (max(message.visible_at, message.delayed_until) for message in queue._messages)
    return min(moments, default=float("inf")) / 1000


class Aws:
    """The server: one request at a time through moto."""

    cut_polls_take = False
    """Whether a message that comes for a receiver which has hung up is in flight all the same, as it may be at AWS."""

    def __init__(self) -> None:
        self._moto = Moto()
        only_the_newest_receipt_counts()
        self._unheard: set[asyncio.Task[Answer]] = set()
        self._polls = LongPolls()

    def release_receivers(self) -> None:
        """Long polls end at once, with what there is."""
        self._polls.end()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        scope = CREDENTIAL_SCOPE.search(request.headers.get("Authorization", ""))
        region, service = scope.groups() if scope else ("", "")
        if service == "sqs":
            answer = await self._sqs(request, body, region)
        else:
            answer = self._moto(request, body, service)
        status, headers, content = answer
        response = web.Response(status=status, body=content)
        for name, value in headers:
            if name.lower() not in ("content-length", "transfer-encoding"):
                response.headers[name] = value
        return response

    async def _sqs(self, request: web.Request, body: bytes, region: str) -> Answer:
        action = request.headers.get("X-Amz-Target", "").rpartition(".")[2]
        asked = json.loads(body) if body.startswith(b"{") else {}
        if action == "ReceiveMessage":
            receiving = asyncio.create_task(self._receive(request, asked, region))
            try:
                return await asyncio.shield(receiving)
            except asyncio.CancelledError:
                if self.cut_polls_take:
                    self._unheard.add(receiving)
                    receiving.add_done_callback(self._unheard.discard)
                else:
                    receiving.cancel()
                raise
        answer = self._moto(request, body, "sqs")
        if answer[0] == 200 and "QueueUrl" in asked:
            self._polls.wake(action, asked)
        return answer

    async def _receive(self, request: web.Request, asked: dict[str, Any], region: str) -> Answer:
        name = str(asked.get("QueueUrl", "")).rpartition("/")[2]
        queue = moto.sqs.models.sqs_backends[DEFAULT_ACCOUNT_ID][region].queues.get(name)
        at_once = json.dumps({**asked, "WaitTimeSeconds": 0}).encode()
        if queue is not None:
            wait = asked.get("WaitTimeSeconds", queue.attributes["ReceiveMessageWaitTimeSeconds"])
            deadline = time.time() + float(wait)
            while not self._polls.over and (now := time.time()) < deadline and (due := next_visible(queue)) >= now:
                # At most a second: a receiver that was woken and hung up in the same moment wakes nobody else.
                await self._polls.wait(asked["QueueUrl"], max(0.001, min(deadline - now, due - now, 1.0)))
        return self._moto(request, at_once, "sqs")


async def serve(listener: socket.socket, aws: Aws | None = None, application: web.Application | None = None) -> None:
    """Serve until cancelled. `application` may have routes already, which come first."""
    aws = aws or Aws()
    application = application or web.Application(client_max_size=MAX_REQUEST_BYTES)
    application.router.add_route("*", "/{path:.*}", aws.handle)
    # A receiver that hangs up must not be given a message: its handler is cancelled with the connection.
    runner = web.AppRunner(application, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.SockSite(runner, listener).start()
        await asyncio.get_running_loop().create_future()
    finally:
        await runner.cleanup()


def be_a_process(aws: Aws, application: web.Application | None = None) -> None:
    """Serve on the socket whose number is the process's argument, until SIGTERM or SIGINT."""
    (descriptor,) = sys.argv[1:]
    listener = socket.socket(fileno=int(descriptor))
    logging.basicConfig(level=logging.WARNING, format="%(name)s %(levelname)s %(message)s")
    print(f"aws listening on http://127.0.0.1:{listener.getsockname()[1]}", flush=True)

    async def until_stopped() -> None:
        serving = asyncio.ensure_future(serve(listener, aws, application))
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR1, aws.release_receivers)
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, serving.cancel)
        with suppress(asyncio.CancelledError):
            await serving

    asyncio.run(until_stopped())


def main() -> None:
    be_a_process(Aws())


if __name__ == "__main__":
    main()
