"""`python -m tests.drills [name ...] [--calls N] [--short]`: a table per drill, and a failure for a broken bound."""

import time
from contextlib import ExitStack, nullcontext
from typing import Annotated

from cyclopts import CycloptsError, Parameter

from infra import command_line
from infra.terminal import console
from tests.drills.ground import Ground
from tests.drills.registry import DRILLS
from tests.drills.report import Sheet, Size, table

program = command_line.program("python -m tests.drills", __doc__)


def run(name: str, ground: Ground, size: Size) -> Sheet:
    sheet = Sheet(name, size)
    DRILLS[name].run(ground, size, sheet)
    return sheet


@program.default
def _drills(
    *names: Annotated[str, Parameter(name="NAME", help=f"{', '.join(DRILLS)}; all, if none is named")],
    calls: Annotated[int | None, Parameter(help="how many calls, instead of the drill's own number")] = None,
    short: Annotated[bool, Parameter(help="the form that takes half a minute a drill, all on one local cloud")] = False,
) -> int:
    if unknown := set(names) - set(DRILLS):
        raise CycloptsError(msg=f"There is no drill {', '.join(sorted(unknown))}; there are {', '.join(DRILLS)}.")
    broken, began, shown = [], time.monotonic(), console()
    with ExitStack() as stack:
        shared = stack.enter_context(Ground(monitors=0, lease=4, poll=1)) if short else None
        for name in names or DRILLS:
            drill, started = DRILLS[name], time.monotonic()
            if reason := drill.missing():
                shown.print(f"{name}: not run: {reason}\n")
                continue
            size = Size(calls or (drill.short_calls if short else drill.calls), short)
            shown.print(f"{name}: {size.calls} calls ...")
            with nullcontext(shared) if shared else Ground(monitors=0) as ground:
                sheet = run(name, ground, size)
            for remark in sheet.remarks:
                shown.print(f"  {remark}")
            shown.print(f"  {time.monotonic() - started:.0f} s\n")
            shown.print(table(sheet.measures))
            shown.print()
            broken += [each for each in sheet.measures if not each.ok]
    shown.print(f"{time.monotonic() - began:.0f} s in all; bounds that do not hold: {len(broken) or 'none'}")
    for each in broken:
        shown.print(f"  {each.drill}: {each.bound}: {each.measured}")
    return 1 if broken else 0
