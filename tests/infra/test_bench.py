"""The benchmark measures what it says: the real monitor, real events, and a page that shows what was measured last."""

import dataclasses
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from openai.types.realtime import RealtimeServerEvent
from pydantic import TypeAdapter

from infra.bench import page, picture, results, turns
from infra.bench.contenders import BenchError, Contender, StandIn, ringside, scratch
from infra.bench.listening import Heard, flood, live
from infra.bench.results import AGENTS_SDK, INSTANT, OURS, Event, Live, Results, Start, Warm, tables
from infra.page_tables import filled
from ringside.conversation import events as e
from ringside.openai import realtime

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="CPU is read from /proc")


# --- what is said ---


@pytest.mark.parametrize("event", [turns.hello(), *turns.turn(0), *turns.turn(7)], ids=lambda event: event["type"])
def test_openais_package_knows_every_event_that_is_said(event: turns.Event) -> None:
    known = TypeAdapter[object](RealtimeServerEvent).validate_python(event)

    assert getattr(known, "type", None) == event["type"]


def test_what_the_caller_said_is_complete_where_the_delay_is_measured_from() -> None:
    said = list(turns.turn(3))[turns.COMPLETED]

    assert said["type"] == "conversation.item.input_audio_transcription.completed"
    assert (said["item_id"], said["transcript"]) == (turns.heard_id(3), turns.HEARD_TEXT)


def test_no_event_is_one_that_ringside_cannot_read() -> None:
    decoded = [realtime.decode(json.dumps(event)) for event in turns.turn(1)]

    assert {event.why for event in decoded if isinstance(event, e.Skipped)} <= {"ignored"}


# --- what is measured ---


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scratch(tmp_path_factory.mktemp("bench") / "run")


@pytest.fixture(scope="module")
def stand_in(folder: Path) -> Iterator[StandIn]:
    made = StandIn(folder)
    yield made
    made.close()


@linux
def test_a_monitor_hears_and_writes_every_turn(stand_in: StandIn, folder: Path) -> None:
    heard = flood(ringside(), stand_in, calls=2, count=3, folder=folder)

    assert heard.events == 2 * 3 * turns.EVENTS
    assert heard.writes >= 2 * 3 * 2, "the caller's words and the agent's, in every turn"
    assert heard.lag is not None
    assert heard.cpu > 0
    assert heard.memory > 10_000


@linux
def test_without_the_record_the_same_is_heard_and_nothing_written(stand_in: StandIn, folder: Path) -> None:
    heard = flood(ringside(INSTANT, "infra.bench.instant_monitor"), stand_in, calls=2, count=2, folder=folder)

    assert (heard.events, heard.writes, heard.lag) == (2 * 2 * turns.EVENTS, 0, None)


@linux
def test_live_calls_are_spoken_to_at_the_pace_of_speech(stand_in: StandIn, folder: Path) -> None:
    heard = live(ringside(), stand_in, calls=10, settle=0.2, seconds=1.0, folder=folder)

    assert 0 < heard.pace <= 1.2
    assert heard.calls == 10


@linux
def test_a_contender_that_ends_is_named_with_its_last_words(stand_in: StandIn, folder: Path) -> None:
    broken = Contender("broken", [sys.executable, "-c", "raise SystemExit('no such thing')"], {}, folder)

    with pytest.raises(BenchError, match="no such thing"):
        flood(broken, stand_in, calls=1, count=1, folder=folder)


# --- what is made of it ---

HEARD = Heard(OURS, 10, 5300, 9.0, 0.53, 90_000, 40, 0.01, 1.0)


def test_cpu_is_counted_by_the_event_so_that_what_a_busy_machine_left_out_changes_nothing() -> None:
    half = dataclasses.replace(HEARD, events=2650, cpu=0.265)

    assert HEARD.us_per_event == half.us_per_event == pytest.approx(100)
    assert HEARD.ms_per_call == half.ms_per_call == pytest.approx(100 * turns.EVENTS / turns.SECONDS / 1000)


def test_a_ratio_is_that_of_each_round_whatever_one_round_met() -> None:
    assert results.ratio([10, 100, 11], [20, 200, 22]) == 0.5


def test_memory_of_a_call_is_what_more_calls_add() -> None:
    live = [Live(OURS, calls, 1.0, 80_000 + 70 * calls, None, 1.0, 1.0) for calls in (10, 100, 500)]

    assert results.kb_per_call(Results(live=live), OURS) == pytest.approx(70)


def test_who_does_not_hold_the_calls_is_said_not_to() -> None:
    live = [Live(OURS, 2000, 0.3, 1, 0.02, 1.0, 1.0), Live(AGENTS_SDK, 2000, None, 0, None, 0.0, 1.0)]
    found = results.tables(Results(live=live))["calls"]

    assert "| 2,000 | 0.30 | 2,660 | 20 | not held |  |" in found


def test_what_is_kept_is_read_again_as_it_was() -> None:
    whole = Results(
        [Event(OURS, 20.0)],
        [Live(OURS, 10, 0.5, 1, None, 1.0, 1.0)],
        [Start(OURS, 0.4, 0.3)],
        [Warm(OURS, 2.0, 4.0)],
        {"events": "here"},
    )

    assert Results.from_json(whole.as_json()) == whole


def test_the_picture_is_xml_with_a_line_for_everybody() -> None:
    drawn = ElementTree.fromstring(picture.drawn({OURS: [(10, 2.5), (1000, 0.4)], "<others>": [(10, 3.0), (100, 2.0)]}))

    assert len(drawn.findall("{*}polyline")) == 2
    assert "<others>" in "".join(drawn.itertext())


def test_the_page_shows_what_was_measured_last() -> None:
    text, kept = page.PAGE.read_text(encoding="utf-8"), page.kept()

    assert filled(text, tables(kept)) == text, "run make bench ARGS=--write"
    assert page.PICTURE.read_text(encoding="utf-8") == page.drawn(kept)
    assert str(turns.EVENTS) in re.findall(r"(\d+) events a turn", text)
