"""The gateway in front of functions that behave, that misbehave, and that are many at once."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from aiohttp.test_utils import TestServer

from infra.local.execution_environments import Environments
from infra.local.gateway import Gateway
from infra.local.template import Function, Route

HANDLERS = """
import os, time

invocations = 0

def handler(event, context):
    global invocations
    invocations += 1
    what = event["headers"].get("do", "echo")
    if what == "raise":
        raise RuntimeError("broken")
    if what == "exit":
        os._exit(3)
    if what == "nonsense":
        return {"statusCode": "soon"}
    if what == "unserialisable":
        return object()
    if what == "environment":
        return {**os.environ, "invocations": invocations, "left": context.get_remaining_time_in_millis()}
    if what.startswith("sleep"):
        time.sleep(float(what.removeprefix("sleep")))
    return {"statusCode": 202, "headers": {"x-pid": str(os.getpid())}, "body": event.get("body", "")}
"""

TIMEOUT = 1.0
INTERNAL_SERVER_ERROR = (500, {"message": "Internal Server Error"})


@asynccontextmanager
async def serving(code: Path, max_wait: float = 30) -> AsyncIterator[httpx.AsyncClient]:
    (code / "handlers.py").write_text(HANDLERS)
    echo = Function("EchoFunction", "handlers.handler", TIMEOUT, 512, {})
    slow = Function("SlowFunction", "handlers.handler", 60, 512, {})
    functions = {function.name: Environments(function, {"GIVEN": "yes"}, code=code) for function in (echo, slow)}
    routes = [Route("POST", "/webhook", echo.name), Route("POST", "/slow", slow.name)]
    routes += [Route("GET", "/v1/{proxy+}", echo.name, by_iam=True)]
    gateway = Gateway(routes, functions, max_wait)
    async with TestServer(gateway.application()) as server:
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(base_url=str(server.make_url("/")), timeout=30, limits=limits) as client:
            yield client
    for environments in functions.values():
        await environments.stop()


@pytest.fixture
async def http(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(tmp_path) as client:
        yield client


async def post(http: httpx.AsyncClient, do: str, path: str = "/webhook") -> httpx.Response:
    return await http.post(path, content="hello", headers={"do": do, "content-type": "text/plain"})


def seen(response: httpx.Response) -> tuple[int, object]:
    return response.status_code, response.json()


async def test_a_request_reaches_the_handler_and_its_result_is_the_response(http: httpx.AsyncClient) -> None:
    response = await post(http, "echo")

    assert (response.status_code, response.text) == (202, "hello")


async def test_what_no_route_names_is_not_found(http: httpx.AsyncClient) -> None:
    for response in (await http.post("/other"), await http.get("/webhook"), await http.post("/webhook/")):
        assert seen(response) == (404, {"message": "Not Found"})


async def test_a_greedy_route_has_everything_below_it_for_those_who_sign(http: httpx.AsyncClient) -> None:
    signed = {"authorization": "AWS4-HMAC-SHA256 Credential=AKIA/20261122/us-east-1/execute-api/aws4_request"}

    assert (await http.get("/v1/calls/rtc_1?a=b", headers=signed)).status_code == 202
    assert (await http.get("/v1/calls", headers={"authorization": "Bearer me"})).status_code == 403
    assert seen(await http.get("/v1/calls")) == (403, {"message": "Forbidden"})
    assert (await http.post("/v1/calls", headers=signed)).status_code == 404
    assert (await http.get("/v2/calls", headers=signed)).status_code == 404


@pytest.mark.parametrize("do", ["raise", "exit", "nonsense", "unserialisable", "sleep30"])
async def test_a_function_that_fails_is_a_500_and_harms_nobody_after_it(http: httpx.AsyncClient, do: str) -> None:
    assert seen(await post(http, do)) == INTERNAL_SERVER_ERROR
    assert (await post(http, "echo")).status_code == 202


async def test_a_function_slower_than_the_api_waits_is_unavailable(tmp_path: Path) -> None:
    async with serving(tmp_path, max_wait=0.3) as http:
        assert seen(await post(http, "sleep30", "/slow")) == (503, {"message": "Service Unavailable"})


async def test_a_body_over_the_quota_is_too_large(http: httpx.AsyncClient) -> None:
    response = await http.post("/webhook", content=b"x" * (10 * 2**20 + 1))

    assert seen(response) == (413, {"message": "Request Entity Too Large"})


async def test_a_handler_sees_lambdas_environment_and_what_it_was_given_alone(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "somebody")

    environment = (await post(http, "environment")).json()

    assert environment["GIVEN"] == "yes"
    assert environment["AWS_LAMBDA_FUNCTION_NAME"] == "EchoFunction"
    assert "AWS_PROFILE" not in environment
    assert 0 < environment["left"] <= TIMEOUT * 1000


async def test_an_environment_is_kept_for_the_next_invocation(http: httpx.AsyncClient) -> None:
    counts = [(await post(http, "environment")).json()["invocations"] for _ in range(3)]

    assert counts == [1, 2, 3]


async def test_two_hundred_at_once_are_served_side_by_side(http: httpx.AsyncClient) -> None:
    began = time.monotonic()

    responses = await asyncio.gather(*(post(http, "sleep0.1") for _ in range(200)))

    assert [response.status_code for response in responses] == [202] * 200
    assert len({response.headers["x-pid"] for response in responses}) >= 4
    assert time.monotonic() - began < 12  # 20 s one after another


async def test_a_function_can_be_invoked_by_its_name(http: httpx.AsyncClient) -> None:
    path = "/2015-03-31/functions/EchoFunction/invocations"

    assert (await http.post(path, json={"headers": {}})).json()["statusCode"] == 202
    failed = await http.post(path, json={"headers": {"do": "raise"}})
    assert failed.headers["x-amz-function-error"] == "Unhandled"
    assert (await http.post("/2015-03-31/functions/Nobody/invocations", json={})).status_code == 404
