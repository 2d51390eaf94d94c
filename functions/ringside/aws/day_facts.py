"""What the numbers of a day are counted from, written once all of its calls are over. Pure.

    pk FACTS#<day>   sk <part>   what some of the day's calls add to the numbers; of callers and words nothing

A month of numbers then costs as many queries as it has days. The same calls give the same items, so two who write them
at once do no harm; `digest` names what all parts are of, and parts that do not belong together count as none.
"""

import base64
import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from ringside.aws.attributes import Item
from ringside.aws.requests import Sentence, partition, update

CALLS_A_PART = 5_000
"""Some 100 KB: an item may have 400 (developer guide, "Quotas")."""

Facts = Mapping[str, Any]


def write_day(day: str, facts: Sequence[Facts], expires_at: int) -> Sentence[None]:
    """Keep these facts as the day's. Every one has the same names."""
    names = list(facts[0]) if facts else []
    rows = [[each[name] for name in names] for each in facts]
    digest = hashlib.sha256(_json(rows).encode()).hexdigest()[:16]
    parts = [rows[start : start + CALLS_A_PART] for start in range(0, len(rows), CALLS_A_PART)]
    for number, part in enumerate(parts):
        packed = base64.b85encode(zlib.compress(_json(part).encode(), 9)).decode()
        sets = {"digest": digest, "parts": len(parts), "calls": len(part), "names": names, "facts": packed}
        yield update({"pk": _partition(day), "sk": f"{number:04d}"}, {**sets, "expires_at": expires_at})


def read_day(day: str) -> Sentence[list[dict[str, Any]] | None]:
    """The facts of the day's calls; None if they are not kept, or not whole."""
    items: list[Item] = yield from partition(_partition(day))
    digests = {item["digest"] for item in items}
    if not items or len(digests) != 1 or len(items) != items[0]["parts"]:
        return None
    return [fact for item in items for fact in _unpacked(item)]


def _unpacked(item: Item) -> list[dict[str, Any]]:
    rows = json.loads(zlib.decompress(base64.b85decode(item["facts"])))
    return [dict(zip(item["names"], row, strict=True)) for row in rows]


def _partition(day: str) -> str:
    return f"FACTS#{day}"


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
