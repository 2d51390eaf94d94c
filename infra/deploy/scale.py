"""What limits at how many live calls: `python -m infra.deploy.scale` writes the tables of docs/scale.md.

`limits` works out what a call asks and what there is; growth is simulated (`arrivals`).
"""

import math
import sys
from typing import Annotated

from cyclopts import Parameter

from infra import command_line, page_tables
from infra.deploy import arrivals, cost
from infra.deploy.arrivals import CALL_SECONDS
from infra.deploy.limits import cell, cells, index_units, item_bytes, limits, listed_item, table_units, turned, wall
from infra.deploy.pricelist import PRICE, WEBHOOK_SECONDS
from infra.local.template import REPOSITORY
from ringside.aws.call_writes import LIVE_SHARDS
from ringside.monitor.lease import RENEWALS_PER_LEASE

PAGE = REPOSITORY / "docs" / "scale.md"
MINUTES = CALL_SECONDS / 60
AT = (1_000, 10_000, 100_000)
"""Live calls."""


def monthly(calls: int) -> float:
    """AWS's bill in US dollars, with so many calls at every hour of a month."""
    return calls * cost.MONTH_MINUTES * (cost.minute("large") + cost.once() / MINUTES)


def tables() -> dict[str, str]:
    """The tables of docs/scale.md, by their names there."""
    return {"asks": _asks(), "limits": _limits(), "turned": _turned(), "growth": _growth(), "wall": _wall()}


def _asks() -> str:
    used = cost.conversation()
    tokens = used.input_text + used.input_audio + used.output_text + used.output_audio
    units, extensions = "units a second", RENEWALS_PER_LEASE / cost.lease() / 10
    asked: list[tuple[str, str, float]] = [
        ("calls that begin", "a second", 1 / CALL_SECONDS),
        ("webhooks at once", "", WEBHOOK_SECONDS / CALL_SECONDS),
        ("messages in flight", "", 1),
        ("extensions, ten messages each", "a second", extensions),
        ("writes of the table", units, table_units()),
        ("writes of its three indexes", units, 3 * index_units()),
        (f"each of {LIVE_SHARDS} shards of `live`", units, index_units() / LIVE_SHARDS),
        ("read by a sweep, once a minute", "MB", item_bytes(listed_item()) / 1e6),
        ("monitors, `large`, full", "", 1 / cost.calls_of("large")),
        ("sidebands to OpenAI", "", 1),
        ("responses", "a minute", cost.RESPONSES / MINUTES),
        ("tokens, cached ones included", "a minute", tokens / MINUTES),
    ]
    head = ["| live calls | | " + " | ".join(f"{n:,}" for n in AT) + " |", "|---|---|" + "---|" * len(AT)]
    rows = [f"| {what} | {unit} | " + " | ".join(_shown(n * one) for n in AT) + " |" for what, unit, one in asked]
    return "\n".join(head + rows)


def _limits() -> str:
    head = ["| limit | | source | live calls | what moves it |", "|---|---|---|---|---|"]
    rows = [
        f"| {each.what} | {_shown(each.limit)} {each.unit} | {each.source} | {_rounded(each.calls):,} "
        f"| {each.turn or '**nothing**'} |"
        for each in limits("small")
    ]
    return "\n".join(head + rows)


def _turned() -> str:
    rows: dict[str, list[str]] = {}
    for calls in AT:
        stacks = cells(calls)
        each = turned(math.ceil(calls / stacks))
        rows.setdefault("stacks (cells)", []).append(str(stacks))
        for name, value in each.items():
            rows.setdefault(f"`{name}`, of each", []).append(f"{value:,}" if isinstance(value, int) else f"`{value}`")
        rows.setdefault("AWS, USD a month, full at every hour", []).append(f"{_rounded(monthly(calls)):,}")
        rows.setdefault("the monitors' part of it", []).append(f"{_rounded(_monitors(calls)):,}")
    head = ["| live calls | " + " | ".join(f"{n:,}" for n in AT) + " |", "|---|" + "---|" * len(AT)]
    return "\n".join(head + [f"| {name} | " + " | ".join(values) + " |" for name, values in rows.items()])


def _monitors(calls: int) -> float:
    cpu, memory = cost.size("large")
    a_month = (cost.task(cpu, memory) + PRICE["public IPv4 address, an hour"]) * cost.MONTH_HOURS
    return math.ceil(calls / cost.calls_of("large")) * a_month


def _growth() -> str:
    head = [
        "| grows to | within | `MonitorCount` | waited over a second | longest wait | most calls in a second |",
        "|---|---|---|---|---|---|",
    ]
    rows = []
    for calls, minutes in ((1_000, 10), (10_000, 10), (10_000, 60)):
        parameters = turned(calls)
        most, slots = int(parameters["MaxMonitors"]), int(parameters["MaxCallsPerMonitor"])
        enough = arrivals.monitors_at_first(calls, slots=slots, most=most, growth=minutes * 60)
        for count in sorted({1, enough}):
            found = arrivals.simulate(calls, slots=slots, count=count, most=most, growth=minutes * 60)
            rows.append(
                f"| {calls:,} | {minutes} min | {count} | {100 * found.waited:.1f} % | {found.longest_wait} s "
                f"| {found.most_arrivals} |"
            )
    return "\n".join(head + rows)


def _wall() -> str:
    first = wall()
    later = [limit for limit in limits("large") if not limit.turn and limit.calls > first.calls]
    behind = " and the ".join(f"{limit.what} ({_rounded(limit.calls):,})" for limit in later)
    return (
        f"The first one is the {first.what}: about {_rounded(first.calls):,} live calls, so a stack is meant for "
        f"{cell():,}. Behind it come the {behind}."
    )


def _shown(number: float) -> str:
    return f"{number:,.1f}" if 0 < number < 10 and number != int(number) else f"{_rounded(number):,}"


def _rounded(number: float) -> int:
    """To three figures: none of these numbers is known better."""
    if number < 1000:
        return round(number)
    step = int(10 ** (len(str(int(number))) - 3))
    return round(number / step) * step


program = command_line.program("python -m infra.deploy.scale", __doc__)


@program.default
def _write(
    *, check: Annotated[bool, Parameter(help="write nothing; fail if docs/scale.md is not up to date")] = False
) -> int:
    return page_tables.keep(PAGE, tables(), check=check)


if __name__ == "__main__":
    sys.exit(command_line.run(program))
