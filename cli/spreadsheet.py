"""A value in a CSV file, for a spreadsheet that must not take what a stranger wrote for a formula. Pure."""

import re
from typing import Any

from cli.terminal import safe

_FORMULA = re.compile(r"^[=+\-@\t\r|%]")
_NUMBER = re.compile(r"^\+[0-9]{1,15}$")


def cell(value: Any) -> Any:
    """Text without control characters, behind an apostrophe where it would be a formula; nothing of None."""
    if not isinstance(value, str):
        return "" if value is None else value
    text = safe(value)
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.match(text) else text
