"""Logs as JSON lines, and metrics in CloudWatch's embedded metric format, both on standard output, by Powertools.

A log message is the name of an event; facts go into fields. No secret, no transcript and no whole
phone number belongs in either: `calls.masked` is for numbers. An exception is logged as its type and
where it came from, without its text: what others write into their errors is not ours to publish.

Metric names are nouns in the plural with what happened to them (`CallsAccepted`), or end in their unit (`AcceptMs`).
"""

import json
import logging
import threading
from functools import cache
from typing import Any

import botocore
from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider
from aws_lambda_powertools.shared import user_agent

from ringside.standard_output import StandardOutput

# Powertools, once imported, adds to the User-Agent of every request that this process makes to AWS. An import
# configures nothing here, so that is taken back.
botocore.unregister_initializer(user_agent._initializer_botocore_session)

NAMESPACE = "Ringside"
MAX_VALUES = 100
"""Values of one metric in one line, and metrics in one line (CloudWatch Logs: embedded metric format specification)."""

_output = StandardOutput()


class LineFormatter(LambdaPowertoolsFormatter):
    """One JSON object per record: level, location, message, timestamp, service and the fields given as `extra`."""

    def __init__(self) -> None:
        super().__init__(
            json_serializer=_json,
            json_deserializer=str,  # a message is an event's name, never JSON
            location="%(name)s.%(funcName)s:%(lineno)d",
            utc=True,
            use_rfc3339=True,
        )

    def serialize(self, log: dict[str, Any]) -> str:  # type: ignore[override]  # any dict, as it is called
        """Powertools' hook for the last word on a line. Of an exception it has text, notes and source lines, too."""
        thrown = log.pop("stack_trace", None)
        for name in ("exception", "exception_name", "exception_notes", "taskName"):
            log.pop(name, None)
        if thrown:
            log["exception"] = thrown["type"]
            log["stack"] = [f"{frame['file']}:{frame['line']} {frame['function']}" for frame in thrown["frames"]]
        return _json(log)


def _json(line: object) -> str:
    return json.dumps(line, ensure_ascii=False, separators=(",", ":"), default=lambda value: type(value).__name__)


class _Lines(logging.Handler):
    """Hands lines on. A record that cannot be formatted is named by its place, and never raises."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record)
        except Exception as error:
            kept = {
                name: vars(record)[name] for name in ("name", "levelname", "funcName", "lineno", "created", "msecs")
            }
            unreadable = {"msg": "log.unreadable", "error": type(error).__name__}
            line = self.format(logging.makeLogRecord(kept | unreadable))
        _output.write(line)


def log_as_json(service: str, level: str = "INFO") -> Logger:
    """Let the `ringside` loggers write JSON lines. To be called by entry points, never at import."""
    logger = _logger(service)
    logger.setLevel(level)
    logger.structure_logs()  # without the keys of a former invocation
    ours = logging.getLogger("ringside")
    ours.handlers = [logger.registered_handler]
    ours.setLevel(level)
    ours.propagate = False  # Lambda's own root handler would write every line again
    return logger


@cache  # a second one of the same name would have no part in the first one's handler
def _logger(service: str) -> Logger:
    return Logger(service=service, logger_handler=_Lines(), logger_formatter=LineFormatter())


class Metrics:
    """Metrics of one process, gathered and written together. One dimension: the service. For any number of threads.

    Powertools serialises them. Its `Metrics` does not gather them: that is not for several threads, makes a sample of
    every count, prints when 100 are there, and raises what printing raises.
    """

    def __init__(self, service: str, stack: str = "") -> None:
        self._service = service
        # Two stacks of one account must not scale by each other's free slots.
        namespace = f"{NAMESPACE}/{stack}" if stack else NAMESPACE
        self._powertools = AmazonCloudWatchEMFProvider(namespace=namespace)
        self._lock = threading.Lock()
        self._gathered: dict[str, dict[str, Any]] = {}

    def count(self, name: str, value: float = 1) -> None:
        with self._lock:
            metric = self._gathered.setdefault(name, {"Unit": "Count", "StorageResolution": 60, "Value": [0]})
            metric["Value"][0] += value

    def milliseconds(self, name: str, value: float) -> None:
        self._add(name, "Milliseconds", 60, value)

    def gauge(self, name: str, value: float) -> None:
        """A high-resolution count: what scaling looks at is 10 s old at most (StorageResolution 1)."""
        self._add(name, "Count", 1, value)

    def _add(self, name: str, unit: str, resolution: int, value: float) -> None:
        with self._lock:
            metric = self._gathered.setdefault(name, {"Unit": unit, "StorageResolution": resolution, "Value": []})
            metric["Value"].append(round(value, 3))
            full = len(metric["Value"]) >= MAX_VALUES
        if full:
            self.flush()

    def flush(self) -> None:
        """Write what was gathered; nothing gathered is nothing written. Never raises."""
        with self._lock:
            gathered, self._gathered = list(self._gathered.items()), {}
        for start in range(0, len(gathered), MAX_VALUES):
            metrics = dict(gathered[start : start + MAX_VALUES])
            _output.write(_json(self._powertools.serialize_metric_set(metrics, {"service": self._service}, {})))


def fields(**facts: Any) -> dict[str, Any]:
    """Facts for a log line's `extra`, without those that are not known."""
    return {name: fact for name, fact in facts.items() if fact is not None}
