"""Drills in which the neighbours misbehave: webhooks repeat, sidebands break, AWS and OpenAI fail, one call floods."""

import time
from collections.abc import Sequence
from typing import Any

from infra.emulator.client import Control
from tests.drills.compare import Flaw, Lived, flaws_of
from tests.drills.ground import Ground
from tests.drills.ownership import RINGS_A_SECOND, ground_pace, words_and_effects
from tests.drills.report import Sheet, Size
from tests.drills.talk import GREETING, Lines, Script, chat, exchange, goodbye, script

DECLINED = "+19005550{:03}"
RECORDED_SECONDS = 0.5  # from an event to the record


def storm(ground: Ground, size: Size, sheet: Sheet) -> None:
    """Every webhook is delivered one to five times, at once or out of order; every fifth call is declined."""
    ground_pace(ground, size, 0.5)
    ground.fresh_monitors(2)
    short = script([{"agent": GREETING}, {"hang_up": "caller"}])

    def faults(number: int) -> dict[str, Any]:
        webhook = {"duplicates": number % 5, "reorder": number % 7 == 0, "two_signatures": number % 11 == 0}
        return {"webhook": webhook, "ring_limit_s": 55}

    def caller(number: int) -> str:
        return DECLINED.format(number % 1000) if number % 5 == 4 else f"+1425555{number:04}"

    ids = ground.ring_all([short] * size.calls, over=size.calls / RINGS_A_SECOND, faults=faults, caller=caller)
    calls = ground.lived(ids, ended_within=90)
    decisions = [call.asked("accept", done=True) + call.asked("reject", done=True) for call in calls]
    asked = [call.asked("accept") + call.asked("reject") for call in calls]
    declined = [call for number, call in enumerate(calls) if number % 5 == 4]
    statuses = {call.record.status for call in calls}
    unanswered = sum(max(a.get("status", 0) for a in call.known["webhooks"]) < 200 for call in calls)
    sheet.note("deliveries", sum(len(call.known["webhooks"]) for call in calls), True)
    sheet.all_of("calls decided once", sum(n == 1 for n in decisions), len(ids))
    # A delivery without an answer in time, as on a busy machine, comes again, and may have asked already.
    again = [n for n, call in zip(asked, calls, strict=True) if n != 1 and (not size.short or is_answered(call))]
    sheet.note("0 calls accepted or rejected twice, or asked to be", f"{len(again)} of {len(ids)}", not again)
    sheet.all_of("declined callers rejected", sum(c.asked("reject", done=True) == 1 for c in declined), len(declined))
    sheet.all_of(
        "others owned by one monitor, once",
        sum(c.record.call.get("epoch") == 1 for c in calls),
        len(ids) - len(declined),
    )
    sheet.none("effects doubled", [f for c in calls for f in flaws_of(c)], "doubled effects")
    sheet.note("every record is closed", sorted(statuses), statuses <= {"ended", "rejected"})
    if size.short:  # which does not wait for the last attempts
        sheet.note("(calls without an answered delivery)", unanswered, True)
    else:
        sheet.note("every delivery is answered in the end", f"{unanswered} were not", unanswered == 0)


def is_answered(call: Lived) -> bool:
    """Whether every delivery of a call had its answer in time."""
    return all(attempt.get("status", 0) >= 200 for attempt in call.known["webhooks"])


# --- the sideband ---

Trouble = tuple[str, Lines, dict[str, Any]]
"""A name, lines put into the middle of the call, faults of the call."""

TROUBLES: tuple[Trouble, ...] = (
    ("closed with 1001", [{"drop": {"code": 1001}}], {}),
    ("closed with 1000", [{"drop": {"code": 1000}}], {}),
    ("closed without a frame", [{"drop": {}}], {}),
    ("frozen for 3 s", [{"freeze": 3}], {}),
    ("slow frames", [], {"sideband": {"slow_frames_ms": 4}}),
    ("cut after 60 events, three times", [], {"sideband": {"close": {"after_events": 60, "times": 3}}}),
    ("transcripts 4 s late", [], {"transcription": {"late_ms": 4000}}),
    ("transcripts before the answer", [{"drop": {}}], {"transcription": "before"}),
    (
        "refused at first, and no session.created",
        [],
        {"sideband": {"refuse": {"times": 3}, "no_session_created": True}},
    ),
    ("garbage, then closed twice", [{"raw": "{no json"}, {"drop": {}}, *exchange(90), {"drop": {"code": 1001}}], {}),
)


def chaos(ground: Ground, size: Size, sheet: Sheet) -> None:
    """Every way in which a sideband is known to break, on living calls."""
    pace = ground_pace(ground, size, 0.4)
    ground.fresh_monitors(2)
    scripts = [troubled(TROUBLES[number % len(TROUBLES)][1]) for number in range(size.calls)]
    ids = ground.ring_all(
        scripts, over=size.calls / RINGS_A_SECOND, faults=lambda number: TROUBLES[number % len(TROUBLES)][2]
    )
    calls = ground.lived(ids, ended_within=120)
    flaws = [f for call, said in zip(calls, scripts, strict=True) for f in flaws_of(call, said, pace=pace)]
    for number, (name, _, _) in enumerate(TROUBLES):
        these = {call.call_id for call in calls[number :: len(TROUBLES)]}
        bad = [flaw for flaw in flaws if flaw.call_id in these]
        sheet.all_of(f"whole: {name}", len(these) - len({flaw.call_id for flaw in bad}), len(these))
    sheet.none("calls dropped", flaws, "dropped", "wrong end")
    words_and_effects(sheet, flaws, "lost in a gap")


def troubled(trouble: Lines) -> Script:
    lines: Lines = [{"agent": GREETING}, *exchange(1), *exchange(2), *trouble, *exchange(3), *exchange(4), *goodbye()]
    return script(lines)


# --- AWS ---


def aws(ground: Ground, size: Size, sheet: Sheet) -> None:
    """One in ten requests to DynamoDB and SQS fails, some of them after their work was done."""
    pace = ground_pace(ground, size, 0.3)
    seconds = 12.0 if size.short else 60.0
    ground.fresh_monitors(2)
    talk = chat(28 if size.short else 50, terse=size.short)
    ground.aws_faults(0.1, seconds)
    started = time.monotonic()
    ids = ground.ring_all([talk] * size.calls, over=seconds / 3)
    time.sleep(max(0.0, seconds - (time.monotonic() - started)))
    happened = ground.aws_faults()
    calls = ground.lived(ids, ended_within=120, closed_within=60)
    flaws = [flaw for call in calls for flaw in flaws_of(call, talk, pace=pace)]
    lost = sum(count for what, count in happened.items() if "lost" in what)
    sheet.note(
        "requests failed", f"{sum(happened.values())}, {lost} of them done all the same", sum(happened.values()) > 0
    )
    sheet.none("calls dropped", flaws, "dropped", "wrong end")
    words_and_effects(sheet, flaws, "lost in a gap")


# --- OpenAI's call control ---

Case = tuple[str, dict[str, Any], str, str | None]
"""A name, faults, and the status and the end reason that the record must come to."""

CASES: tuple[Case, ...] = (
    (
        "accept: 404 after 5 s",
        {"gone_before_accept": True, "accept": {"status": 404, "delay_s": 5}},
        "missed",
        "caller_gone_before_accept",
    ),
    ("accept: 429 twice", {"accept": {"status": 429, "times": 2}}, "ended", "agent_hung_up"),
    ("accept: 500 twice", {"accept": {"status": 500, "times": 2}}, "ended", "agent_hung_up"),
    (
        "accept: 500, done all the same",
        {"accept": {"status": 500, "times": 1, "effect": True}},
        "ended",
        "agent_hung_up",
    ),
    ("accept: refused", {"accept": {"status": 400}}, "failed", "accept_failed"),
    ("accept: no answer, but done", {"accept": {"hang": True, "effect": True, "times": 1}}, "ended", "agent_hung_up"),
    ("accept: 200 but dead", {"accept": {"body": "200-but-dead"}}, "failed", "never_connected"),
    (
        "accept: 500 until it rang out",
        {"accept": {"status": 500, "times": 8}, "ring_limit_s": 4},
        "failed",
        "never_connected",  # a 500 may have accepted: the sideband is asked, and there is no session
    ),
    (
        "hang-up: 404 after 5 s",
        {"hangup": {"status": 404, "delay_s": 5, "effect": True, "times": 1}},
        "ended",
        "agent_hung_up",
    ),
    ("hang-up: 429 twice", {"hangup": {"status": 429, "times": 2}}, "ended", "agent_hung_up"),
    ("hang-up: 500 six times", {"hangup": {"status": 500, "times": 6}}, "ended", "agent_hung_up"),
    ("hang-up: no answer", {"hangup": {"hang": True, "times": 1}}, "ended", "agent_hung_up"),
    ("hang-up: 200 and no effect", {"hangup": {"body": "no-effect", "times": 1}}, "ended", "agent_hung_up"),
    ("caller gone, accepted all the same", {"gone_before_accept": True}, "missed", "caller_gone_before_accept"),
)


def openai(ground: Ground, size: Size, sheet: Sheet) -> None:
    """Everything that accept and hang-up are known to answer."""
    ground_pace(ground, size, 0.2)
    ground.fresh_monitors(2)
    talk = script([{"agent": GREETING}, *exchange(1), *goodbye()])
    ids = ground.ring_all([talk] * size.calls, over=3.0, faults=lambda number: CASES[number % len(CASES)][1])
    calls = ground.lived(ids, ended_within=40)
    flaws: list[Flaw] = []
    for number, (name, _, status, reason) in enumerate(CASES):
        these = calls[number :: len(CASES)]
        found = [(call.record.status, call.record.call.get("end_reason")) for call in these]
        told = ", ".join(sorted({f"{s} {r}" for s, r in found}))
        sheet.note(f"{name}: {status} {reason}", told, set(found) <= {(status, reason)})
        flaws += [flaw for call in these for flaw in flaws_of(call, reason=reason or "")]
    sheet.none("left open at OpenAI", flaws, "left open")
    doubled = [flaw for flaw in flaws if "hangup" not in flaw.what]  # asking again until it is true is right
    sheet.none("effects doubled", doubled, "doubled effects")


# --- one noisy call ---


def flood(ground: Ground, size: Size, sheet: Sheet) -> None:
    """One call with 2,000 events a second and a frame of 2 MB, beside normal ones."""
    pace = ground_pace(ground, size, 0.5)
    ground.fresh_monitors(1)
    seconds = 3.0 if size.short else 20.0
    talk = chat(seconds / pace, terse=size.short)
    noise: Lines = [
        {"flood": {"events_per_s": 2000, "seconds": seconds}},
        {"raw": {"type": "response.output_audio.delta", "delta": ""}, "bytes": 2 << 20},
    ]
    noisy = script([{"agent": GREETING}, *exchange(1), *noise, *exchange(2), *goodbye()])
    ground.note_writes()
    quiet = ground.lived(ground.ring_all([talk] * size.calls, over=2), ended_within=90)
    before = lags_of(quiet, ground.note_writes())
    (loud,) = ground.ring_all([noisy], over=0)
    ground.ask(lambda control: until_noisy(control, loud))
    ids = ground.ring_all([talk] * size.calls, over=2)
    beside = ground.lived(ids, ended_within=90)
    during = lags_of(beside, ground.note_writes())
    (shouter,) = ground.lived([loud], ended_within=60)
    sheet.note("events of the flood", shouter.known["events_sent"], shouter.known["events_sent"] > 1000 * seconds)
    sheet.at_most("event to record, without the flood", before, RECORDED_SECONDS, 0.99)
    sheet.at_most("event to record, beside it", during, RECORDED_SECONDS, 0.99)
    flaws = [flaw for call in beside for flaw in flaws_of(call, talk, pace=pace)]
    flaws += flaws_of(shouter, noisy, pace=pace)
    sheet.none("calls dropped", flaws, "dropped", "wrong end")
    words_and_effects(sheet, flaws, "lost in a gap")


async def until_noisy(control: Control, call_id: str) -> None:
    await control.until(call_id, lambda call: call["events_sent"] > 1000, 30)


def lags_of(calls: Sequence[Lived], written: dict[str, float]) -> list[float]:
    """Seconds from when the emulator had said a caller's turn's words, as events, until the record had taken them.

    The emulator notes when the session began to hear or say a turn. The record's own times are the monitor's, so what
    is taken here is from the monitor's reading of a turn's last event to the stand-in's having written it, plus how
    late the monitor read the turn's first.
    """
    lags = []
    for call in calls:
        began = {turn["item_id"]: turn["at"] for turn in call.known["spoken"]}
        for turn in call.turns:
            if turn["item_id"] in written and turn["ended_at"] is not None and turn["role"] == "agent":
                read_late = max(0.0, float(turn["started_at"]) - began[turn["item_id"]])
                lags.append(read_late + written[turn["item_id"]] - float(turn["ended_at"]))
    return lags
