"""Receipts that monitors leave to each other: SQS honours only the newest of a message, and others may get it.

    pk RECEIPTS#<owner>   sk <call_id>

Sentences (`requests`), as those of the record.
"""

from dataclasses import asdict, dataclass

from ringside.aws import requests
from ringside.aws.attributes import Item
from ringside.aws.requests import Sentence

RECEIPT_SECONDS = 7200
"""For which one is kept: a call lasts an hour at most."""


@dataclass(frozen=True)
class LeftReceipt:
    """A newer receipt of an owner's message, which was delivered to another monitor, and hidden by it for a lease.

    `beats`: how often the owner had beaten then.
    """

    call_id: str
    message_id: str
    receipt: str
    deliveries: int
    beats: int


def leave(owner: str, left: LeftReceipt, now: float) -> Sentence[None]:
    """Let the owner of a call have its message's newest receipt. `now` in Unix seconds."""
    yield requests.put(_key(owner, left.call_id), {**asdict(left), "expires_at": int(now) + RECEIPT_SECONDS})


def left_for(owner: str) -> Sentence[list[LeftReceipt]]:
    """What other monitors have left for an owner."""
    found = yield from requests.partition(f"RECEIPTS#{owner}")
    return [_left(item) for item in found]


def last_left(owner: str, call_id: str) -> Sentence[LeftReceipt | None]:
    """What was left last for an owner of this call's message."""
    found = yield requests.get(_key(owner, call_id))
    return _left(found) if found else None


def _key(owner: str, call_id: str) -> Item:
    return {"pk": f"RECEIPTS#{owner}", "sk": call_id}


def _left(item: Item) -> LeftReceipt:
    return LeftReceipt(
        item["call_id"], item["message_id"], item["receipt"], int(item["deliveries"]), int(item["beats"])
    )
