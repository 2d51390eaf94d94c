"""Drills in which a monitor seems well, and its log, its receipts, its tools or its sidebands are not."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from typing import Any

from infra.emulator.client import CALLED, Control
from infra.local.host import module
from infra.local.template import FUNCTIONS
from ringside.monitor.attachment import MAX_FUTILE
from tests.drills.compare import GAP_SLACK, Lived, flaws_of
from tests.drills.ground import Ground
from tests.drills.ownership import TAKE_OVER_SECONDS, all_flaws, ground_pace, lost_in_gaps, ring, words_and_effects
from tests.drills.report import Sheet, Size
from tests.drills.talk import GREETING, chat, endless, exchange, goodbye, script

SPOILING = "+18005550102"  # agents/spoiling.yaml
STOP_SECONDS = 30.0


def lease_of(ground: Ground) -> float:
    return float(ground.component_environment("Monitor")["RINGSIDE_LEASE"])


# --- receipts ---


def receipts(ground: Ground, size: Size, sheet: Sheet) -> None:
    """SQS no longer honours the receipts of a monitor that is full, and so polls no more."""
    ground_pace(ground, size)
    lease = lease_of(ground)
    ground.fresh_monitors(0)
    ground.add_monitor({"RINGSIDE_MAX_CALLS": str(size.calls)})
    ids = ring(ground, size, endless())
    ground.add_monitor()
    ground.forget_receipts(2.5 * lease)
    time.sleep(4.5 * lease)
    before = ground.forget_receipts()
    time.sleep(2.5 * lease)
    after = ground.forget_receipts()
    ground.ask(partial(hang_up, ids=ids))
    calls = ground.lived(ids, ended_within=30)
    again = [call_id for call_id in ids if before.get(call_id, 0) > 1]
    sheet.all_of("messages came to the other monitor", len(again), len(ids))
    later = sum(after.get(call_id, 0) - before.get(call_id, 0) for call_id in ids)
    sheet.note("0 received again when it was over", later, later == 0)
    sheet.all_of("calls kept their owner", sum(call.record.call.get("epoch") == 1 for call in calls), len(ids))
    flaws = [flaw for call in calls for flaw in flaws_of(call, reason="caller_hung_up")]
    sheet.none("calls dropped", flaws, "dropped", "wrong end")
    words_and_effects(sheet, flaws, "lost in a gap")


async def hang_up(control: Control, ids: Sequence[str]) -> None:
    for call_id in ids:
        await control.hang_up(call_id)


# --- sidebands ---


def at_once(ground: Ground, size: Size, sheet: Sheet) -> None:
    """Sidebands that close as soon as they are open: of half of the calls a few, and of the others all."""
    pace = ground_pace(ground, size, 0.4)
    ground.fresh_monitors(2)
    talk = script([{"agent": GREETING}, *exchange(1), *exchange(2), *goodbye()])
    closing = [{"after_events": 1, "times": 4}, {"after_events": 1, "times": 10_000}]
    ids = ground.ring_all(
        [talk] * size.calls, over=2.0, faults=lambda number: {"sideband": {"close": closing[number % 2]}}
    )
    calls = ground.lived(ids, ended_within=150, closed_within=60)
    some, hopeless = calls[::2], calls[1::2]
    flaws = all_flaws(some, talk, pace)
    sheet.none("calls dropped of those whose sideband came to stay", flaws, "dropped", "wrong end")
    words_and_effects(sheet, flaws)
    given_up = [flaw for call in hopeless for flaw in flaws_of(call, reason="never_connected")]  # never greeted
    sheet.none("left open, or given up without a word", given_up, "left open", "not closed", "wrong end")
    attached = max(len(call.attached) for call in calls)
    sheet.note(f"sidebands of a call <= {MAX_FUTILE}", attached, attached <= MAX_FUTILE)
    gaps = max(len(call.gaps) for call in calls)
    sheet.note("gaps of a call <= 2", gaps, gaps <= 2)


# --- tools ---


def tools(ground: Ground, size: Size, sheet: Sheet) -> None:
    """Every fourth call has tools that hang, spin, hold the interpreter, block the async ones, or end their process."""
    pace = ground_pace(ground, size, 0.4)
    (only,) = ground.fresh_monitors(1)
    names = ("hang", "spin", "hold", "block", "end")
    spoiling = script(
        [
            {"agent": GREETING},
            *(line for name in names for line in (
                {"caller": f"Please {name} now."},
                {"agent": f"I will {name}.", "tool": {"name": name, "arguments": {}}},
                {"agent": f"That was {name}."},
            )),
            *goodbye(),
        ]
    )  # fmt: skip
    talk = chat(40 / pace if size.short else 60, terse=size.short)
    others = ground.ring_all([talk] * (size.calls - size.calls // 4), over=2.0)
    spoilers = ground.ring_all([spoiling] * (size.calls // 4), over=2.0, called=SPOILING)
    calls = ground.lived(others, ended_within=180)
    spoilt = ground.lived(spoilers, ended_within=120)
    flaws = all_flaws(calls, talk, pace)
    sheet.none("calls dropped", flaws, "dropped", "wrong end")
    words_and_effects(sheet, flaws, "lost in a gap")
    kept = sum(call.record.call.get("epoch") == 1 for call in [*calls, *spoilt])
    sheet.all_of("calls kept their owner", kept, size.calls)
    sheet.all_of("calls with such tools ended well", sum(c.record.status == "ended" for c in spoilt), len(spoilt))
    outcomes = [i["outcome"] for c in spoilt for i in c.record.items if i["kind"] == "tool" and i["name"] in names]
    sheet.note("every such tool has its outcome", sorted(set(outcomes)), set(outcomes) <= {"timeout", "unknown"})
    named = {json.loads(line)["tool"] for line in ground.monitors[only].lines if "tool_worker.replaced" in line}
    sheet.note(
        "the log names a tool that would not end, and whose process was replaced", sorted(named), "hang" in named
    )
    replaced = sum(ground.metric("ToolWorkersReplaced", only))
    sheet.note("processes of tools replaced", f"{replaced:g}", replaced > 0)


# --- logs ---


@contextmanager
def sink(kind: str) -> Iterator[int]:
    """Where a log goes that cannot be written: a full disk, a pipe without a reader, a pipe that nobody empties."""
    with ExitStack() as stack:
        if kind == "full":
            yield stack.enter_context(open("/dev/full", "wb", buffering=0)).fileno()
            return
        reading, writing = os.pipe()
        stack.callback(os.close, writing)
        if kind == "closed":
            os.close(reading)
        else:
            stack.callback(os.close, reading)
            os.set_blocking(writing, False)
            with suppress(BlockingIOError):
                while True:
                    os.write(writing, b"x" * 4096)
            os.set_blocking(writing, True)
        yield writing


def logs(ground: Ground, size: Size, sheet: Sheet) -> None:
    """The monitor's log is full, closed or not read, from its first line on."""
    pace = ground_pace(ground, size)
    talk = chat(28 if size.short else 72, terse=size.short)
    for kind in ("full", "closed", "unread"):
        ground.fresh_monitors(0)
        with sink(kind) as output:
            environment = {**ground.component_environment("Monitor"), "PYTHONPATH": str(FUNCTIONS)}
            monitor = subprocess.Popen(
                module("monitor"), cwd=FUNCTIONS, env=environment, stdout=output, stderr=subprocess.DEVNULL
            )
            try:
                ids = ring(ground, size, talk)
                calls = ground.lived(ids, ended_within=120)
                alive = monitor.poll() is None
                began = time.monotonic()
                monitor.send_signal(signal.SIGTERM)
                with suppress(subprocess.TimeoutExpired):
                    monitor.wait(STOP_SECONDS)
                took, status = time.monotonic() - began, monitor.poll()
            finally:
                monitor.kill()
                monitor.wait()
        flaws = all_flaws(calls, talk, pace)
        bad = [flaw for flaw in flaws if flaw.kind != "order"]
        sheet.note(f"{kind}: the monitor lives", alive, alive)
        sheet.all_of(f"{kind}: calls whole", len(calls) - len({flaw.call_id for flaw in bad}), len(calls))
        sheet.note(f"{kind}: stops with 0 within {STOP_SECONDS:g} s", f"{status} after {took:.1f} s", status == 0)
        sheet.remarks += [f"{flaw.kind}: {flaw.call_id}: {flaw.what}" for flaw in bad[:3]]


# --- a death in the first moments of a call ---


def young(ground: Ground, size: Size, sheet: Sheet) -> None:
    """`kill -9` of the only monitor at moments of the first 200 ms after its call was accepted."""
    pace = ground_pace(ground, size)
    ground.fresh_monitors(1)
    talk = chat(80 if size.short else 60, terse=size.short)
    ids, taken = list[str](), list[float]()
    for number in range(size.calls):
        ids.append(ground.emulator.ring(talk, called=CALLED))
        ground.wait_for([ids[-1]], ("accepted", "live"), 10)
        time.sleep(0.2 * number / size.calls)
        ground.kill_monitor(len(ground.monitors) - 1)
        ground.add_monitor()
        taken.append(time.time())
    calls = ground.lived(ids, ended_within=150)
    flaws = all_flaws(calls, talk, pace)
    sheet.none("calls dropped", flaws, "dropped", "wrong end")
    words_and_effects(sheet, flaws)
    sheet.note("(words lost in gaps, of all turns)", lost_in_gaps(calls, flaws), True)
    waits = [first_after(call, at) for call, at in zip(calls, taken, strict=True)]
    sheet.at_most("from the next monitor to its sideband", waits, TAKE_OVER_SECONDS)


def first_after(call: Lived, moment: float) -> float:
    """How long nobody was attached from that moment on (Unix seconds)."""
    if any(opened <= moment + GAP_SLACK and closed > moment for opened, closed in call.attached):
        return 0.0
    opened: list[Any] = [each for each, _ in call.attached if each > moment]
    return min(opened, default=float("inf")) - moment
