"""The Lambda that runs every minute: builds the sweeper and lets it sweep."""

from functools import cache
from typing import Any

from ringside import settings, telemetry
from ringside.wiring import Wiring


@cache
def _wiring() -> Wiring:
    loaded = settings.load()
    telemetry.log_as_json("sweeper", loaded.log_level)
    return Wiring(loaded, "sweeper")


def handler(event: dict[str, Any], context: object) -> dict[str, int]:
    """An EventBridge schedule's event in, the counts of what was done out."""
    wiring = _wiring()
    try:
        return wiring.sweeper.sweep()
    finally:
        wiring.flush()
