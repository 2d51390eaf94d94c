"""The functions that analyse calls and tell receivers of them, killed after each step that others see.

After one step is before the next: what lies between is in the process alone, and dies with it.

A step is a write onto the record, a message for the queue, a request to a receiver or a question to the model. Lambda
and SQS then come again, as often as they would; what came of the call in the end is what counts.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from ringside.agentfile.afterwards import Analysis, Events, Receiver
from ringside.agentfile.agent import Agent
from ringside.agentfile.agents import Agents
from ringside.analysis import requests as of_analysis
from ringside.analysis.analyst import Analyst
from ringside.aws.attributes import marshal, unmarshal
from ringside.aws.record import Record
from ringside.calls import End, EndReason, Status
from ringside.conversation.items import Turn
from ringside.notify import requests as of_notify
from ringside.notify.notifier import Notifier
from ringside.notify.sender import Answer
from ringside.openai.text_model import TextAnswer, TextModelUnavailable, TextTokens
from ringside.prices import Prices
from ringside.telemetry import Metrics
from tests.integration.test_records import NOON, answer

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

Json = dict[str, Any]
SECRET = "whsec_" + "bmV3" * 11
AGENT = Agent(
    name="concierge",
    answers=("default",),
    model="gpt-realtime",
    instructions="x",
    analysis=Analysis(outcome=("refund", "order")),
    notify=(
        Receiver(name="crm", url="https://crm.example.com/hook"),
        Receiver(name="erp", url="https://erp.example.com/hook", events=("call.ended", "call.analysed")),
    ),
    events=Events(notes=True, summary=True, numbers="full"),
)


class Died(BaseException):
    """The process is gone: nothing that would handle an error runs."""


class Fate:
    """Lets a process die after its n-th step; counted over all of its invocations, and once."""

    def __init__(self, number: int) -> None:
        self._left = number

    @property
    def has_struck(self) -> bool:
        return self._left <= 0

    def step(self, act: Callable[[], Any]) -> Any:
        self._left -= 1
        done = act()
        if self._left == 0:
            raise Died
        return done


class Mortal:
    """An object of whose methods some are steps."""

    def __init__(self, real: object, fate: Fate, steps: tuple[str, ...]) -> None:
        self._real, self._fate, self._steps = real, fate, steps

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)
        if name not in self._steps:
            return found
        return lambda *given, **named: self._fate.step(lambda: found(*given, **named))


class World:
    """A call that is over, in a table on the wire; the model, the queue and the receivers are in memory."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str, call_id: str, fate: Fate, over: list[Json]) -> None:
        self.record = Record(dynamodb, table, retention_days=36_500)
        mortal = cast(Any, Mortal(dynamodb, fate, ("update_item", "put_item", "transact_write_items")))
        self._as_function = Record(mortal, table, retention_days=36_500)
        self._fate, self.call_id = fate, call_id
        self.asked = 0
        self.model_is_busy = False
        self.queue: list[str] = []
        self.received: dict[str, list[bytes]] = defaultdict(list)  # by webhook-id
        self.answers: list[int] = []
        for item in over:
            named = {**item, "pk": f"CALL#{call_id}", "call_id": call_id}
            dynamodb.put_item(TableName=table, Item=marshal(named))

    @property
    def call(self) -> Json:
        found = self.record.call(self.call_id)
        assert found is not None
        return found

    # the model, the queue, the receivers

    def ask(self, *_: Any) -> TextAnswer:
        self.asked += 1
        if self.model_is_busy:
            raise TextModelUnavailable("HTTP 429")
        content = {"summary": f"Robin wants {self.asked} refund.", "outcome": "refund"}
        return TextAnswer(content, TextTokens(100, 0, 10))

    def send(self, text: str) -> None:
        self.queue.append(text)

    def postpone(self, receipt: str, seconds: float) -> None:
        pass

    def post(self, url: str, headers: dict[str, str], body: bytes) -> Answer:
        status = self.answers.pop(0) if self.answers else 200
        self.received[headers["webhook-id"]].append(body)
        return Answer(status, "" if status == 200 else f"HTTP {status}")

    def of(self, receiver: str) -> tuple[str, ...]:
        return (SECRET,)

    # the functions, as Lambda invokes them until they have not died

    def analyse(self) -> None:
        me: Any = Mortal(self, self._fate, ("ask",))
        prices = Prices("2026-11-22", {}, {}, {"gpt-5.6-luna": [0.2, 0.02, 1.2]})
        analyst = Analyst(self._as_function, Agents({"concierge": AGENT}), me, prices, Metrics("analysis"))
        for _ in range(4):
            try:
                of_analysis.answer(analyst, self.call_id)
            except TextModelUnavailable:
                self.model_is_busy = False
            except Died:
                pass
            else:
                return
        raise AssertionError("Lambda has given up")

    def deliver(self) -> None:
        """Every message of the queue once; what died or failed is in the queue again."""
        for _ in range(len(self.queue)):
            text = self.queue.pop(0)
            entry = {"eventSource": "aws:sqs", "messageId": "m", "receiptHandle": "r", "body": text}
            event = {"Records": [{**entry, "attributes": {"ApproximateReceiveCount": "1"}}]}
            try:
                if of_notify.answer(self._notifier(), event)["batchItemFailures"]:
                    self.queue.append(text)
            except Died:
                self.queue.append(text)

    def happened(self, before: Json, after: Json) -> None:
        """The table's stream tells of a write, again until it was understood."""
        images = {"OldImage": marshal(before), "NewImage": marshal(after)}
        event = {"Records": [{"eventSource": "aws:dynamodb", "dynamodb": images}]}
        with suppress(Died):
            of_notify.answer(self._notifier(), event)
            return
        of_notify.answer(self._notifier(), event)

    def _notifier(self) -> Notifier:
        me: Any = Mortal(self, self._fate, ("post", "send", "postpone"))
        agents = Agents({"concierge": AGENT})
        return Notifier(self._as_function, agents, me, me, me, Metrics("notify"), "prod")

    def live_through(self) -> None:
        """From the call's end to the last message about it. What dies while the end is told is repeated after the call
        was analysed."""
        ended = self.call
        self.happened({**ended, "status": "live"}, ended)
        self.deliver()
        self.analyse()
        self.happened(ended, self.call)
        while self.queue:
            self.deliver()


def items_of_a_call(dynamodb: "DynamoDBClient", table: str) -> list[Json]:
    """A call that is over, and what was said in it, as the table has them."""
    record = Record(dynamodb, table, retention_days=36_500)
    mine = answer(record, "rtc_0")
    record.save(mine, 1, Turn("item_1", "caller", NOON, "I want my money back.", "final", NOON + 1).as_item())
    facts = {"duration": 58.5, "notes": {"name": "Robin"}}
    record.end(mine, End(Status.ENDED, EndReason.CALLER_HUNG_UP, NOON + 60), facts)
    found = dynamodb.query(
        TableName=table, KeyConditionExpression="pk = :pk", ExpressionAttributeValues={":pk": {"S": "CALL#rtc_0"}}
    )["Items"]
    return [unmarshal(item) for item in found]


def lived(
    dynamodb: "DynamoDBClient", table: str, *, busy: bool = False, answers: tuple[int, ...] = ()
) -> Iterator[World]:
    """A world for each step that there is, after which the process dies; in the last one nobody dies."""
    over = items_of_a_call(dynamodb, table)
    for number in range(1, 60):
        fate = Fate(number)
        world = World(dynamodb, table, f"rtc_{number}", fate, over)
        world.model_is_busy, world.answers = True, [500, 503]
        world.live_through()
        yield world
        if not fate.has_struck:
            return
    raise AssertionError("there is no end of steps")


def test_whenever_a_function_dies_each_receiver_gets_each_message_and_only_one_kind_of_it(
    dynamodb: "DynamoDBClient", table: str
) -> None:
    """The model is busy at first, and so are two receivers."""
    died = 0
    for world in lived(dynamodb, table):
        died += world._fate.has_struck
        call = world.call
        states = {key: each["state"] for key, each in call["deliveries"].items()}
        assert states == dict.fromkeys(("crm__ended", "crm__analysed", "erp__ended", "erp__analysed"), "delivered")
        assert set(world.received) == {each["webhook_id"] for each in call["deliveries"].values()}
        for bodies in world.received.values():
            assert len(set(bodies)) == 1, bodies
        assert sum(map(len, world.received.values())) <= 4 + 2 + 1
        kinds = sorted(json.loads(bodies[0])["type"] for bodies in world.received.values())
        assert kinds == ["call.analysed", "call.analysed", "call.ended", "call.ended"]

        assert call["analysis"]["state"] == "done"
        assert world.asked <= 2 + 1
        told = [json.loads(bodies[0])["data"] for bodies in world.received.values()]
        assert {each.get("summary") for each in told} == {None, call["analysis"]["summary"]}

    assert died >= 20
