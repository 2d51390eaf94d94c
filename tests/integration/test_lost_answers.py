"""Every write whose answer is lost: done by the table, answered with 500, sent again. The outcome is as if answered.

Between the code and the table stands a proxy that carries a write out and keeps the answer to itself.
"""

import asyncio
import functools
import inspect
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

import boto3
import httpx
import pytest
from botocore.config import Config
from botocore.credentials import Credentials

from ringside.aws import actions, call_writes, counters, day_facts, entries, record, reservations
from ringside.aws.async_table import AsyncTable
from ringside.aws.attributes import Item, unmarshal
from ringside.aws.json_client import Connections, Keys, client_like
from ringside.aws.ownership import Ownership
from ringside.aws.requests import Conflict, Sentence, get, put
from ringside.aws.table import Table
from ringside.calls import End, EndReason, Status, Step
from ringside.conversation.events import Usage
from tests.integration.conftest import REGION, create_table

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

NOON = 1795348800.0  # 2026-11-22 12:00 UTC
MINE = Ownership("rtc_1", "me", 1)
OVER = End(Status.ENDED, EndReason.SILENCE, NOON + 60)
UNANSWERED = End(Status.MISSED, EndReason.CALLER_GONE_BEFORE_ACCEPT, NOON)
READS = ("GetItem", "Query", "DescribeTable", "CreateTable")
TOKENS = ("claim_token", "take_token", "token")

Given = Callable[[Table], Any]
Write = Callable[[Any], Sentence[Any]]


# --- what was before, and what is written ---


def nothing(table: Table) -> None:
    return None


def claimed(table: Table) -> Item:
    call: Item = {"call_id": "rtc_1", "caller": "+14255550112", "steps": {Step.CREATED: NOON}}
    table.run(call_writes.claim(call, NOON, 86_400))
    return cast(Item, table.run(_found()))


def owned(table: Table) -> Item:
    claimed(table)
    for key in ("live#stack", "live#agent#desk"):
        table.run(reservations.reserve(key, "rtc_1", 9, NOON))
        table.run(reservations.reserve(key, "rtc_2", 9, NOON))
    return table.run(call_writes.take("rtc_1", "me", "message", {Step.TAKEN: NOON + 1}, None))


def _found() -> Sentence[Any]:
    return (yield get(call_writes.call_key("rtc_1")))


def _put(item: Item) -> Sentence[None]:
    yield put({"pk": item["pk"], "sk": item["sk"]}, item)


A_CALL: Item = {"call_id": "rtc_1", "caller": None, "steps": {Step.CREATED: NOON}}
A_TURN = {"item_id": "item_1", "kind": "turn", "started_at": NOON, "text": "Hello."}
ASKED = actions.Asked("rtc_1", "a1", "transfer", "arn:aws:iam::123456789012:user/ada", NOON, "+14255550199")
RESERVED = ("live#stack", "live#agent#desk")

WRITES: dict[str, tuple[Given, Write]] = {
    "claim": (nothing, lambda found: call_writes.claim(A_CALL, NOON, 86_400)),
    "claim_again": (claimed, lambda found: call_writes.claim_again("rtc_1", found, NOON + 20)),
    "decided": (claimed, lambda found: call_writes.decided("rtc_1", {"verdict": "accept"}, ["live#stack"], NOON)),
    "unclaim": (claimed, lambda found: call_writes.unclaim("rtc_1", NOON)),
    "accepted": (claimed, lambda found: call_writes.accepted("rtc_1", {Step.ACCEPTED: NOON}, "why")),
    "close_unanswered": (
        lambda table: (claimed(table), table.run(reservations.reserve("live#stack", "rtc_1", 9, NOON))),
        lambda found: call_writes.close_unanswered("rtc_1", UNANSWERED, {}, ["live#stack"]),
    ),
    "take": (claimed, lambda found: call_writes.take("rtc_1", "me", "message", {Step.TAKEN: NOON}, None)),
    "claim_effect": (owned, lambda found: call_writes.claim_effect(MINE, "tool:fc_1", {Step.GREETED: NOON})),
    "mark": (owned, lambda found: call_writes.mark(MINE, {Step.FIRST_AUDIO: NOON})),
    "save_usage": (owned, lambda found: call_writes.save_usage(MINE, Usage(input_text=7), 0.5)),
    "note": (owned, lambda found: call_writes.note(MINE, {"notes": {"a": "b"}})),
    "release": (owned, lambda found: call_writes.release(MINE, NOON + 30, NOON + 29)),
    "count_failure": (owned, lambda found: call_writes.count_failure(MINE)),
    "end": (
        owned,
        lambda found: call_writes.end(
            MINE, OVER, {"cost": 1.5}, RESERVED, counters.spending("desk", "rtc_1", NOON, 1.5)
        ),
    ),
    "delivery": (owned, lambda found: call_writes.delivery("rtc_1", "crm__ended", {"state": "delivered"})),
    "analysed": (owned, lambda found: call_writes.analysed("rtc_1", {"state": "done", "run": "mine"}, None)),
    "entry": (owned, lambda found: _put(entries.entry(MINE, 1, A_TURN, 1, int(NOON) + 86_400))),
    "usage_share": (owned, lambda found: _put(entries.usage_share(MINE, Usage(input_text=7), int(NOON)))),
    "write_day": (nothing, lambda found: day_facts.write_day("2026-11-22", [{"day": "2026-11-22"}], int(NOON))),
    "ask": (owned, lambda found: actions.ask(found, ASKED, "tel:+14255550199")),
    "beat": (nothing, lambda found: record.beat("me", NOON, 3, 9, 4)),
    "reserve": (owned, lambda found: reservations.reserve("live#stack", "rtc_3", 9, NOON)),
    "give_back": (owned, lambda found: reservations.give_back("live#stack", "rtc_1")),
    "count_caller": (
        nothing,
        lambda found: counters.count_caller("caller#desk", "1#rtc_1", 1, lambda members: set(), NOON),
    ),
}

READING = {"holds", "holders", "held", "last_beat", "read_day", "asked_of", "open_of", "is_open", "number_of", "known"}
"""Sentences that write nothing."""


def test_every_write_of_the_code_is_in_the_design_and_loses_its_answer_here() -> None:
    design = (Path(__file__).parents[2] / "docs" / "design.md").read_text(encoding="utf-8")
    section = design.split("### All writes\n")[1].split("\n## ")[0]
    listed = set(re.findall(r"^\| `(\w+)`", section, re.MULTILINE))
    modules = (actions, call_writes, reservations, counters, day_facts, record)
    written = {name for module in modules for name in sentences(module)} - READING

    assert written | {"entry", "usage_share"} == set(WRITES)
    assert set(WRITES) <= listed
    may_be_done_twice = {"forget", "forget_action", "send", "receive", "extend", "delete"}
    assert listed - set(WRITES) == may_be_done_twice


def sentences(module: ModuleType) -> set[str]:
    """The public generators of a module that are requests to the table."""
    return {
        name
        for name, function in vars(module).items()
        if inspect.isgeneratorfunction(function) and function.__module__ == module.__name__ and name[0] != "_"
    }


# --- the proxy ---


class Proxy:
    """In front of the table; keeps the answers of the next `losing` writes to itself."""

    def __init__(self, target: str) -> None:
        self.losing = 0
        self.lost = 0
        self._http = httpx.Client(trust_env=False)
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
                status, content = proxy.carry_out(target, headers, body)
                self.send_response(status)
                self.send_header("Content-Type", "application/x-amz-json-1.0")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, name="proxy", daemon=True).start()

    def carry_out(self, target: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        answer = self._http.post(target, headers=headers, content=body)
        writes = not headers["X-Amz-Target"].endswith(READS)
        if writes and self.losing and answer.status_code == 200:
            self.losing -= 1
            self.lost += 1
            return 500, b'{"__type": "com.amazonaws.dynamodb.v20120810#InternalServerError", "message": "on purpose"}'
        return answer.status_code, answer.content

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._http.close()


@pytest.fixture(scope="module")
def proxy(aws_url: str) -> Iterator[Proxy]:
    proxy = Proxy(aws_url)
    yield proxy
    proxy.close()


@pytest.fixture(scope="module")
def session() -> boto3.Session:
    return boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION)


@pytest.fixture
def through(proxy: Proxy, session: boto3.Session) -> "DynamoDBClient":
    """A client that goes through the proxy; each has its own quota of retries, of which these tests use up many."""
    config = Config(proxies={}, retries={"mode": "standard", "total_max_attempts": 5})
    client: DynamoDBClient = session.client("dynamodb", endpoint_url=proxy.url, config=config)
    return client


def by_boto3(through: "DynamoDBClient", table: str, write: Sentence[Any]) -> Any:
    return Table(through, table).run(write)


def by_event_loop(through: "DynamoDBClient", table: str, write: Sentence[Any]) -> Any:
    async def run() -> Any:
        http = Connections()
        client = client_like(through, http, Keys(Credentials("test", "test")))
        try:
            return await AsyncTable(client, table).run(write)
        finally:
            await http.close()

    return asyncio.run(run())


def outcome(run: Callable[[], Any]) -> Any:
    """What came of a write, with what has to differ left out."""
    try:
        return _told(run())
    except Conflict as conflict:
        return type(conflict)


def _told(value: Any) -> Any:
    return (
        {name: content for name, content in value.items() if name not in TOKENS} if isinstance(value, dict) else value
    )


def contents(dynamodb: "DynamoDBClient", table: str) -> list[Item]:
    found = dynamodb.scan(TableName=table, ConsistentRead=True)["Items"]
    return sorted((_told(unmarshal(item)) for item in found), key=lambda item: (item["pk"], item["sk"]))


@pytest.fixture(scope="module")
def as_if_answered(dynamodb: "DynamoDBClient") -> Callable[[str], tuple[Any, list[Item]]]:
    """What comes of a write by its name, and what the table holds then, where every answer arrives."""

    @functools.cache
    def run(name: str) -> tuple[Any, list[Item]]:
        given, write = WRITES[name]
        where = create_table(dynamodb)
        table = Table(dynamodb, where)
        return outcome(lambda: table.run(write(given(table)))), contents(dynamodb, where)

    return run


@pytest.mark.parametrize("losing", [1, 2])
@pytest.mark.parametrize("send", [by_boto3, by_event_loop])
@pytest.mark.parametrize("name", WRITES)
def test_a_write_whose_answer_is_lost_is_done_once_and_known_to_be_done(
    proxy: Proxy,
    through: "DynamoDBClient",
    dynamodb: "DynamoDBClient",
    as_if_answered: Callable[[str], tuple[Any, list[Item]]],
    name: str,
    send: Callable[["DynamoDBClient", str, Sentence[Any]], Any],
    losing: int,
) -> None:
    given, write = WRITES[name]
    expected, expected_contents = as_if_answered(name)
    unlucky = create_table(dynamodb)
    before = given(Table(dynamodb, unlucky))
    proxy.losing, proxy.lost = losing, 0
    found = outcome(lambda: send(through, unlucky, write(before)))
    proxy.losing = 0

    assert proxy.lost >= 1
    assert found == expected
    assert contents(dynamodb, unlucky) == expected_contents
