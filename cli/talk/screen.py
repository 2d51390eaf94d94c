"""What is shown of a typed call: for people as it happens, for programs as one JSON object a line."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli import json_output
from cli.talk.admitted import Admitted
from cli.talk.call import Watcher
from cli.terminal import safe
from cli.views.words import money
from ringside.conversation.events import Usage
from ringside.records import shapes

UNFINISHED = frozenset({"pending", "running"})
STYLES = {"agent": "cyan", "tool": "yellow", "you": "green", "problem": "red", "note": "magenta"}


class View(Watcher):
    """Whoever looks on, and shows what comes before and after the conversation, too."""

    is_for_people = True

    def decided(self, came: Admitted, call: Mapping[str, Any], *, stand_in: bool, voice: bool = False) -> None:
        """What the rules say. `call`: its item."""

    def hint(self, text: str) -> None:
        """What whoever types should know."""

    def traceback(self, text: str) -> None:
        """A tool has raised."""

    def kept(self, path: Path | None) -> None:
        """Where the record is; None if it could not be written."""


class Screen(View):
    """One line for each thing, and nothing twice."""

    def __init__(self, out: Console) -> None:
        self._out = out
        self._shown: set[str] = set()
        self._notes: dict[str, Any] = {}

    def decided(self, came: Admitted, call: Mapping[str, Any], *, stand_in: bool, voice: bool = False) -> None:
        agent, decision = came.agent, came.decision
        zone = agent.time_zone if agent else "UTC"
        when = datetime.fromtimestamp(came.at, ZoneInfo(zone)).strftime("%A %Y-%m-%d %H:%M")
        self._line(
            "call", f"{came.invite.caller.name} rings {came.invite.dialled or 'an unknown number'}, {when} {zone}"
        )
        if agent is None:
            self._line("decision", "reject with SIP 404: no agent answers this number")
            return
        counted = ", if no limit is reached (calls are not counted here)" if came.uncounted else ""
        verdict = "accept" if came.is_accepted else f"reject with SIP {decision.sip_status}"
        self._line("decision", f"{verdict}, by agent {agent.name}: {decision.rule}{counted}")
        if came.is_accepted:
            model = (
                f"a stand-in for {agent.model}, which costs nothing"
                if stand_in
                else f"{agent.model}, in {'voice' if voice else 'text'}"
            )
            self._line("model", f"{model}. /help shows what you can do besides typing")

    def entry(self, item: dict[str, Any]) -> None:
        key, kind = str(item.get("tool_call_id") or item["item_id"]), item["kind"]
        if key in self._shown or item.get("state", item.get("outcome")) in UNFINISHED:
            return
        self._shown.add(key)
        match kind:
            case "turn" if item["role"] == "agent":
                cut = "" if item["state"] == "final" else f" [{item['state']}]"
                self._line("agent", f"{item.get('text') or ''}{cut}")
            case "turn" if not self._out.is_terminal:  # on a terminal it is there, as it was typed
                self._line("you", str(item.get("text") or ""))
            case "tool":
                took = "" if item.get("seconds") is None else f", {item['seconds']:.2f} s"
                asked = f"{item['name']}({_arguments(item.get('arguments'))})"
                output = "" if item.get("output") is None else f" → {item['output']}"
                self._line("tool", f"{asked}{output}", f"[{item['outcome']}{took}]")
            case "digits":
                self._line("keys", str(item["text"]))

    def noted(self, facts: Mapping[str, Any]) -> None:
        for name, value in (facts.get("notes") or {}).items():
            if self._notes.get(name) != value:
                self._notes[name] = value
                self._line("note", f"{name}: {value}")
        transfer = facts.get("transfer")
        if transfer and transfer["verdict"] in ("asked", "failed"):
            why = f" ({transfer['why']})" if transfer.get("why") else ""
            said = "asked for; nobody is called here" if transfer["verdict"] == "asked" else f"failed{why}"
            self._line("transfer", f"to {transfer['target']}: {said}")

    def used(self, usage: Usage, cost: float | None) -> None:
        self._line("", "", f"{_tokens(usage):,} tokens, {money(cost)} so far")

    def problem(self, text: str) -> None:
        self._line("problem", text)

    def traceback(self, text: str) -> None:
        for line in text.rstrip().splitlines():
            self._line("", "", line)

    def hint(self, text: str) -> None:
        for line in text.splitlines():
            self._line("", "", line)

    def ended(self, call: dict[str, Any]) -> None:
        usage = Usage(**call["usage"])
        cost = f"{money(call['cost'])} (prices of {call['prices_as_of']})" if call["cost"] is not None else "unknown"
        detail = f" ({call['end_detail']})" if call.get("end_detail") else ""
        self._line("the end", f"{call['end_reason']}{detail}; {_tokens(usage):,} tokens, cost {cost}")

    def kept(self, path: Path | None) -> None:
        where = str(path) if path else "not kept: this directory cannot be written to"
        self._line("record", where)

    def _line(self, who: str, what: str, note: str = "") -> None:
        line = Table.grid(padding=(0, 2, 0, 0))
        line.add_column(width=8, style=STYLES.get(who, "dim"), no_wrap=True, overflow="crop")
        line.add_column(overflow="fold")
        body = Text(safe(what))
        if note:
            body.append(" " if what else "").append(safe(note), "dim")
        line.add_row(who, body)
        with self._out.capture() as captured:
            self._out.print(line, crop=False)
        # As plain text to wherever standard output leads by now: the prompt keeps itself below it.
        print("\n".join(text.rstrip() for text in captured.get().splitlines()), flush=True)


class JsonLines(View):
    """For programs. An entry comes again whenever it has changed."""

    is_for_people = False

    def decided(self, came: Admitted, call: Mapping[str, Any], *, stand_in: bool, voice: bool = False) -> None:
        self._say("call", call=shapes.whole(call, []), counted=not came.uncounted, stand_in=stand_in)

    def entry(self, item: dict[str, Any]) -> None:
        self._say("entry", entry=shapes.item(item))

    def noted(self, facts: Mapping[str, Any]) -> None:
        known = {name: facts[name] for name in ("notes", "transfer") if facts.get(name)}
        if known:
            self._say("noted", **known)

    def used(self, usage: Usage, cost: float | None) -> None:
        self._say("used", tokens=_tokens(usage), cost=cost)

    def problem(self, text: str) -> None:
        self._say("problem", text=text)

    def traceback(self, text: str) -> None:
        self._say("traceback", text=text)

    def hint(self, text: str) -> None:
        self._say("hint", text=text)

    def ended(self, call: dict[str, Any]) -> None:
        self._say("ended", call=shapes.whole(call, []))

    def kept(self, path: Path | None) -> None:
        self._say("kept", path=None if path is None else str(path))

    def _say(self, event: str, **more: Any) -> None:
        print(json_output.dumps_line({"event": event, **more}), flush=True)


def _tokens(usage: Usage) -> int:
    return usage.input_text + usage.input_audio + usage.input_image + usage.output_text + usage.output_audio


def _arguments(text: object) -> str:
    """`day="monday", guests=2`, or as the model wrote it."""
    try:
        given = json.loads(str(text or "{}"))
    except ValueError:
        return str(text)
    if not isinstance(given, dict):
        return str(text)
    return ", ".join(_argument(given.items()))


def _argument(given: Iterable[tuple[str, Any]]) -> Iterable[str]:
    return (f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in given)
