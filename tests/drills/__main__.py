"""`python -m tests.drills [name ...] [--calls N] [--short]`: a table a drill, and a failure for a broken bound."""

import argparse
import sys
import time

from tests.drills.ground import Ground
from tests.drills.registry import DRILLS
from tests.drills.report import Sheet, Size, table


def run(name: str, ground: Ground, size: Size) -> Sheet:
    sheet = Sheet(name)
    DRILLS[name].run(ground, size, sheet)
    return sheet


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.drills", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"which: {', '.join(DRILLS)}; all, if none is named")
    parser.add_argument("--calls", type=int, help="how many calls, instead of the drill's own number")
    parser.add_argument("--short", action="store_true", help="the form that runs with the tests")
    asked = parser.parse_args()
    unknown = [name for name in asked.names if name not in DRILLS]
    if unknown:
        parser.error(f"there is no drill {', '.join(unknown)}; there are {', '.join(DRILLS)}")
    broken, began = [], time.monotonic()
    for name in asked.names or DRILLS:
        drill, started = DRILLS[name], time.monotonic()
        size = Size(asked.calls or (drill.short_calls if asked.short else drill.calls), asked.short)
        print(f"{name}: {size.calls} calls ...", flush=True)
        with Ground(monitors=0, lease=4 if asked.short else None, poll=1 if asked.short else None) as ground:
            sheet = run(name, ground, size)
        for remark in sheet.remarks:
            print(f"  {remark}")
        print(f"  {time.monotonic() - started:.0f} s\n\n{table(sheet.measures)}\n", flush=True)
        broken += [each for each in sheet.measures if not each.ok]
    print(f"{time.monotonic() - began:.0f} s in all; bounds that do not hold: {len(broken) or 'none'}")
    for each in broken:
        print(f"  {each.drill}: {each.bound}: {each.measured}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
