"""What EventBridge hears of a call, and that a call never waits for it."""

import json
import threading
from typing import Any

import pytest

from ringside.agentfile.afterwards import Events
from ringside.aws import event_bus
from ringside.aws.event_bus import EventBus
from ringside.calls import EndReason, Status
from ringside.telemetry import Metrics

CALL = {
    "sk": "CALL",
    "call_id": "rtc_1",
    "status": Status.RINGING,
    "agent": "concierge",
    "caller": "+14255550112",
    "dialled": "+18005551212",
    "decision": {"verdict": "accept", "rule": "default", "sip_status": None},
    "epoch": 0,
}


class Bus:
    """Stands for the API: keeps what it was told, and fails or dawdles when told to."""

    def __init__(self) -> None:
        self.requests: list[list[dict[str, Any]]] = []
        self.open = threading.Event()
        self.open.set()
        self.broken = False

    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        self.open.wait(5)
        if self.broken:
            raise ConnectionError("no way to the bus from here")
        self.requests.append(Entries)
        return {"FailedEntryCount": 0}

    @property
    def told(self) -> list[tuple[str, dict[str, Any]]]:
        return [(entry["DetailType"], json.loads(entry["Detail"])) for request in self.requests for entry in request]


@pytest.fixture
def bus() -> Bus:
    return Bus()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics("monitor")


@pytest.fixture
def events(bus: Bus, metrics: Metrics) -> EventBus:
    return EventBus(bus, "default", "ringside", metrics)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changed", "now", "told"),
    [
        ({"decision": {"verdict": "accept"}, "status": "ringing"}, {}, ["Call Decided"]),
        ({"decision": {"verdict": "pending"}, "status": "ringing"}, {}, []),
        ({"status": "live"}, {"epoch": 1, "owner": "task-a"}, ["Call Started"]),
        ({"status": "live"}, {"epoch": 2, "owner": "task-b"}, []),
        ({"status": "live"}, {"epoch": 1, "owner": "sweeper-a"}, []),
        ({"transfer": {"verdict": "accepted"}}, {}, ["Call Transfer"]),
        ({"status": "ended", "end_reason": "silence"}, {}, ["Call Ended"]),
        ({"status": "rejected"}, {}, ["Call Ended"]),
        ({"usage": {"input_text": 3}}, {}, []),
        ({"steps.queued": 3.0}, {}, []),
    ],
)
def test_a_write_onto_a_call_is_told_as_what_it_means(
    changed: dict[str, Any], now: dict[str, Any], told: list[str]
) -> None:
    assert list(event_bus.kinds(changed, {**CALL, **now})) == told


def test_turns_heartbeats_and_counters_are_nobodys_news(events: EventBus, bus: Bus) -> None:
    for sort_key in ("ITEM#0000000000000001", "task-a", "RESERVATIONS"):
        events.heard({"status": "ended"}, {"sk": sort_key})
    events.flush()

    assert bus.told == []


def test_an_event_says_which_call_and_hides_who_called(events: EventBus, bus: Bus) -> None:
    events.heard({"status": Status.ENDED}, {**CALL, "status": Status.ENDED, "end_reason": EndReason.SILENCE})
    events.flush()

    ((kind, said),) = bus.told
    assert kind == "Call Ended"
    assert (said["call_id"], said["agent"], said["stack"]) == ("rtc_1", "concierge", "ringside")
    assert (said["status"], said["end_reason"]) == ("ended", "silence")
    assert "4255550112" not in json.dumps(bus.requests)


def test_events_that_wait_for_the_bus_go_together_and_in_order(events: EventBus, bus: Bus) -> None:
    bus.open.clear()
    for number in range(12):
        events.heard({"status": "ended"}, {**CALL, "call_id": f"rtc_{number}", "status": "ended"})
    bus.open.set()
    events.flush()

    assert [said["call_id"] for _, said in bus.told] == [f"rtc_{number}" for number in range(12)]
    assert max(len(request) for request in bus.requests) <= event_bus.BATCH
    assert len(bus.requests) <= 3


def test_a_bus_that_is_broken_costs_a_count_and_nothing_else(
    events: EventBus, bus: Bus, metrics: Metrics, capsys: pytest.CaptureFixture[str]
) -> None:
    bus.broken = True
    events.heard({"status": "ended"}, {**CALL, "status": "ended"})
    events.flush()
    bus.broken = False
    events.heard({"status": "ended"}, {**CALL, "call_id": "rtc_2", "status": "ended"})
    events.flush()
    metrics.flush()

    assert [said["call_id"] for _, said in bus.told] == ["rtc_2"]
    (line,) = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "EventsFailed" in line]
    assert line["EventsFailed"] == [1]


def test_nobody_waits_for_a_bus_that_does_not_answer(events: EventBus, bus: Bus) -> None:
    bus.open.clear()
    events.heard({"status": "ended"}, {**CALL, "status": "ended"})  # returns at once: else the test would hang

    events.flush(seconds=0.05)

    assert bus.told == []
    bus.open.set()


def test_an_item_that_makes_no_sense_is_not_the_writers_problem(events: EventBus) -> None:
    events.heard({"status": "no such status"}, CALL)


# --- what an agent's file allows ---

NOTED = {**CALL, "status": "ended", "notes": {"name": "Robin Sample", "callback": "+14255550112"}}
TURNS: list[dict[str, Any]] = [
    {"kind": "turn", "role": "agent", "text": "Hello?", "started_at": 1.0},
    {"kind": "tool", "name": "note", "arguments": "{}", "started_at": 2.0},
    {"kind": "turn", "role": "caller", "text": "It is Robin.", "started_at": 3.0},
    {"kind": "turn", "role": "caller", "text": None, "started_at": 4.0},
]


def allowing(bus: Bus, metrics: Metrics, said: list[dict[str, Any]] | None = None, **allowed: Any) -> EventBus:
    def transcript(call_id: str) -> list[dict[str, Any]]:
        if said is None:
            raise ConnectionError("the table is away")
        return said

    agents = {"concierge": Events.model_validate(allowed)}
    return EventBus(bus, "default", "ringside", metrics, agents.get, transcript)  # type: ignore[arg-type]


def test_notes_are_told_only_where_the_agents_file_says_so(bus: Bus, metrics: Metrics) -> None:
    for events in (allowing(bus, metrics), allowing(bus, metrics, notes=True)):
        events.heard({"status": "ended"}, NOTED)
        events.flush()

    (_, without), (_, with_notes) = bus.told
    assert "notes" not in without
    assert with_notes["notes"] == NOTED["notes"]


def test_numbers_are_whole_only_where_the_agents_file_says_so(bus: Bus, metrics: Metrics) -> None:
    events = allowing(bus, metrics, numbers="full")
    events.heard({"status": "ended"}, {**NOTED, "withheld_caller": "+14255550199"})
    events.heard({"status": "ended"}, {**NOTED, "agent": "somebody else"})
    events.flush()

    (_, full), (_, of_another) = bus.told
    assert (full["caller"], full["dialled"]) == ("+14255550112", "+18005551212")
    assert of_another["caller"] != full["caller"]
    assert "+14255550199" not in json.dumps(bus.requests)


def test_the_transcript_comes_with_the_end_and_with_nothing_before(bus: Bus, metrics: Metrics) -> None:
    events = allowing(bus, metrics, TURNS, transcript=True)
    events.heard({"status": "live"}, {**CALL, "status": "live", "epoch": 1, "owner": "task-a"})
    events.heard({"status": "ended"}, NOTED)
    events.flush()

    (_, started), (_, ended) = bus.told
    assert "transcript" not in started
    assert [(turn["role"], turn["text"]) for turn in ended["transcript"]] == [
        ("agent", "Hello?"),
        ("caller", "It is Robin."),
    ]
    assert ended["transcript_cut"] is False


def test_an_event_goes_without_a_transcript_that_cannot_be_read(bus: Bus, metrics: Metrics) -> None:
    events = allowing(bus, metrics, None, transcript=True)
    events.heard({"status": "ended"}, NOTED)
    events.flush()

    ((kind, said),) = bus.told
    assert kind == "Call Ended"
    assert "transcript" not in said
    assert said["transcript_cut"] is True


def test_a_long_transcript_loses_its_beginning_and_says_so(bus: Bus, metrics: Metrics) -> None:
    said = [{"kind": "turn", "role": "caller", "text": f"{number} " + "ü" * 5000} for number in range(40)]
    events = allowing(bus, metrics, said, transcript=True)
    events.heard({"status": "ended"}, NOTED)
    events.flush()

    ((_, told),) = bus.told
    assert told["transcript_cut"] is True
    assert told["transcript"][-1]["text"].startswith("39 ")
    assert len(bus.requests[0][0]["Detail"].encode()) < 256_000


def test_large_events_go_one_by_one_so_that_no_request_is_too_large(bus: Bus, metrics: Metrics) -> None:
    said = [{"kind": "turn", "role": "caller", "text": "a" * 100_000}]
    events = allowing(bus, metrics, said, transcript=True)
    bus.open.clear()
    for number in range(6):
        events.heard({"status": "ended"}, {**NOTED, "call_id": f"rtc_{number}"})
    bus.open.set()
    events.flush()

    assert [told["call_id"] for _, told in bus.told] == [f"rtc_{number}" for number in range(6)]
    assert max(sum(len(entry["Detail"]) for entry in request) for request in bus.requests) <= event_bus.REQUEST_BYTES
