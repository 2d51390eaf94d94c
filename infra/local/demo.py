"""`make demo`: a call from ring to record, one that is transferred and one that is declined, each step checked."""

import sys
import time
from collections.abc import Callable

from cli import terminal
from cli.terminal import Style
from infra.local.cloud import LocalCloud
from infra.local.narration import Narration
from infra.local.process import ProcessDied
from infra.local.records import CallRecord

CALLER, IN_NEED, DENIED, CALLED = "+14255550112", "+14255550134", "+19005550100", "+18005551212"
CALL_SECONDS = 60.0
MARGIN = 2
"""Columns before the output of the `ringside` command."""


class Unexpected(Exception):
    """Something is not as this demonstration promises."""


def run(style: Style, pace: float) -> int:
    """Show it; the exit status is 0 only when everything went as it should."""
    prose(style.bold, "Ringside answers a phone call: no cloud, no phone, no key. All of it is on this machine.")
    say()
    began = time.monotonic()
    say(style.dim("  Starting AWS's and OpenAI's stand-ins, the webhook and a monitor ..."))
    try:
        with LocalCloud(pace=pace) as cloud:
            say(style.dim(f"  Ready in {time.monotonic() - began:.1f} s. Events come to {cloud.webhook_url}"))
            answered(cloud, style)
            transferred(cloud, style)
            declined(cloud, style)
            title(style, "The three calls, as `ringside calls list` shows them")
            show(cloud, "calls", "list")
            say()
    except (Unexpected, ProcessDied) as problem:
        print(f"demo: {problem}", file=sys.stderr)
        return 1
    prose(
        style.dim, "Next: `make local` keeps it running and `make call` rings it; functions/agents/ is yours to change."
    )
    return 0


def answered(cloud: LocalCloud, style: Style) -> None:
    """A caller asks for the opening hours."""
    title(style, f"{CALLER} rings {CALLED}")
    call_id = cloud.emulator.ring("opening-hours", CALLER, CALLED)
    record = follow(cloud, call_id, style)
    said = [(item["role"], item.get("text")) for item in record.items if item["kind"] == "turn"]
    tools = [item["name"] for item in record.items if item["kind"] == "tool" and item["outcome"] == "ok"]
    require(record.call["end_reason"] == "agent_hung_up", f"the call ended with {record.call['end_reason']}")
    require(any(role == "caller" and text for role, text in said), "the caller's words are not in the record")
    require(any(role == "agent" and text for role, text in said), "the agent's words are not in the record")
    require("opening_hours" in tools, "the tool opening_hours is not in the record")
    require(bool(record.call.get("usage")) and bool(record.call.get("cost")), "usage or cost is not in the record")
    title(style, "Its record, read back with `ringside calls show`")
    show(cloud, "calls", "show", call_id)


def transferred(cloud: LocalCloud, style: Style) -> None:
    """A caller who wants to speak to a person."""
    title(style, f"{IN_NEED} rings {CALLED}, and wants to speak to somebody")
    call_id = cloud.emulator.ring("transfer", IN_NEED, CALLED)
    record = follow(cloud, call_id, style)
    require(record.call["end_reason"] == "transferred", f"the call ended with {record.call['end_reason']}")
    require(record.call["transfer"]["verdict"] == "left", "the record does not say that the caller has left us")
    referred = [asked for asked in cloud.emulator.shown(call_id)["requests"] if asked["path"].endswith("/refer")]
    require(len(referred) == 1, "OpenAI was not asked for the transfer once")


def declined(cloud: LocalCloud, style: Style) -> None:
    """A caller whom the agent's policy turns away."""
    title(style, f"{DENIED} rings {CALLED}, and agents/concierge.yaml rejects premium-rate callers")
    call_id = cloud.emulator.ring("opening-hours", DENIED, CALLED)
    record = follow(cloud, call_id, style)
    require(record.status == "rejected", f"the call that was to be declined is {record.status}")
    require(record.call["decision"]["sip_status"] == 603, "the call was not declined with SIP 603")
    rejections = [asked for asked in cloud.emulator.shown(call_id)["requests"] if asked["path"].endswith("/reject")]
    require([asked["body"].get("status_code") for asked in rejections] == [603], "OpenAI was not asked for a SIP 603")


def follow(cloud: LocalCloud, call_id: str, style: Style) -> CallRecord:
    """Tell the call as it happens; its record once it is closed."""
    narration = Narration(style, say, terminal.columns())

    def told(record: CallRecord) -> bool:
        narration.update(record)
        if dead := cloud.dead():
            raise ProcessDied(dead.obituary())
        return record.is_final

    try:
        return cloud.records.wait(call_id, told, CALL_SECONDS)
    except TimeoutError as late:
        raise Unexpected(str(late)) from None


def show(cloud: LocalCloud, *arguments: str) -> None:
    """The `ringside` command's own output."""
    done = cloud.cli(*arguments, environment=terminal.passed_on(MARGIN))
    require(done.returncode == 0, f"`ringside {' '.join(arguments)}` failed: {done.stderr.strip()}")
    for line in done.stdout.splitlines():
        say(f"{' ' * MARGIN}{line}".rstrip())


def title(style: Style, text: str) -> None:
    say()
    prose(style.bold, text)
    say()


def prose(paint: Callable[[str], str], text: str) -> None:
    for line in terminal.wrapped(text, terminal.columns()):
        say(paint(line))


def require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Unexpected(otherwise)


say: Callable[..., None] = print
