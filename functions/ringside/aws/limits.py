"""How much of what strangers, models and tools say the record takes. Pure.

An item of DynamoDB holds 400 KB (developer guide, "Quotas"), and every write of a call's item is paid for by its
size. What is longer is cut, between two characters, and says so; it is never a reason not to write.
"""

from collections.abc import Mapping
from typing import Any

TEXT_BYTES = 131_072
"""Of one turn's words, of a tool's output."""

ARGUMENTS_BYTES = 65_536
SHORT_BYTES = 2_048
"""Of anything else that is text: names, ids, reasons."""

NOTES = 50
"""Notes of one call that are kept: with the longest names and values a quarter of an item."""

NOTE_BYTES = 1_024
SNAPSHOT_BYTES = 131_072

_BYTES = {"text": TEXT_BYTES, "output": TEXT_BYTES, "arguments": ARGUMENTS_BYTES}


def cut(text: str, most: int) -> str:
    """As many of the first characters as fit into so many bytes of UTF-8. Half a surrogate pair becomes "?"."""
    encoded = text.encode("utf-8", "replace")
    return encoded[:most].decode("utf-8", "ignore")


def entry(item: Mapping[str, Any]) -> dict[str, Any]:
    """An entry of a call that fits: `cut` is true if something was cut, and `full_bytes` says how long that was."""
    fits, full = dict(item), {}
    for name, value in item.items():
        if isinstance(value, str):
            most = _BYTES.get(name, SHORT_BYTES)
            if len(value) <= most and value.isascii():  # most are, and this costs nothing
                continue
            fits[name] = cut(value, most)
            if len(value) > most or len(value.encode("utf-8", "replace")) > most:
                full[name] = len(value.encode("utf-8", "replace"))
    return {**fits, "cut": True, "full_bytes": full} if full else fits


def facts(given: Mapping[str, Any]) -> dict[str, Any]:
    """Facts for a call's item that fit. A snapshot that does not is left out: the next owner goes by the items."""
    return {
        name: _snapshot(value) if name == "conversation" else _notes(value) if name == "notes" else _short(value)
        for name, value in given.items()
    }


def _notes(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return _short(value)
    kept = list(value.items())[:NOTES]
    return {cut(str(name), NOTE_BYTES): _short(content, NOTE_BYTES) for name, content in kept}


def _snapshot(value: Any) -> Any:
    return value if _size(value) <= SNAPSHOT_BYTES else None


def _short(value: Any, most: int = SHORT_BYTES) -> Any:
    if isinstance(value, str):
        return cut(value, most)
    if isinstance(value, Mapping) and _size(value) > 16 * most:
        return {cut(str(name), most): _short(inner, most) for name, inner in list(value.items())[:NOTES]}
    if isinstance(value, list | tuple) and _size(value) > 16 * most:
        return [_short(inner, most) for inner in list(value)[:NOTES]]
    return value


def _size(value: Any) -> int:
    """About how many bytes DynamoDB counts for a value."""
    if isinstance(value, str):
        return len(value.encode("utf-8", "replace"))
    if isinstance(value, Mapping):
        return 3 + sum(len(str(name)) + _size(inner) for name, inner in value.items())
    if isinstance(value, list | tuple | set | frozenset):
        return 3 + sum(map(_size, value))
    return 16
