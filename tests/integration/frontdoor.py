"""The real handlers of webhook and sweeper in this process, between an AWS and an OpenAI that listen on ports.

A tenth of the real times: a slow 404 takes half a second where OpenAI's take five.
"""

import asyncio
import json
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest

import webhook
from infra.emulator import Emulator, Settings
from infra.emulator.calls.call import Call
from infra.emulator.faults import parse
from infra.emulator.webhooks.payloads import default_headers, envelope, incoming
from infra.emulator.webhooks.signature import sign
from infra.local import stack
from infra.local.agents import DEMO_AGENTS
from infra.local.aws_session import CREDENTIALS, REGION
from infra.local.clients import Clients
from infra.local.host import listen
from infra.local.payload import Request, to_event
from infra.local.process import Guard, Process
from infra.local.template import REPOSITORY
from ringside.aws.secrets import Secrets
from ringside.invocation import wired
from ringside.openai.call_control import CallControl, Timing
from ringside.wiring import Wiring

CALLER, CALLED = "+14255550112", "+18005551212"
API_KEY = "sk-proj-key-that-nobody-may-see"
SECRET = "whsec_bm9ib2R5IG1heSBzZWUgdGhpcyBzZWNyZXQh"
NOT_FOUND_TAKES = 0.5
TIMING = Timing(attempt=0.7, connect=0.3, pause=0.02)
ANSWER_SECONDS = 0.9
NEVER_SENT = {"drop_first": 1, "retry": {"backoff": []}}
"""Faults of a webhook that the test delivers itself."""

JSON = ("content-type", "application/json")


class OpenAI:
    """The emulator on an event loop of its own; `act` does something there."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        settings = Settings(pace=0.01)
        self.emulator = Emulator(webhook_secret=SECRET, api_key=API_KEY, settings=settings)
        self._wait(self.emulator.start())

    def _wait(self, doing: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(doing, self._loop).result(20)

    def ring(self, caller: str = CALLER, called: str = CALLED, **faults: Any) -> Call:
        """A call that rings; its webhook is left to the test."""

        async def ring() -> Call:
            script = self.emulator.state.find_script({"lines": [], "then": "stay"})
            given = parse({"webhook": NEVER_SENT, **faults})
            return self.emulator.state.ring(caller, called, script, faults=given, webhook_url="http://127.0.0.1:9/")

        call: Call = self._wait(ring())
        return call

    @contextmanager
    def slow_to_find_out(self) -> Iterator[None]:
        """404s take their time, as they do."""
        before = self.emulator.state.settings
        self.emulator.state.settings = before.model_copy(update={"not_found_delay_s": NOT_FOUND_TAKES})
        try:
            yield
        finally:
            self.emulator.state.settings = before

    def accept(self, call: Call) -> None:
        async def accept() -> None:
            call.accept({"type": "realtime", "model": "gpt-realtime-2.1"})

        self._wait(accept())

    def hang_up(self, call: Call) -> None:
        async def hang_up() -> None:
            call.hang_up("caller")

        self._wait(hang_up())

    def stop(self) -> None:
        self._wait(self.emulator.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def asked(call: Call, verb: str) -> list[dict[str, Any]]:
    """The requests with this verb."""
    return [request for request in call.requests if request["path"].endswith(f"/{verb}")]


def _api_key(wiring: Wiring, refresh: bool) -> str:
    return wiring.secrets.keys(refresh).api_key


class Door:
    """Both functions, wired as their environment says, with the timing of these tests."""

    def __init__(self, aws: Clients, openai: OpenAI, environment: dict[str, str]) -> None:
        self.aws, self.openai = aws, openai
        self.table, self.queue_url = environment["RINGSIDE_TABLE"], environment["RINGSIDE_QUEUE_URL"]
        self.secret_id = environment["RINGSIDE_SECRET_ID"]
        self.webhook_secret_id = environment["RINGSIDE_WEBHOOK_SECRET_ID"]
        wired.cache_clear()
        (self.wiring, _), (self.sweeper_wiring, _) = wired("webhook"), wired("sweeper")
        for wiring in (self.wiring, self.sweeper_wiring):
            vars(wiring)["control"] = CallControl(openai.emulator.base_url, partial(_api_key, wiring), TIMING)
        self.wiring.intake.answer_seconds = ANSWER_SECONDS

    def close(self) -> None:
        for wiring in (self.wiring, self.sweeper_wiring):
            wiring.control.close()
            for client in (wiring.dynamodb, wiring.sqs, wiring.secrets._client):
                client.close()
        wired.cache_clear()

    def use_secrets(self, secrets: Secrets | None = None) -> None:
        """These from now on; without any, new ones that have not been read yet."""
        secrets = secrets or Secrets(self.wiring.secrets._client, self.secret_id, self.webhook_secret_id)
        vars(self.wiring)["secrets"] = self.wiring.intake.secrets = secrets

    def put_secret(self, content: Any) -> None:
        """What both secrets hold, or what the key's holds instead of JSON."""
        contents = [(self.secret_id, content)]
        if isinstance(content, dict):
            signing = {"webhook_secrets": content.get("webhook_secrets", [])}
            contents = [(self.secret_id, {"api_key": content.get("api_key", "")}), (self.webhook_secret_id, signing)]
        for secret_id, each in contents:
            text = each if isinstance(each, str) else json.dumps(each)
            self.aws.secrets.put_secret_value(SecretId=secret_id, SecretString=text)

    # --- in ---

    def post(self, body: bytes, headers: list[tuple[str, str]]) -> dict[str, Any]:
        """An HTTP request as API Gateway hands it on; what the handler answers."""
        request = Request("POST", "/webhook", "", headers, body, "198.51.100.7")
        return webhook.handler(to_event(request, route_key="POST /webhook", request_id="r", now=time.time()), None)

    def deliver(self, content: Any, secret: str = SECRET, webhook_id: str = "wh_1") -> int:
        """A signed delivery; the HTTP status it gets."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        return int(self.post(body, signed(body, secret, webhook_id=webhook_id))["statusCode"])

    def deliver_call(self, call: Call, **more: Any) -> int:
        return self.deliver(event_of(call), **more)

    # --- what came of it ---

    def item(self, call: Call | str) -> dict[str, Any]:
        found = self.wiring.record.call(call if isinstance(call, str) else call.call_id)
        assert found is not None
        return found

    def is_unknown(self, call: Call) -> bool:
        return self.wiring.record.call(call.call_id) is None

    def queued(self) -> Counter[str]:
        """The call ids in the queue, taken out of it."""
        found: Counter[str] = Counter()
        while messages := self.wiring.queue.receive(visibility=30, wait=0, most=10):
            for message in messages:
                found[str(message.call_id)] += 1
                self.wiring.queue.delete(message.receipt)
        return found


def event_of(call: Call) -> dict[str, Any]:
    return envelope("realtime.call.incoming", incoming(call.call_id, default_headers(call.caller, call.called), None))


def signed(body: bytes, secret: str = SECRET, age: float = 0, webhook_id: str = "wh_1") -> list[tuple[str, str]]:
    at = int(time.time() - age)
    signature = sign(secret, webhook_id, at, body)
    return [
        JSON,
        ("webhook-id", webhook_id),
        ("webhook-timestamp", str(at)),
        ("webhook-signature", signature),
    ]


def metrics_and_logs(written: str) -> tuple[Counter[str], list[dict[str, Any]]]:
    """The metrics in what the handlers have written, summed up, and the log lines."""
    lines = [json.loads(line) for line in written.splitlines()]
    counts: Counter[str] = Counter()
    for line in lines:
        for metric in line.get("_aws", {}).get("CloudWatchMetrics", [{"Metrics": []}])[0]["Metrics"]:
            if metric["Unit"] == "Count":
                counts[metric["Name"]] += int(sum(line[metric["Name"]]))
    return counts, [line for line in lines if "_aws" not in line]


@contextmanager
def front_door() -> Iterator[Door]:
    """AWS in a process of its own, for it must do one thing at a time, and OpenAI in a thread."""
    listener = listen(0, "AWS")
    url, guard = f"http://127.0.0.1:{listener.getsockname()[1]}", Guard()
    command = [sys.executable, "-m", "infra.local.aws", str(listener.fileno())]
    process = Process("aws", command, environment=os.environ, guard=guard, cwd=REPOSITORY, listener=listener)
    aws, openai = Clients(url), OpenAI()
    with pytest.MonkeyPatch.context() as patch:
        try:
            environment = stack.create(aws, stack.secrets(API_KEY, [SECRET]), {})["WebhookFunction"]
            for name in [name for name in os.environ if name.startswith(("AWS_", "RINGSIDE_", "OPENAI_"))]:
                patch.delenv(name)
            here = {"AWS_ENDPOINT_URL": url, "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION, **CREDENTIALS}
            here |= {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", "AWS_EC2_METADATA_DISABLED": "true"}
            for name, value in (environment | here | {"RINGSIDE_AGENTS": str(DEMO_AGENTS)}).items():
                patch.setenv(name, value)
            patch.setenv("OPENAI_BASE_URL", openai.emulator.base_url)
            door = Door(aws, openai, environment)
            yield door
            door.close()
        finally:
            openai.stop()
            aws.close()
            process.kill()
            guard.close()
