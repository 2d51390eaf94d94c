"""Scenarios played by their scripts: without a key, money or a network, on a clock that does not wait."""

import asyncio
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from infra.scenarios import clock, run
from infra.scenarios.expectations import Problem, check
from infra.scenarios.lines import AgentLine
from infra.scenarios.outcome import Outcome, Result
from infra.scenarios.reading import Prepared
from infra.scenarios.run import Broken, Finished, Run
from infra.scenarios.world import World

AT_ONCE = 4
"""Scenarios that are played at the same time, on one loop: while one of them waits for the table, another goes on."""


def play_all(prepared: Sequence[Prepared], done: Callable[[Result], None]) -> list[Result]:
    """Play them, several at once; `done` is called with each as it ends. The results are in the order of the files."""
    if not prepared:
        return []

    async def all_of_them() -> list[Result]:
        async with World() as world:
            slots = asyncio.Semaphore(AT_ONCE)

            async def one(each: Prepared) -> Result:
                async with slots:
                    result = await play(world, each)
                done(result)
                return result

            return list(await asyncio.gather(*(one(each) for each in prepared)))

    with quiet(), asyncio.Runner(loop_factory=clock.UnhurriedLoop) as runner:
        return runner.run(all_of_them())


class Player:
    """Plays one scenario after the other in one world, which is made with the first of them."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner(loop_factory=clock.UnhurriedLoop)
        self._world: World | None = None

    def play(self, prepared: Prepared) -> Result:
        """Never raises."""
        with quiet():
            return self._runner.run(self._play(prepared))

    async def _play(self, prepared: Prepared) -> Result:
        if self._world is None:
            self._world = await World().__aenter__()
        return await play(self._world, prepared)

    def close(self) -> None:
        with quiet():
            if self._world is not None:
                self._runner.run(self._world.__aexit__())
            self._runner.close()


@contextmanager
def quiet() -> Iterator[None]:
    """Without the logs of what is run, and without the complaints of its libraries."""
    with run.logs(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


async def play(world: World, prepared: Prepared) -> Result:
    """One of them. Never raises."""
    agent, began = prepared.agent.name if prepared.agent else "-", time.monotonic()
    result = Result(prepared.path, agent, Outcome.PASSED)
    scenario = prepared.scenario
    if scenario.script is None and not scenario.is_rejected:
        result.outcome, result.reason = Outcome.SKIPPED, "needs --live"
        return result
    try:
        finished = await Run(world, prepared).play()
    except Broken as broken:
        result.outcome, result.reason = Outcome.BROKEN, str(broken)
    except Exception as error:
        result.outcome, result.reason = Outcome.BROKEN, f"{type(error).__name__}: {error}"
    else:
        result.call, result.log = finished.call, finished.log
        result.problems = judged(prepared, finished)
        result.outcome = Outcome.FAILED if result.problems else Outcome.PASSED
    result.seconds = time.monotonic() - began
    return as_expected(result, scenario.pending)


def as_expected(result: Result, pending: str | None) -> Result:
    """A scenario that is meant to fail for now."""
    if pending and result.outcome is Outcome.FAILED:
        result.outcome, result.reason = Outcome.PENDING, pending
    elif pending and result.outcome is Outcome.PASSED:
        result.outcome = Outcome.FAILED
        result.problems = [Problem(f"pending: it passes now ({pending}); take the line out")]
    return result


def judged(prepared: Prepared, finished: Finished) -> list[Problem]:
    """What is wrong: with the scenario itself, with the script's course, and with what is expected."""
    repeatable = {name: tool.options.repeatable for name, tool in prepared.tools.items()}
    problems = [Problem(text) for text in dict.fromkeys(finished.problems)]
    problems += check(prepared.scenario, finished.call, finished.state, repeatable)
    if finished.unplayed:
        problems.append(Problem(_not_reached(prepared, finished)))
    return problems


def _not_reached(prepared: Prepared, finished: Finished) -> str:
    index = finished.unplayed[0]
    line = (prepared.scenario.script or ())[index]
    if isinstance(line, AgentLine):
        what = f"agent: {line.agent}" if line.agent else f"tool: {line.calls[0].name}"
    else:
        what = ", ".join(f"{name}: {value}" for name, value in line.model_dump(exclude_defaults=True).items())
    at = f"{prepared.path.name}:{prepared.lines[index]}"
    return f"script: the call was over ({finished.call.get('end_reason')}) before {at} ({what})"
