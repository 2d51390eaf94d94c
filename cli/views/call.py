"""One call as a person wants it: who, how fast, what was said, what it cost. Pure.

Fed with the items of the record (`Record.whole_call`), gives rich renderables.
"""

from collections.abc import Iterable, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from cli import json_output
from cli.terminal import safe
from cli.views import actions, analysis
from cli.views.words import Clock, Item, answered_at, duration, money, parties, since, span, status, usage
from ringside.calls import UNKNOWN, Step
from ringside.records import shapes


def whole(call: Item, items: Sequence[Item], clock: Clock) -> RenderableType:
    """The whole call, its parts with an empty line between them."""
    parts = [header(call, clock), steps(call), conversation(call, items), spent(call)]
    shown = [part for part in parts if part is not None]
    return Group(*(Padding(part, (0 if index == 0 else 1, 0, 0, 0)) for index, part in enumerate(shown)))


def header(call: Item, clock: Clock) -> RenderableType:
    """Who called whom, and how it went."""
    facts = [("agent", _agent(call)), ("call", parties(call))]
    created = (call.get("steps") or {}).get(Step.CREATED)
    if created is not None:
        facts.append(("started", clock.moment(float(created))))
    seconds = duration(call, clock.now)
    if seconds is not None:
        facts.append(("duration", span(seconds) + ("" if call.get("duration") is not None else " so far")))
    facts += [("cost", money(call.get("cost"))), ("decision", _decision(call))]
    facts += [(label, safe(call[name])) for name, label in _DETAILS if call.get(name)]
    if call.get("attested"):
        facts.append(("attested", safe(call["attested"])))
    if call.get("withheld_caller"):
        facts.append(("withheld", safe(call["withheld_caller"])))
    facts += [("header", row) for row in _headers(call)]
    if call.get("transfer"):
        facts.append(("transfer", _transfer(call["transfer"])))
    facts += [("note", f"{safe(name)}: {safe(note)}") for name, note in (call.get("notes") or {}).items()]
    if call.get("analysis"):
        facts += analysis.facts(call["analysis"])
    if shapes.handovers(call):
        facts.append(("handovers", str(shapes.handovers(call))))
    table = _grid()
    table.add_column(width=9, style="dim")
    table.add_column(overflow="fold")
    for label, text in facts:
        table.add_row(label, Text(text))
    title = Text.assemble((safe(call.get("call_id")), "bold"), "  ", status(call))
    return Group(title, Padding(table, (0, 0, 0, 2)))


_DETAILS = (("end_detail", "end"), ("accept_detail", "accept"))


def steps(call: Item) -> RenderableType | None:
    """The answer budget: when each step was reached, in milliseconds."""
    order = {str(step): index for index, step in enumerate(Step)}
    reached = sorted(
        (float(at), order.get(name, len(order)), name)
        for name, at in (call.get("steps") or {}).items()
        if name != Step.ENDED
    )
    if not reached:
        return None
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    table.add_column("step", min_width=11)
    table.add_column("since created", justify="right")
    table.add_column("since previous", justify="right")
    first = previous = reached[0][0]
    for index, (at, _, name) in enumerate(reached):
        table.add_row(Text(safe(name)), _milliseconds(at - first), _milliseconds(at - previous) if index else "")
        previous = at
    return table


def conversation(call: Item, items: Iterable[Item]) -> RenderableType | None:
    """What was said and done, with times since the answer."""
    answered = answered_at(call)
    entries = [entry(item, answered) for item in items]
    return Group(*entries) if entries else None


def entry(item: Item, answered: float, note: str = "") -> RenderableType:
    """A turn, tool run, keys or gap. `answered`: Unix seconds; `note` is shown behind it."""
    match item.get("kind"):
        case "turn":
            who = str(item.get("role"))
            said = " ".join(str(item.get("text") or "").split())
            style, parts, mark = "cyan" if who == "agent" else "green", [safe(said)], _turn_mark(item)
        case "tool":
            asked = f"{safe(item.get('name'))} {safe(item.get('arguments') or '')}".rstrip()
            output = [] if item.get("output") is None else [f"→ {safe(item['output'])}"]
            who, style, parts, mark = "tool", "yellow", [asked, *output], _tool_mark(item)
        case "digits":
            who, style, parts, mark = "keys", "green", [f"pressed {safe(item.get('text'))}"], ""
        case "gap":
            who, style, parts, mark = "gap", "red", [_gap(item)], ""
        case "action":
            who, style, parts, mark = "action", "magenta", [actions.line(item)], actions.mark(item)
        case kind:
            known = json_output.dumps_line(shapes.item(item))
            who, style, parts, mark = str(kind), "dim", [safe(known)], ""
    body = Text("\n").join(Text(part) for part in parts if part)
    for behind in filter(None, (mark, note)):
        body.append(" " if body else "").append(behind, "dim")
    started = item.get("started_at")
    table = _grid()
    table.add_column(width=8, justify="right", no_wrap=True)
    table.add_column(width=6, style=style, no_wrap=True, overflow="crop")
    table.add_column(overflow="fold")
    table.add_row("" if started is None else since(float(started) - answered), Text(safe(who)), body)
    return table


def spent(call: Item) -> RenderableType:
    """Tokens, seconds and dollars."""
    used = call.get("usage")
    if call.get("cost") is None:
        why = (
            "" if not used else " (tokens of unknown modality)" if used.get("unsplit") else " (no price for the model)"
        )
    else:
        why = f" (prices of {safe(call['prices_as_of'])})" if call.get("prices_as_of") else ""
    table = _grid()
    table.add_column(width=5, style="dim")
    table.add_column(overflow="fold")
    if used:
        table.add_row("usage", Text(usage(used)))
    table.add_row("cost", Text(money(call.get("cost")) + why))
    return table


def _grid() -> Table:
    return Table.grid(padding=(0, 2, 0, 0), pad_edge=False)


def _turn_mark(turn: Item) -> str:
    """What happened to a turn, if anything did."""
    match turn.get("state"):
        case "final":
            return ""
        case "interrupted" if turn.get("heard_ms") is not None:
            return f"[interrupted after {safe(turn['heard_ms'])} ms]"
        case "cut":
            return "[cut off by the end of the call]"
        case "untranscribed":
            return "[no transcript]"
        case "pending":
            return "[not transcribed yet]"
        case state:
            return f"[{safe(state)}]"


def _tool_mark(run: Item) -> str:
    """How a tool run ended, and how long it took."""
    seconds = "" if run.get("seconds") is None else f", {float(run['seconds']):.3f} s"
    return f"[{safe(run.get('outcome'))}{seconds}]"


def _gap(gap: Item) -> str:
    ended, started = gap.get("ended_at"), gap.get("started_at")
    long = f" for {float(ended) - float(started):.1f} s" if ended is not None and started is not None else ""
    why = f" ({safe(gap['text'])})" if gap.get("text") else ""
    return f"not monitored{long}{why}: some words may be missing"


def _agent(call: Item) -> str:
    model = f" ({safe(call['model'])})" if call.get("model") else ""
    return f"{safe(call['agent'])}{model}" if call.get("agent") else "none"


def _decision(call: Item) -> str:
    decision = call.get("decision") or {}
    with_status = f" with SIP {safe(decision['sip_status'])}" if decision.get("sip_status") else ""
    return f"{safe(decision.get('verdict', 'none'))}{with_status}: {safe(decision.get('rule', ''))}"


def _headers(call: Item) -> list[str]:
    """The SIP headers as they came, of a call where somebody may want to know why: rejected, or not wholly read."""
    unread = call.get("caller") == UNKNOWN or not call.get("dialled")
    if not unread and call.get("status") != "rejected":
        return []
    return [safe(f"{row.get('name')}: {row.get('value')}") for row in call.get("sip_headers") or ()]


def _transfer(transfer: Item) -> str:
    why = f" ({safe(transfer['why'])})" if transfer.get("why") else ""
    return f"to {safe(transfer.get('target'))}: {safe(transfer.get('verdict'))}{why}"


def _milliseconds(seconds: float) -> str:
    return f"{round(seconds * 1000)} ms"
