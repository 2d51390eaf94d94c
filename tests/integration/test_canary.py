"""The canary, each part of a call's path broken once; its webhook and OpenAI's sideband are real servers."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, cast

import httpx
import pytest
from botocore.exceptions import ClientError
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

from ringside import signatures
from ringside.aws.call_queue import CallQueue
from ringside.aws.record import Record
from ringside.aws.secrets import Keys, Secrets, SecretsError
from ringside.canary import CALL_ID, EVENT, Canary, Result, report
from ringside.telemetry import Metrics

SECRETS = ("whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",)
KEY = "sk-test-1234567890"
NOW = 1_750_287_018.0
BEAT = {"sk": "monitor-1", "until": NOW + 9, "draining": False}


@contextmanager
def sideband(status: HTTPStatus | None) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """OpenAI's answer to every WebSocket; None opens it. Yields the base URL, and who asked for what."""
    asked: list[tuple[str, str]] = []

    def process(connection: ServerConnection, request: Request) -> Response | None:
        asked.append((request.path, request.headers["Authorization"]))
        return connection.respond(status, "") if status else None

    def stay(connection: ServerConnection) -> None:
        for _ in connection:
            pass

    with serve(stay, "127.0.0.1", 0, process_request=process) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.socket.getsockname()[1]}/v1", asked
        server.shutdown()
        thread.join()


@dataclass
class World:
    """Everything as it should be; a test breaks one thing and walks."""

    keys: Keys | SecretsError = field(default_factory=lambda: Keys(api_key=KEY, webhook_secrets=SECRETS))
    webhook: int | httpx.HTTPError = 200
    waiting: list[int] = field(default_factory=lambda: [0])
    monitors: list[dict[str, Any]] | ClientError = field(default_factory=lambda: [BEAT])
    openai: HTTPStatus | None = HTTPStatus.NOT_FOUND
    delivered: list[httpx.Request] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)

    def walk(self) -> dict[str, Result]:
        with (
            sideband(self.openai) as (url, self.asked),
            httpx.Client(transport=httpx.MockTransport(self._post)) as http,
        ):
            canary = Canary(
                "https://webhook.example/webhook",
                url,
                cast(Secrets, _Secrets(self)),
                cast(Record, _Monitors(self)),
                cast(CallQueue, _Queue(list(self.waiting))),
                http.post,
                clock=lambda: NOW,
                sleep=lambda seconds: None,
            )
            return {result.check: result for result in canary.walk()}

    def failed(self) -> dict[str, str]:
        return {check: result.detail for check, result in self.walk().items() if not result.ok}

    def _post(self, request: httpx.Request) -> httpx.Response:
        self.delivered.append(request)
        if isinstance(self.webhook, httpx.HTTPError):
            raise self.webhook
        return httpx.Response(self.webhook)


@dataclass
class _Monitors:
    world: World

    def monitors(self) -> list[dict[str, Any]]:
        if isinstance(self.world.monitors, ClientError):
            raise self.world.monitors
        return self.world.monitors


@dataclass
class _Queue:
    looks: list[int]

    def waiting(self) -> int:
        return self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]


@dataclass
class _Secrets:
    world: World

    def keys(self) -> Keys:
        if isinstance(self.world.keys, SecretsError):
            raise self.world.keys
        return self.world.keys


def test_a_path_that_works_is_walked_to_its_end() -> None:
    world = World()

    assert list(world.walk()) == ["webhook", "queue", "table", "lease", "sideband"]
    assert world.failed() == {}


def test_what_is_delivered_is_signed_like_openais_and_of_a_type_that_openai_does_not_have() -> None:
    world = World()
    world.walk()
    (request,) = world.delivered

    assert signatures.verify(request.headers, request.content, SECRETS, NOW).startswith("wh_canary_")
    assert f'"type": "{EVENT}"'.encode() in request.content
    assert not EVENT.startswith(("realtime.", "live."))


def test_no_two_canaries_are_one_delivery() -> None:
    world = World()
    world.walk()
    world.walk()

    assert len({request.headers["webhook-id"] for request in world.delivered}) == 2


@pytest.mark.parametrize("status", [401, 404, 500, 503])
def test_a_webhook_that_does_not_take_a_signed_event_is_told(status: int) -> None:
    assert World(webhook=status).failed() == {
        "webhook": f"https://webhook.example/webhook answers a signed event with {status}"
    }


def test_a_webhook_that_cannot_be_reached_is_told() -> None:
    (told,) = World(webhook=httpx.ConnectError("refused")).failed().values()

    assert told == "https://webhook.example/webhook cannot be reached: ConnectError"


def test_a_call_that_waits_at_two_looks_is_told_and_one_that_was_taken_meanwhile_is_not() -> None:
    assert World(waiting=[2, 1]).failed() == {"queue": "1 waiting for more than 5 s: no monitor takes them"}
    assert World(waiting=[2, 0]).failed() == {}


@pytest.mark.parametrize(
    "monitors", [[], [{**BEAT, "until": NOW - 1}], [{**BEAT, "draining": True}]], ids=["none", "dead", "leaving"]
)
def test_without_a_monitor_that_holds_its_lease_the_lease_fails(monitors: list[dict[str, Any]]) -> None:
    assert World(monitors=monitors).failed() == {"lease": "no monitor holds a lease"}


def test_a_record_that_cannot_be_read_is_told_in_awss_code_and_proves_no_lease() -> None:
    refused = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "of whom?"}}, "Query")

    assert World(monitors=refused).failed() == {
        "table": "Query: AccessDeniedException",
        "lease": "no monitor holds a lease",
    }


def test_a_secret_that_cannot_be_read_fails_what_needs_it_and_nothing_else() -> None:
    failed = World(keys=SecretsError("the secret cannot be read")).failed()

    assert failed == dict.fromkeys(("webhook", "sideband"), "the secret cannot be read")


def test_the_sideband_asked_for_is_of_a_call_that_does_not_exist() -> None:
    world = World()
    world.walk()

    assert world.asked == [(f"/v1/realtime?call_id={CALL_ID}", f"Bearer {KEY}")]


def test_a_sideband_that_opens_is_left_at_once_and_well() -> None:
    assert World(openai=None).failed() == {}


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (HTTPStatus.UNAUTHORIZED, "refuses the key (401)"),
        (HTTPStatus.SERVICE_UNAVAILABLE, "answers a sideband with 503"),
    ],
)
def test_an_openai_that_refuses_more_than_the_call_is_told(status: HTTPStatus, told: str) -> None:
    (found,) = World(openai=status).failed().values()

    assert found.endswith(told)
    assert KEY not in found


def test_only_a_canary_that_came_through_counts_and_what_failed_is_logged(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    metrics = Metrics("canary", "prod")
    with caplog.at_level(logging.ERROR, "ringside.canary"):
        told = report([Result("webhook", True, "well"), Result("lease", False, "no monitor holds a lease")], metrics)
        metrics.flush()
    failed = capsys.readouterr().out
    report([Result("webhook", True, "well")], metrics)
    metrics.flush()

    assert told == {"webhook": "ok: well", "lease": "failed: no monitor holds a lease"}
    assert [record.message for record in caplog.records] == ["canary.failed"]
    assert '"CanariesPassed":[0]' in failed
    assert '"CanariesPassed":[1]' in capsys.readouterr().out
