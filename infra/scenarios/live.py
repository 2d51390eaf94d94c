"""Scenarios played live: the agent's own model on a session in text, faked tools, a scripted or played caller.

A run that broke (network, text model, a caller out of their role) says nothing about the agent: it is played again, and
counts neither for nor against.
"""

import asyncio
import json
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cli.talk.session import SessionError
from infra.scenarios import callers, judge, statistics, transcript
from infra.scenarios.expectations import Problem, check
from infra.scenarios.outcome import Outcome, Result
from infra.scenarios.plain import NotAdmitted, OpenAIAccess, decided, text_call
from infra.scenarios.reading import Prepared
from infra.scenarios.scripted import as_expected, quiet
from infra.scenarios.text_model import TextModel, TextModelError
from ringside.calls import EndReason
from ringside.prices import Prices, load

AT_ONCE = 4
RUN_SECONDS = 900.0
"""Of one run, with all that the models take."""


@dataclass(frozen=True)
class Live:
    """How live runs are played. `repeat`: in place of the files' own; `max_cost` in US dollars for all of them."""

    openai: OpenAIAccess
    text_model: TextModel
    repeat: int | None = None
    max_cost: float | None = None
    judge_always: bool = False
    results: Path | None = None
    """A file to which each run is added as it ends."""


@dataclass
class Bill:
    """What was spent, in US dollars: on the agents' models, and on the one that plays callers and judges.

    `unknown`: runs whose price is not known.
    """

    text_model: TextModel
    prices: Prices = field(default_factory=load)
    agents: float = 0.0
    unknown: int = 0

    def add(self, cost: float | None) -> None:
        if cost is None:
            self.unknown += 1
        else:
            self.agents += cost

    @property
    def text(self) -> float | None:
        """None: the model has no price."""
        used = self.text_model.tokens
        return self.prices.text_cost(self.text_model.model, used.read, used.cached, used.written)

    @property
    def dollars(self) -> float:
        """As far as prices are known."""
        return self.agents + (self.text or 0.0)


@dataclass
class LiveRun:
    """One run: its outcome, and what it is by."""

    outcome: Outcome
    problems: list[Problem] = field(default_factory=list)
    verdicts: list[judge.Verdict] = field(default_factory=list)
    call: dict[str, Any] | None = None
    reason: str = ""
    seconds: float = 0.0
    id: str = field(default_factory=lambda: secrets.token_hex(6))

    @property
    def cost(self) -> float | None:
        found = (self.call or {}).get("cost")
        return None if found is None else float(found)


class LivePlayer:
    """Plays scenarios live, several at once, until the money is spent."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self.bill = Bill(live.text_model)

    def play_all(self, prepared: Sequence[Prepared], done: Callable[[Result], None]) -> list[Result]:
        """As `scripted.play_all`."""

        async def all_of_them() -> list[Result]:
            slots = asyncio.Semaphore(AT_ONCE)

            async def one(each: Prepared) -> Result:
                async with slots:
                    result = await self.play(each)
                done(result)
                return result

            return list(await asyncio.gather(*(one(each) for each in prepared)))

        with quiet():
            return asyncio.run(all_of_them())

    @property
    def _is_spent(self) -> bool:
        return self._live.max_cost is not None and self.bill.dollars >= self._live.max_cost

    async def play(self, prepared: Prepared) -> Result:
        """All runs of one scenario. Never raises."""
        scenario, began = prepared.scenario, time.monotonic()
        repeat = self._live.repeat or (1 if scenario.is_rejected else scenario.repeat)
        needed = scenario.passes_needed if self._live.repeat is None else repeat
        runs: list[LiveRun] = []
        while sum(run.outcome is not Outcome.BROKEN for run in runs) < repeat:
            broken = [run for run in runs if run.outcome is Outcome.BROKEN]
            if self._is_spent or len(broken) > repeat:
                break
            run = await self._run(prepared)
            runs.append(run)
            if run.call is not None and not scenario.is_rejected:
                self.bill.add(run.cost)
            self._keep(prepared, run)
        result = summed(prepared, runs, repeat, needed, spent=self._is_spent)
        result.seconds = time.monotonic() - began
        return as_expected(result, scenario.pending)

    async def _run(self, prepared: Prepared) -> LiveRun:
        began = time.monotonic()
        try:
            async with asyncio.timeout(RUN_SECONDS):
                run = await self._played(prepared)
        except (SessionError, TextModelError) as error:
            run = LiveRun(Outcome.BROKEN, reason=str(error))
        except TimeoutError:
            run = LiveRun(Outcome.BROKEN, reason=f"not over after {RUN_SECONDS:.0f} s")
        except Exception as error:
            run = LiveRun(Outcome.BROKEN, reason=f"{type(error).__name__}: {error}")
        run.seconds = time.monotonic() - began
        return run

    async def _played(self, prepared: Prepared) -> LiveRun:
        scenario, model = prepared.scenario, self._live.text_model
        if scenario.is_rejected:
            call = decided(prepared)
            problems = check(scenario, call, {}, {})
            return LiveRun(Outcome.FAILED if problems else Outcome.PASSED, problems, call=call)
        try:
            async with text_call(prepared, self._live.openai) as text:
                if scenario.caller is not None:
                    await callers.play(text, scenario.caller, model)
                elif scenario.script is not None:
                    await callers.follow_script(text, scenario, model)
                call, state, found = text.shown(), text.state, list(text.tools.problems)
        except NotAdmitted as refused:
            call, state, found = refused.call, dict(scenario.state), []
        run = LiveRun(Outcome.PASSED, call=call)
        if call.get("end_reason") == EndReason.SUPERVISION_LOST:
            run.outcome, run.reason = Outcome.BROKEN, str(call.get("end_detail") or "the session was lost")
            return run
        repeatable = {name: tool.options.repeatable for name, tool in prepared.tools.items()}
        run.problems = [Problem(text) for text in dict.fromkeys(found)]
        run.problems += check(scenario, call, state, repeatable)
        if run.problems:
            run.outcome = Outcome.FAILED
        if scenario.judge and (not run.problems or self._live.judge_always):
            await self._judge(prepared, run, state)
        return run

    async def _judge(self, prepared: Prepared, run: LiveRun, state: dict[str, Any]) -> None:
        """Hard checks come first: a judge can make a run fail, and cannot rescue it."""
        assert run.call is not None
        questions, model = prepared.scenario.judge, self._live.text_model
        run.verdicts = await judge.judge(model, prepared.agent, run.call, state, questions)
        for verdict in run.verdicts:
            if verdict.answer != "yes":
                near = None if verdict.line is None else verdict.line - 1
                run.problems.append(Problem(f"judge: {verdict.question} {verdict.answer}: {verdict.why}", near))
        answers = {verdict.answer for verdict in run.verdicts}
        if run.outcome is Outcome.PASSED and "no" in answers:
            run.outcome = Outcome.FAILED
        elif run.outcome is Outcome.PASSED and "unsure" in answers:
            run.outcome = Outcome.UNSURE

    def _keep(self, prepared: Prepared, run: LiveRun) -> None:
        if self._live.results is None:
            return
        entries = transcript.entries((run.call or {"items": []})["items"])
        kept = {
            "run": run.id,
            "scenario": prepared.name,
            "file": str(prepared.path),
            "agent": prepared.agent.name if prepared.agent else None,
            "at": round(time.time(), 3),
            "outcome": run.outcome,
            "reason": run.reason or None,
            "problems": [problem.text for problem in run.problems],
            "verdicts": [verdict.as_json() for verdict in run.verdicts],
            "end_reason": (run.call or {}).get("end_reason"),
            "cost": run.cost,
            "seconds": round(run.seconds, 3),
            "lines": [f"{entry.who}: {entry.what}" for entry in entries],
        }
        self._live.results.parent.mkdir(parents=True, exist_ok=True)
        with self._live.results.open("a", encoding="utf-8") as file:
            file.write(json.dumps(kept, ensure_ascii=False) + "\n")


def summed(prepared: Prepared, runs: Sequence[LiveRun], repeat: int, needed: int, *, spent: bool = False) -> Result:
    """What the runs of a scenario come to. The call that is shown is one that shows the problem."""
    agent = prepared.agent.name if prepared.agent else "-"
    counted = [run for run in runs if run.outcome is not Outcome.BROKEN]
    passed = sum(run.outcome is Outcome.PASSED for run in runs)
    unsure = sum(run.outcome is Outcome.UNSURE for run in runs)
    missing = repeat - len(counted)
    if passed >= needed:
        outcome = Outcome.PASSED
    elif passed + unsure + missing < needed:
        outcome = Outcome.FAILED
    elif passed + unsure >= needed:
        outcome = Outcome.UNSURE
    else:
        outcome = Outcome.BROKEN
    wanted = {Outcome.FAILED: Outcome.FAILED, Outcome.UNSURE: Outcome.UNSURE}.get(outcome, Outcome.PASSED)
    shown = next((run for run in runs if run.outcome is wanted), runs[-1] if runs else None)
    reasons = []
    if repeat > 1:
        reasons.append(statistics.in_words(passed, len(counted)) if counted else "0 runs")
    if outcome is Outcome.BROKEN:
        broken = next((run.reason for run in runs if run.outcome is Outcome.BROKEN), "")
        reasons.append(broken or ("stopped by --max-cost" if spent else "not enough runs"))
    elif missing and spent:
        reasons.append(f"stopped by --max-cost after {len(counted)} of {repeat} runs")
    costs = [run.cost for run in runs if run.cost is not None]
    if costs:
        reasons.append(f"${sum(costs):.4f}")
    result = Result(prepared.path, agent, outcome, reason=", ".join(reasons))
    if shown is not None:
        result.call = shown.call
        result.problems = shown.problems if outcome in (Outcome.FAILED, Outcome.UNSURE) else []
    result.passed, result.counted, result.cost = passed, len(counted), sum(costs) if costs else None
    return result
