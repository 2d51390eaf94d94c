"""`ringside test`: find, check, play and report."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from cli.terminal import Style, busy, safe, safe_json, wants_colour
from infra.scenarios import reading, report, scripted
from infra.scenarios.outcome import Result, exit_status
from infra.scenarios.reading import SUFFIX, Prepared, ScenarioError

WRONG = 2
"""The exit status for a wrong command line or file."""

PLACES = (Path("functions/agents"), Path("tests/scenarios"))
"""Where scenarios are looked for, below the working directory."""


@dataclass(frozen=True)
class Wanted:
    """What the command line says."""

    files: Sequence[Path] = ()
    agents: Path | None = None
    only: str | None = None
    """A part of the scenarios' names."""
    json: bool = False
    junit: Path | None = None


def run(wanted: Wanted, out: Console) -> int:
    """Play the scenarios; the exit status."""
    prepared, wrong = prepare(wanted)
    if wrong:
        for line in "\n".join(wrong).splitlines():
            print(safe(line), file=sys.stderr)
        return WRONG
    style = Style(wants_colour(out.is_terminal, out._environ))
    wide = tuple(max([len(text) for text in texts] or [0]) + 1 for texts in _columns(prepared))
    logs: list[Path] = []

    def done(result: Result) -> None:
        if report.has_problem(result):
            logs.append(report.write_log(result))
        if wanted.json:
            print(safe_json(json.dumps(result.as_json(), ensure_ascii=False)), flush=True)
            return
        lines = [report.headline(result, style, (wide[0], wide[1])), *report.details(result)]
        for line in lines:
            out.print(line, soft_wrap=True, markup=False, highlight=False)

    with busy(out, f"Playing {len(prepared)} scenarios; press Ctrl-C to stop", wanted.json):
        results = scripted.play_all(prepared, done)
    if wanted.junit is not None:
        wanted.junit.parent.mkdir(parents=True, exist_ok=True)
        wanted.junit.write_bytes(report.junit(results))
    if not wanted.json:
        more = f" Read more: {logs[0]}" + (f" and {len(logs) - 1} more" if len(logs) > 1 else "") if logs else ""
        print(f"{report.summary(results)}.{more}", flush=True)
    return exit_status(results)


def _columns(prepared: Sequence[Prepared]) -> tuple[list[str], list[str]]:
    return [each.agent.name if each.agent else "-" for each in prepared], [each.name for each in prepared]


def prepare(wanted: Wanted) -> tuple[list[Prepared], list[str]]:
    """The scenarios, and what is wrong with the files."""
    try:
        paths = reading.find(wanted.files or [place for place in PLACES if place.is_dir()])
    except ScenarioError as error:
        return [], [str(error)]
    if wanted.only is not None:
        paths = [path for path in paths if wanted.only in path.name]
    if not paths:
        which = f" with {wanted.only} in its name" if wanted.only else ""
        where = ", ".join(map(str, wanted.files or PLACES))
        return [], [f"ringside test: there is no *{SUFFIX}{which} in {where}"]
    found, wrong = [], []
    for path in paths:
        try:
            prepared = reading.read(path, wanted.agents)
        except ScenarioError as error:
            wrong.append(str(error))
            continue
        if prepared.scenario.draft is not None:
            wrong.append(f"{path}: draft: {prepared.scenario.draft} Take the line out when you have read it")
        found.append(prepared)
    return found, wrong
