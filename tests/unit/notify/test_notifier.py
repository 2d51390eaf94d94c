"""Receivers that hang, break, move, vanish and come back, over three days of a clock that nobody waits for."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
import standardwebhooks.webhooks

from ringside.agentfile.afterwards import Events, Receiver
from ringside.agentfile.agent import Agent
from ringside.agentfile.agents import Agents
from ringside.aws.attributes import marshal
from ringside.aws.table import Conflict
from ringside.notify.notifier import RETRY_PAUSES, Message, Notifier
from ringside.notify.requests import answer
from ringside.notify.sender import Answer
from ringside.telemetry import Metrics

Json = dict[str, Any]
OLD, NEW = "whsec_" + "b2xk" * 11, "whsec_" + "bmV3" * 11
NOW = 1_795_348_800.0
CALL: Json = {"call_id": "rtc_1", "agent": "desk", "status": "ended", "steps": {"created": NOW, "ended": NOW + 60}}
OK, BROKEN = Answer(200), Answer(500, "HTTP 500")
ENDED = Message("rtc_1", "call.ended", "crm")


@dataclass
class World:
    """A call, a receiver that answers as it is told to, a queue, and a clock that is set."""

    answers: list[Answer]
    call: Json | None = field(default_factory=lambda: dict(CALL))
    now: float = NOW
    posted: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    queued: list[str] = field(default_factory=list)
    hidden: list[float] = field(default_factory=list)
    secrets: dict[str, tuple[str, ...]] = field(default_factory=lambda: {"crm": (NEW,)})

    # the record
    def delivery(self, call_id: str, key: str, result: Json) -> None:
        if self.call is None:
            raise Conflict({})
        self.call.setdefault("deliveries", {})[key] = result

    # the receiver
    def post(self, url: str, headers: dict[str, str], body: bytes) -> Answer:
        self.posted.append((url, headers, body))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    # the secret
    def of(self, receiver: str) -> tuple[str, ...]:
        return self.secrets.get(receiver, ())

    # the queue
    def send(self, text: str) -> None:
        self.queued.append(text)

    def postpone(self, receipt: str, seconds: float) -> None:
        self.hidden.append(seconds)

    def notifier(self) -> Notifier:
        receivers = (
            Receiver(name="crm", url="https://crm.example.com/hook"),
            Receiver(name="erp", url="https://erp.example.com/", events=("call.rejected",)),
        )
        agent = Agent(
            name="desk",
            answers=("default",),
            model="gpt-realtime",
            instructions="x",
            notify=receivers,
            events=Events(notes=True),
        )
        record: Any = type(
            "Record", (), {"call": lambda _, call_id: self.call, "delivery": lambda _, *given: self.delivery(*given)}
        )()
        anything: Any = self
        agents = Agents({"desk": agent})
        return Notifier(
            record, agents, anything, anything, anything, Metrics("notify"), "prod", lambda: self.now, lambda: 1.0
        )

    @property
    def state(self) -> Json:
        assert self.call is not None
        found: Json = self.call["deliveries"]["crm__ended"]
        return found


def write(before: Json, after: Json) -> Json:
    return {"eventSource": "aws:dynamodb", "dynamodb": {"OldImage": marshal(before), "NewImage": marshal(after)}}


def queued(text: str, attempt: int) -> Json:
    attributes = {"ApproximateReceiveCount": str(attempt)}
    return {
        "Records": [
            {"eventSource": "aws:sqs", "messageId": "m1", "receiptHandle": "r1", "body": text, "attributes": attributes}
        ]
    }


def test_a_call_that_ends_is_queued_for_those_who_want_to_know() -> None:
    world = World([OK])
    answer(world.notifier(), {"Records": [write({**CALL, "status": "live"}, CALL)]})
    assert [json.loads(text) for text in world.queued] == [
        {"call_id": "rtc_1", "event": "call.ended", "receiver": "crm"}
    ]

    rejected = {**CALL, "status": "rejected"}
    answer(world.notifier(), {"Records": [write({**CALL, "status": "ringing"}, rejected)]})
    assert [json.loads(text)["receiver"] for text in world.queued[1:]] == ["crm", "erp"]


def test_a_write_of_another_agent_or_a_new_call_is_nobodys_news() -> None:
    world = World([OK])
    strange = {**CALL, "agent": "gone"}
    new = {"eventSource": "aws:dynamodb", "dynamodb": {"NewImage": marshal(CALL)}}
    answer(world.notifier(), {"Records": [write({**strange, "status": "live"}, strange), new]})

    assert world.queued == []


def test_a_message_is_one_that_any_receiver_can_verify() -> None:
    world = World([OK])
    world.now = datetime.now(UTC).timestamp()
    assert answer(world.notifier(), queued(ENDED.as_text(), 1)) == {"batchItemFailures": []}

    ((url, headers, body),) = world.posted
    assert url == "https://crm.example.com/hook"
    found = standardwebhooks.webhooks.Webhook(NEW).verify(body, headers)
    assert (found["type"], found["data"]["call_id"]) == ("call.ended", "rtc_1")
    assert (world.state["state"], world.state["status"], world.state["attempts"]) == ("delivered", 200, 1)


def test_while_a_secret_rotates_both_verify() -> None:
    world = World([OK], secrets={"crm": (NEW, OLD)})
    world.now = datetime.now(UTC).timestamp()
    world.notifier().send(ENDED, 1)

    ((_, headers, body),) = world.posted
    for secret in (NEW, OLD):
        standardwebhooks.webhooks.Webhook(secret).verify(body, headers)


def test_a_receiver_that_is_broken_for_a_day_gets_the_message_when_it_is_back() -> None:
    """The clock is moved as the queue would wait; each attempt is signed anew, under one id."""
    world, attempt, down_until = World([BROKEN]), 1, NOW + 86_400
    while True:
        world.answers = [BROKEN if world.now < down_until else OK]
        if answer(world.notifier(), queued(ENDED.as_text(), attempt)) == {"batchItemFailures": []}:
            break
        assert world.state["state"] == "retrying"
        world.now += world.hidden[-1]
        attempt += 1

    assert world.state["state"] == "delivered"
    assert 8 <= attempt <= 10
    assert len({headers["webhook-id"] for _, headers, _ in world.posted}) == 1
    assert len({headers["webhook-timestamp"] for _, headers, _ in world.posted}) == attempt


def test_a_receiver_that_never_answers_is_given_up_after_three_days() -> None:
    world, attempt = World([Answer(None, "no answer within 15 s")]), 1
    while (
        world.call is not None and (world.call.get("deliveries") or {}).get("crm__ended", {}).get("state") != "given_up"
    ):
        answer(world.notifier(), queued(ENDED.as_text(), attempt))
        world.now += world.hidden[-1]
        attempt += 1

    assert 72 * 3600 <= world.now - NOW <= 76 * 3600
    assert world.hidden == [*map(float, RETRY_PAUSES), 0.0]  # the last one sends it to the dead letters at once
    assert world.state["attempts"] == len(RETRY_PAUSES) + 1
    assert max(world.hidden) < 12 * 3600  # SQS API reference, ChangeMessageVisibility: twelve hours at most


def test_a_receiver_says_when_to_come_again() -> None:
    world = World([Answer(429, "HTTP 429", 600.0)])
    answer(world.notifier(), queued(ENDED.as_text(), 1))
    assert world.hidden == [600.0]

    world = World([Answer(503, "HTTP 503", 1e5)])
    answer(world.notifier(), queued(ENDED.as_text(), 1))
    assert world.hidden == [float(RETRY_PAUSES[-1])]


def test_gone_ends_a_message() -> None:
    world = World([Answer(410, "HTTP 410")])

    assert answer(world.notifier(), queued(ENDED.as_text(), 1)) == {"batchItemFailures": []}
    assert world.state["state"] == "gone"
    answer(world.notifier(), queued(ENDED.as_text(), 2))
    assert len(world.posted) == 1


def test_a_message_that_is_queued_twice_is_delivered_once() -> None:
    world = World([OK])
    for _ in range(2):
        answer(world.notifier(), queued(ENDED.as_text(), 1))

    assert len(world.posted) == 1


def test_a_call_that_is_analysed_anew_is_told_of_anew_and_once() -> None:
    world, analysed = World([OK]), Message("rtc_1", "call.analysed", "crm").as_text()
    assert world.call is not None
    for run in ("1", "1", "2", "2"):
        world.call["analysis"] = {"state": "done", "run": run}
        answer(world.notifier(), queued(analysed, 1))

    assert len(world.posted) == 2
    assert len({headers["webhook-id"] for _, headers, _ in world.posted}) == 2


def test_a_person_can_send_it_again_under_its_id() -> None:
    world = World([OK])
    world.notifier().send(ENDED, 1)
    again = answer(world.notifier(), {"call_id": "rtc_1", "event": "call.ended", "receiver": "crm"})

    assert again["state"] == "delivered"
    assert len({headers["webhook-id"] for _, headers, _ in world.posted}) == 1
    assert len(world.posted) == 2


def test_without_a_secret_nothing_is_sent_and_the_reason_says_what_to_do() -> None:
    world = World([OK], secrets={})
    answer(world.notifier(), queued(ENDED.as_text(), 1))

    assert world.posted == []
    assert world.state["reason"] == "no secret is stored for it (ringside notify secret crm)"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"call_id": "rtc_1"}', "null"])
def test_what_is_not_a_message_does_not_come_again(text: str) -> None:
    world = World([OK])

    assert answer(world.notifier(), queued(text, 1)) == {"batchItemFailures": []}
    assert world.posted == []


@pytest.mark.parametrize(
    ("message", "call"),
    [
        (Message("rtc_1", "call.ended", "nobody"), CALL),
        (ENDED, {**CALL, "agent": "gone"}),
        (ENDED, None),
    ],
)
def test_a_message_whose_receiver_or_call_is_gone_does_not_come_again(message: Message, call: Json | None) -> None:
    world = World([OK], call=call)

    assert answer(world.notifier(), queued(message.as_text(), 1)) == {"batchItemFailures": []}
    assert world.posted == []


def test_a_call_that_is_erased_while_its_message_is_sent_does_not_come_back() -> None:
    world = World([OK])
    notifier = world.notifier()
    send = world.post

    def erased(url: str, headers: dict[str, str], body: bytes) -> Answer:
        world.call = None
        return send(url, headers, body)

    world.post = erased  # type: ignore[method-assign]
    assert notifier.send(ENDED, 1)["state"] == "none"
    assert world.call is None


def test_a_test_is_signed_and_about_no_call() -> None:
    world = World([OK])
    world.now = datetime.now(UTC).timestamp()
    assert answer(world.notifier(), {"agent": "desk", "receiver": "crm"})["state"] == "delivered"

    ((_, headers, body),) = world.posted
    assert standardwebhooks.webhooks.Webhook(NEW).verify(body, headers)["type"] == "ringside.test"
    assert answer(world.notifier(), {"agent": "desk", "receiver": "x"})["state"] == "none"
