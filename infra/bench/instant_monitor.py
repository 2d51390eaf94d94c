"""The monitor with a table that answers at once, in its own process: what is left is everything but the writing.

python -m infra.bench.instant_monitor
"""

import sys
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import monitor
from infra.bench import table
from ringside import wiring


class InstantTable:
    """Stands where the client of DynamoDB does."""

    async def call(
        self, operation: str, params: Mapping[str, Any], seconds: float = 0.0, tries: int = 1
    ) -> dict[str, Any]:
        return table.answer(operation, params)


class InstantWiring(wiring.Wiring):
    @cached_property
    def async_dynamodb(self) -> InstantTable:
        return InstantTable()

    @cached_property
    def async_heartbeats(self) -> InstantTable:
        return InstantTable()


if __name__ == "__main__":
    vars(monitor)["Wiring"] = InstantWiring
    sys.exit(monitor.main())
