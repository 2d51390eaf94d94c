"""Which writes onto a call are news to others, and what the message about each says."""

import json
from typing import Any

import pytest

from ringside.agentfile.afterwards import Events
from ringside.notify import messages

LEAST = Events()
CALL: dict[str, Any] = {
    "call_id": "rtc.1",
    "status": "ended",
    "agent": "desk",
    "caller": "+14255550112",
    "end_reason": "agent_hung_up",
    "steps": {"created": 1_795_348_800.0, "ended": 1_795_348_860.5},
    "notes": {"name": "Robin"},
    "analysis": {"state": "done", "run": "1", "summary": "Robin called.", "at": 1_795_348_870.25},
}


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({"status": "live"}, {"status": "ended"}, ["call.ended"]),
        ({"status": "live"}, {"status": "failed"}, ["call.ended"]),
        ({"status": "ringing"}, {"status": "missed"}, ["call.ended"]),
        ({"status": "ringing"}, {"status": "rejected"}, ["call.rejected"]),
        ({"status": "ringing"}, {"status": "live"}, []),
        ({"status": "ended"}, {"status": "ended"}, []),
        ({"status": "live"}, {"status": "live", "transfer": {"verdict": "left"}}, ["call.transferred"]),
        (
            {"status": "live", "transfer": {"verdict": "accepted"}},
            {"status": "ended", "transfer": {"verdict": "left"}},
            ["call.ended", "call.transferred"],
        ),
        ({"status": "live", "transfer": {"verdict": "left"}}, {"status": "live", "transfer": {"verdict": "left"}}, []),
        ({"status": "live"}, {"status": "live", "transfer": {"verdict": "failed"}}, []),
        ({"status": "ended"}, {"status": "ended", "analysis": {"state": "done", "run": "1"}}, ["call.analysed"]),
        ({"status": "ended"}, {"status": "ended", "analysis": {"state": "waiting", "run": "1"}}, []),
        (
            {"status": "ended", "analysis": {"state": "done", "run": "1"}},
            {"status": "ended", "analysis": {"state": "done", "run": "1"}, "deliveries": {}},
            [],
        ),
        (
            {"status": "ended", "analysis": {"state": "done", "run": "1"}},
            {"status": "ended", "analysis": {"state": "done", "run": "2"}},
            ["call.analysed"],
        ),
    ],
)
def test_a_write_is_news_when_something_has_become_so(
    before: dict[str, Any], after: dict[str, Any], told: list[str]
) -> None:
    assert list(messages.news(before, after)) == told


def test_a_message_has_a_type_a_moment_and_no_more_than_the_agents_file_allows() -> None:
    said = json.loads(messages.body("call.ended", CALL, LEAST, "prod"))

    assert (said["type"], said["timestamp"]) == ("call.ended", "2026-11-22T12:01:00.500+00:00")
    assert (said["data"]["call_id"], said["data"]["stack"]) == ("rtc.1", "prod")
    assert not {"notes", "summary", "transcript"} & set(said["data"])
    assert "4255550112" not in json.dumps(said)

    more = json.loads(messages.body("call.analysed", CALL, Events(notes=True, summary=True, numbers="full"), "prod"))
    assert more["timestamp"] == "2026-11-22T12:01:10.250+00:00"
    assert (more["data"]["notes"], more["data"]["summary"]) == ({"name": "Robin"}, "Robin called.")
    assert more["data"]["caller"] == "+14255550112"


def test_a_message_stays_small_and_says_what_it_leaves_out() -> None:
    call = {**CALL, "notes": {f"note {number}": "ü" * 1000 for number in range(50)}}
    written = messages.body("call.analysed", call, Events(notes=True, summary=True), "prod")

    assert len(written) <= messages.MAX_BYTES
    assert json.loads(written)["data"]["cut"] == ["notes"]
    assert json.loads(written)["data"]["summary"] == "Robin called."


def test_an_id_is_the_same_for_a_message_and_no_other_and_has_no_dot() -> None:
    """Specification 1.0.0, "Signature scheme": dots separate what is signed."""
    name = messages.message_id(CALL, "call.ended", "crm")
    others = [
        messages.message_id(CALL, "call.ended", "erp"),
        messages.message_id({"call_id": "rtc_2"}, "call.ended", "crm"),
    ]

    assert name == messages.message_id({**CALL, "analysis": None}, "call.ended", "crm")
    assert "." not in name
    assert len({name, *others}) == 3


def test_a_call_that_is_analysed_anew_has_another_message_about_that() -> None:
    again = {**CALL, "analysis": {**CALL["analysis"], "run": "2"}}

    assert messages.message_id(CALL, "call.analysed", "crm") != messages.message_id(again, "call.analysed", "crm")


@pytest.mark.parametrize("kind", ["call.ended", "call.transferred", "call.rejected"])
def test_a_message_says_the_same_whenever_it_is_sent(kind: str) -> None:
    """Another attempt may come a day later; a receiver knows it by its id."""
    everything = Events(notes=True, summary=True, numbers="full")
    transfer = {"verdict": "left", "decided_at": 1_795_348_859.0}
    then = {**CALL, "transfer": transfer, "analysis": None}
    if kind == "call.transferred":
        then = {**then, "status": "live", "end_reason": None, "steps": {"created": 1_795_348_800.0}}
    later = {**CALL, "transfer": transfer, "analysis": {**CALL["analysis"], "outcome": "lost parcel", "fields": {}}}

    assert messages.body(kind, later, everything, "prod") == messages.body(kind, then, everything, "prod")
