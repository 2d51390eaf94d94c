"""Ringside beside what others would make of the same calls: `make bench`, on Linux.

Every figure is of processes that are measured in turn on this machine, so their ratios stand although it has other
things to do. Takes some ten minutes for everything; the first time it installs what the others need (PyPI).
"""

import os
import platform
import signal
import statistics
import sys
import tempfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from infra import command_line
from infra.bench import page
from infra.bench.answering import Answering, Run, install
from infra.bench.contenders import BenchError, Contender, StandIn, peers, ringside, scratch
from infra.bench.listening import Heard, flood, live
from infra.bench.results import AGENTS_SDK, INSTANT, OURS, Event, Live, Results, Start, Warm, tables
from infra.deploy import programs
from infra.deploy.programs import DeployError
from infra.local.template import REPOSITORY

Part = Literal["events", "calls", "answering"]

CACHE = REPOSITORY / ".local" / "bench"
SIZES = (10, 100, 500, 1000, 2000)
SETTLE, SECONDS = 2.0, 5.0
MANY = 50
"""Calls; with more, only Ringside and the Agents SDK are compared."""

FULL_CORE = 0.75
"""Of a core: who used more with some calls is not asked to hold more of them."""


class Bench:
    """One run, part by part. What has been measured is in `results`, also if a later part fails."""

    def __init__(self, results: Results, stand_in: StandIn, folder: Path, say: Callable[[str], None]) -> None:
        self.results = results
        self._stand_in = stand_in
        self._folder = folder
        self._say = say

    def events(self, contenders: list[Contender], calls: int, turns: int, rounds: int) -> None:
        """CPU of an event, for everybody in turn."""
        found = []
        for number in range(rounds):
            for contender in contenders:
                heard = flood(contender, self._stand_in, calls, turns, self._folder)
                found.append(Event(contender.name, round(heard.us_per_event, 2)))
                self._say(f"events, round {number + 1} of {rounds}: {contender.name}, {heard.us_per_event:.1f} µs")
        self.results.events = found

    def calls(self, contenders: list[Contender], sizes: tuple[int, ...], settle: float, seconds: float) -> None:
        """CPU, memory and delay with more and more live calls."""
        found, full = [], set()
        for calls in sizes:
            for contender in contenders:
                if calls > MANY and contender.name not in (OURS, AGENTS_SDK):
                    continue
                heard = None if contender.name in full else self._live(contender, calls, settle, seconds)
                if heard is None:
                    full.add(contender.name)
                    found.append(Live(contender.name, calls, None, 0, None, 0, round(os.getloadavg()[0], 1)))
                    continue
                if heard.cpu / heard.seconds > FULL_CORE:
                    full.add(contender.name)
                lag = None if heard.lag is None else round(heard.lag, 4)
                ms, memory, pace = round(heard.ms_per_call, 3), round(heard.memory), round(heard.pace, 3)
                found.append(Live(contender.name, calls, ms, memory, lag, pace, heard.load))
                self._say(f"{calls} calls: {contender.name}, {ms:.2f} ms/s each, {memory // 1024} MB")
        self.results.live = found

    def _live(self, contender: Contender, calls: int, settle: float, seconds: float) -> Heard | None:
        """None if it does not hold them."""
        try:
            return live(contender, self._stand_in, calls, settle, seconds, self._folder)
        except BenchError as error:
            self._say(f"{calls} calls: {contender.name} does not hold them: {str(error).splitlines()[0]}")
            return None

    def answering(self, python: str, rounds: int, warm: int) -> None:
        """The first webhook of a process, and those of a warm one."""
        self._say("installing what is deployed, and the guide's sample")
        sides = install(CACHE / "cold", python)
        answering = Answering(self._stand_in, python, self._folder)
        runs: Mapping[str, list[Run]] = {}
        for number, runs in enumerate(answering.cold(sides, rounds), 1):
            last = ", ".join(f"{run[-1].wall:.2f} s" for run in runs.values())
            self._say(f"first webhook, round {number} of {rounds}: {last}")
        self.results.starts = [
            Start(name, round(run.wall, 4), round(run.cpu, 4)) for name, each in runs.items() for run in each
        ]
        self.results.warm = []
        for name, seconds in answering.warm(sides, warm).items():
            in_order = sorted(1000 * each for each in seconds)
            p50, p99 = statistics.median(in_order), in_order[int(len(in_order) * 0.99)]
            self.results.warm.append(Warm(name, round(p50, 2), round(p99, 2)))


def machine(python: str) -> str:
    """What it was measured on."""
    cores, load = os.cpu_count(), os.getloadavg()[0]
    return f"{datetime.now(UTC):%d %B %Y}, {_processor()}, {cores} cores, Python {python}, load at the end {load:.1f}"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


program = command_line.program("make bench", __doc__)


@program.default
def _bench(
    *parts: Annotated[Part, Parameter(help="what to measure; everything if nothing is named")],
    rounds: Annotated[int, Parameter(help="how often each of what is compared runs")] = 3,
    sizes: Annotated[tuple[int, ...], Parameter(help="how many live calls", consume_multiple=True)] = SIZES,
    alone: Annotated[bool, Parameter(help="Ringside without its peers")] = False,
    write: Annotated[bool, Parameter(help="put what was measured into docs/performance.md")] = False,
) -> int:
    if not sys.platform.startswith("linux"):
        raise BenchError("CPU and memory are read from /proc: run this on Linux.")
    if rounds < 1 or any(size < 1 for size in sizes):
        raise BenchError("--rounds and --sizes are numbers from 1 on.")
    if alone and write:
        raise BenchError("--write needs the others beside Ringside: leave --alone out.")
    measured = parts or ("events", "calls", "answering")
    results = page.kept() if page.DATA.exists() else Results()
    with tempfile.TemporaryDirectory(prefix="ringside-bench-") as folder:
        stand_in = StandIn(scratch(Path(folder) / "run"))
        try:
            bench = Bench(
                results, stand_in, Path(folder) / "run", lambda text: print(text, file=sys.stderr, flush=True)
            )
            ours, others = ringside(OURS), list[Contender]()
            if not alone and not {"events", "calls"}.isdisjoint(measured):
                _say("installing the others")
                others = peers(CACHE)
            if "events" in measured:
                instant = ringside(INSTANT, "infra.bench.instant_monitor")
                bench.events([ours, instant, *others], calls=20, turns=20, rounds=rounds)
                results.machines["events"] = machine(platform.python_version())
            if "calls" in measured:
                bench.calls([ours, *others], sizes, SETTLE, SECONDS)
                results.machines["calls"] = machine(platform.python_version())
            if "answering" in measured:
                python = programs.python313()
                if python is None:
                    raise BenchError(programs.NO_PYTHON313)
                bench.answering(python, 3 * rounds, 200)
                results.machines["answering"] = machine("3.13")
        finally:
            stand_in.close()
    shown = tables(results)
    for part in measured:
        print(f"\n{part}: {results.machines[part]}\n\n{shown[part]}")
    if write:
        page.write(results)
        print("\ndocs/performance.md has it now.")
    return 0


def _terminated(*_: object) -> None:
    raise SystemExit(143)  # by way of every `finally`, which ends what was started


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _terminated)
    sys.exit(command_line.run(program, BenchError, DeployError))
