"""What every Lambda function does around an event: wires itself up once, names the event, writes what was gathered."""

from collections.abc import Callable
from functools import cache
from typing import TypeVar

from aws_lambda_powertools import Logger

from ringside import settings, telemetry
from ringside.wiring import Wiring

Result = TypeVar("Result")


@cache
def wired(service: str) -> tuple[Wiring, Logger]:
    """The function's adapters and its logger, made with the first event of a process."""
    loaded = settings.load()
    return Wiring(loaded, service), telemetry.log_as_json(service, loaded.log_level)


def handle(service: str, context: object, work: Callable[[Wiring], Result]) -> Result:
    """Do the work of one event. Log lines carry the request's id and whether it was a cold start.

    `context`: Lambda's, or None where a handler is called by hand.
    """
    wiring, logger = wired(service)

    def work_and_flush(event: object, context: object) -> Result:
        try:
            return work(wiring)
        finally:
            wiring.flush()

    if context is None:
        return work_and_flush(None, None)
    # The event itself is never logged, whatever POWERTOOLS_LOGGER_LOG_EVENT says: it holds numbers.
    handler: Callable[[object, object], Result] = logger.inject_lambda_context(work_and_flush, log_event=False)
    return handler(None, context)
