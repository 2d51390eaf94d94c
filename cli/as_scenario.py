"""A scenario of a call in the record: what was said and done as its script, what the tools answered as its fakes."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from cli.errors import CliError
from cli.replacing import Replacing
from ringside.agentfile.loader import load_agents
from ringside.agentfile.yaml_lines import AgentFileError
from ringside.conversation import builtin_tools
from ringside.settings import SHIPPED

Json = dict[str, Any]

DRAFT = "Is what happened in this call what should have happened? Read the script and expect, then take this line out."
SILENT_SECONDS = 5.0
"""Between two turns of the agent's, from which on the caller counts as silent."""

TOO_LONG = 600.0  # seconds that a tool takes which timed out

_APOLOGY = re.compile(
    r"^The tool did not work: (.*)\. Tell the caller that it did not work, and continue\.$", re.DOTALL
)


def scenario(call: Json, time_zone: str, replacing: Replacing, draft: bool = True) -> str:
    """The file. `call` as `calls show --json` has it, `time_zone` the agent's."""
    decision = call.get("decision") or {}
    rejected = decision.get("verdict") == "reject"
    if not rejected and not call.get("end_reason"):
        raise CliError(f"{call['call_id']} is not over yet")
    if not rejected and not any(item["kind"] == "turn" for item in call["items"]):
        raise CliError(f"nothing was said in {call['call_id']} ({call.get('end_reason')}): there is nothing to play")
    return _Scenario(call, time_zone, replacing).text(rejected, draft)


class _Scenario:
    def __init__(self, call: Json, time_zone: str, replacing: Replacing) -> None:
        self._call = call
        self._zone = ZoneInfo(time_zone)
        self._replacing = replacing
        self._items = sorted(call["items"], key=lambda item: float(item.get("started_at") or 0))
        self._runs = [item for item in self._items if item["kind"] == "tool"]
        self._of_the_user = [run for run in self._runs if run["name"] not in builtin_tools.NAMES]

    def text(self, rejected: bool, draft: bool) -> str:
        for run in self._runs:
            self._replacing.find_names(_arguments(run))
        self._replacing.find_names(self._call.get("notes") or {})
        made: Json = {"draft": DRAFT} if draft else {}
        if self._call.get("agent"):
            made["agent"] = self._call["agent"]
        made["call"] = self._about()
        comments = ["# Made of a recorded call; numbers, digits and names are others."]
        if rejected:
            decision = self._call["decision"]
            made["expect"] = {"decision": {"reject": decision["sip_status"], "rule": decision["rule"]}}
        else:
            fakes, differing = self._fakes()
            comments += [
                f"# {name} answered the same arguments differently: its fake has to be a function that changes state."
                for name in differing
            ]
            if fakes:
                made["fakes"] = fakes
            if transfers := self._transfers():
                made["transfers"] = transfers
            made["script"] = list(self._script())
            made["expect"] = self._expect()
        return "\n".join(comments) + "\n" + _as_yaml(made)

    def _about(self) -> Json:
        started = datetime.fromisoformat(str(self._call["started_at"]))
        started = started if started.tzinfo else started.replace(tzinfo=UTC)
        caller = str(self._call.get("caller") or "unknown")
        if caller.startswith("+"):
            caller = self._replacing.number(caller)
        elif caller.isdecimal():
            caller = f"ext:{caller}"
        about = {"from": caller, "at": started.astimezone(self._zone).strftime("%Y-%m-%dT%H:%M")}
        if not self._call.get("agent") and self._call.get("dialled"):
            about["to"] = str(self._call["dialled"])
        return about

    def _transfers(self) -> Json:
        transfer = self._call.get("transfer") or {}
        if transfer.get("verdict") != "failed":
            return {}
        return {transfer["target"]: "stays" if transfer.get("accepted_at") else "refused"}

    def _fakes(self) -> tuple[Json, list[str]]:
        """What each tool answered by its arguments, and the tools whose answers cannot be told by them."""
        found: dict[str, dict[str, Json]] = {}
        differing = []
        for run in self._of_the_user:
            answers = found.setdefault(run["name"], {})
            if run["outcome"] not in ("ok", "error", "timeout"):
                continue
            arguments = self._replacing.value(_arguments(run))
            answer = {"arguments": arguments, **self._answer(run)}
            known = answers.setdefault(json.dumps(arguments, sort_keys=True), answer)
            if known != answer and run["name"] not in differing:
                differing.append(run["name"])
        fakes: Json = {}
        for name, answers in found.items():
            fakes[name] = {"when": list(answers.values())} if answers else {"fails": "it was never run"}
        return fakes, differing

    def _answer(self, run: Json) -> Json:
        output = _output(run)
        if run["outcome"] == "ok":
            return {"returns": self._replacing.value(output)}
        if run["outcome"] == "timeout":
            return {"returns": None, "seconds": TOO_LONG}
        why = _APOLOGY.match(str(output.get("error"))) if isinstance(output, dict) else None
        return {"fails": self._replacing.text(why[1] if why else "it failed")}

    def _script(self) -> Iterator[Json]:
        line: Json | None = None
        before: Json | None = None
        for item in self._items:
            if item["kind"] == "tool":
                line = line if line is not None else {}
                line.setdefault("tools", []).append(self._tool(item))
            elif (other := self._line(item, before)) is not None:
                if line is not None:
                    yield _one_tool(line)
                silent = self._silent(item, before)
                if silent is not None:
                    yield {"silence": silent}
                line = other
                if item["kind"] != "turn" or item["role"] != "agent":
                    yield line
                    line = None
            before = item
        if line is not None:
            yield _one_tool(line)
        yield from self._end(before)

    def _tool(self, run: Json) -> Json:
        arguments = self._replacing.value(_arguments(run))
        return {"name": run["name"], **({"arguments": arguments} if arguments else {})}

    def _line(self, item: Json, before: Json | None) -> Json | None:
        if item["kind"] == "digits":
            return {"dtmf": self._replacing.keys(str(item["text"]))}
        if item["kind"] != "turn":
            return None
        text = self._replacing.text(" ".join(str(item.get("text") or "").split()))
        if item["role"] == "agent":
            return {"agent": text} if text else None
        line: Json = {"caller": text or "(not understood)"}
        if before is not None and before.get("state") == "interrupted":
            line |= {"interrupts": True, "after_ms": int(before.get("heard_ms") or 800)}
        return line

    def _silent(self, item: Json, before: Json | None) -> int | None:
        """How long the caller had been silent when the agent spoke again."""
        if before is None or item.get("role") != "agent" or before.get("role") != "agent":
            return None
        if before.get("ended_at") is None or item.get("started_at") is None:
            return None
        gap = float(item["started_at"]) - float(before["ended_at"])
        return round(gap) + 1 if gap >= SILENT_SECONDS else None

    def _end(self, last: Json | None) -> Iterator[Json]:
        if self._call["end_reason"] != "caller_hung_up":
            return
        line: Json = {"hang_up": "caller"}
        if last is not None and last.get("role") == "agent" and last.get("state") == "cut":
            line["after_ms"] = int(last.get("heard_ms") or 500)
        yield line

    def _expect(self) -> Json:
        expect: Json = {}
        tools: dict[str, Json] = {}
        for run in self._of_the_user:
            entry = {
                "name": run["name"],
                "arguments": self._replacing.value(_arguments(run)),
                "outcome": run["outcome"],
            }
            known = tools.setdefault(json.dumps(entry, sort_keys=True), {**entry, "times": 0})
            known["times"] += 1
        if tools:
            expect["tools"] = [_without(entry, "times", 1) for entry in tools.values()]
        if self._call.get("notes"):
            expect["notes"] = self._replacing.value(self._call["notes"])
        if transfer := self._call.get("transfer"):
            expect["transfer"] = {name: transfer[name] for name in ("target", "verdict") if transfer.get(name)}
        return {**expect, "end": self._call["end_reason"]}


def _one_tool(line: Json) -> Json:
    tools = line.pop("tools", [])
    return {**line, "tool": tools[0]} if len(tools) == 1 else {**line, "tools": tools} if tools else line


def _without(entry: Json, name: str, default: object) -> Json:
    return {key: value for key, value in entry.items() if not (key == name and value == default)}


def _arguments(run: Mapping[str, Any]) -> Any:
    try:
        found = json.loads(run.get("arguments") or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _output(run: Mapping[str, Any]) -> Any:
    try:
        return json.loads(run.get("output") or "null")
    except ValueError:
        return run["output"]


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _as_yaml(made: Json) -> str:
    """One part after the other, small mappings on a line of their own."""
    parts: list[str] = []
    for name, value in made.items():
        flow = None if isinstance(value, dict | list) else False
        options: Json = {"sort_keys": False, "allow_unicode": True, "width": 110, "default_flow_style": flow}
        parts.append(str(yaml.dump({name: value}, Dumper=_Dumper, **options)))
    return "".join(parts)


def perhaps_names(call: Json, replacing: Replacing) -> list[str]:
    """Words of the caller's turns that may be names and were not replaced, for whoever reads the file."""
    turns = (str(item.get("text") or "") for item in call["items"] if item.get("role") == "caller")
    found = {word for text in turns for word in re.findall(r"(?<=[a-z,] )[A-Z][a-z]{2,}", text)}
    return sorted(word for word in found if replacing.text(word) == word)


def time_zone_of(agent: str | None, folder: Path | None) -> str | None:
    """The agent's, by its file; None if there is none here."""
    if agent is None:
        return "UTC"
    try:
        found = load_agents(folder or Path(os.environ.get("RINGSIDE_AGENTS") or SHIPPED / "agents")).named(agent)
    except AgentFileError:
        return None
    return found.time_zone if found else None
