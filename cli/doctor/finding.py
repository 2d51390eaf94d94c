"""What a check finds."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """`WRONG`: calls will not be answered as they should."""

    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"


@dataclass(frozen=True)
class Finding:
    """One finding of a check. `todo` is empty where nothing is to be done."""

    check: str
    state: State
    what: str
    todo: str = ""


Findings = Iterator[Finding]
