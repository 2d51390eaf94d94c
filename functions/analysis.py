"""The Lambda that analyses calls once they are over: told by the table's stream, or asked for one call by name."""

from functools import partial
from typing import Any

from ringside.analysis.requests import answer, call_ids
from ringside.invocation import handle
from ringside.wiring import Wiring


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """A batch of DynamoDB's stream in, or `{"call_id": "rtc_…"}` from `ringside calls analyse`; the analysis out."""
    if "Records" in event:
        for call_id in call_ids(event):
            handle("analysis", context, partial(_analyse, call_id=call_id, asked=False))
        return {}
    return handle("analysis", context, partial(_analyse, call_id=event.get("call_id"), asked=True))


def _analyse(wiring: Wiring, call_id: object, asked: bool) -> dict[str, Any]:
    return answer(wiring.analyst, call_id, asked=asked)
