"""The drills by name, and how big each is."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.drills import ownership
from tests.drills.ground import Ground
from tests.drills.report import Sheet, Size


@dataclass(frozen=True)
class Drill:
    """A drill, with the number of its calls in the long and in the short form."""

    run: Callable[[Ground, Size, Sheet], None]
    calls: int
    short_calls: int


DRILLS = {
    "kill": Drill(ownership.kill, 200, 12),
    "rolling": Drill(ownership.rolling, 200, 12),
    "all-dead": Drill(ownership.all_dead, 50, 8),
    "drain": Drill(ownership.drain, 1000, 30),
}
