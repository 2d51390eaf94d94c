"""What it costs to listen: CPU for an event and for a live call, memory of a call, and how late a turn is written."""

import time
from dataclasses import dataclass
from pathlib import Path

from infra.bench import turns
from infra.bench.contenders import BenchError, Contender, Running, Sample, StandIn

QUIET = 0.02
"""Of a core: a contender that uses less has heard everything."""

QUIET_SECONDS = 60.0


@dataclass(frozen=True)
class Heard:
    """What one contender made of a number of calls. `load` is the machine's, over the last minute."""

    name: str
    calls: int
    events: int
    seconds: float
    cpu: float
    """Seconds of CPU."""
    memory: float
    """Kilobytes of the process, at the end."""
    writes: int
    """Items."""
    lag: float | None
    """Seconds from what a caller has said to its item at the table, for 99 of 100; None if nothing was written."""
    load: float

    @property
    def us_per_event(self) -> float:
        """Microseconds of CPU."""
        return self.cpu / self.events * 1e6

    @property
    def ms_per_call(self) -> float:
        """Milliseconds of CPU a second for one call."""
        return self.us_per_event * turns.EVENTS / turns.SECONDS / 1000

    @property
    def pace(self) -> float:
        """The share of the events of live calls that the machine had time to say."""
        return self.events / (self.calls * self.seconds * turns.EVENTS / turns.SECONDS)


def live(contender: Contender, stand_in: StandIn, calls: int, settle: float, seconds: float, folder: Path) -> Heard:
    """So many calls at the pace of speech: `settle` seconds for which nothing is measured, then `seconds`."""
    stand_in.speak()  # from the first call on: nobody holds a line on which nothing is said
    with contender.running(stand_in, calls, folder) as running:
        time.sleep(settle)
        stand_in.counts()
        started, first = time.monotonic(), Sample.of(running.pid)
        time.sleep(seconds)
        return _heard(contender, stand_in, running, first, started)


def flood(contender: Contender, stand_in: StandIn, calls: int, count: int, folder: Path) -> Heard:
    """`count` turns in every call, as fast as they are heard, until all that comes of them is done."""
    with contender.running(stand_in, calls, folder) as running:
        stand_in.flood(1)
        _wait_until_quiet(running)
        stand_in.counts()
        started, first = time.monotonic(), Sample.of(running.pid)
        stand_in.flood(count)
        _wait_until_quiet(running)
        return _heard(contender, stand_in, running, first, started)


def _wait_until_quiet(running: Running) -> None:
    until, used = time.monotonic() + QUIET_SECONDS, Sample.of(running.pid).cpu
    while time.monotonic() < until:
        time.sleep(0.5)
        before, used = used, Sample.of(running.pid).cpu
        if used - before < 0.5 * QUIET:
            return
    raise BenchError(f"It was still busy after {QUIET_SECONDS:.0f} s without an event")


def _heard(contender: Contender, stand_in: StandIn, running: Running, first: Sample, started: float) -> Heard:
    last, took, counts = Sample.of(running.pid), time.monotonic() - started, stand_in.counts()
    if counts.attached != running.calls or not counts.events:
        raise BenchError(f"{contender.name}: {running.calls - counts.attached} calls were lost on the way")
    lag = counts.lags[int(len(counts.lags) * 0.99)] if counts.lags else None
    cpu, load = last.cpu - first.cpu, _load()
    return Heard(contender.name, running.calls, counts.events, took, cpu, last.memory, counts.writes, lag, load)


def _load() -> float:
    with open("/proc/loadavg", encoding="ascii") as file:
        return float(file.read().split()[0])
