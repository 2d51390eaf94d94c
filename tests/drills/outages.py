"""Drills in which the record is away, slow or forgetful, or monitors stand still: what was heard is kept."""

import os
import signal
import time
from collections.abc import Sequence

from tests.drills.compare import GAP_SLACK, Flaw, Lived
from tests.drills.ground import Ground
from tests.drills.ownership import all_flaws, ground_pace, lost_in_gaps, ring, words_and_effects
from tests.drills.report import Sheet, Size
from tests.drills.talk import chat


def away(ground: Ground, size: Size, sheet: Sheet) -> None:
    """The table refuses everything for longer than a lease, under live calls."""
    pace = ground_pace(ground, size)
    seconds = 7.0 if size.short else 20.0
    script = chat(90 if size.short else 60, terse=size.short)
    ground.fresh_monitors(2)
    ids = ring(ground, size, script)
    ground.aws_faults(1.0, seconds, services=["dynamodb"], lost=0.0)
    calls = ground.lived(ids, ended_within=150, closed_within=60)
    kept(sheet, calls, all_flaws(calls, script, pace))


def throttled(ground: Ground, size: Size, sheet: Sheet) -> None:
    """The table takes five requests a second from everybody together."""
    pace = ground_pace(ground, size)
    seconds = 10.0 if size.short else 60.0
    script = chat(90 if size.short else 100, terse=size.short)
    ground.fresh_monitors(2)
    ids = ring(ground, size, script)
    ground.aws_faults(0.0, seconds, services=["dynamodb"], per_second=5)
    calls = ground.lived(ids, ended_within=200, closed_within=90)
    kept(sheet, calls, all_flaws(calls, script, pace))


def forgetful(ground: Ground, size: Size, sheet: Sheet) -> None:
    """Of 35 in 100 writes the answer is lost, after they were done."""
    pace = ground_pace(ground, size, 0.3)
    seconds = 12.0 if size.short else 60.0
    script = chat(28 if size.short else 50, terse=size.short)
    ground.fresh_monitors(2)
    ground.aws_faults(0.35, seconds, services=["dynamodb"], lost=1.0)
    ids = ground.ring_all([script] * size.calls, over=seconds / 3)
    calls = ground.lived(ids, ended_within=150, closed_within=60)
    happened = ground.aws_faults()
    sheet.note("answers lost", sum(happened.values()), sum(happened.values()) > 0)
    flaws = all_flaws(calls, script, pace)
    kept(sheet, calls, flaws)
    unknown = [i for call in calls for i in call.record.items if i["kind"] == "tool" and i["outcome"] == "unknown"]
    sheet.note("0 tools of which it is not known whether they ran", len(unknown), not unknown)


def stopped(ground: Ground, size: Size, sheet: Sheet) -> None:
    """Monitors are stopped for longer than their lease, and continued, in turn."""
    pace = ground_pace(ground, size)
    still = 5.0 if size.short else 15.0
    script = chat(110, terse=size.short)
    monitors = ground.fresh_monitors(2)
    ids = ring(ground, size, script)
    for index in monitors:
        os.kill(ground.monitors[index].pid, signal.SIGSTOP)
        time.sleep(still)
        os.kill(ground.monitors[index].pid, signal.SIGCONT)
        time.sleep(1.0)
    calls = ground.lived(ids, ended_within=150, closed_within=60)
    kept(sheet, calls, all_flaws(calls, script, pace))


def kept(sheet: Sheet, calls: Sequence[Lived], flaws: Sequence[Flaw]) -> None:
    """What must hold whatever the record did."""
    sheet.none("calls dropped", flaws, "dropped", "wrong end")
    words_and_effects(sheet, flaws)
    sheet.note("(words lost in gaps, of all turns)", lost_in_gaps(calls, flaws), True)
    understated = [call.call_id for call in calls if is_understated(call)]
    sheet.note("0 gaps shorter than the truth", len(understated), not understated)
    sheet.remarks += understated[:5]


def is_understated(call: Lived) -> bool:
    """Whether nobody was attached for longer than the record says."""
    closed_at = float(call.known["ended"]["at"]) if call.known["ended"] else float("inf")
    until = 0.0
    for opened, closed in sorted(call.attached):
        nobody = (until, opened)
        if until and nobody[1] - nobody[0] > GAP_SLACK and nobody[1] < closed_at:
            covered = any(a <= nobody[0] + GAP_SLACK and b >= nobody[1] - GAP_SLACK for a, b in call.gaps)
            if not covered:
                return True
        until = max(until, closed)
    return False
