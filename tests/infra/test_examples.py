"""The examples of what can come after a call: their rules take Ringside's events, and what they send is readable."""

import json
from pathlib import Path
from typing import Any

import pytest
from moto.events.models import EventPattern

from infra.local import template as templates
from infra.local.mailbox import transformed
from infra.local.template import REPOSITORY, of_type
from ringside.agentfile.afterwards import Events
from ringside.aws import event_bus

EXAMPLES = REPOSITORY / "docs" / "examples" / "after-the-call"
CALL: dict[str, Any] = {
    "sk": "CALL",
    "call_id": "rtc_1",
    "status": "ended",
    "agent": "voicemail",
    "caller": "+14255550112",
    "started_at": "2026-11-22T12:00:00.000+00:00",
    "notes": {"name": 'Robin "Bob" Sample', "number": "+14255550134", "reason": "Two boxes\nare missing."},
    "analysis": {"state": "done", "summary": "Robin misses two boxes.", "outcome": "message taken"},
}
ALL = Events(notes=True, summary=True, numbers="full")


def example(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The pattern and the target of an example's rule, with the parameters' defaults."""
    document = templates.plain(templates.parse((EXAMPLES / f"{name}.yaml").read_text(encoding="utf-8")))
    defaults = {key: parameter.get("Default") for key, parameter in document["Parameters"].items()}
    document = templates.replace_references(document, defaults)
    (rule,) = of_type(document, "AWS::Events::Rule").values()
    (target,) = rule["Targets"]
    return rule["EventPattern"], target


def event(kind: str, content: Events, **more: Any) -> dict[str, Any]:
    detail = {"stack": "ringside", **event_bus.detail({**CALL, **more}, content)}
    return {"source": "ringside", "detail-type": kind, "detail": json.loads(json.dumps(detail))}


def sent(target: dict[str, Any], told: dict[str, Any]) -> str:
    return transformed(target["InputTransformer"], told)


def matches(pattern: dict[str, Any], told: dict[str, Any]) -> bool:
    whole: Any = told
    return bool(EventPattern.load(json.dumps(pattern)).matches_event(whole))


def test_a_voicemail_s_note_becomes_a_mail() -> None:
    pattern, target = example("mail")
    told = event("Call Ended", ALL)

    assert matches(pattern, told)
    lines = [json.loads(line) for line in sent(target, told).splitlines()]
    assert "Number: +14255550134" in lines
    assert 'Name: Robin "Bob" Sample' in lines
    assert lines[0] == "voicemail took a message at 2026-11-22T12:00:00.000+00:00, from +14255550112."


@pytest.mark.parametrize(
    "told",
    [
        event("Call Started", ALL),
        event("Call Ended", Events()),  # the agent's file allows no notes
        event("Call Ended", ALL, notes={}),
        event("Call Ended", ALL, agent="concierge"),
    ],
)
def test_nobody_is_mailed_about_anything_else(told: dict[str, Any]) -> None:
    assert not matches(example("mail")[0], told)


def test_what_was_found_out_becomes_a_line_in_slack() -> None:
    pattern, target = example("slack")
    told = event("Call Analysed", ALL)

    assert matches(pattern, told)
    assert json.loads(sent(target, told)) == {
        "text": "voicemail, called by +14255550112: message taken. Robin misses two boxes. (ringside calls show rtc_1)"
    }
    skipped = {"state": "skipped", "reason": "shorter than 5 s"}
    assert not matches(pattern, event("Call Analysed", ALL, analysis=skipped))


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_an_example_names_only_what_events_have(path: Path) -> None:
    _, target = example(path.stem)
    known = event_bus.detail(CALL, ALL)

    for where in target["InputTransformer"]["InputPathsMap"].values():
        assert where.removeprefix("$.detail.").split(".")[0] in {*known, "stack"}, where
