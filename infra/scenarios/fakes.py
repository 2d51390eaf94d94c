"""The tools of a run: fakes in their place, and the real ones that the scenario names.

A fake is run as the real tool would be: its arguments are checked by the real tool's signature, its result becomes a
text for the model by the same rules, and it has the same limit, which counts on the agent's clock.
"""

import asyncio
import inspect
import json
import traceback
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from infra.scenarios.clock import Working
from infra.scenarios.matching import differences, shown
from infra.scenarios.model import Answer, Fake
from ringside.agentfile.agent import Agent
from ringside.conversation import builtin_tools
from ringside.conversation.events import ToolFinished
from ringside.tools import runner
from ringside.tools.definition import CallContext, Tool, ToolFailed, ToolTimedOut

GIVEN = ("state", "now", "call")
"""Arguments of a fake that are not the tool's: the scenario's state, the time of the call, its `CallContext`."""


class Unprepared(Exception):
    """A fake has no answer for these arguments, or broke: the scenario is wrong, and not the agent."""


@dataclass
class World:
    """What fakes see of the run: `state` is theirs to change."""

    state: dict[str, Any]
    now: datetime
    before_tool: Callable[[], None] = lambda: None
    """Called before each run of a tool: what the script changes by then has to be changed."""


class ScenarioTools:
    """Runs the tools of one agent. `problems` has what is wrong with the scenario's fakes, as it shows."""

    def __init__(
        self,
        tools: Mapping[str, Tool],
        fakes: "Mapping[str, Fake | Callable[..., Any]]",
        real: Collection[str],
        world: World,
    ) -> None:
        self._tools = dict(tools)
        self._fakes = fakes
        self._real = real
        self._world = world
        self.problems: list[str] = []

    def is_repeatable(self, agent: Agent, name: str) -> bool:
        return name in self._tools and self._tools[name].options.repeatable

    async def run(self, agent: Agent, name: str, arguments: str, context: CallContext) -> ToolFinished:
        self._world.before_tool()
        tool, others = self._tools.get(name), builtin_tools.NAMES.intersection(agent.tools)
        fake = self._fakes.get(name)
        limit = agent.limits.tool_seconds
        found: list[Answer] = []
        if tool is not None and name not in self._real:
            tool = replace(tool, function=self._function(tool, fake, context, found), context=None)
        known = {**self._tools, **({name: tool} if tool is not None else {})}
        began = asyncio.get_running_loop().time()
        with Working():
            finished = await runner.run(known, context.tool_call_id, name, arguments, limit, context, others)
        seconds = found[0].seconds if found else 0.0
        if seconds and finished.outcome != "refused":
            limit = (tool.options.seconds if tool else None) or limit
            if seconds > limit:
                await asyncio.sleep(limit)
                why = runner.apology(str(ToolTimedOut()))
                return ToolFinished(context.tool_call_id, "timeout", why, limit)
            await asyncio.sleep(seconds)
        lasted = round(asyncio.get_running_loop().time() - began, 3)
        return replace(finished, seconds=lasted)

    def close(self) -> None:
        pass

    def _function(
        self, tool: Tool, fake: "Fake | Callable[..., Any] | None", context: CallContext, found: list[Answer]
    ) -> Callable[..., Any]:
        """What takes the real function's place for one run."""

        def answer(**arguments: Any) -> Any:
            if fake is None:
                text = f"{tool.name} was called and has no fake; give it one, or list it under real:"
                self.problems.append(text)
                raise Unprepared(text)
            given = arguments["arguments"] if tool.arguments is None and set(arguments) == {"arguments"} else arguments
            if isinstance(fake, Fake):
                plain = json.loads(json.dumps(given, default=str))
                found.append(chosen := self._answer(tool.name, fake, plain))
                if chosen.fails is not None:
                    raise ToolFailed(chosen.fails)
                return chosen.returns
            try:
                result = fake(**_wanted(fake, given, self._world, context))
                return asyncio.run(result) if inspect.isawaitable(result) else result  # type: ignore[arg-type]  # awaitable
            except ToolFailed:
                raise
            except Exception as error:
                at = traceback.extract_tb(error.__traceback__)[-1]
                where = f"{Path(at.filename).name}:{at.lineno}"
                self.problems.append(f"the fake {tool.name} raised {type(error).__name__} at {where}: {error}")
                raise

        return answer

    def _answer(self, name: str, fake: Fake, given: dict[str, Any]) -> Answer:
        if not fake.when:
            return fake
        for entry in fake.when:
            if not differences(entry.arguments, given):
                return entry
        text = f"the fake {name} has no answer for {shown(given)}: add one under when"
        self.problems.append(text)
        raise Unprepared(text)


def _wanted(fake: Callable[..., Any], given: Mapping[str, Any], world: World, context: CallContext) -> dict[str, Any]:
    """The arguments that the fake has of those that there are."""
    there = {**given, "state": world.state, "now": world.now, "call": context}
    parameters = inspect.signature(fake).parameters
    if any(each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters.values()):
        return there
    return {name: there[name] for name in parameters if name in there}


def misfits(name: str, fake: Callable[..., Any], tool: Tool) -> list[str]:
    """Why this function cannot stand in for the tool."""
    known = set(tool.schema.get("properties", {})) | set(GIVEN)
    wrong = []
    for parameter in inspect.signature(fake).parameters.values():
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            continue
        if parameter.kind in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.VAR_POSITIONAL):
            wrong.append(f"{name}: arguments are given by name")
        elif parameter.name not in known:
            has = ", ".join(sorted(tool.schema.get("properties", {}))) or "no arguments"
            wrong.append(f"{name}: the tool has no argument {parameter.name}; it has {has}")
    return wrong
