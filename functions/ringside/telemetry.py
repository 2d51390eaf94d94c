"""Logs as JSON lines, and metrics in CloudWatch's embedded metric format, both on standard output.

A log message is the name of an event; facts go into fields. No secret, no transcript and no whole
phone number belongs in either: `calls.masked` is for numbers. An exception is logged as its type and
where it came from, without its text: what others write into their errors is not ours to know.

Metric names are nouns in the plural with what happened to them (`CallsAccepted`), or end in their unit (`AcceptMs`).
"""

import json
import logging
import sys
import threading
import time
import traceback
from datetime import UTC, datetime
from typing import Any, TextIO

NAMESPACE = "Ringside"
MOST_VALUES = 100
"""Values of one metric in one line, and metrics in one line (CloudWatch Logs: embedded metric format specification)."""

_BUILT_IN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonLines(logging.Formatter):
    """One JSON object a record: level, location, message, timestamp, service and the fields given as `extra`."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "level": record.levelname,
            "location": f"{record.name}.{record.funcName}:{record.lineno}",
            "message": record.getMessage(),
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "service": self._service,
        }
        line |= {name: value for name, value in vars(record).items() if name not in _BUILT_IN}
        if record.exc_info and record.exc_info[0] is not None:
            frames = traceback.extract_tb(record.exc_info[2])
            line["exception"] = record.exc_info[0].__name__
            line["stack"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        return _json(line)


def _json(line: dict[str, Any]) -> str:
    text = json.dumps(line, ensure_ascii=False, separators=(",", ":"), default=lambda value: type(value).__name__)
    return text.encode("utf-8", "replace").decode()  # half a surrogate pair cannot be written


class _StandardOutput(logging.StreamHandler[TextIO]):
    """Writes to what standard output is at that moment, as the metrics do."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property  # the base class has an attribute, which would keep the stream of the start
    def stream(self) -> TextIO:  # type: ignore[override]
        return sys.stdout


def log_as_json(service: str, level: str = "INFO") -> None:
    """Let the `ringside` loggers write JSON lines. To be called by entry points, never at import."""
    handler = _StandardOutput()
    handler.setFormatter(JsonLines(service))
    logger = logging.getLogger("ringside")
    logger.handlers = [handler]
    logger.setLevel(level)
    logger.propagate = False  # Lambda's own root handler would write every line again


class Metrics:
    """Metrics of one process, gathered and written together. One dimension: the service. For any number of threads."""

    def __init__(self, service: str, stack: str = "") -> None:
        self._service = service
        # Two stacks of one account must not scale by each other's free slots.
        self._namespace = f"{NAMESPACE}/{stack}" if stack else NAMESPACE
        self._lock = threading.Lock()
        self._gathered: dict[str, tuple[str, int, list[float]]] = {}

    def count(self, name: str, value: float = 1) -> None:
        with self._lock:
            _, _, values = self._gathered.setdefault(name, ("Count", 60, [0]))
            values[0] += value

    def milliseconds(self, name: str, value: float) -> None:
        self._add(name, "Milliseconds", 60, value)

    def gauge(self, name: str, value: float) -> None:
        """A high-resolution count: what scaling looks at is 10 s old at most (StorageResolution 1)."""
        self._add(name, "Count", 1, value)

    def _add(self, name: str, unit: str, resolution: int, value: float) -> None:
        with self._lock:
            _, _, values = self._gathered.setdefault(name, (unit, resolution, []))
            values.append(round(value, 3))
            full = len(values) >= MOST_VALUES
        if full:
            self.flush()

    def flush(self) -> None:
        """Write what was gathered; nothing gathered is nothing written."""
        with self._lock:
            gathered, self._gathered = list(self._gathered.items()), {}
        for start in range(0, len(gathered), MOST_VALUES):
            self._write(gathered[start : start + MOST_VALUES])

    def _write(self, gathered: list[tuple[str, tuple[str, int, list[float]]]]) -> None:
        metrics = [
            {"Name": name, "Unit": unit, "StorageResolution": resolution} for name, (unit, resolution, _) in gathered
        ]
        directive = {"Namespace": self._namespace, "Dimensions": [["service"]], "Metrics": metrics}
        about = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]}
        values = {name: values for name, (_, _, values) in gathered}
        # One write a line: threads share the stream.
        sys.stdout.write(_json({"_aws": about, "service": self._service, **values}) + "\n")
        sys.stdout.flush()


def fields(**facts: Any) -> dict[str, Any]:
    """Facts for a log line's `extra`, without those that are not known."""
    return {name: fact for name, fact in facts.items() if fact is not None}
