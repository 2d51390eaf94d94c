"""AWS Lambda functions as tools, invoked over the wire by the real client."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest
from botocore.config import Config

from ringside.agentfile.agent import Agent
from ringside.conversation.events import ToolFinished
from ringside.openai import accept
from ringside.tools import lambda_tools, runner
from ringside.tools.definition import CallContext

CONTEXT = CallContext("rtc_1", "call_1", "desk", "+14255550112", "+18005551212")
ORDER = {
    "name": "order",
    "function": "orders:live",
    "description": "Where an order is.",
    "parameters": {"type": "object", "properties": {"number": {"type": "string"}}},
}


class Lambda:
    """The part of AWS Lambda that is needed here: Invoke, with whatever comes of it."""

    def __init__(self) -> None:
        self.status, self.headers, self.payload, self.seconds = 200, {"X-Amz-Function-Error": ""}, b"null", 0.0
        self.invoked: list[tuple[str, Any]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.invoked.append((self.path, event))
                time.sleep(outer.seconds)
                self.send_response(outer.status)
                for name, value in outer.headers.items():
                    if value:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(outer.payload)))
                self.end_headers()
                self.wfile.write(outer.payload)

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def fails(self, payload: object) -> None:
        self.headers["X-Amz-Function-Error"], self.payload = "Unhandled", json.dumps(payload).encode()

    def refuses(self, status: int, code: str) -> None:
        self.status, self.payload = status, json.dumps({"Message": "secret"}).encode()
        self.headers["X-Amzn-Errortype"] = code


@pytest.fixture
def service() -> Iterator[Lambda]:
    service = Lambda()
    yield service
    service.server.shutdown()
    service.server.server_close()


Run = Callable[..., Any]


@pytest.fixture
def run(service: Lambda) -> Run:
    session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="eu-central-1")
    endpoint = f"http://127.0.0.1:{service.server.server_address[1]}"
    config = Config(proxies={}, read_timeout=1, retries={"total_max_attempts": 1})
    client = session.client("lambda", endpoint_url=endpoint, config=config)

    async def run(arguments: str = "{}", limit: float = 5, **entry: Any) -> ToolFinished:
        agent = Agent.model_validate(
            {"name": "desk", "answers": ["default"], "instructions": "Hi.", "lambda_tools": [ORDER | entry]}
        )
        known = {name: tool for (_, name), tool in lambda_tools.tools(client, [agent]).items()}
        return await runner.run(known, "call_1", "order", arguments, limit, CONTEXT)

    return run


async def test_the_function_gets_the_arguments_and_the_call_s_facts_and_its_result_is_told(
    run: Run, service: Lambda
) -> None:
    service.payload = b'{"status": "shipped"}'
    finished = await run('{"number": "1001"}')

    assert (finished.outcome, finished.output) == ("ok", '{"status": "shipped"}')
    assert service.invoked == [
        (
            "/2015-03-31/functions/orders%3Alive/invocations",
            {
                "number": "1001",
                "ringside": {
                    "call_id": "rtc_1",
                    "tool_call_id": "call_1",
                    "agent": "desk",
                    "caller": "+14255550112",
                    "dialled": "+18005551212",
                    "attested": "none",
                },
            },
        )
    ]


async def test_the_model_cannot_pretend_to_be_another_call(run: Run, service: Lambda) -> None:
    await run('{"ringside": {"caller": "+19005550100"}}')
    assert service.invoked[0][1]["ringside"]["caller"] == "+14255550112"


@pytest.mark.parametrize(("payload", "told"), [(b"", "null"), (b"plain \xff text", "plain � text"), (b'"ok"', "ok")])
async def test_whatever_the_function_returns_can_be_told(run: Run, service: Lambda, payload: bytes, told: str) -> None:
    service.payload = payload
    finished = await run()
    assert (finished.outcome, finished.output) == ("ok", told)


async def test_a_result_of_five_megabytes_is_cut(run: Run, service: Lambda) -> None:
    service.payload = json.dumps("x" * 5_000_000).encode()
    assert len((await run()).output) < 17_000


async def test_an_error_of_the_function_is_told_without_its_text(run: Run, service: Lambda) -> None:
    service.fails({"errorMessage": "password hunter2", "errorType": "KeyError"})
    finished = await run()
    assert finished.outcome == "error"
    assert "the service behind it reported an error" in finished.output
    assert "hunter2" not in finished.output


async def test_a_function_that_ran_into_its_own_limit_has_timed_out(run: Run, service: Lambda) -> None:
    service.fails({"errorMessage": "2026-11-22T12:00:00Z 6e1c Task timed out after 3.00 seconds"})
    assert (await run()).outcome == "timeout"


@pytest.mark.parametrize("limits", [{"limit": 0.2}, {"seconds": 0.2}])
async def test_a_function_that_takes_too_long_is_given_up(run: Run, service: Lambda, limits: dict[str, float]) -> None:
    service.seconds = 1
    began = time.monotonic()
    finished = await run(**limits)
    assert finished.outcome == "timeout"
    assert "it took too long" in finished.output
    assert time.monotonic() - began < 0.9


@pytest.mark.parametrize(
    ("status", "code"),
    [(403, "AccessDeniedException"), (404, "ResourceNotFoundException"), (429, "TooManyRequestsException")],
)
async def test_a_function_that_cannot_be_invoked_is_no_accident(
    run: Run, service: Lambda, status: int, code: str
) -> None:
    service.refuses(status, code)
    finished = await run()
    assert finished.outcome == "error"
    assert "cannot be reached" in finished.output
    assert "secret" not in finished.output
    assert len(service.invoked) == 1  # never twice: it may have done its work


@pytest.mark.parametrize("arguments", ["[]", "not JSON", '"x"'])
async def test_arguments_that_are_no_object_reach_no_function(run: Run, service: Lambda, arguments: str) -> None:
    assert (await run(arguments)).outcome == "refused"
    assert service.invoked == []


def test_the_model_is_shown_the_schema_of_the_file() -> None:
    agent = Agent.model_validate(
        {"name": "desk", "answers": ["default"], "instructions": "Hi.", "lambda_tools": [ORDER]}
    )
    assert accept.session(agent, {}, "Hi.")["tools"] == [
        {
            "type": "function",
            "name": "order",
            "description": "Where an order is.",
            "parameters": {"type": "object", "properties": {"number": {"type": "string"}}},
        }
    ]
