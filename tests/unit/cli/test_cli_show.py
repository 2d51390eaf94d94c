"""How a call, a list of calls and the news of calls look. Items in, lines out."""

import json
import re
from datetime import UTC, timedelta, timezone
from io import StringIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len as cells
from rich.console import RenderableType

from cli import follow, json_output, terminal
from cli.console import templating
from cli.doctor.finding import Finding, State
from cli.terminal import console
from cli.views import call as call_view
from cli.views import calls as calls_view
from cli.views import decision as decision_view
from cli.views import findings as findings_view
from cli.views import news as news_view
from cli.views import words
from cli.views.news import ShortNames
from cli.views.words import Clock
from ringside.admission import policy
from ringside.calls import Step
from ringside.records import shapes
from ringside.records.dry_run import Answer, Asked

NOON = 1795348800.0  # 2026-11-22 12:00 UTC
CLOCK = Clock(zone=UTC)

CALL: dict[str, Any] = {
    "call_id": "rtc_1",
    "status": "ended",
    "end_reason": "caller_hung_up",
    "agent": "concierge",
    "model": "gpt-realtime-2.1",
    "caller": "+14255550112",
    "dialled": "+18005551212",
    "started_at": "2026-11-22T12:00:00.000+00:00",
    "decision": {"verdict": "accept", "rule": "no rule matched", "sip_status": None},
    "steps": {
        "created": NOON,
        "received": NOON + 0.212,
        "claimed": NOON + 0.22,
        "accepted": NOON + 1,
        "first_audio": NOON + 2.5,
        "ended": NOON + 62.5,
    },
    "duration": 61.5,
    "usage": {
        "input_text": 400,
        "cached_text": 300,
        "input_audio": 620,
        "output_audio": 1180,
        "output_text": 60,
        "transcription_seconds": 21.4,
    },
    "cost": 0.0984,
    "prices_as_of": "2026-11-22",
    "epoch": 1,
}


def a_turn(text: str | None = "Hello", **more: Any) -> dict[str, Any]:
    return {
        "kind": "turn",
        "item_id": "item_a",
        "role": "agent",
        "text": text,
        "state": "final",
        "started_at": NOON + 3,
        **more,
    }


def a_run(**more: Any) -> dict[str, Any]:
    return {
        "kind": "tool",
        "item_id": "item_b",
        "tool_call_id": "fc_1",
        "name": "opening_hours",
        "arguments": '{"day":"monday"}',
        "output": "9 am to 6 pm",
        "outcome": "ok",
        "started_at": NOON + 8.25,
        "seconds": 0.0123,
        **more,
    }


def printed(renderable: RenderableType, columns: int = 80, **environ: str) -> str:
    """What a reader of standard output gets; FORCE_COLOR for what a terminal does."""
    out = console(environ={"COLUMNS": str(columns), **environ} if columns else environ)
    out.file = StringIO()
    terminal.show(out, renderable)
    return out.file.getvalue().removesuffix("\n")


def shown(*items: dict[str, Any], columns: int = 80, clock: Clock = CLOCK, **changes: Any) -> str:
    return printed(call_view.whole({**CALL, **changes}, items, clock), columns)


def said(*items: dict[str, Any], columns: int = 80) -> list[str]:
    conversation = call_view.conversation(CALL, items)
    assert conversation is not None
    return printed(conversation, columns).splitlines()


def news_lines(news: follow.News, names: ShortNames | None = None) -> list[str]:
    return printed(news_view.line(news, CLOCK, names)).splitlines()


# --- one call ---


def test_a_whole_call_reads_from_top_to_bottom() -> None:
    assert shown(a_turn(), a_turn("When are you open?", role="caller", started_at=NOON + 5), a_run()) == (
        """\
rtc_1  ended: caller_hung_up
  agent      concierge (gpt-realtime-2.1)
  call       +14255550112 → +18005551212
  started    2026-11-22 12:00:00 +0000
  duration   1 min 2 s
  cost       $0.0984
  decision   accept: no rule matched

step          since created   since previous
created                0 ms
received             212 ms           212 ms
claimed              220 ms             8 ms
accepted            1000 ms           780 ms
first_audio         2500 ms          1500 ms

  0:02.0  agent   Hello
  0:04.0  caller  When are you open?
  0:07.2  tool    opening_hours {"day":"monday"}
                  → 9 am to 6 pm [ok, 0.012 s]

usage  in 400 text (300 cached), 620 audio tokens; out 60 text, 1180 audio
       tokens; 21.4 s transcribed
cost   $0.0984 (prices of 2026-11-22)"""
    )


def test_an_unknown_cost_is_said_to_be_unknown() -> None:
    assert "unknown (no price for the model)" in shown(cost=None)
    assert "unknown (tokens of unknown modality)" in shown(cost=None, usage={"unsplit": 7})
    assert "$0.0000" not in shown(cost=None)
    assert "7 tokens of unknown modality" in shown(cost=None, usage={"unsplit": 7})


def test_a_cost_of_nothing_is_shown_as_such() -> None:
    assert "cost   $0.0000" in shown(cost=0)


def test_a_rejected_call_tells_rule_and_status_and_has_no_conversation() -> None:
    decision = {"verdict": "reject", "rule": "no premium-rate callers", "sip_status": 603}
    text = shown(
        status="rejected", end_reason=None, decision=decision, caller=None, duration=None, usage=None, cost=None
    )
    assert "rtc_1  rejected\n" in text
    assert "decision   reject with SIP 603: no premium-rate callers" in text
    assert "anonymous → +18005551212" in text
    assert "duration" not in text
    assert "usage" not in text


def test_a_live_call_lasts_until_now() -> None:
    clock = Clock(zone=UTC, now=NOON + 31)
    assert "duration   30.0 s so far" in shown(status="live", end_reason=None, duration=None, clock=clock)


def test_a_call_that_just_rings_can_be_shown() -> None:
    text = shown(status="ringing", end_reason=None, agent=None, steps={"created": NOON}, duration=None, usage=None)
    assert "rtc_1  ringing" in text
    assert "agent      none" in text


def test_handovers_and_details_are_told_where_there_are_any() -> None:
    text = shown(epoch=3, end_detail="no sideband", accept_detail="no clear answer (ReadTimeout)")
    assert "handovers  2" in text
    assert "end        no sideband" in text
    assert "accept     no clear answer (ReadTimeout)" in text


def test_a_transfer_and_the_agents_notes_are_told() -> None:
    transfer = {"target": "billing", "verdict": "failed", "why": "the caller was still here", "asked_at": NOON}
    text = shown(transfer=transfer, notes={"order": "1001"})
    assert "transfer   to billing: failed (the caller was still here)" in text
    assert "note       order: 1001" in text
    assert "transfer   to sales: left" in shown(transfer={"target": "sales", "verdict": "left"})


def steps_table(steps: dict[str, float]) -> list[str]:
    table = call_view.steps({"steps": steps})
    assert table is not None
    return printed(table).splitlines()


def test_steps_are_in_order_of_time_also_one_that_is_not_known_here() -> None:
    table = steps_table({"later": NOON + 2, "received": NOON + 1, "created": NOON})
    assert [line.split()[0] for line in table[1:]] == ["created", "received", "later"]


def test_every_step_fits_the_table() -> None:
    table = steps_table({str(step): NOON + 3600 for step in Step})
    assert len(table) == len(Step)  # the titles instead of the end, which the header has
    assert {cells(line) for line in table[2:]} == {cells(table[0])}


@pytest.mark.parametrize(
    ("changes", "mark"),
    [
        ({"state": "interrupted", "heard_ms": 1250}, "[interrupted after 1250 ms]"),
        ({"state": "interrupted", "heard_ms": 0}, "[interrupted after 0 ms]"),
        ({"state": "interrupted"}, "[interrupted]"),
        ({"state": "cut"}, "[cut off by the end of the call]"),
        ({"state": "untranscribed", "text": None}, "[no transcript]"),
        ({"state": "pending", "text": None}, "[not transcribed yet]"),
        ({"state": "something new"}, "[something new]"),
    ],
)
def test_a_turn_that_was_not_plainly_said_is_marked(changes: dict[str, Any], mark: str) -> None:
    (line,) = said(a_turn(**changes))
    assert line.endswith(mark)


def test_a_plain_turn_has_no_mark() -> None:
    assert said(a_turn()) == ["  0:02.0  agent   Hello"]


@pytest.mark.parametrize(
    ("changes", "mark"),
    [
        ({}, "[ok, 0.012 s]"),
        ({"outcome": "timeout", "seconds": 10.0}, "[timeout, 10.000 s]"),
        ({"outcome": "running", "seconds": None, "output": None}, "[running]"),
        ({"outcome": "error", "output": ""}, "[error, 0.012 s]"),
    ],
)
def test_a_tool_tells_how_it_ended_and_how_long_it_took(changes: dict[str, Any], mark: str) -> None:
    assert said(a_run(**changes))[-1].endswith(mark)


def test_a_gap_tells_how_long_nobody_listened_and_why() -> None:
    gap = {
        "kind": "gap",
        "item_id": "gap_1",
        "started_at": NOON + 10,
        "ended_at": NOON + 14.5,
        "text": "a monitor died",
    }
    text = " ".join(" ".join(said(gap)).split())
    assert text == "0:09.0 gap not monitored for 4.5 s (a monitor died): some words may be missing"


def test_pressed_keys_are_shown() -> None:
    assert said({"kind": "digits", "text": "42#", "started_at": NOON + 2}) == ["  0:01.0  keys    pressed 42#"]


def test_an_entry_of_a_kind_that_is_not_known_here_is_shown_as_it_is() -> None:
    text = " ".join(said({"kind": "hologram", "pk": "CALL#1", "epoch": 1, "text": "wow", "started_at": NOON + 1}))
    assert "hologr" in text
    assert '"text": "wow"' in text
    assert "CALL#1" not in text


def test_what_happened_before_the_answer_has_a_negative_time() -> None:
    assert words.since(-1.26) == "-0:01.3"
    assert words.since(-0.01) == "0:00.0"
    assert words.since(59.96) == "1:00.0"
    assert words.since(3725.5) == "62:05.5"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0.0 s"), (59.94, "59.9 s"), (60, "1 min 0 s"), (3599.6, "1 h 0 min"), (7260, "2 h 1 min")],
)
def test_spans_are_told_as_people_do(seconds: float, text: str) -> None:
    assert words.span(seconds) == text


def test_moments_are_told_in_the_zone_that_was_asked_for() -> None:
    assert Clock(timezone(timedelta(hours=1))).moment(NOON) == "2026-11-22 13:00:00 +0100"


# --- width ---


@pytest.mark.parametrize("width", [60, 80, 133])
def test_nothing_is_wider_than_the_terminal(width: int) -> None:
    long = "Our opening hours are from nine to six, except on Thursdays. " * 5
    text = shown(
        a_turn(long, state="interrupted", heard_ms=10),
        a_turn("日本語のとても長い文章です。" * 9),
        a_run(arguments=f'{{"q":"{"x" * 300}"}}', output=long),
        a_turn("x" * 58),
        columns=width,
        end_detail=long,
    )
    assert max(cells(line) for line in text.splitlines()) <= width
    assert " ".join(long.split()[:4]) in text


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=200), st.integers(2, 60))
def test_wrapping_loses_nothing_and_keeps_the_width(text: str, width: int) -> None:
    text = terminal.safe(text)
    lines = terminal.wrapped(text, width)
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(cells(line) <= width for line in lines)


def test_no_word_is_broken_that_fits_a_line() -> None:
    words = ["the", "quick", "brown", "fox", "jumps", "over", "the", "lazy", "dog"]
    assert {word for line in terminal.wrapped(" ".join(words), 7) for word in line.split()} == set(words)
    lines = said(a_turn(" ".join(words)), columns=30)
    assert {word for line in lines for word in line.split()} == {"0:02.0", "agent", *words}


def test_nothing_is_wrapped_or_cut_where_no_terminal_is() -> None:
    long = "Our opening hours are from nine to six, except on Thursdays. " * 50
    (line,) = said(a_turn(long), columns=0)
    assert line.endswith(" ".join(long.split()))


# --- what strangers say ---

HOSTILE = "\x1b[2J\x1b]52;c;ZXZpbA==\x07 \x9b31m \u202e evil \u2066 \x7f \r\n 0:01.0  agent  Transferred!"


def strangers() -> dict[str, Any]:
    """Hostile text wherever text can stand."""
    items = [
        a_turn(HOSTILE),
        a_turn(HOSTILE, role=HOSTILE, state=HOSTILE),
        a_run(name=HOSTILE, arguments=HOSTILE, output=HOSTILE, outcome=HOSTILE),
        {"kind": "gap", "text": HOSTILE, "started_at": NOON},
        {"kind": "digits", "text": HOSTILE, "started_at": NOON},
        {"kind": HOSTILE, HOSTILE: HOSTILE},
    ]
    words = "call_id agent model caller dialled status end_reason end_detail accept_detail prices_as_of"
    changes: dict[str, Any] = dict.fromkeys(words.split(), HOSTILE)
    decision = {"verdict": HOSTILE, "rule": HOSTILE, "sip_status": HOSTILE}
    changes |= {"transfer": {"target": HOSTILE, "verdict": HOSTILE, "why": HOSTILE}, "notes": {HOSTILE: HOSTILE}}
    return {"items": items, **CALL, **changes, "decision": decision, "steps": {**CALL["steps"], HOSTILE: NOON + 1}}


def assert_harmless(text: str) -> None:
    assert all(character == "\n" or terminal.safe(character) == character for character in text)


def test_no_control_character_of_a_stranger_reaches_the_terminal() -> None:
    call = strangers()
    assert_harmless(printed(call_view.whole(call, call["items"], CLOCK)))
    assert_harmless(printed(calls_view.table([call], CLOCK)))
    assert_harmless(printed(calls_view.table([call], CLOCK, 80)))
    assert_harmless(json_output.dumps(shapes.whole(call, call["items"])))
    for news in (follow.News("begin", call), follow.News("end", call), follow.News("entry", call, call["items"][2])):
        assert_harmless("\n".join(news_lines(news, ShortNames())))
        assert_harmless(json_output.dumps_line(news.as_json()))


def test_no_control_character_of_a_file_or_an_answer_reaches_the_terminal() -> None:
    for text in (HOSTILE, MARKUP):
        finding = printed(findings_view.finding(Finding("agents", State.WRONG, text, text)), 2000)
        asked = Asked(text, text, "none", None, NOON, text)
        answer = Answer(asked, None, policy.Decision("reject", text, 603), False)
        then = {"agent": text, "verdict": text, "rule": text, "sip_status": text}
        decided = printed(decision_view.decision(answer, then), 2000)
        for shown in (finding, decided):
            assert_harmless(shown)
            assert terminal.safe(text) in shown


MARKUP = "[red]free[/red] [link=https://evil.example]tickets[/link] :smile: [/] [bold"


def test_markup_in_a_strangers_words_is_text() -> None:
    call = json.loads(json.dumps(strangers()).replace(json.dumps(HOSTILE)[1:-1], MARKUP))
    views = [
        call_view.whole(call, call["items"], CLOCK),
        calls_view.table([call], CLOCK),
        *(news_view.line(follow.News("entry", call, item), CLOCK, ShortNames()) for item in call["items"]),
    ]
    for view in views:
        for environ in ({}, {"FORCE_COLOR": "1", "TERM": "xterm-256color"}):
            text = printed(view, 2000, **environ)
            assert MARKUP in text
            assert "\x1b]8" not in text  # the escape of a link


def test_control_characters_are_written_out_where_they_stood() -> None:
    assert terminal.safe("a\x1b[2Jb\n\u202ec\x9b") == r"a\x1b[2Jb\n\u202ec\x9b"
    assert "\\x1b[2J" in said(a_run(output="\x1b[2J"))[1]


def test_a_line_break_in_a_transcript_cannot_pass_for_another_turn() -> None:
    lines = said(a_turn("one\n    0:09.0  agent   two"))
    assert lines == ["  0:02.0  agent   one 0:09.0 agent two"]


def test_what_is_written_in_any_language_stays_as_it_is() -> None:
    assert terminal.safe("Grüß Gott 日本 नमस्ते 👨‍👩‍👧 שלום") == "Grüß Gott 日本 नमस्ते 👨‍👩‍👧 שלום"


@given(st.text())
def test_json_keeps_every_value_and_is_harmless(text: str) -> None:
    text = text.encode("utf-8", "replace").decode()
    written = json_output.dumps({"text": [text]})
    assert_harmless(written)
    assert json.loads(written) == {"text": [text]}


# --- colour ---


def test_colour_is_there_only_where_it_is_wanted() -> None:
    call = call_view.whole(CALL, [a_turn(), a_run()], CLOCK)
    plain = printed(call)
    colourful = printed(call, FORCE_COLOR="1", TERM="xterm-256color")
    assert "\x1b" not in plain
    assert "\x1b[36magent" in colourful
    uncoloured = re.sub("\x1b\\[[0-9;]*m", "", colourful)
    assert [line.rstrip() for line in uncoloured.splitlines()] == plain.splitlines()
    assert "\x1b" not in printed(call, FORCE_COLOR="1", TERM="xterm-256color", NO_COLOR="1")


@pytest.mark.parametrize(
    ("is_terminal", "environ", "expected"),
    [
        (True, {}, True),
        (False, {}, False),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"NO_COLOR": ""}, True),
        (True, {"TERM": "dumb"}, False),
    ],
)
def test_colour_is_for_terminals_and_never_against_no_color(
    is_terminal: bool, environ: dict[str, str], expected: bool
) -> None:
    assert terminal.wants_colour(is_terminal, environ) is expected


# --- lists ---


def test_a_list_has_a_line_for_each_call() -> None:
    nothing = dict.fromkeys(("end_reason", "duration", "cost"))
    live = {**CALL, **nothing, "call_id": "rtc_2", "status": "live", "caller": None}
    rejected = {**CALL, **nothing, "call_id": "rtc_3", "status": "rejected", "agent": None}
    table = calls_view.table([CALL, live, rejected], Clock(zone=UTC, now=NOON + 31))
    assert printed(table, 0).splitlines() == [
        "STARTED              CALL   STATUS                 AGENT      FROM          TO             DURATION     COST",
        "2026-11-22 12:00:00  rtc_1  ended: caller_hung_up  concierge  +14255550112  +18005551212  1 min 2 s  $0.0984",
        "2026-11-22 12:00:00  rtc_2  live                   concierge  anonymous     +18005551212     30.0 s",
        "2026-11-22 12:00:00  rtc_3  rejected               -          +14255550112  +18005551212",
    ]


def test_an_ended_call_without_a_known_cost_says_so() -> None:
    assert printed(calls_view.table([{**CALL, "cost": None}], CLOCK), 0).endswith("unknown")


def test_a_list_leaves_columns_out_rather_than_wrap() -> None:
    narrow = printed(calls_view.table([CALL], CLOCK, 75), 75)
    assert max(map(cells, narrow.splitlines())) <= 75
    assert "rtc_1" in narrow
    assert "+14255550112" in narrow
    assert printed(calls_view.table([CALL], CLOCK), 0) != narrow
    assert "rtc_1" in printed(calls_view.table([CALL], CLOCK, 10), 10)


def test_a_list_of_real_ids_fits_80_columns_with_ids_that_can_be_typed() -> None:
    ids = ("rtc_u1_9c6574da8b8a41a18da9308f4ad974ce", "rtc_u1_0123456789abcdef0123456789abcdef")
    first, second = printed(calls_view.table([{**CALL, "call_id": each} for each in ids], CLOCK, 80)).splitlines()[1:]
    assert max(map(cells, (first, second))) <= 80
    assert (first.split()[2], second.split()[2]) == ("rtc_u1_9c657", "rtc_u1_01234")
    assert "$0.0984" in first


def test_a_short_id_is_longer_where_it_would_be_ambiguous() -> None:
    ids = ["rtc_u1_9c6574da8b8a41a18da9308f4ad974ce", "rtc_u1_9c6574000000000000000000000000aa", "rtc_1"]
    assert calls_view.shortened(ids) == ["rtc_u1_9c6574d", "rtc_u1_9c65740", "rtc_1"]


# --- news ---

LIVE = {**CALL, "status": "live", "end_reason": None}


def whats(news: list[follow.News]) -> list[str]:
    return [piece.what for piece in news]


def test_news_come_once() -> None:
    follower = follow.Follower()
    assert whats(follower.news(LIVE, [a_turn()])) == ["begin", "entry"]
    assert follower.news(LIVE, [a_turn()]) == []
    assert whats(follower.news(LIVE, [a_turn(), a_run()])) == ["entry"]
    assert whats(follower.news(CALL, [a_turn(), a_run()])) == ["end"]
    assert follower.ended
    assert follower.news(CALL, [a_turn(), a_run()]) == []


def test_words_come_when_they_are_whole() -> None:
    follower = follow.Follower(begun=True)
    pending = a_turn(None, state="pending")
    assert follower.news(LIVE, [pending]) == []
    assert whats(follower.news(LIVE, [a_turn("Hello")])) == ["entry"]


def test_words_that_never_became_whole_come_at_the_end() -> None:
    follower = follow.Follower(begun=True)
    assert whats(follower.news(CALL, [a_turn(None, state="pending")])) == ["entry", "end"]


def test_what_changes_comes_again_and_says_so() -> None:
    follower = follow.Follower(begun=True)
    follower.news(LIVE, [a_turn(), a_run(outcome="running", output=None)])
    interrupted, finished = follower.news(LIVE, [a_turn(state="interrupted", heard_ms=100), a_run()])
    assert interrupted.changed
    assert finished.changed
    assert news_lines(interrupted) == ["  0:02.0  agent   Hello [interrupted after 100 ms] (changed)"]


def test_an_item_that_moved_is_no_news() -> None:
    follower = follow.Follower(begun=True)
    follower.news(LIVE, [{**a_turn(), "sk": "ITEM#5"}])
    assert follower.news(LIVE, [{**a_turn(), "sk": "ITEM#3", "moved_from": "ITEM#5"}]) == []


def test_news_name_their_call_where_there_are_several() -> None:
    begin, end = follow.News("begin", LIVE), follow.News("end", CALL)
    assert news_lines(begin, ShortNames()) == ["rtc_1  +14255550112 → +18005551212  live"]
    assert news_lines(end) == ["ended: caller_hung_up, 1 min 2 s, $0.0984"]


def test_a_long_id_is_shown_once_and_a_short_name_from_then_on() -> None:
    names, call = ShortNames(), {**LIVE, "call_id": "rtc_u1_9c6574da8b8a41a18da9308f4ad974ce"}
    other = {**LIVE, "call_id": "rtc_u1_9c6574da000000000000000000000000"}
    assert "rtc_u1_9c6574da8b8a41a18da9308f4ad974ce" in " ".join(news_lines(follow.News("begin", call), names))
    assert news_lines(follow.News("entry", call, a_turn()), names) == ["rtc_u1_9c657    0:02.0  agent   Hello"]
    assert news_lines(follow.News("entry", other, a_turn()), names) == ["rtc_u1_9c6574    0:02.0  agent   Hello"]


def test_news_as_json_have_the_shapes_of_show() -> None:
    assert follow.News("entry", LIVE, a_run()).as_json() == {
        "event": "entry",
        "call_id": "rtc_1",
        "item": shapes.item(a_run()),
    }
    assert follow.News("begin", LIVE).as_json()["call"] == shapes.listed(LIVE)


FOUND: dict[str, Any] = {
    "state": "done",
    "summary": "Robin misses\x1b[2J two boxes.",
    "outcome": "message taken",
    "fields": {"name": {"value": "Robin", "turn": 2, "item_id": "i"}, "boxes": {"value": None, "turn": None}},
    "model": "gpt-5.6-luna",
    "cost": 0.00104,
    "left_out": 3,
}


def test_what_was_found_out_about_a_call_is_shown_with_the_turns_that_say_it() -> None:
    lines = shown(analysis=FOUND).splitlines()

    assert "  outcome    message taken" in lines
    assert "  summary    Robin misses\\x1b[2J two boxes." in lines
    assert "  field      name: Robin (turn 2)" in lines
    assert "  field      boxes: not said" in lines
    assert any("gpt-5.6-luna" in line and "3 turns left out" in line for line in lines)


@pytest.mark.parametrize("state", ["waiting", "skipped", "failed"])
def test_a_call_without_an_analysis_says_why(state: str) -> None:
    assert f"  analysis   {state}: HTTP 429" in shown(analysis={"state": state, "reason": "HTTP 429"}).splitlines()


TOLD = {"crm__ended": {"event": "call.ended", "receiver": "crm", "state": "gone", "reason": "HTTP 410", "attempts": 1}}


@pytest.mark.parametrize(
    ("analysis", "words"),
    [
        (FOUND, ["message taken", "Robin (turn 2)", "not said", "3 turns left out"]),
        ({"state": "waiting", "reason": "HTTP 429", "model": "gpt-5.6-luna"}, ["waiting", "HTTP 429"]),
        ({"state": "skipped", "reason": "shorter than 5 s"}, ["skipped", "shorter than 5 s"]),
        (None, []),
    ],
)
def test_a_call_page_of_the_console_has_the_analysis_and_the_webhooks(
    analysis: dict[str, Any] | None, words: list[str]
) -> None:
    call = shapes.whole({**CALL, "analysis": analysis, "deliveries": TOLD}, [])
    page = (
        templating.environment()
        .get_template("call.html")
        .render(call=call, answered=NOON, refresh=None, now=NOON, page="calls", source="here")
    )

    assert [word for word in words if word not in page] == []
    assert ("<h2>Analysis</h2>" in page) is (analysis is not None)
    assert "gone: HTTP 410 (attempt 1)" in page
