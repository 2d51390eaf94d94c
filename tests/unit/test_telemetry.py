"""One line is one JSON object; an exception is told without its text; metrics are what CloudWatch reads."""

import json
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from ringside import telemetry
from ringside.calls import Status
from ringside.invocation import handle, wired
from ringside.telemetry import Metrics

log = logging.getLogger("ringside.test")


@pytest.fixture(autouse=True)
def unchanged_loggers() -> Iterator[None]:
    logger = logging.getLogger("ringside")
    before = (logger.handlers, logger.level, logger.propagate)
    yield
    logger.handlers, logger.level, logger.propagate = before


def lines(captured: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in captured.splitlines()]


def test_a_log_line_is_an_event_with_its_fields(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry.log_as_json("webhook")

    log.info("call.decided", extra=telemetry.fields(call_id="rtc_1", agent=None, age=1.5, status=Status.RINGING))

    (line,) = lines(capsys.readouterr().out)
    assert line.pop("timestamp").endswith("+00:00")
    assert line.pop("location").startswith("ringside.test.test_a_log_line")
    assert line == {
        "level": "INFO",
        "message": "call.decided",
        "service": "webhook",
        "call_id": "rtc_1",
        "age": 1.5,
        "status": "ringing",
    }


def test_an_exception_is_told_as_its_type_and_where_it_came_from(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry.log_as_json("monitor")

    def fails() -> None:
        try:
            raise KeyError("what the caller said")
        except KeyError:
            raise ValueError("what the caller said") from None

    try:
        fails()
    except ValueError as error:
        error.add_note("what the caller said")
        log.exception("conversation.failed")

    written = capsys.readouterr().out
    (line,) = lines(written)
    assert line["exception"] == "ValueError"
    assert line["stack"][-1].endswith(" fails")
    assert "what the caller said" not in written


def test_what_has_no_json_is_told_as_its_type_and_never_as_its_text(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry.log_as_json("webhook")

    log.warning("odd\nthing", extra={"error": ValueError("sk-secret"), "half": "\ud800", "umlaut": "ä…"})

    written = capsys.readouterr().out
    (line,) = lines(written)  # one line, whatever is in it
    assert (line["error"], line["half"], line["umlaut"]) == ("ValueError", "?", "ä…")
    assert "ä…" in written


def test_a_line_that_cannot_be_made_is_named_and_stops_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry.log_as_json("monitor")
    circle: dict[str, Any] = {}
    circle["circle"] = circle

    log.info("call.taken", extra={"circle": circle})
    log.info("call.taken %d", "no number")

    found = lines(capsys.readouterr().out)
    assert [(line["message"], line["error"]) for line in found] == [
        ("log.unreadable", "ValueError"),
        ("log.unreadable", "TypeError"),
    ]
    assert all(line.keys() >= {"level", "location", "timestamp", "service"} for line in found)


def test_a_message_is_a_name_and_never_read_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry.log_as_json("webhook")

    log.info('{"level": "FATAL"}')

    assert lines(capsys.readouterr().out)[0]["message"] == '{"level": "FATAL"}'


def test_a_line_from_a_task_says_nothing_of_the_task() -> None:
    """From Python 3.12 on, a record has the name of the task that wrote it."""
    line = json.loads(telemetry.LineFormatter().format(logging.makeLogRecord({"msg": "x", "taskName": "Task-1"})))

    assert set(line) == {"level", "location", "message", "timestamp"}


class Context:
    """https://docs.aws.amazon.com/lambda/latest/dg/python-context.html"""

    function_name, memory_limit_in_mb = "ringside-WebhookFunction", "512"
    invoked_function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:ringside-WebhookFunction"
    aws_request_id = "52fdfc07-2182-154f-163f-5f0f9a621d72"


def test_a_line_of_an_event_says_which_and_whether_the_start_was_cold(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aws_lambda_powertools.logging.logger.is_cold_start", True)
    monkeypatch.setenv("POWERTOOLS_LOGGER_LOG_EVENT", "true")
    for name, value in {"TABLE": "calls", "QUEUE_URL": "https://sqs.example/q", "SECRET_ID": "secret"}.items():
        monkeypatch.setenv(f"RINGSIDE_{name}", value)
    wired.cache_clear()

    for call_id in ("rtc_1", "rtc_2"):
        answer = handle("webhook", Context(), lambda wiring: log.info("call.decided", extra={"call_id": call_id}))  # noqa: B023
        assert answer is None
    wired.cache_clear()

    found = lines(capsys.readouterr().out)
    assert [(line["message"], line["call_id"], line["cold_start"]) for line in found] == [
        ("call.decided", "rtc_1", True),
        ("call.decided", "rtc_2", False),
    ]
    assert {line["function_request_id"] for line in found} == {Context.aws_request_id}


def test_setting_up_twice_writes_once_and_leaves_other_loggers_alone(capsys: pytest.CaptureFixture[str]) -> None:
    root = list(logging.getLogger().handlers)
    telemetry.log_as_json("webhook")
    telemetry.log_as_json("webhook")

    log.info("once")

    assert len(lines(capsys.readouterr().out)) == 1
    assert logging.getLogger().handlers == root


def test_below_its_level_nothing_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry.log_as_json("webhook", "WARNING")

    log.info("quiet")
    log.warning("loud")

    assert [line["message"] for line in lines(capsys.readouterr().out)] == ["loud"]


def test_metrics_are_one_line_that_powertools_would_have_written_too(capsys: pytest.CaptureFixture[str]) -> None:
    metrics, theirs = Metrics("monitor"), EphemeralMetrics(namespace="Ringside", service="monitor")
    metrics.milliseconds("HandoffMs", 12.3456)
    metrics.milliseconds("HandoffMs", 7)
    metrics.gauge("LiveCalls", 3)
    metrics.count("CallsEnded")
    metrics.flush()
    theirs.add_metric("HandoffMs", MetricUnit.Milliseconds, 12.346)
    theirs.add_metric("HandoffMs", MetricUnit.Milliseconds, 7)
    theirs.add_metric("LiveCalls", MetricUnit.Count, 3, resolution=1)
    theirs.add_metric("CallsEnded", MetricUnit.Count, 1)
    theirs.flush_metrics()

    ours, expected = lines(capsys.readouterr().out)
    assert abs(ours["_aws"].pop("Timestamp") - expected["_aws"].pop("Timestamp")) < 5000
    for line in (ours, expected):
        for metric in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]:
            metric.setdefault("StorageResolution", 60)  # the default
    assert ours == expected


def test_counts_add_up_and_a_zero_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    metrics = Metrics("sweeper")
    for _ in range(1000):
        metrics.count("SweptQueued")
    metrics.count("SweepsFailed", 0)
    metrics.flush()

    (line,) = lines(capsys.readouterr().out)
    assert (line["SweptQueued"], line["SweepsFailed"]) == ([1000], [0])


def test_many_threads_lose_no_count_and_no_value(capsys: pytest.CaptureFixture[str]) -> None:
    metrics = Metrics("monitor")

    def work(number: int) -> None:
        for _ in range(100):
            metrics.count("CallsEnded")
            metrics.milliseconds("GreetingMs", number)
        metrics.flush()

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(8)))

    written = lines(capsys.readouterr().out)
    assert sum(value for line in written for value in line.get("CallsEnded", [])) == 800
    assert sum(len(line.get("GreetingMs", [])) for line in written) == 800


def test_nothing_is_written_twice_and_nothing_for_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    metrics = Metrics("webhook")
    metrics.flush()
    metrics.count("CallsAccepted")
    metrics.flush()
    metrics.flush()

    assert len(lines(capsys.readouterr().out)) == 1


def test_a_line_holds_no_more_than_cloudwatch_reads(capsys: pytest.CaptureFixture[str]) -> None:
    metrics = Metrics("monitor")
    for number in range(250):
        metrics.milliseconds("HandoffMs", number)
    for number in range(150):
        metrics.count(f"Frames{number}")
    metrics.flush()

    written = lines(capsys.readouterr().out)
    assert all(len(line["_aws"]["CloudWatchMetrics"][0]["Metrics"]) <= 100 for line in written)
    values = [value for line in written for value in line.get("HandoffMs", [])]
    assert values == list(range(250))
    assert all(len(line.get("HandoffMs", [])) <= 100 for line in written)
    assert sum(name.startswith("Frames") for line in written for name in line) == 150
