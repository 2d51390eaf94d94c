"""Who owns a call: one monitor at a time, and one that cannot prove it any more stays silent."""

import json
import os
import signal
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError

from infra.emulator.client import Shown
from ringside.agentfile.sections import Limits
from ringside.aws.json_client import Client
from tests.drills.compare import Lived, flaws_of
from tests.drills.ground import Ground
from tests.drills.talk import GREETING, chat, endless, exchange, script
from tests.integration.resident import resident_monitor

LEASE = 3


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    with Ground(monitors=0, pace=0.2, lease=LEASE, poll=1) as ground:
        yield ground


def ring(ground: Ground, talk: dict[str, Any], **more: Any) -> str:
    """A call that was greeted by the only monitor there is."""
    ground.fresh_monitors(1)
    call_id = ground.emulator.ring(talk, **more)
    ground.wait_for_greetings([call_id], 20)
    return call_id


def attached_again(call: Shown) -> bool:
    return len(call["attachments"]) > 1


def waiting(ground: Ground) -> int:
    """Messages in the queue that are neither in anybody's hands nor deleted."""
    names: Any = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = ground.aws.sqs.get_queue_attributes(QueueUrl=ground.queue_url, AttributeNames=names)["Attributes"]
    return sum(int(number) for number in found.values())


def test_a_monitor_that_slept_past_its_lease_says_nothing_and_hides_nothing_when_it_wakes(
    ground: Ground,
) -> None:
    talk = script([{"agent": GREETING}, *(line for n in range(1, 12) for line in exchange(n)), {"hang_up": "caller"}])
    call_id = ring(ground, talk)
    first = len(ground.monitors) - 1

    os.kill(ground.monitors[first].pid, signal.SIGSTOP)
    ground.add_monitor()
    ground.emulator.until(call_id, attached_again, 20)
    woken_at = time.time()
    os.kill(ground.monitors[first].pid, signal.SIGCONT)
    ground.emulator.until_ended(call_id, 60)
    ground.records.wait_for_end(call_id)

    known, record = ground.emulator.shown(call_id), ground.records.get(call_id)
    assert [said for said in known["commands"] if said["attachment"] == 0 and said["at"] > woken_at] == []
    assert record.call["epoch"] == 2
    # Three seconds at this pace are half a minute: what was said in them is a gap, or was kept by the first's sideband
    # and is written late. Nothing else is missing, nothing is there twice or in another order.
    flaws = flaws_of(Lived(known, record, {}), reason="caller_hung_up", pace=0.2)
    assert {flaw.kind for flaw in flaws} <= {"lost in a gap"}


def test_a_second_message_for_a_call_with_a_living_owner_is_taken_out_of_the_way(ground: Ground) -> None:
    call_id = ring(ground, endless())
    ground.add_monitor()

    for _ in range(4):
        ground.aws.sqs.send_message(QueueUrl=ground.queue_url, MessageBody=json.dumps({"call_id": call_id}))
    deadline = time.monotonic() + 15
    while waiting(ground) > 1 and time.monotonic() < deadline:
        time.sleep(0.1)

    assert waiting(ground) == 1
    assert ground.records.get(call_id).call["epoch"] == 1
    ground.ask(lambda control: control.hang_up(call_id))
    assert ground.records.wait_for_end(call_id).call["end_reason"] == "caller_hung_up"


def test_a_take_whose_answer_was_lost_is_still_a_call_with_an_owner(ground: Ground) -> None:
    """Half of AWS's answers fail while the calls come in: none may be left with a monitor that does not know of it."""
    ground.fresh_monitors(1)
    ground.aws_faults(0.5, 4)

    ids = ground.ring_all([chat(7, terse=True)] * 6, over=2)
    calls = ground.lived(ids, ended_within=60)

    assert [flaw for call in calls for flaw in flaws_of(call, pace=0.2) if flaw.kind != "lost in a gap"] == []


class DoneAndUnanswered:
    """A client whose answer to the first claim of the greeting is lost, after it was done."""

    claims = 0

    def __init__(self, client: Client) -> None:
        self._client = client

    async def call(self, operation: str, params: Mapping[str, Any], *more: Any) -> dict[str, Any]:
        claims = "CLAIM#greeting" in str(params) and operation == "TransactWriteItems"
        type(self).claims += claims
        answer = await self._client.call(operation, params, *more)
        if claims and self.claims == 1:
            raise ConnectionClosedError(endpoint_url="https://dynamodb")
        return answer


def test_a_greeting_whose_claims_answer_was_lost_is_claimed_again_and_spoken_once(ground: Ground) -> None:
    ground.fresh_monitors(0)
    talk = chat(7, terse=True)
    with resident_monitor(ground, lease=LEASE, table=DoneAndUnanswered):
        (call,) = ground.lived(ground.ring_all([talk], over=0), ended_within=60)

    assert (DoneAndUnanswered.claims, call.greetings) == (2, 1)
    assert flaws_of(call, talk, pace=0.2) == []
    steps = call.record.call["steps"]  # had it been thought somebody else's, the greeting's clock would have asked
    assert float(steps["first_audio"]) - float(steps["attached"]) < Limits().first_word
