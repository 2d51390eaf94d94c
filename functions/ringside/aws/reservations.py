"""Reservations among live calls: an item each, and a count beside them. Pure.

    pk RESERVATIONS#<key>  sk CALL#<call_id>   who holds one
                           sk COUNT            `n`: how many do

A reservation and the count change in one transaction, so the count is exact whatever happens, and no item grows. A
call's end gives its reservations back in the write that closes it (`call_writes.end`).
"""

import secrets
from collections.abc import Sequence
from contextlib import suppress

from ringside.aws.attributes import Item
from ringside.aws.requests import Conflict, Request, Sentence, delete, get, partition, put, query, transaction, update

LIVE = "live#"
"""With this begin the keys of reservations that end with the call; others run out."""

KEPT = 45 * 86_400
"""Seconds. A call lasts an hour: what is older is an item of an agent that nobody counts any more."""


def is_live(key: str) -> bool:
    return key.startswith(LIVE)


def reserve(key: str, call_id: str, limit: int | None, now: float) -> Sentence[bool]:
    """Hold one of `limit` reservations; False if none is free. None: hold one however many others do.

    A call holds one, however often it asks.
    """
    if limit is not None and limit <= 0:
        return False
    expires = {"expires_at": int(now) + KEPT}
    condition = "attribute_not_exists(n) OR n < :limit" if limit is not None else None
    values = {":limit": limit} if limit is not None else None
    held = put(_member(key, call_id), expires, "attribute_not_exists(pk)")
    counted = update(_count(key), expires, condition, values, add={"n": 1})
    try:
        yield transaction(secrets.token_hex(16), held, counted)
    except Conflict as conflict:
        return 0 in conflict.refused
    return True


def giving_back(key: str, call_id: str) -> list[Request]:
    """The two writes that give one back, for a transaction; refused if the call holds none."""
    return [delete(_member(key, call_id), "attribute_exists(pk)"), update(_count(key), {}, add={"n": -1})]


def give_back(key: str, call_id: str) -> Sentence[None]:
    """The call holds none from now on, if it held one."""
    with suppress(Conflict):
        yield transaction(secrets.token_hex(16), *giving_back(key, call_id))


def held(key: str) -> Sentence[int]:
    """How many there are, including those of calls that crashed."""
    item: Item | None = yield get(_count(key))
    return int(item["n"]) if item else 0


def holds(key: str, call_id: str) -> Sentence[bool]:
    found = yield get(_member(key, call_id))
    return found is not None


def holders(key: str, most: int | None = None) -> Sentence[list[str]]:
    """The calls that hold one, or some of them."""
    pk = f"RESERVATIONS#{key}"
    if most is None:
        items: Sequence[Item] = yield from partition(pk, "CALL#")
    else:
        page = yield query(pk, "CALL#", limit=most)
        items = page["Items"]
    return [str(item["sk"]).removeprefix("CALL#") for item in items]


def _member(key: str, call_id: str) -> Item:
    return {"pk": f"RESERVATIONS#{key}", "sk": f"CALL#{call_id}"}


def _count(key: str) -> Item:
    return {"pk": f"RESERVATIONS#{key}", "sk": "COUNT"}
