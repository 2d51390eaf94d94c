"""A call, and what was said in it, as rows of two flat tables: `calls` and `items`. Pure.

The columns follow from the documented shapes (`ringside.records.shapes`): a map of known fields becomes a column for
each, `steps_created`; anything else that is nested becomes JSON. So a field that is added there is exported, too.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, Literal

from ringside.aws.record import as_json
from ringside.calls import Step
from ringside.records import shapes

Kind = Literal["text", "integer", "number", "moment", "json"]
"""moment: ISO 8601 text, a timestamp where the file knows such. json: anything nested, as JSON."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Column:
    name: str
    kind: Kind
    path: tuple[str, ...]


_KINDS: dict[str, Kind] = {
    "started_at": "moment",
    "duration": "number",
    "cost": "number",
    "first_word": "number",
    "handovers": "integer",
    "sip_headers": "json",
    "notes": "json",
    "deliveries": "json",
}
_INSIDE: dict[str, dict[str, Kind]] = {
    "decision": {"verdict": "text", "rule": "text", "sip_status": "integer"},
    "steps": dict.fromkeys(map(str, Step), "number"),
    "usage": {name: "number" if name == "transcription_seconds" else "integer" for name in shapes.USAGE},
    "transfer": {
        "target": "text",
        "verdict": "text",
        "why": "text",
        "asked_at": "number",
        "accepted_at": "number",
        "decided_at": "number",
    },
    "analysis": {
        "state": "text",
        "reason": "text",
        "summary": "text",
        "outcome": "text",
        "fields": "json",
        "model": "text",
        "cost": "number",
    },
}
_ITEM_KINDS: dict[str, Kind] = {
    "started_at": "number",
    "ended_at": "number",
    "heard_ms": "integer",
    "seconds": "number",
}


def _of_calls() -> Iterator[Column]:
    for name in shapes.CALL:
        if name in _INSIDE:
            yield from (Column(f"{name}_{inner}", kind, (name, inner)) for inner, kind in _INSIDE[name].items())
        else:
            yield Column(name, _KINDS.get(name, "text"), (name,))


def _of_items() -> Iterator[Column]:
    yield Column("call_id", "text", ("call_id",))
    yield Column("position", "integer", ("position",))
    for name in dict.fromkeys(chain.from_iterable(shapes.ITEMS.values())):
        yield Column(name, _ITEM_KINDS.get(name, "text"), (name,))


CALLS = tuple(_of_calls())
ITEMS = tuple(_of_items())
"""`position` counts a call's items from 0, in the conversation's order."""


def call_row(call: Mapping[str, Any]) -> Row:
    """A whole call (`shapes.whole`) as a row of `calls`."""
    return {column.name: _value(call, column) for column in CALLS}


def item_rows(call: Mapping[str, Any]) -> Iterator[Row]:
    """What was said and done in it, as rows of `items`."""
    for position, entry in enumerate(call["items"]):
        numbered = {**entry, "call_id": call["call_id"], "position": position}
        yield {column.name: _value(numbered, column) for column in ITEMS}


def _value(found: Mapping[str, Any], column: Column) -> Any:
    value: Any = found
    for name in column.path:
        value = value.get(name) if isinstance(value, Mapping) else None
    if value is None:
        return None
    match column.kind:
        case "integer":
            return int(value)
        case "number":
            return float(value)
        case "json":
            return as_json(value)
    return value if isinstance(value, str) else as_json(value)
