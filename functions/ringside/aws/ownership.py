"""Who owns a call, and how others know that a monitor lives. Pure."""

from dataclasses import dataclass

from ringside.errors import RecordError


class Fenced(RecordError):
    """This owner no longer owns the call: somebody else does, or it is over."""


@dataclass(frozen=True)
class Ownership:
    """The lock on one call: `epoch` rises with every owner, and fences the former one's writes."""

    call_id: str
    owner: str
    epoch: int


@dataclass(frozen=True)
class Beat:
    """A monitor's sign of life. `until`: when it is to be thought dead (Unix seconds), 0 for one that is unknown."""

    until: float
    draining: bool = False
    number: int = 0
    """How often it has beaten."""
