"""Logs as JSON lines, and metrics in CloudWatch's embedded metric format, both on standard output.

A log message is the name of an event; facts go into fields. No secret, no transcript and no whole
phone number belongs in either: `calls.masked` is for numbers.
"""

import logging
import warnings
from typing import Any

from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

NAMESPACE = "Ringside"


def log_as_json(service: str, level: str = "INFO") -> None:
    """Let the `ringside` loggers write JSON lines. To be called by entry points, never at import."""
    handler = logging.StreamHandler()
    handler.setFormatter(LambdaPowertoolsFormatter(service=service, utc=True))
    logger = logging.getLogger("ringside")
    logger.handlers = [handler]
    logger.setLevel(level)
    logger.propagate = False  # Lambda's own root handler would write every line again


class Metrics:
    """Metrics of one process, gathered and written together. One dimension: the service."""

    def __init__(self, service: str) -> None:
        self._metrics = EphemeralMetrics(namespace=NAMESPACE, service=service)

    def count(self, name: str, value: float = 1) -> None:
        self._metrics.add_metric(name, MetricUnit.Count, value)

    def milliseconds(self, name: str, value: float) -> None:
        self._metrics.add_metric(name, MetricUnit.Milliseconds, value)

    def gauge(self, name: str, value: float) -> None:
        """A high-resolution count: what scaling looks at is 10 s old at most (StorageResolution 1)."""
        self._metrics.add_metric(name, MetricUnit.Count, value, resolution=1)

    def flush(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # nothing gathered is nothing to warn of
            self._metrics.flush_metrics()


def fields(**facts: Any) -> dict[str, Any]:
    """Facts for a log line's `extra`, without those that are not known."""
    return {name: fact for name, fact in facts.items() if fact is not None}
