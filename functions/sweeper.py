"""The Lambda that runs every minute: lets the sweeper sweep."""

from typing import Any

from ringside.cold_start import without_collection

with without_collection():
    from ringside.invocation import handle


def handler(event: dict[str, Any], context: object) -> dict[str, int]:
    """An EventBridge schedule's event in, the counts of what was done out."""
    return handle("sweeper", context, lambda wiring: wiring.sweeper.sweep())
