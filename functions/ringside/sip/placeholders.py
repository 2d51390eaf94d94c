"""What carriers write in place of a withheld number: words, and words keyed on a phone. A dated list, as data."""

import json
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

ANONYMOUS_HOST = "anonymous.invalid"
"""The host of a caller who withholds their address (RFC 3323 section 4.1.1.3), or ends with it."""

_NO_DIGIT = re.compile(r"[^0-9]")


@cache
def _table() -> dict[str, Any]:
    """The list that ships with this version."""
    table: dict[str, Any] = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
    return table


def is_placeholder(user: str, host: str = "", more: Iterable[str] = ()) -> bool:
    """Whether an address's user part and host say no more than that the caller is not to be known.

    `more`: words and numbers that count besides those of the list, such as an agent file's `placeholders`.
    """
    if f".{host}".endswith(f".{ANONYMOUS_HOST}"):
        return True
    table, word = _table(), user.strip().casefold()
    if word in table["words"] or word in {entry.casefold() for entry in more}:
        return True
    if any(character.isalpha() for character in word):
        return False
    digits = _NO_DIGIT.sub("", word)
    return bool(digits) and (digits in table["numbers"] or digits in {_NO_DIGIT.sub("", entry) for entry in more})
