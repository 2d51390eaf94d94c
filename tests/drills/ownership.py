"""Drills in which monitors go away under live calls: killed, replaced, drained, or all dead."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from infra.emulator.client import CALLED
from tests.drills.compare import GAP_SLACK, Flaw, Lived, count, flaws_of
from tests.drills.ground import Ground
from tests.drills.report import Sheet, Size
from tests.drills.talk import Script, chat, endless

TAKE_OVER_SECONDS = 20.0  # invariant I7: kill -9
HAND_OVER_SECONDS = 1.0  # invariant I7: SIGTERM
UNHEARD_SECONDS = 2.0  # a hand-over, and the time to attach
DRAIN_SECONDS = 120.0  # what ECS gives a task between SIGTERM and SIGKILL
BRIEF = "+18005550101"
BRIEF_CAP = 12.0  # agents/brief.yaml
RINGS_A_SECOND = 8.0  # more is more than a stand-in of AWS on one core takes


def kill(ground: Ground, size: Size, sheet: Sheet) -> None:
    """`kill -9` one of two monitors under live calls."""
    pace = ground_pace(ground, size)
    script = chat(28 if size.short else 72, terse=size.short)
    (victim, _) = ground.fresh_monitors(2)
    ids = ring(ground, size, script)
    owned = {i for i in ids if ground.records.get(i).call.get("owner") == ground.owner(victim)}
    killed_at = time.time()
    ground.kill_monitor(victim)
    calls = ground.lived(ids, ended_within=120)
    flaws = all_flaws(calls, script, pace)
    orphans = [call for call in calls if call.call_id in owned]
    sheet.note("the victim had calls", f"{len(owned)} of {len(ids)}", bool(owned))
    sheet.none("calls dropped", flaws, "dropped", "wrong end")
    taken = [min((o for o, _ in call.attached if o > killed_at), default=float("inf")) for call in orphans]
    sheet.at_most("taken over", [at - killed_at for at in taken], TAKE_OVER_SECONDS)
    words_and_effects(sheet, flaws)
    sheet.note("(words lost in gaps, of all turns)", lost_in_gaps(calls, flaws), True)
    sheet.all_of("of them have the gap in the record", sum(bool(call.gaps) for call in orphans), len(orphans))
    sheet.all_of("others have none", sum(not c.gaps for c in calls if c.call_id not in owned), len(ids) - len(owned))


def rolling(ground: Ground, size: Size, sheet: Sheet) -> None:
    """A deployment: each of two monitors is replaced, twice."""
    calls, flaws = deployed(ground, size, sheet)
    # In the short form, which runs beside other tests, an offer may take too long; half of them do not.
    whole, least = sum(not call.gaps for call in calls), len(calls) // 2 if size.short else len(calls)
    sheet.note(f"calls without a gap >= {least}", f"{whole} of {len(calls)}", whole >= least)
    sheet.at_most("nobody listening", all_pauses(calls), HAND_OVER_SECONDS, 0.99)
    words_and_effects(sheet, flaws, "lost in a gap")


def one_sideband(ground: Ground, size: Size, sheet: Sheet) -> None:
    """The same deployment where a session has room for one sideband only: the next owner cannot listen ahead."""
    ground.emulator.settings(max_attachments=1)
    try:
        calls, flaws = deployed(ground, size, sheet, 44)  # the first offers are waited for in vain
    finally:
        ground.emulator.settings(max_attachments=None)
    moved = [call for call in calls if len(call.attached) > 1]
    sheet.at_most("nobody listening", all_pauses(calls), UNHEARD_SECONDS, 0.99)
    words_and_effects(sheet, flaws)
    sheet.note("(words lost in gaps, of all turns)", lost_in_gaps(calls, flaws), True)
    sheet.all_of("that moved have each gap in the record", sum(has_its_gaps(call) for call in moved), len(moved))
    sheet.remarks += [f"{call.call_id}: {call.attached} {call.gaps}" for call in moved if not has_its_gaps(call)]


def deployed(ground: Ground, size: Size, sheet: Sheet, short: int = 34) -> tuple[list[Lived], list[Flaw]]:
    """Replace each of two monitors, twice, and check what must hold whatever the session has room for.

    `short`: seconds of a call at pace 1 in the short form.
    """
    pace = ground_pace(ground, size, 0.5)
    lasts = short if size.short else 115
    # Some end while monitors go, so that a goodbye falls into a hand-over; the longest outlive it.
    scripts = [chat(lasts * share, terse=size.short) for share in (1, 0.8, 0.6, 1)]
    scripts = [scripts[number % len(scripts)] for number in range(size.calls)]
    old = ground.fresh_monitors(2)
    first, statuses = old[0], []
    ids = ring(ground, size, scripts)
    for _ in range(2):
        for place, index in enumerate(old):
            ground.add_monitor()
            old[place] = len(ground.monitors) - 1
            statuses.append(ground.stop_monitor(index))
    alive = sum(call["state"] == "live" for call in ground.shown(ids))
    calls = ground.lived(ids, ended_within=180)
    flaws = [flaw for call, script in zip(calls, scripts, strict=True) for flaw in flaws_of(call, script, pace=pace)]
    moved = sum(len(call.attached) > 1 for call in calls)
    sheet.note("every monitor exits with 0", statuses, set(statuses) == {0})
    # How long it all takes is the machine's affair: in the short form it is enough that calls moved.
    seen = moved > 0 and (size.short or alive > 0)
    sheet.note("calls that lived through it all", f"{alive} of {len(ids)}, {moved} moved", seen)
    sheet.none("calls dropped", flaws, "dropped", "wrong end")
    handed_over = [milliseconds / 1000 for milliseconds in ground.metric("WithoutOwnerMs", first)]
    sheet.at_most("from release to the next owner", handed_over, HAND_OVER_SECONDS, 0.99)
    return calls, flaws


def drain(ground: Ground, size: Size, sheet: Sheet) -> None:
    """SIGTERM to the one monitor that has all the calls."""
    ground_pace(ground, size)
    (only,) = ground.fresh_monitors(1)
    ids = ring(ground, size, endless())
    ground.add_monitor()
    started = time.monotonic()
    status = ground.stop_monitor(only)
    took = time.monotonic() - started
    deadline = time.monotonic() + 30
    while any(len(call["attachments"]) < 2 for call in ground.shown(ids)) and time.monotonic() < deadline:
        time.sleep(0.5)
    known = ground.shown(ids)
    successor = ground.owner(len(ground.monitors) - 1)
    owned = sum(ground.records.get(call_id).call.get("owner") == successor for call_id in ids)
    calls = [Lived(each, ground.records.get(each["call_id"]), {}) for each in known]
    sheet.note("exits with 0", status, status == 0)
    sheet.at_most("drained", [took], DRAIN_SECONDS / 2)
    sheet.all_of("calls still live", sum(each["state"] == "live" for each in known), len(ids))
    sheet.all_of("calls have the next owner", owned, len(ids))
    sheet.at_most("nobody listening", all_pauses(calls), 20.0)
    sheet.none("doubled effects", [f for call in calls for f in flaws_of(call)], "doubled effects")
    ground.fresh_monitors(0)


def all_dead(ground: Ground, size: Size, sheet: Sheet) -> None:
    """Every monitor dies and none comes back; the sweeper alone is left, twice at the same time."""
    ground_pace(ground, size)
    ground.fresh_monitors(2)
    ids = ring(ground, size, endless(), called=BRIEF)
    ground.fresh_monitors(0)
    deadline = time.monotonic() + 90
    while any(call["state"] == "live" for call in ground.shown(ids)) and time.monotonic() < deadline:
        with ThreadPoolExecutor(2) as twice:
            list(twice.map(lambda _: ground.run_sweeper(), range(2)))
        time.sleep(0.5)
    calls = ground.lived(ids, ended_within=0.1, closed_within=5)
    flaws = [flaw for call in calls for flaw in flaws_of(call, reason="supervision_lost")]
    lasted = [
        call.known["ended"]["at"] - float(call.record.call["steps"]["accepted"])
        for call in calls
        if call.known["ended"]
    ]
    sheet.none("left open at OpenAI", flaws, "left open")
    sheet.none("records not closed, or with another reason", flaws, "not closed", "wrong end")
    sheet.note(
        f"none hung up before its cap of {BRIEF_CAP:g} s",
        f"{min(lasted, default=0):.1f} s",
        min(lasted, default=0) >= BRIEF_CAP - 0.5,
    )
    sheet.none("doubled effects", flaws, "doubled effects")


# --- what they share ---


def ground_pace(ground: Ground, size: Size, short: float = 0.2) -> float:
    """Short forms talk faster. Not much faster where a pause of half a second must not swallow two turns."""
    pace = short if size.short else 1.0
    ground.emulator.settings(pace=pace)
    return pace


def ring(ground: Ground, size: Size, script: Script | Sequence[Script], *, called: str = CALLED) -> list[str]:
    """Ring with as many calls as the drill has, all with one script or each with its own, until each was greeted."""
    scripts = script if isinstance(script, Sequence) else [script] * size.calls
    ids = ground.ring_all(scripts, over=size.calls / RINGS_A_SECOND, called=called)
    ground.wait_for_greetings(ids, 60)
    return ids


def all_flaws(calls: Sequence[Lived], script: Script, pace: float) -> list[Flaw]:
    return [flaw for call in calls for flaw in flaws_of(call, script, pace=pace)]


def pauses_of(call: Lived) -> list[float]:
    """How long nobody was attached, each time that the call went from one owner to the next."""
    return [max(0.0, after[0] - before[1]) for before, after in zip(call.attached, call.attached[1:], strict=False)]


def all_pauses(calls: Sequence[Lived]) -> list[float]:
    return [pause for call in calls for pause in pauses_of(call)]


def has_its_gaps(call: Lived) -> bool:
    """Whether each time that nobody was attached lies in a gap of the record: gaps in a row may be one."""
    changes = zip(call.attached, call.attached[1:], strict=False)
    unheard = [(before[1], after[0]) for before, after in changes if after[0] > before[1]]
    return all(any(a <= since + GAP_SLACK and until <= b + GAP_SLACK for a, b in call.gaps) for since, until in unheard)


def lost_in_gaps(calls: Sequence[Lived], flaws: Sequence[Flaw]) -> str:
    return f"{count(flaws, 'lost in a gap')} of {sum(len(call.known['spoken']) for call in calls)}"


def words_and_effects(sheet: Sheet, flaws: Sequence[Flaw], *more: str) -> None:
    """What no change of owners may do to a call."""
    sheet.none("words lost" + ("" if more else " outside the gap"), flaws, "lost words", *more)
    sheet.none("words doubled or out of order", flaws, "doubled words", "order")
    sheet.none("effects doubled or lost", flaws, "doubled effects", "lost effects", "unasked words")
    sheet.none("goodbyes cut short", flaws, "cut goodbye")
    sheet.none("left open at OpenAI or in the record", flaws, "left open", "not closed")
