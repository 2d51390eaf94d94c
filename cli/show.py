"""One call as a person wants it: who, how fast, what was said, what it cost. Pure.

Fed with the items of the record (`Record.whole_call`), gives lines. Nothing of a call reaches a line
but through `safe`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any

from cli import shapes
from cli.terminal import Style, cells, padded, safe, wrapped
from ringside.calls import Step

Item = Mapping[str, Any]

MARGIN = 20
"""Columns before what was said: the time, and who."""

NARROWEST = 20
"""Columns left for what was said, at least."""


@dataclass(frozen=True)
class View:
    """How to show things. `zone` None: the local one. `now` in Unix seconds, for calls that are not over."""

    width: int = 100
    style: Style = field(default_factory=Style)
    zone: tzinfo | None = None
    now: float | None = None


def lines(call: Item, items: Sequence[Item], view: View) -> list[str]:
    """The whole call."""
    parts = [
        header(call, view),
        steps(call, view),
        conversation(call, items, view),
        spent(call, view),
    ]
    shown: list[str] = []
    for part in filter(None, parts):
        shown += [*([""] if shown else []), *part]
    return shown


# --- the parts --------------------------------------------------------------------------------


def header(call: Item, view: View) -> list[str]:
    """Who called whom, and how it went."""
    style = view.style
    facts = [("agent", _agent(call)), ("call", parties(call))]
    started = _created(call)
    if started is not None:
        facts.append(("began", moment(started, view)))
    lasted = duration(call, view.now)
    if lasted is not None:
        facts.append(("lasted", span(lasted) + ("" if call.get("duration") is not None else " so far")))
    facts.append(("cost", money(call.get("cost"))))
    facts.append(("decision", _decision(call)))
    for name, label in (("end_detail", "detail"), ("accept_detail", "accept")):
        if call.get(name):
            facts.append((label, safe(call[name])))
    if call.get("transfer"):
        facts.append(("transfer", _transfer(call["transfer"])))
    for name, note in (call.get("notes") or {}).items():
        facts.append(("note", f"{safe(name)}: {safe(note)}"))
    if shapes.handovers(call):
        facts.append(("handovers", str(shapes.handovers(call))))
    shown = [f"{style.bold(safe(call.get('call_id')))}  {outcome(call, style)}"]
    for label, text in facts:
        first, *more = wrapped(text, max(NARROWEST, view.width - 13))
        shown.append(f"  {style.dim(padded(label, 9))}  {first}")
        shown += [f"{'':13}{line}" for line in more]
    return shown


def steps(call: Item, view: View) -> list[str]:
    """The answer budget: when each step was reached, in milliseconds."""
    order = {step: index for index, step in enumerate(Step)}
    reached = sorted(
        ((float(at), order.get(name, len(order)), name) for name, at in (call.get("steps") or {}).items()),
    )
    reached = [entry for entry in reached if entry[2] != Step.ENDED]
    if not reached:
        return []
    first = previous = reached[0][0]
    shown = [view.style.dim(f"{'step':14}{'since created':>15}{'since previous':>17}")]
    for at, _, name in reached:
        since = "" if at == first and name == reached[0][2] else f"{_milliseconds(at - previous):>17}"
        shown.append(f"{padded(safe(name), 14)}{_milliseconds(at - first):>15}{since}")
        previous = at
    return shown


def conversation(call: Item, items: Iterable[Item], view: View) -> list[str]:
    """What was said and done, with times since the answer."""
    answered = answered_at(call)
    return [line for entry in items for line in entry_lines(entry, answered, view)]


def spent(call: Item, view: View) -> list[str]:
    """Tokens, seconds and dollars."""
    usage = call.get("usage")
    priced = f", by the prices of {safe(call['prices_as_of'])}" if call.get("prices_as_of") else ""
    why = "" if call.get("cost") is not None else _why_unknown(usage)
    shown = [f"{view.style.dim('cost ')}  {money(call.get('cost'))}{priced if not why else ''}{why}"]
    if usage:
        for line in wrapped(usage_text(usage), max(NARROWEST, view.width - 7)):
            shown.insert(len(shown) - 1, f"{view.style.dim('usage')}  {line}" if len(shown) == 1 else f"{'':7}{line}")
    return shown


def entry_lines(entry: Item, answered: float, view: View) -> list[str]:
    """One turn, tool run or gap."""
    style = view.style
    match entry.get("kind"):
        case "turn":
            who = str(entry.get("role"))
            paint = style.cyan if who == "agent" else style.green
            text = " ".join(str(entry.get("text") or "").split())
            return _entry(entry, answered, view, paint, who, [safe(text)], turn_mark(entry))
        case "tool":
            text = f"{safe(entry.get('name'))} {safe(entry.get('arguments') or '')}".rstrip()
            output = entry.get("output")
            told = [] if output is None else [f"→ {safe(output)}"]
            return _entry(entry, answered, view, style.yellow, "tool", [text, *told], tool_mark(entry))
        case "digits":
            return _entry(entry, answered, view, style.green, "keys", [f"pressed {safe(entry.get('text'))}"])
        case "gap":
            return _entry(entry, answered, view, style.red, "gap", [_gap_text(entry)])
    known = shapes.dumps_line(shapes.item(entry))
    return _entry(entry, answered, view, style.dim, str(entry.get("kind")), [safe(known)])


def turn_mark(turn: Item) -> str:
    """What happened to a turn, if anything did."""
    match turn.get("state"):
        case "final":
            return ""
        case "interrupted" if turn.get("heard_ms") is not None:
            return f"[interrupted, heard {turn['heard_ms']} ms]"
        case "cut":
            return "[cut off by the end of the call]"
        case "untranscribed":
            return "[no transcript]"
        case "pending":
            return "[not transcribed yet]"
        case state:
            return f"[{safe(state)}]"


def tool_mark(run: Item) -> str:
    """How a tool run ended, and how long it took."""
    seconds = "" if run.get("seconds") is None else f", {float(run['seconds']):.3f} s"
    return f"[{safe(run.get('outcome'))}{seconds}]"


def _gap_text(gap: Item) -> str:
    ended, started = gap.get("ended_at"), gap.get("started_at")
    long = ""
    if ended is not None and started is not None:
        long = f" for {float(ended) - float(started):.1f} s"
    why = f" ({safe(gap['text'])})" if gap.get("text") else ""
    return f"nobody listened{long}{why}: what was said may be missing"


def _entry(
    entry: Item,
    answered: float,
    view: View,
    paint: Callable[[str], str],
    who: str,
    parts: Sequence[str],
    mark: str = "",
) -> list[str]:
    started = entry.get("started_at")
    at = "" if started is None else since(float(started) - answered)
    width = max(NARROWEST, view.width - MARGIN)
    body = [line for part in filter(None, parts) for line in wrapped(part, width)]
    if mark:
        if body and cells(body[-1]) + 1 + cells(mark) <= width:
            body[-1] = f"{body[-1]} {view.style.dim(mark)}"
        else:
            body.append(view.style.dim(mark))
    first, *rest = body or [""]
    return [
        f"{at:>10}  {paint(padded(safe(who)[:6], 6))}  {first}".rstrip(),
        *(f"{'':{MARGIN}}{line}" for line in rest),
    ]


# --- words and numbers ------------------------------------------------------------------------


def outcome(call: Item, style: Style) -> str:
    """The status, with the reason for the end."""
    status, reason = str(call.get("status")), call.get("end_reason")
    if status in ("ringing", "accepted", "live"):
        return style.green(safe(status))
    paint = style.red if status in ("failed", "missed") else style.bold if status == "ended" else style.yellow
    return paint(safe(status)) + (f": {safe(reason)}" if reason else "")


def parties(call: Item) -> str:
    return f"{number(call.get('caller'), 'anonymous')} → {number(call.get('dialled'), 'unknown')}"


def number(value: object, otherwise: str) -> str:
    return safe(value) if value else otherwise


def money(cost: object) -> str:
    """Dollars; what is not known is never shown as nothing."""
    return "unknown" if cost is None else f"${float(str(cost)):.4f}"


def moment(at: float, view: View) -> str:
    return datetime.fromtimestamp(at, UTC).astimezone(view.zone).strftime("%Y-%m-%d %H:%M:%S %z")


def since(seconds: float) -> str:
    """`1:02.3`: minutes, seconds and tenths since the answer."""
    tenths = round(abs(seconds) * 10)
    return f"{'-' if seconds < 0 and tenths else ''}{tenths // 600}:{tenths % 600 / 10:04.1f}"


def span(seconds: float) -> str:
    """`12.3 s`, `3 min 4 s` or `1 h 2 min`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    return f"{whole // 60} min {whole % 60} s" if whole < 3600 else f"{whole // 3600} h {whole % 3600 // 60} min"


def answered_at(call: Item) -> float:
    """The zero of a conversation's times, in Unix seconds: the accept, or the ringing where there was none."""
    reached = call.get("steps") or {}
    return float(reached.get(Step.ACCEPTED) or reached.get(Step.CREATED) or 0)


def duration(call: Item, now: float | None) -> float | None:
    """Seconds since the answer, of a call that is not over until now; None where nobody answered."""
    if call.get("duration") is not None:
        return float(call["duration"])
    if call.get("status") == "live" and now is not None:
        return max(0.0, now - answered_at(call))
    return None


def usage_text(usage: Item) -> str:
    parts = []
    for way, names in (("in", ("text", "audio", "image")), ("out", ("text", "audio"))):
        told = []
        for name in names:
            tokens = int(usage.get(f"{'input' if way == 'in' else 'output'}_{name}") or 0)
            cached = int(usage.get(f"cached_{name}") or 0) if way == "in" else 0
            if tokens:
                told.append(f"{tokens} {name}" + (f" ({cached} cached)" if cached else ""))
        parts.append(f"{way} {', '.join(told) or '0'} tokens")
    if usage.get("unsplit"):
        parts.append(f"{usage['unsplit']} tokens of unknown modality")
    if usage.get("transcription_seconds"):
        parts.append(f"{float(usage['transcription_seconds']):.1f} s transcribed")
    return "; ".join(parts)


def _why_unknown(usage: Item | None) -> str:
    if not usage:
        return ""
    return " (tokens of unknown modality)" if usage.get("unsplit") else " (no price for the model)"


def _agent(call: Item) -> str:
    model = f" ({safe(call['model'])})" if call.get("model") else ""
    return f"{safe(call['agent'])}{model}" if call.get("agent") else "none"


def _decision(call: Item) -> str:
    decision = call.get("decision") or {}
    status = f" with {safe(decision['sip_status'])}" if decision.get("sip_status") else ""
    return f"{safe(decision.get('verdict', 'none'))}{status}: {safe(decision.get('rule', ''))}"


def _transfer(transfer: Item) -> str:
    why = f" ({safe(transfer['why'])})" if transfer.get("why") else ""
    return f"to {safe(transfer.get('target'))}: {safe(transfer.get('verdict'))}{why}"


def _created(call: Item) -> float | None:
    at = (call.get("steps") or {}).get(Step.CREATED)
    return None if at is None else float(at)


def _milliseconds(seconds: float) -> str:
    return f"{round(seconds * 1000)} ms"
