"""The Lambda that runs every five minutes where `Canary` is set: lets the canary walk."""

from typing import Any

from ringside.canary import report
from ringside.invocation import handle


def handler(event: dict[str, Any], context: object) -> dict[str, str]:
    """An EventBridge schedule's event in, what came of each check out."""
    return handle("canary", context, lambda wiring: report(wiring.canary.walk(), wiring.metrics))
