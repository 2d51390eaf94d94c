"""What was said and done in a call, as items of its partition. Pure.

    sk ITEM#<position>#<epoch>#<item>    one copy of a turn, a tool run, a gap or keys: by whom, and where it stands
    sk USAGE#<epoch>                     what one owner has seen used, all in all

Written without a condition, in groups: the owner's epoch is part of the key, so a former owner writes beside what a
later one wrote, never over it. Of the copies of an entry the newest counts, by epoch and then by the owner's count of
its writes (`version`). So a late write harms nothing, what only a former owner heard is shown, and an entry that moves
is where it was written last, whether or not its former copy was deleted. `<item>` is a checksum of the entry's id: two
entries that stand at one position for a moment do not overwrite each other.

What an owner wrote when it might be one no longer says so (`late`). Its positions know nothing of the next owner's, so
it stands before the first entry that began with that one.
"""

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from ringside.aws import limits
from ringside.aws.attributes import Item
from ringside.aws.ownership import Ownership
from ringside.conversation.events import Usage

CALL, ITEM, USAGE = "CALL", "ITEM#", "USAGE#"


def partition_of(call_id: str) -> str:
    return f"CALL#{call_id}"


def key_of(mine: Ownership, position: int, item_id: str) -> Item:
    checksum = zlib.crc32(item_id.encode("utf-8", "replace"))
    return {"pk": partition_of(mine.call_id), "sk": f"{ITEM}{position:016d}#{mine.epoch:06d}#{checksum:08x}"}


def entry(
    mine: Ownership, position: int, item: Mapping[str, Any], version: int, expires_at: int, *, late: bool = False
) -> Item:
    """One copy of an entry, with its key; what is too long is cut."""
    return {
        **key_of(mine, position, str(item.get("item_id") or position)),
        **limits.entry(item),
        "epoch": mine.epoch,
        "version": version,
        "expires_at": expires_at,
        **({"late": True} if late else {}),
    }


def usage_share(mine: Ownership, usage: Usage, expires_at: int) -> Item:
    """What this owner has seen used so far; the call's usage is the sum over all owners."""
    key = {"pk": partition_of(mine.call_id), "sk": f"{USAGE}{mine.epoch:06d}"}
    return {**key, "usage": asdict(usage), "epoch": mine.epoch, "expires_at": expires_at}


def placed(items: Iterable[Item]) -> list[tuple[int, Item]]:
    """Each entry once, its newest copy, with its position, in the conversation's order."""
    copies: dict[str, Item] = {}
    known: dict[str, int] = {}  # the first owner that knew of an entry in time
    for item in items:
        if not str(item["sk"]).startswith(ITEM):
            continue
        name = str(item.get("item_id") or item["sk"])
        other = copies.get(name)
        if other is None or _age(item) > _age(other):
            copies[name] = item
        if not item.get("late"):
            known[name] = min(known.get(name, _age(item)[0]), _age(item)[0])
    found = sorted((_position(item), str(item["sk"]), name) for name, item in copies.items())
    late: dict[int, list[str]] = {}
    positions: dict[str, int] = {}
    for position, _, name in found:
        bound = _first_after(position, copies[name], found, known)
        if bound is None:
            positions[name] = position
        else:
            late.setdefault(bound, []).append(name)
    for bound, names in late.items():
        positions |= {name: bound - len(names) + number for number, name in enumerate(names)}
    in_order = sorted(found, key=lambda each: (positions[each[2]], each[1]))
    return [(positions[name], copies[name]) for _, _, name in in_order]


def _first_after(position: int, item: Item, found: list[tuple[int, str, str]], known: Mapping[str, int]) -> int | None:
    """Of a late entry the position of the first one that began with a later owner, if that is not behind it."""
    if not item.get("late"):
        return None
    epoch = _age(item)[0]
    first = next((other for other, _, name in found if known.get(name, 0) > epoch), None)
    return first if first is not None and first <= position else None


def newest(items: Iterable[Item]) -> list[Item]:
    """Each entry once, its newest copy, in the conversation's order."""
    return [item for _, item in placed(items)]


def usage_of(items: Iterable[Item], before: int | None = None) -> Usage:
    """What all owners, or those before an epoch, have seen used. What another version counts is left out."""
    total = Usage()
    for item in items:
        if str(item["sk"]).startswith(USAGE) and (before is None or item["epoch"] < before):
            total += usage_from(item.get("usage"))
    return total


def usage_from(value: Any) -> Usage:
    known = value.items() if isinstance(value, Mapping) else ()
    return Usage(**{name: number for name, number in known if name in Usage.__slots__})


def _age(item: Item) -> tuple[int, int]:
    return int(item.get("epoch", 0)), int(item.get("version", 0))


def _position(item: Item) -> int:
    return int(str(item["sk"]).split("#")[1])
