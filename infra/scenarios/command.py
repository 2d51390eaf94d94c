"""`ringside test`: find, check, play and report."""

import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from cli.terminal import Style, busy, safe, safe_json, wants_colour
from infra.local.openai import REAL_URL
from infra.scenarios import reading, report, scripted
from infra.scenarios import results as runs
from infra.scenarios.live import Live, LivePlayer
from infra.scenarios.outcome import Result, exit_status
from infra.scenarios.plain import OpenAIAccess
from infra.scenarios.reading import SUFFIX, Prepared, ScenarioError
from infra.scenarios.results import WrongFile
from infra.scenarios.text_model import MODEL, TextModel

WRONG = 2
"""The exit status for a wrong command line or file."""

PLACES = (Path("functions/agents"), Path("tests/scenarios"))
"""Where scenarios are looked for, below the working directory."""


def places() -> list[Path]:
    """Where to look: below the working directory, and with the team's agents, if RINGSIDE_AGENTS names others."""
    team = os.environ.get("RINGSIDE_AGENTS")
    return [place for place in (*PLACES, *([Path(team)] if team else [])) if place.is_dir()]


@dataclass(frozen=True)
class Wanted:
    """What the command line says."""

    files: Sequence[Path] = ()
    agents: Path | None = None
    only: str | None = None
    """A part of the scenarios' names, or one of their tags."""
    json: bool = False
    junit: Path | None = None
    live: "LiveWanted | None" = None


@dataclass(frozen=True)
class LiveWanted:
    """What the command line says about live runs. `max_cost` in US dollars."""

    repeat: int | None = None
    max_cost: float | None = None
    baseline: Path | None = None
    judge_always: bool = False
    text_model: str = MODEL


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

    try:
        live = None if wanted.live is None else live_runs(wanted.live)
    except WrongFile as error:
        print(safe(f"ringside test: {error}"), file=sys.stderr)
        return WRONG
    with busy(out, f"Playing {len(prepared)} scenarios; press Ctrl-C to stop", wanted.json):
        results = scripted.play_all(prepared, done) if live is None else live.player.play_all(prepared, done)
    if wanted.junit is not None:
        wanted.junit.parent.mkdir(parents=True, exist_ok=True)
        wanted.junit.write_bytes(report.junit(results))
    if not wanted.json:
        more = f" Read more: {logs[0]}" + (f" and {len(logs) - 1} more" if len(logs) > 1 else "") if logs else ""
        print(f"{report.summary(results)}.{more}", flush=True)
    for line in live.last_words() if live is not None else ():
        print(safe(line), flush=True, file=sys.stderr if wanted.json else sys.stdout)
    return exit_status(results)


@dataclass
class LiveRuns:
    """Live runs, and what is said of them at the end."""

    player: LivePlayer
    live: Live
    before: list[dict[str, Any]] | None

    def last_words(self) -> Iterator[str]:
        bill, used, text = self.player.bill, self.live.text_model.tokens, self.player.bill.text
        yield (
            f"Bill: ${bill.agents:.4f} for the agent's model"
            + (f", {bill.unknown} runs without a known price" if bill.unknown else "")
            + (f"; ${text:.4f} for callers and judges" if text else "")
            + (f" ({used.read:,} + {used.written:,} tokens of {self.live.text_model.model}" if used.read else "")
            + (", whose price is not known" if used.read and text is None else "")
            + (")" if used.read else "")
        )
        if self.live.results is not None and self.live.results.exists():
            if self.before is not None:
                yield from runs.compared(self.before, runs.read(self.live.results))
            yield f"Runs: {self.live.results} (for --baseline, and for ringside test label)"


def live_runs(wanted: LiveWanted) -> LiveRuns:
    """Raises `WrongFile` for a baseline that is none, or without a key."""
    key = os.environ.get("OPENAI_API_KEY", "")
    if not key:
        raise WrongFile("--live needs OPENAI_API_KEY; without --live nothing is spent, and no key needed")
    base_url = os.environ.get("OPENAI_BASE_URL") or REAL_URL
    before = None if wanted.baseline is None else runs.read(wanted.baseline)
    made = Live(
        OpenAIAccess(base_url, key),
        TextModel(base_url, key, wanted.text_model),
        repeat=wanted.repeat,
        max_cost=wanted.max_cost,
        judge_always=wanted.judge_always,
        results=report.LOGS / time.strftime("live-%Y%m%d-%H%M%S.jsonl"),
    )
    return LiveRuns(LivePlayer(made), made, before)


def label(path: Path, out: Console) -> int:
    """Ask a person about the judge's verdicts in a file of live runs, and say what the judge is worth."""

    def ask(run: dict[str, Any], question: str) -> bool | None:
        print(f"\n{safe(run['scenario'])}")
        for number, line in enumerate(run.get("lines") or (), 1):
            print(f"  {number:>3}  {safe(line)}")
        while True:
            print(f"{safe(question)} [y/n, q to stop] ", end="", flush=True)
            answer = sys.stdin.readline()
            if answer.strip().lower() in ("y", "yes", "n", "no"):
                return answer.strip().lower().startswith("y")
            if not answer or answer.strip().lower() == "q":
                print()
                return None

    try:
        lines = runs.label(path, ask)
    except WrongFile as error:
        print(safe(f"ringside test label: {error}"), file=sys.stderr)
        return WRONG
    for line in lines:
        print(line)
    return 0


def _columns(prepared: Sequence[Prepared]) -> tuple[list[str], list[str]]:
    return [each.agent.name if each.agent else "-" for each in prepared], [each.name for each in prepared]


def prepare(wanted: Wanted) -> tuple[list[Prepared], list[str]]:
    """The scenarios, and what is wrong with the files."""
    try:
        paths = reading.find(wanted.files or places())
    except ScenarioError as error:
        return [], [f"ringside test: {error}"]
    found, wrong = [], []
    for path in paths:
        is_named = wanted.only is None or wanted.only in path.name
        try:
            prepared = reading.read(path, wanted.agents)
        except ScenarioError as error:
            if is_named:
                wrong.append(str(error))
            continue
        if not (is_named or wanted.only in prepared.scenario.tags):
            continue
        if prepared.scenario.draft is not None:
            wrong.append(f"{path}: draft: {prepared.scenario.draft} Take the line out when you have read it")
        found.append(prepared)
    if not (found or wrong):
        which = f" with {wanted.only} in its name or among its tags" if wanted.only else ""
        where = ", ".join(map(str, wanted.files or PLACES))
        wrong.append(f"ringside test: there is no *{SUFFIX}{which} in {where}")
    return found, wrong
