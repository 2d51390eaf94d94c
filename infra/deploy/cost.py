"""What a deployment costs, from stated prices: `python -m infra.deploy.cost` writes the tables of docs/cost.md.

What there is of everything is counted in the templates; how often something happens is worked out from their
parameters. Only what is measured, or a price, is written down here. It is one module because it is one page, whose
tables share their figures.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from cyclopts import Parameter

from infra import command_line, page_tables
from infra.deploy import plan
from infra.deploy.pricelist import (
    ANALYSIS_SECONDS,
    BEAT_LINE_BYTES,
    BEATS_A_LEASE,
    BUSY,
    CALL_CPU,
    CALL_MEMORY_KB,
    FREE_ALARMS,
    FREE_DASHBOARDS,
    FREE_LAMBDA_GB_SECONDS,
    FREE_LAMBDA_REQUESTS,
    FREE_LOG_GB,
    FREE_METRICS,
    FREE_SCHEDULER,
    FREE_SQS,
    IDLE_METRICS,
    IMAGE_GB,
    KEPT_IMAGES,
    LAMBDA_POLLERS,
    MAIL_SECONDS,
    MONITOR_MEMORY_KB,
    NOTICE_SECONDS,
    POLLERS,
    PRICE,
    ROW_SECONDS,
    SWEEP_LINES_BYTES,
    SWEEP_READS,
    SWEEP_SECONDS,
    WALK_LINES_BYTES,
    WALK_SECONDS,
    WEBHOOK_SECONDS,
)
from infra.local import template as templates
from infra.local.template import REPOSITORY, of_type
from ringside import prices
from ringside.conversation.events import Usage

PAGE = REPOSITORY / "docs" / "cost.md"
MONTH_HOURS = 730
MONTH_MINUTES = MONTH_HOURS * 60
MONTH_SECONDS = MONTH_HOURS * 3600


@dataclass(frozen=True)
class Line:
    """One line of a bill: US dollars a month, at list price and after what is free."""

    what: str
    how_much: str
    usd: float
    usd_after_free: float


def idle(parameters: plan.Parameters | None = None) -> list[Line]:
    """A month in which nobody calls."""
    stacks = plan.planned({"MonitorImage": plan.NO_DIGEST, **(parameters or {})})
    values = {**plan.defaults(templates.translate()), **(parameters or {})}
    monitors = int(values["MonitorCount"])
    cpu, memory = size(values["MonitorSize"])
    alarms = [alarm for name in ("Monitor", "Alarms") for alarm in _alarms(name, stacks[name])]
    fine = sum(_period(alarm) < 60 for alarm in alarms)
    addresses = monitors if values["NetworkMode"] == "public" else 0
    nats = sum(kind == "AWS::EC2::NatGateway" for kind in stacks["Network"].values())
    secrets = sum(kind == "AWS::SecretsManager::Secret" for kind in stacks[""].values())
    dashboards = int("DashboardStack" in stacks)
    beats = monitors * MONTH_SECONDS / (float(values["LeaseSeconds"]) / BEATS_A_LEASE)
    polls = monitors * POLLERS * MONTH_SECONDS / _poll_seconds()
    polls += len(templates.queue_sources(templates.translate())) * LAMBDA_POLLERS * MONTH_SECONDS / 20
    walks = MONTH_MINUTES / 5 * int("CanaryFunction" in stacks[""])
    gb_seconds = (MONTH_MINUTES * SWEEP_SECONDS + walks * (WALK_SECONDS + WEBHOOK_SECONDS)) * 0.5
    runs = MONTH_MINUTES + 2 * walks  # each of the canary's is one of the webhook's, too
    logs = (beats * BEAT_LINE_BYTES + MONTH_MINUTES * SWEEP_LINES_BYTES + walks * WALK_LINES_BYTES) / 1e9
    standard = sum(_metrics(alarm) for alarm in alarms if _period(alarm) >= 60)
    return [
        line(
            f"Fargate: {monitors} monitor of {cpu:g} vCPU and {memory:g} GB",
            MONTH_HOURS * monitors,
            "hours",
            task(cpu, memory),
        ),
        line("Public addresses", MONTH_HOURS * addresses, "hours", PRICE["public IPv4 address, an hour"]),
        line("NAT gateways", MONTH_HOURS * nats, "hours", PRICE["NAT gateway, an hour"]),
        line("Secrets", secrets, "", PRICE["Secrets Manager, a secret a month"]),
        line("Alarms", standard, "", PRICE["CloudWatch, an alarm a month"], FREE_ALARMS),
        line("High-resolution alarms", fine, "", PRICE["CloudWatch, a high-resolution alarm a month"]),
        line("Dashboard", dashboards, "", PRICE["CloudWatch, a dashboard a month"], FREE_DASHBOARDS),
        line(
            "Metrics that are always written",
            IDLE_METRICS + int(walks > 0),
            "",
            PRICE["CloudWatch, a metric a month"],
            FREE_METRICS,
        ),
        line("Logs", logs, "GB", PRICE["CloudWatch Logs, a GB"], FREE_LOG_GB),
        line("DynamoDB, heartbeats", beats, "writes", PRICE["DynamoDB, a million writes"] / 1e6),
        line("DynamoDB, the sweeper", MONTH_MINUTES * SWEEP_READS, "reads", PRICE["DynamoDB, a million reads"] / 1e6),
        line("SQS, long polls", polls, "requests", PRICE["SQS, a million requests"] / 1e6, FREE_SQS),
        line("Lambda", gb_seconds, "GB-s", PRICE["Lambda, ARM, a GB-second"], FREE_LAMBDA_GB_SECONDS),
        line("Lambda, its requests", runs, "", PRICE["Lambda, a million requests"] / 1e6, FREE_LAMBDA_REQUESTS),
        line("HTTP API, the canary", walks, "requests", PRICE["HTTP API, a million requests"] / 1e6),
        line("Scheduler", MONTH_MINUTES + walks, "", PRICE["EventBridge Scheduler, a million"] / 1e6, FREE_SCHEDULER),
        line("ECR, ten images", IMAGE_GB * KEPT_IMAGES, "GB", PRICE["ECR, a GB-month"]),
    ]


def monthly(parameters: plan.Parameters | None = None) -> float:
    """US dollars of a month in which nobody calls, after what AWS gives every account."""
    return sum(entry.usd_after_free for entry in idle(parameters))


def line(what: str, count: float, unit: str, price: float, free: float = 0) -> Line:
    shown = f"{count:,.0f}" if count >= 10 or count == int(count) else f"{count:.2f}"
    return Line(what, f"{shown} {unit}".strip(), count * price, max(0.0, count - free) * price)


def _alarms(stack: str, planned: Mapping[str, str]) -> list[dict[str, Any]]:
    path = REPOSITORY / "infra" / f"{stack.lower()}.yaml"
    found = of_type(templates.parse(path.read_text(encoding="utf-8")), "AWS::CloudWatch::Alarm")
    return [alarm for name, alarm in found.items() if name in planned]


def _metrics(alarm: dict[str, Any]) -> int:
    """How many an alarm looks at: each is paid for."""
    return len([metric for metric in alarm.get("Metrics", []) if "MetricStat" in metric]) or 1


def _period(alarm: dict[str, Any]) -> int:
    """Seconds; of an alarm on an expression, those of the metrics in it."""
    metrics = [metric["MetricStat"] for metric in alarm.get("Metrics", []) if "MetricStat" in metric]
    return min(int(metric["Period"]) for metric in metrics or [alarm])


def _poll_seconds() -> float:
    return float(str(templates.monitor_environment(templates.translate())["RINGSIDE_POLL"]))


def size(name: str) -> tuple[float, float]:
    """vCPUs and GB of a monitor."""
    nested = templates.parse((REPOSITORY / "infra" / "monitor.yaml").read_text(encoding="utf-8"))
    found = nested["Mappings"]["Sizes"][name]
    return int(found["Cpu"]) / 1024, int(found["Memory"]) / 1024


def lease() -> float:
    """Seconds."""
    return float(str(plan.defaults(templates.translate())["LeaseSeconds"]))


def task(cpu: float, memory: float) -> float:
    """US dollars an hour."""
    return cpu * PRICE["Fargate, ARM, a vCPU-hour"] + memory * PRICE["Fargate, ARM, a GB-hour"]


def calls_of(name: str) -> int:
    """Calls that a monitor of this size looks after, by CPU or by memory, whichever ends first."""
    cpu, memory = size(name)
    by_memory = (memory * 1e6 * BUSY - MONITOR_MEMORY_KB) / CALL_MEMORY_KB
    return int(min(cpu * BUSY / CALL_CPU, by_memory) // 10 * 10)


def minute(name: str) -> float:
    """AWS's part of a minute of a call, with monitors as full as they may be."""
    cpu, memory = size(name)
    fargate = (task(cpu, memory) + PRICE["public IPv4 address, an hour"]) / 60 / calls_of(name)
    turns_and_tools = 5 + 5 * 2 + 2  # of the agent; of the caller, each written twice; a tool's beginning and outcome
    usage = 6 * 4  # the running total, with its three indexes
    writes = (turns_and_tools + usage) * PRICE["DynamoDB, a million writes"] / 1e6
    extensions = 60 / (lease() / BEATS_A_LEASE) / 10 * PRICE["SQS, a million requests"] / 1e6  # ten calls a batch
    return fargate + writes + extensions


def once() -> float:
    """What a call costs AWS once: the webhook, the hand-over, the events, the item and its indexes."""
    function = WEBHOOK_SECONDS * 0.5 * PRICE["Lambda, ARM, a GB-second"] + PRICE["Lambda, a million requests"] / 1e6
    front = PRICE["HTTP API, a million requests"] / 1e6 + 3 * PRICE["SQS, a million requests"] / 1e6
    writes = 12 * 4 * PRICE["DynamoDB, a million writes"] / 1e6  # a dozen, each with three indexes at most
    logs = 6000 / 1e9 * PRICE["CloudWatch Logs, a GB"]
    # Told of the end by the table's stream, which costs nothing to read.
    told = ANALYSIS_SECONDS / 100 * 0.5 * PRICE["Lambda, ARM, a GB-second"] + PRICE["Lambda, a million requests"] / 1e6
    told *= 2  # whoever analyses calls, and whoever tells receivers
    return function + front + writes + logs + told + 3 * PRICE["EventBridge, a million events"] / 1e6


RESPONSES = 12
"""Of a call of five minutes."""


def conversation(*, caller: float = 2.0, agent: float = 2.0, turns: int = RESPONSES, text: int = 700) -> Usage:
    """What a call of five minutes uses, in which the caller speaks for so many minutes, and the agent.

    600 audio tokens a minute of the caller's, 1,200 of the agent's. Each response reads the conversation again; what
    was read before is cached.
    """
    heard, said = round(caller * 600), round(agent * 1200)
    new = heard + said  # what the agent said is read, too, the next time
    again = new * (turns - 1) // 2
    return Usage(
        input_text=text * turns,
        cached_text=text * (turns - 1),
        input_audio=new + again,
        cached_audio=again,
        output_text=said // 10,
        output_audio=said,
        transcription_seconds=caller * 60,
    )


def spoken(model: str) -> float:
    """OpenAI's part of such a call."""
    cost = prices.load().cost(conversation(), model, "gpt-transcribe")
    if cost is None:
        raise ValueError(f"the price list has no {model}")
    return cost


def analysed(model: str, *, read: int = 3000, written: int = 300) -> float:
    """An analysis of a call of five minutes: OpenAI's part, and AWS's."""
    cost = prices.load().text_cost(model, read, 0, written)
    if cost is None:
        raise ValueError(f"the price list has no {model}")
    function = ANALYSIS_SECONDS * 0.5 * PRICE["Lambda, ARM, a GB-second"]
    return cost + function + 4 * PRICE["DynamoDB, a million writes"] / 1e6


def told() -> float:
    """A message to a receiver that takes it at once."""
    function = NOTICE_SECONDS * 0.5 * PRICE["Lambda, ARM, a GB-second"] + PRICE["Lambda, a million requests"] / 1e6
    queue = 3 * PRICE["SQS, a million requests"] / 1e6
    return function + queue + 2 * 4 * PRICE["DynamoDB, a million writes"] / 1e6


def examples() -> dict[str, float]:
    """What one message costs by the templates of docs/examples/after-the-call. The event is in what a call costs."""

    def function(seconds: float) -> float:
        memory = 128 / 1024  # what CloudFormation gives a function that asks for nothing
        return seconds * memory * PRICE["Lambda, ARM, a GB-second"] + PRICE["Lambda, a million requests"] / 1e6

    return {
        "mail.yaml": PRICE["SNS, a thousand mails"] / 1e3,
        "mail-ses.yaml": PRICE["SES, a thousand mails"] / 1e3 + function(MAIL_SECONDS),
        "slack.yaml": PRICE["EventBridge, a million requests to API destinations"] / 1e6,
        "spreadsheet.yaml": function(ROW_SECONDS),
    }


def tables() -> dict[str, str]:
    """The tables of docs/cost.md, by their names there."""
    bill = idle()
    listed = [entry for entry in bill if entry.usd]
    rows = [f"| {entry.what} | {entry.how_much} | {entry.usd:.2f} | {entry.usd_after_free:.2f} |" for entry in listed]
    total, after = sum(entry.usd for entry in bill), sum(entry.usd_after_free for entry in bill)
    variants = {
        "as it comes": {},
        "without the dashboard": {"Dashboard": "false"},
        "two monitors (samconfig's `prod`)": {"MonitorCount": "2"},
        "private subnets": {"NetworkMode": "private"},
        "with a canary": {"Canary": "true"},
        "with receivers of webhooks": {"NotifyReceivers": "true"},
    }
    sizes = []
    for name in ("small", "medium", "large"):
        cpu, memory = size(name)
        sizes.append(
            f"| `{name}` | {cpu:g} | {memory:g} | {task(cpu, memory) * MONTH_HOURS:.2f} | {calls_of(name)} "
            f"| {1000 * minute(name):.3f} |"
        )
    models = ["gpt-realtime-2.1", "gpt-realtime-2.1-mini"]
    return {
        "idle": "\n".join(
            [
                *("| | a month | USD | after what AWS gives every account |", "|---|---|---|---|", *rows),
                f"| **Together** | | **{total:.2f}** | **{after:.2f}** |",
            ]
        ),
        "variants": "\n".join(
            ["| | USD | after what is free |", "|---|---|---|"]
            + [
                f"| {name} | {sum(e.usd for e in idle(given)):.2f} | {sum(e.usd_after_free for e in idle(given)):.2f} |"
                for name, given in variants.items()
            ]
        ),
        "sizes": "\n".join(
            [
                "| `MonitorSize` | vCPU | GB | USD a month | calls at once | USD a thousand call-minutes |",
                *("|---|---|---|---|---|---|", *sizes),
            ]
        ),
        "once": f"Once a call: {once() * 1000:.3f} USD a thousand calls.",
        "openai": "\n".join(
            ["| model | USD a call of five minutes | a minute |", "|---|---|---|"]
            + [f"| `{model}` | {spoken(model):.2f} | {spoken(model) / 5:.3f} |" for model in models]
        ),
        "notify": f"A message to a receiver: {told() * 1000:.3f} USD a thousand.",
        "examples": "\n".join(
            ["| | USD a thousand |", "|---|---|"]
            + [f"| `{name}` | {1000 * usd:.4f} |" for name, usd in examples().items()]
        ),
        "analysis": "\n".join(
            ["| model | USD a thousand calls of five minutes |", "|---|---|"]
            + [f"| `{model}` | {1000 * analysed(model):.2f} |" for model in prices.load().text]
        ),
        "prices": "\n".join(["| | USD |", "|---|---|", *(f"| {name} | {usd:.10g} |" for name, usd in PRICE.items())]),
    }


program = command_line.program("python -m infra.deploy.cost", __doc__)


@program.default
def _write(
    *, check: Annotated[bool, Parameter(help="write nothing; fail if docs/cost.md is not up to date")] = False
) -> int:
    return page_tables.keep(PAGE, tables(), check=check)


if __name__ == "__main__":
    sys.exit(command_line.run(program))
