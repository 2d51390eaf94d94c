"""Calls in whose record an owner stands that nobody has ever seen alive."""

import time
from typing import Any

from infra.local.cloud import LocalCloud
from ringside.aws.record import Ownership, Record
from ringside.calls import Step
from tests.drills.talk import Script


def orphan(cloud: LocalCloud, talk: Script, **more: Any) -> Ownership:
    """A call that was accepted, and whose first owner is gone without having done anything."""
    call_id = cloud.emulator.ring(talk, **more)
    cloud.records.wait(call_id, lambda record: record.status == "accepted")
    now, mine = time.time(), Ownership(call_id, "gone", 1)
    record_of(cloud).take(call_id, mine.owner, "", {Step.QUEUED: now, Step.TAKEN: now}, None)
    return mine


def record_of(cloud: LocalCloud) -> Record:
    return Record(cloud.aws.dynamodb, cloud.table, retention_days=90)


def spoil(cloud: LocalCloud, call_id: str) -> None:
    """Put something into the call's record that no owner can make sense of: supervision breaks every time."""
    key: Any = {"pk": {"S": f"CALL#{call_id}"}, "sk": {"S": f"ITEM#{1:016d}"}}
    cloud.aws.dynamodb.put_item(TableName=cloud.table, Item=key | {"kind": {"S": "turn"}, "epoch": {"N": "1"}})
