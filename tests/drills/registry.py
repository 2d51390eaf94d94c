"""The drills by name, and how big each is."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.drills import liveness, neighbours, operations, outages, ownership
from tests.drills.ground import Ground
from tests.drills.report import Sheet, Size


@dataclass(frozen=True)
class Drill:
    """A drill, with the number of its calls in the long and in the short form. `missing` says why it cannot run on this
    machine, and is empty where it can."""

    run: Callable[[Ground, Size, Sheet], None]
    calls: int
    short_calls: int
    missing: Callable[[], str] = str


DRILLS = {
    "kill": Drill(ownership.kill, 200, 12),
    "rolling": Drill(ownership.rolling, 200, 12),
    "one-sideband": Drill(ownership.one_sideband, 200, 12),
    "storm": Drill(neighbours.storm, 1000, 30),
    "chaos": Drill(neighbours.chaos, 100, 10),
    "aws": Drill(neighbours.aws, 60, 12),
    "openai": Drill(neighbours.openai, 42, 14),
    "flood": Drill(neighbours.flood, 50, 8),
    "all-dead": Drill(ownership.all_dead, 50, 8),
    "away": Drill(outages.away, 50, 8),
    "throttled": Drill(outages.throttled, 50, 8),
    "forgetful": Drill(outages.forgetful, 50, 10),
    "stopped": Drill(outages.stopped, 50, 8),
    "receipts": Drill(liveness.receipts, 50, 8),
    "at-once": Drill(liveness.at_once, 40, 6),
    "tools": Drill(liveness.tools, 40, 8),
    "logs": Drill(liveness.logs, 20, 4),
    "young": Drill(liveness.young, 40, 8),
    "operations": Drill(operations.operations, 4, 3, operations.missing),
    "drain": Drill(ownership.drain, 1000, 30),
}
