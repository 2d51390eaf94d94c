"""What a live call asks of AWS, and how many live calls each limit of it allows.

What a call asks is worked out from the templates, the code's own constants and items as the code writes them. Limits of
AWS are stated here, each with where it comes from.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

from infra.deploy import arrivals, cost
from infra.deploy.arrivals import CALL_SECONDS
from infra.deploy.pricelist import BUSY, WEBHOOK_SECONDS
from infra.local import template as templates
from ringside.aws import call_writes, entries, requests
from ringside.aws.call_writes import DAY_SHARDS, LIVE_SHARDS
from ringside.aws.ownership import Ownership
from ringside.aws.record import LIST_ATTRIBUTES
from ringside.calls import Step
from ringside.conversation.events import Usage
from ringside.monitor.lease import BEATS_PER_LEASE
from ringside.monitor.spending import USAGE_EVERY

OURS, DOCUMENTED, SDK, BELIEVED, MEASURED = (
    "template.yaml",
    "AWS's documentation",
    "AWS's API model",
    "not verified",
    "measured",
)

PARTITION_WRITES = 1000.0
"""Write units a second of one partition (DynamoDB developer guide, "Designing partition keys")."""

IN_FLIGHT = 120_000
"""Messages of a standard queue that are received and not deleted (SQS's API model, ReceiveMessage: OverLimit)."""

TABLE_WRITES = 40_000
"""Write units a second of one table on demand, until AWS raises the quota."""

NEW_TABLE_WRITES = 4_000
"""Those that a new table on demand takes at once."""

HTTP_API_RATE = 10_000
"""Requests a second of all APIs of an account and region."""

CONCURRENCY = 1_000
"""Lambda functions of an account that run at once; new accounts may have 10."""

ONCE_UPDATES = 12
"""Writes of a call's item that come once: each step, and the end."""

ENTRIES_A_MINUTE = 17
"""Turns, tools and shares of usage: five of the agent's turns, as many of the caller's twice, a tool twice."""

SWEPT_BYTES = 4_000
"""Memory of a listed call in the sweeper, measured with `tracemalloc` on Python 3.11."""

SWEEPER_MB = 512 - 110.0
"""Of the function's memory what is left for calls (template.yaml)."""

QUOTA, UNITS = "a quota to raise", "units a second"


@dataclass(frozen=True)
class Limit:
    what: str
    use: float
    """Of one live call, in the limit's own unit."""
    limit: float
    unit: str
    source: str
    turn: str = ""
    """What moves it; empty if nothing of ours does."""

    @property
    def calls(self) -> int:
        """Live calls that it allows."""
        return math.floor(self.limit / self.use)


# --- what a call asks ---


@cache
def call_item() -> Mapping[str, Any]:
    """A call's item with everything on it that a usual call has."""
    now, call_id = 1_795_348_800.0, "rtc_" + "u7" * 14
    steps = {step: now + 0.123456 for step in Step if step not in (Step.REJECTED, Step.ENDED)}
    header = {"name": "P-Asserted-Identity", "value": "<sip:+14255550112@carrier.example.com;user=phone>"}
    call = {
        "call_id": call_id,
        "agent": "front-desk",
        "model": "gpt-realtime-2.1",
        "caller": "+14255550112",
        "dialled": "+18005551212",
        "attested": "A",
        "sip_headers": [header] * 4,
        "decision": {"verdict": "accept", "rule": "within opening hours", "sip_status": None},
        "steps": steps,
    }
    claimed = next(call_writes.claim(call, now, 90 * 86_400)).params["Item"]
    usage = dict.fromkeys(asdict(Usage()), 10_000)
    later = {
        "owner": "monitor-" + "a" * 32,
        "message_id": "m" * 36,
        "take_token": "t" * 16,
        "effects": 3,
        "usage": usage,
        "cost": 0.123456,
        "prices_as_of": "2026-11-01",
    }
    return {**claimed, **requests.put({}, later).params["Item"]}


def item_bytes(item: Mapping[str, Any]) -> int:
    """An item's size as DynamoDB counts it, of marshalled values (developer guide, "Item sizes and formats")."""
    return sum(len(name.encode()) + _value_bytes(value) for name, value in item.items())


def _value_bytes(value: Mapping[str, Any]) -> int:
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return len(content.encode())
        case "N":
            return len(content) // 2 + 2
        case "M":
            return 3 + sum(1 + len(name.encode()) + _value_bytes(inner) for name, inner in content.items())
        case "L":
            return 3 + sum(1 + _value_bytes(inner) for inner in content)
    return 1


def listed_item() -> Mapping[str, Any]:
    """What an index keeps of it."""
    keys = ("pk", "sk", "live_pk", "live_sk")
    return {name: value for name, value in call_item().items() if name in (*LIST_ATTRIBUTES, *keys)}


def units(item: Mapping[str, Any]) -> int:
    """Write units of one write: a kilobyte each."""
    return math.ceil(item_bytes(item) / 1024)


def entry_units() -> int:
    turn = {"kind": "turn", "role": "agent", "item_id": "item_" + "a" * 21, "text": "w" * 120, "started_at": 1e9}
    return units(requests.put({}, entries.entry(Ownership("rtc_" + "a" * 28, "m", 1), 1024, turn, 1, 1)).params["Item"])


def item_updates() -> float:
    """Writes of the call's item a second and call: the running total, and what comes once."""
    return 1 / USAGE_EVERY + ONCE_UPDATES / CALL_SECONDS


def table_units() -> float:
    """Write units a second and call, of the table itself."""
    return ENTRIES_A_MINUTE / 60 * entry_units() + item_updates() * units(call_item())


def index_units() -> float:
    """Write units a second and call, of one index: an index is written whenever something changes that it keeps."""
    return item_updates() * units(listed_item())


# --- the limits ---


def limits(size: str = "large", parameters: Mapping[str, Any] | None = None) -> list[Limit]:
    """What there is of everything with these parameters, the lowest first."""
    values = {**_defaults(), **(parameters or {})}
    per_monitor = min(int(values["MaxCallsPerMonitor"]), cost.calls_of(size))
    cpu, _ = cost.size(size)
    begin, at_once = 1 / CALL_SECONDS, WEBHOOK_SECONDS / CALL_SECONDS
    counts = 4 / CALL_SECONDS  # a transaction when a call reserves and one when it gives back, at two units each
    beats = BEATS_PER_LEASE / cost.lease() / per_monitor
    found = [
        Limit(
            "slots of all monitors",
            1,
            int(values["MaxMonitors"]) * per_monitor,
            "calls",
            OURS,
            "`MaxMonitors`, `MonitorSize`, `MaxCallsPerMonitor`",
        ),
        Limit("Fargate's vCPUs of a new account", cpu / cost.calls_of(size), 6, "vCPU", BELIEVED, QUOTA),
        Limit("webhooks a second", begin, int(values["WebhookRate"]), "a second", OURS, "`WebhookRate`"),
        Limit("webhooks at once", at_once, int(values["WebhookConcurrency"]), "", OURS, "`WebhookConcurrency`"),
        Limit("Lambda of an account, at once", at_once, CONCURRENCY, "", BELIEVED, QUOTA),
        Limit("HTTP APIs of an account", begin, HTTP_API_RATE, "a second", DOCUMENTED, QUOTA),
        Limit("a new table", table_units(), NEW_TABLE_WRITES, UNITS, BELIEVED, "time, or warm throughput"),
        Limit("a table", table_units(), TABLE_WRITES, UNITS, BELIEVED, QUOTA),
        Limit(f"index `live`, {LIVE_SHARDS} shards", index_units() / LIVE_SHARDS, PARTITION_WRITES, UNITS, DOCUMENTED),
        Limit(f"index `by_day`, {DAY_SHARDS} shards", index_units() / DAY_SHARDS, PARTITION_WRITES, UNITS, DOCUMENTED),
        Limit(
            "a count of live calls", counts, PARTITION_WRITES, UNITS, DOCUMENTED, "rules without a limit on live calls"
        ),
        Limit("heartbeats in `MONITORS`", beats, PARTITION_WRITES, UNITS, DOCUMENTED, "`MonitorSize`, `LeaseSeconds`"),
        Limit("messages in flight", 1, IN_FLIGHT, "", SDK, QUOTA),
        Limit("memory of the sweeper", SWEPT_BYTES / 1e6, SWEEPER_MB, "MB", MEASURED),
    ]
    return sorted(found, key=lambda limit: limit.calls)


def turned(calls: int, size: str = "large") -> dict[str, int | str]:
    """The parameters for so many live calls, with room for peaks."""
    slots = cost.calls_of(size)
    most = math.ceil(calls / slots / (1 - arrivals.scaling().threshold / 100)) + 1
    rate = calls / CALL_SECONDS
    return {
        "MonitorSize": size,
        "MaxCallsPerMonitor": slots,
        "MaxMonitors": most,
        "MonitorCount": max(2, arrivals.monitors_at_first(calls, slots=slots, most=most)),
        "WebhookRate": max(int(_defaults()["WebhookRate"]), math.ceil(3 * rate / 10) * 10),
        "WebhookConcurrency": max(
            int(_defaults()["WebhookConcurrency"]), math.ceil(3 * rate * WEBHOOK_SECONDS / 50) * 50
        ),
    }


def wall(size: str = "large") -> Limit:
    """The first limit that no parameter moves, and no quota that AWS raises."""
    return next(limit for limit in limits(size) if not limit.turn)


def cell() -> int:
    """Live calls for which one stack is meant: what a fifth less than the wall allows, in thousands."""
    return int(wall().calls * BUSY // 1000 * 1000)


def cells(calls: int) -> int:
    return math.ceil(calls / cell())


def _defaults() -> dict[str, Any]:
    return {name: about.get("Default") for name, about in templates.translate()["Parameters"].items()}
