"""Calls that nobody can supervise, and messages that are nobody's call: both leave the queue, and nothing else does."""

import json
import time
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, ClassVar

import pytest

from infra.local.records import CallRecord
from ringside.aws.call_queue import CallQueue
from ringside.monitor.async_queue import AsyncQueue
from ringside.monitor.owned_calls import MAX_FAILURES, MAX_OWNERS
from tests.drills.compare import Lived, flaws_of
from tests.drills.ground import Ground
from tests.drills.talk import GREETING, endless, exchange, goodbye, script
from tests.integration.frontdoor import metrics_and_logs
from tests.integration.orphans import orphan, record_of, spoil
from tests.integration.resident import resident_monitor

PACE = 0.2
LEASE = 30.0  # of the resident monitor: unlike any of its pauses


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    with Ground(monitors=0, pace=PACE, lease=3, poll=1) as ground:
        yield ground


class Hasty(AsyncQueue):
    """The queue without the waiting: pauses are noted, and over at once."""

    pauses: ClassVar[list[float]] = []

    async def _extend(self, receipts: Sequence[str], seconds: float) -> set[str]:
        if seconds in (0, LEASE):
            return await super()._extend(receipts, seconds)
        self.pauses.append(seconds)
        return await super()._extend(receipts, 0)


def messages(ground: Ground, url: str | None = None) -> int:
    """How many there are in the queue, in somebody's hands or not."""
    names: Any = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = ground.aws.sqs.get_queue_attributes(QueueUrl=url or ground.queue_url, AttributeNames=names)["Attributes"]
    return sum(int(number) for number in found.values())


def wait_for_messages(ground: Ground, count: int, seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while messages(ground) != count and time.monotonic() < deadline:
        time.sleep(0.05)
    assert messages(ground) == count


def dead_letters(ground: Ground) -> int:
    """How many messages the queue itself has given up."""
    policy: Any = ["RedrivePolicy"]
    found = ground.aws.sqs.get_queue_attributes(QueueUrl=ground.queue_url, AttributeNames=policy)["Attributes"]
    name = json.loads(found["RedrivePolicy"])["deadLetterTargetArn"].rpartition(":")[2]
    return messages(ground, ground.aws.sqs.get_queue_url(QueueName=name)["QueueUrl"])


# --- calls ---


def tried_in_vain(ground: Ground) -> tuple[str, list[float]]:
    """A call whose record has an item that no owner can make sense of, given up; and the pauses between the owners."""
    call_id = orphan(ground, endless()).call_id
    Hasty.pauses.clear()
    spoil(ground, call_id)
    with resident_monitor(ground, lease=LEASE, queue=Hasty):
        ground.records.wait_for_end(call_id)
        wait_for_messages(ground, 0)
    return call_id, Hasty.pauses


def test_a_call_whose_supervision_always_breaks_is_tried_some_times_and_then_hung_up(
    ground: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    call_id, pauses = tried_in_vain(ground)

    record, known = ground.records.get(call_id), ground.emulator.shown(call_id)
    assert (record.status, record.call["end_reason"]) == ("failed", "supervision_lost")
    assert record.call["end_detail"] == f"supervision failed {MAX_FAILURES} times; hung up"
    assert "live_pk" not in record.call
    assert (known["state"], known["ended"]["by"]) == ("ended", "hangup")
    assert Lived(known, record, {}).asked("hangup") == 1
    assert len(pauses) == MAX_FAILURES - 1
    assert all(after >= 2 * before for before, after in pairwise(pauses))
    counts, _ = metrics_and_logs(capsys.readouterr().out)
    assert (counts["CallsLost"], counts["SupervisionsFailed"]) == (1, MAX_FAILURES)
    assert dead_letters(ground) == 0


def test_a_call_that_was_given_up_has_its_duration_in_the_record(ground: Ground) -> None:
    call_id, _ = tried_in_vain(ground)

    ended, record = ground.emulator.shown(call_id)["ended"], ground.records.get(call_id)
    accepted = float(record.call["steps"]["accepted"])
    assert float(record.call["duration"]) == pytest.approx(ended["at"] - accepted, abs=2.0)


def test_a_call_that_goes_from_owner_to_owner_is_given_up_before_the_queue_gives_it_up(ground: Ground) -> None:
    call_id = orphan(ground, endless()).call_id
    queue, record = CallQueue(ground.aws.sqs, ground.queue_url), record_of(ground)
    for number in range(2, MAX_OWNERS + 1):
        (message,) = queue.receive(visibility=0, wait=1)
        record.take(call_id, f"gone-{number}", message.id, {}, record.call(call_id))
    assert dead_letters(ground) == 0

    ground.fresh_monitors(1)
    found = ground.records.wait_for_end(call_id)

    assert (found.status, found.call["end_reason"]) == ("failed", "supervision_lost")
    assert found.call["end_detail"] == f"it went through {MAX_OWNERS + 1} owners; hung up"
    known = ground.emulator.shown(call_id)
    assert (known["state"], known["ended"]["by"], known["attachments"]) == ("ended", "hangup", [])
    ground.monitors[-1].wait_for_line(lambda line: "_aws" in line and "CallsLost" in line, 15)
    wait_for_messages(ground, 0)
    assert dead_letters(ground) == 0


# --- messages that are nobody's call ---


def test_messages_that_are_nobodys_call_are_deleted_and_harm_nothing(ground: Ground) -> None:
    ground.fresh_monitors(1)
    over = ground.emulator.ring(script([{"agent": GREETING}, {"hang_up": "caller"}]))
    before = ground.records.wait_for_end(over)
    wait_for_messages(ground, 0)
    talk = script([{"agent": GREETING}, *exchange(1), *exchange(2), *goodbye()])
    living = ground.emulator.ring(talk)
    ground.wait_for_greetings([living], 20)

    unknown = "rtc_u1_00000000000000000000000000000000"
    strange = ["nonsense", "null", "7", "[]", "{}", "[" * 5000, '{"call_id": null}', '{"call_id": {"S": "rtc_1"}}']
    strange += [json.dumps({"call_id": call_id}) for call_id in ("", "../../x", "rtc_1\n", "x" * 5000, unknown, over)]
    for body in strange:
        ground.aws.sqs.send_message(QueueUrl=ground.queue_url, MessageBody=body)
    wait_for_messages(ground, 1)
    (call,) = ground.lived([living], ended_within=30)

    assert flaws_of(call, talk, pace=PACE) == []
    assert (call.record.call["epoch"], len(call.known["attachments"])) == (1, 1)
    assert ground.records.get(over) == before
    assert ground.records.get(unknown) == CallRecord()
    assert ground.dead() is None
    assert dead_letters(ground) == 0
