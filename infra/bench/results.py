"""What was measured, as it is kept (`docs/performance.json`) and shown. Pure."""

import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

OURS = "Ringside"
INSTANT = "Ringside, without the record"
AGENTS_SDK = "OpenAI's Agents SDK"
NOT_HELD = "not held"
FULL = 0.8
"""Of a vCPU: what is left is for taking over another monitor's calls."""


@dataclass(frozen=True)
class Event:
    """One contender in one round: microseconds of CPU for an event."""

    name: str
    us: float


@dataclass(frozen=True)
class Live:
    """One contender with so many calls at the pace of speech.

    `ms`: of CPU a second and call, None if the calls were not held; `kb`: of the process; `lag`: seconds until 99 of
    100 turns are written, None if none is; `pace`: the share of events that the machine had time to say.
    """

    name: str
    calls: int
    ms: float | None
    kb: float
    lag: float | None
    pace: float
    load: float


@dataclass(frozen=True)
class Start:
    """One first webhook, from the start of its process to its end, in seconds."""

    name: str
    wall: float
    cpu: float


@dataclass(frozen=True)
class Warm:
    """Webhooks to a process that is warm, until the accept reached OpenAI, in milliseconds."""

    name: str
    p50: float
    p99: float


@dataclass
class Results:
    """Each part is of one run, and says on which machine; parts that were not run again stay."""

    events: list[Event] = field(default_factory=list)
    live: list[Live] = field(default_factory=list)
    starts: list[Start] = field(default_factory=list)
    warm: list[Warm] = field(default_factory=list)
    machines: dict[str, str] = field(default_factory=dict)
    """By the part: `events`, `calls`, `answering`."""

    def as_json(self) -> str:
        return json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Results":
        found: dict[str, Any] = json.loads(text)
        return cls(
            [Event(**each) for each in found["events"]],
            [Live(**each) for each in found["live"]],
            [Start(**each) for each in found["starts"]],
            [Warm(**each) for each in found["warm"]],
            dict(found["machines"]),
        )


def names(entries: Iterable[Event] | Iterable[Live] | Iterable[Start] | Iterable[Warm]) -> list[str]:
    return list(dict.fromkeys(each.name for each in entries))


def us(results: Results, name: str) -> list[float]:
    return [event.us for event in results.events if event.name == name]


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of ours to theirs, round by round: what a machine does besides falls on both."""
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))


def kb_per_call(results: Results, name: str) -> float | None:
    """Between the largest and the smallest number of calls from 100 to 1,000; None if there is only one."""
    sizes = sorted(
        (live.calls, live.kb)
        for live in results.live
        if live.name == name and live.ms is not None and 100 <= live.calls <= 1000
    )
    if len(sizes) < 2:
        return None
    (few, small), (many, large) = sizes[0], sizes[-1]
    return (large - small) / (many - few)


def calls_per_vcpu(ms: float) -> int:
    return int(FULL * 1000 / ms // 10 * 10)


# --- tables ---


def tables(results: Results) -> dict[str, str]:
    """The tables of docs/performance.md, by their names there."""
    return {
        "events": _events(results),
        "calls": _calls(results),
        "answering": _answering(results),
        "machine": "\n".join(f"- {part}: {text}" for part, text in results.machines.items()),
    }


def _events(results: Results) -> str:
    ours, rows = us(results, OURS), []
    for name in names(results.events):
        theirs, memory = us(results, name), kb_per_call(results, name)
        rows.append(
            (
                name,
                f"{statistics.median(theirs):.1f}",
                "" if name == OURS else f"{ratio(ours, theirs):.2f}",
                f"{memory:.0f}" if memory is not None else "",
            )
        )
    return _table(("", "CPU of an event, µs", "Ringside to it", "memory of a live call, KB"), rows)


def _calls(results: Results) -> str:
    rows = []
    for ours in (live for live in results.live if live.name == OURS):
        sdk = next((live for live in results.live if (live.name, live.calls) == (AGENTS_SDK, ours.calls)), None)
        rows.append(
            (
                f"{ours.calls:,}",
                _held(ours),
                "" if ours.ms is None else f"{calls_per_vcpu(ours.ms):,}",
                "" if ours.lag is None else f"{ours.lag * 1000:.0f}",
                _held(sdk),
                f"{ours.ms / sdk.ms:.2f}" if sdk and sdk.ms and ours.ms else "",
                f"{100 * ours.pace:.0f}",
                f"{ours.load:.1f}",
            )
        )
    heads = ("live calls", "CPU of a call, ms/s", "calls a vCPU", "turn to record, p99, ms")
    return _table((*heads, f"{AGENTS_SDK}: ms/s", "Ringside to it", "said, %", "load"), rows)


def _held(live: Live | None) -> str:
    if live is None:
        return ""
    return NOT_HELD if live.ms is None else f"{live.ms:.2f}"


def _answering(results: Results) -> str:
    found = names(results.starts)
    rows = []
    for name in found:
        runs = [start for start in results.starts if start.name == name]
        ours = [start for start in results.starts if start.name == found[0]]
        warm = next((each for each in results.warm if each.name == name), None)
        rows.append(
            (
                name,
                f"{1000 * statistics.median(start.wall for start in runs):.0f}",
                f"{1000 * statistics.median(start.cpu for start in runs):.0f}",
                "" if name == found[0] else f"{ratio([s.cpu for s in ours], [s.cpu for s in runs]):.2f}",
                f"{warm.p50:.1f}" if warm else "",
                f"{warm.p99:.1f}" if warm else "",
            )
        )
    heads = ("", "first webhook, ms", "its CPU, ms", "Ringside to it")
    return _table((*heads, "warm: accept sent after, p50, ms", "p99, ms"), rows)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, tuple("---" for _ in heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
