"""The Lambda that tells receivers of calls: told by the table's stream, its own queue, or a person."""

from functools import partial
from typing import Any

from ringside.invocation import handle
from ringside.notify.requests import answer
from ringside.wiring import Wiring


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """A batch of DynamoDB's stream or of SQS in, or one message by name; what is to come again, or what came of it."""
    return handle("notify", context, partial(_answer, event=event))


def _answer(wiring: Wiring, event: dict[str, Any]) -> dict[str, Any]:
    return answer(wiring.notifier, event)
