"""API Gateway and Lambda on localhost: an HTTP API in front of the real handlers.

Run as `python -m infra.local.gateway FD`, a listening socket, with a JSON document on standard input:
{"template": {...}, "environments": {function: {variable: value}}, "schedules": bool, "queues": {name: URL}}. Functions,
routes and schedules are the template's, as `template.translate` returns it: to translate takes half a second.

A function can also be invoked by name, as AWS's Invoke does it:
POST /2015-03-31/functions/{name}/invocations.

SIGHUP starts the functions anew, with the agent files as they are then; `gateway reloaded N` says that it was done for
the Nth time. If they cannot be started, the former ones stay.
"""

import asyncio
import json
import logging
import signal
import socket
import sys
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from aiohttp import web

from infra.local import template as templates
from infra.local.event_sources import follow, follow_queue
from infra.local.execution_environments import Environments, FunctionError
from infra.local.payload import (
    ACCOUNT,
    MAX_BODY_BYTES,
    MAX_WAIT,
    BadResponse,
    Request,
    Response,
    from_result,
    message,
    to_event,
)
from infra.local.template import Route

log = logging.getLogger("gateway")

CALLER = f"arn:aws:sts::{ACCOUNT}:user/moto"
"""Who has signed a request, since signatures are not checked here: the same that the local STS names."""


class Gateway:
    """Routes requests to functions, and answers for them when they fail, in API Gateway's words."""

    def __init__(self, routes: list[Route], functions: dict[str, Environments], max_wait: float = MAX_WAIT) -> None:
        self._routes = routes
        self._functions = functions
        self._longest_wait = max_wait

    def application(self) -> web.Application:
        """The server's half of it."""
        application = web.Application(client_max_size=MAX_BODY_BYTES)
        application.router.add_post("/2015-03-31/functions/{name}/invocations", self.invoke)
        application.router.add_route("*", "/{path:.*}", self.handle)
        return application

    async def handle(self, request: web.Request) -> web.StreamResponse:
        route = find(self._routes, request.method, request.path)
        if route is None:
            response = message(404, "Not Found")
        elif route.by_iam and not request.headers.get("authorization", "").startswith("AWS4-HMAC-SHA256 Credential="):
            response = message(403, "Forbidden")  # the signature itself is not checked here
        else:
            response = await self._proxy(route, request)
        answer = web.Response(status=response.status, body=response.body)
        for name, value in response.headers:
            if name == "content-type":
                answer.headers["content-type"] = value
            else:
                answer.headers.add(name, value)
        return answer

    async def _proxy(self, route: Route, request: web.Request) -> Response:
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return message(413, "Request Entity Too Large")
        # aiohttp keeps bytes that are not UTF-8 as lone surrogates, which no event has.
        headers = [
            (name, value.encode("utf-8", "surrogateescape").decode("latin-1")) if not value.isascii() else (name, value)
            for name, value in request.headers.items()
        ]
        event = to_event(
            Request(request.method, request.path, request.query_string, headers, body, request.remote or "127.0.0.1"),
            route_key=route.key,
            request_id=uuid.uuid4().hex[:16],
            now=time.time(),
            by=CALLER if route.by_iam else None,
        )
        try:
            async with asyncio.timeout(self._longest_wait):
                return from_result(await self._functions[route.function].invoke(event))
        except TimeoutError:
            return message(503, "Service Unavailable")
        except (FunctionError, BadResponse) as error:
            log.error("%s: %s: %s", route.function, type(error).__name__, error)
            return message(500, "Internal Server Error")

    async def invoke(self, request: web.Request) -> web.StreamResponse:
        """Lambda's Invoke, synchronous. https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html"""
        name = request.match_info["name"]
        if name not in self._functions:
            return web.json_response({"Message": f"Function not found: {name}"}, status=404)
        try:
            return web.json_response(await self._functions[name].invoke(await request.json()))
        except FunctionError as error:
            unhandled = {"X-Amz-Function-Error": "Unhandled"}
            return web.json_response({"errorMessage": str(error)}, headers=unhandled)


def find(routes: Sequence[Route], method: str, path: str) -> Route | None:
    """The route of a request: a full match before one with a greedy path variable, `{proxy+}`.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html
    """
    here = [route for route in routes if route.method == method]
    greedy = [route for route in here if route.path.endswith("/{proxy+}")]
    matching = [route for route in here if route.path == path]
    matching += [route for route in greedy if path.startswith(route.path.removesuffix("{proxy+}"))]
    return next(iter(matching), None)


async def run_every(seconds: float, name: str, functions: Mapping[str, Environments]) -> None:
    """Invoke a function on its schedule, as EventBridge Scheduler does, failures included."""
    while True:
        await asyncio.sleep(seconds)
        try:
            await functions[name].invoke({})
        except FunctionError as error:
            log.error("%s: %s", name, error)


class Reloading:
    """Replaces the functions' processes by new ones while requests go on."""

    def __init__(self, functions: dict[str, Environments], names: Iterable[str]) -> None:
        """`names`: those that are to be ready at any time."""
        self._functions = functions
        self._names = list(names)
        self._lock = asyncio.Lock()
        self._retiring: set[asyncio.Task[None]] = set()
        self._times = 0
        self.happened = asyncio.Event()

    async def reload(self) -> None:
        async with self._lock:
            fresh = {name: environments.anew() for name, environments in self._functions.items()}
            try:
                await asyncio.gather(*(fresh[name].start() for name in self._names))
            except FunctionError as error:
                log.error("%s: the former functions stay", error)
                for environments in fresh.values():
                    await environments.stop()
                return
            for name, environments in fresh.items():
                former, self._functions[name] = self._functions[name], environments
                task = asyncio.create_task(former.retire())
                self._retiring.add(task)
                task.add_done_callback(self._retiring.discard)
            self._times += 1
            self.happened.set()
            print(f"gateway reloaded {self._times}", flush=True)

    async def until_one_dies(self) -> None:
        """Return when the process of a function that is in use has ended."""
        while True:
            self.happened.clear()
            processes = [process for name in self._names if (process := self._functions[name].process)]
            deaths = [asyncio.create_task(process.wait()) for process in processes]
            reloaded = asyncio.create_task(self.happened.wait())
            await asyncio.wait([*deaths, reloaded], return_when=asyncio.FIRST_COMPLETED)
            was_reloaded = self.happened.is_set()
            for task in (*deaths, reloaded):
                task.cancel()
            if not was_reloaded:
                return


async def serve(listener: socket.socket, given: dict[str, Any]) -> int:
    """Serve until a function's process dies or this one is asked to stop."""
    template = given["template"]
    functions = {
        name: Environments(function, given["environments"][name])
        for name, function in templates.functions(template).items()
    }
    routes = templates.routes(template)
    # Who asks with IAM's leave is in no hurry: that function starts with its first request.
    behind_routes = {route.function for route in routes if not route.by_iam}
    reloading = Reloading(functions, behind_routes)
    try:
        await asyncio.gather(*(functions[name].start() for name in behind_routes))
    except FunctionError as error:
        log.error("%s", error)
        return 1
    runner = web.AppRunner(Gateway(routes, functions).application(), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.SockSite(runner, listener).start()
    print(f"gateway listening on http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    schedules = templates.schedules(template) if given.get("schedules") else []
    runs = [asyncio.create_task(run_every(s.seconds, s.function, functions)) for s in schedules]
    for source in templates.stream_sources(template):
        runs.append(asyncio.create_task(follow(source, functions, given["environments"][source.function])))
    for queue in templates.queue_sources(template):
        url = given["queues"][queue.queue]
        taking = follow_queue(queue.function, url, functions, given["environments"][queue.function])
        runs.append(asyncio.create_task(taking))
    asked: set[asyncio.Task[None]] = set()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, lambda: asked.add(asyncio.create_task(reloading.reload())))
    try:
        await reloading.until_one_dies()
        log.error("a function's runtime died")
        return 1
    finally:
        for run in runs:
            run.cancel()
        await runner.cleanup()
        for environments in functions.values():
            await environments.stop()


def main() -> int:
    (descriptor,) = sys.argv[1:]
    listener = socket.socket(fileno=int(descriptor))
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("asyncio").setLevel(logging.ERROR)

    async def until_stopped() -> int:
        serving = asyncio.ensure_future(serve(listener, json.load(sys.stdin)))
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, serving.cancel)
        try:
            return await serving
        except asyncio.CancelledError:
            return 0

    return asyncio.run(until_stopped())


if __name__ == "__main__":
    sys.exit(main())
