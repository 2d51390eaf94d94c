"""Which writes a function is told of by a table's stream, and that it is told of each until it has understood."""

from pathlib import Path
from typing import Any

import pytest

from infra.local import event_sources
from infra.local import template as templates
from infra.local.execution_environments import FunctionError
from infra.local.template import TemplateError

Json = dict[str, Any]


def write(before: str | None, after: str, sort_key: str = "CALL", event: str = "MODIFY") -> Json:
    def image(status: str) -> Json:
        return {"sk": {"S": sort_key}, "status": {"S": status}}

    return {
        "eventName": event,
        "dynamodb": {"NewImage": image(after), **({"OldImage": image(before)} if before else {})},
    }


def stream_of(function: str) -> templates.StreamSource:
    """What a function is told of, by the template."""
    (source,) = (each for each in templates.stream_sources(templates.translate()) if each.function == function)
    return source


@pytest.mark.parametrize(
    ("record", "told"),
    [
        (write("live", "ended"), True),
        (write("live", "failed"), True),
        (write("live", "live"), False),
        (write("ended", "ended"), False),  # what was found out is written, too
        (write("ringing", "rejected"), False),
        (write("accepted", "ended"), False),  # nobody spoke
        (write(None, "ringing", event="INSERT"), False),
        (write("live", "ended", sort_key="CLAIM#hang_up"), False),
        ({"eventName": "REMOVE", "dynamodb": {"OldImage": {"status": {"S": "live"}}}}, False),
    ],
)
def test_the_analysis_is_told_of_the_write_that_ends_a_call_and_of_no_other(record: Json, told: bool) -> None:
    source = stream_of("AnalysisFunction")
    assert list(event_sources.fitting([record], source.patterns)) == ([record] if told else [])


def test_a_rule_that_is_not_known_here_is_refused_rather_than_passed_over() -> None:
    with pytest.raises(TemplateError, match="status"):
        event_sources.fits({"status": [{"prefix": "e"}]}, {"status": "ended"})


class Function:
    """Fails so often, and then understands."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.events: list[Json] = []

    async def invoke(self, event: Json) -> Json:
        self.events.append(event)
        if len(self.events) <= self.failures:
            raise FunctionError("TextModelUnavailable")
        return {}


async def test_a_write_is_told_until_it_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_sources, "FIRST_PAUSE", 0.0)
    function = Function(failures=3)
    functions: Any = {"AnalysisFunction": function}

    await event_sources.deliver(write("live", "ended"), "AnalysisFunction", functions)

    assert len(function.events) == 4
    assert function.events[0]["Records"][0]["eventSource"] == "aws:dynamodb"


def test_a_function_that_no_agent_needs_is_not_started(tmp_path: Path) -> None:
    (tmp_path / "desk.yaml").write_text("answers: [default]\n", encoding="utf-8")
    assert not event_sources.is_wanted("AnalysisFunction", tmp_path)

    (tmp_path / "desk.yaml").write_text("answers: [default]\nanalysis: {}\n", encoding="utf-8")
    assert event_sources.is_wanted("AnalysisFunction", tmp_path)
    assert not event_sources.is_wanted("NotifyFunction", tmp_path)
