"""Tests of agents in Python: the fixture `call`.

    async def test_a_booking(call):
        async with call("appointments", state={"booked": []}, fakes={"book": book}, model=MODEL) as c:
            await c.says("I need a check-up.")
            await c.presses("481516")
        assert c.tools("book") == [{"time": "14:30"}]

What the model says is given line by line (`model`), and the emulator says it: no key, no network, no money.
"""

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from infra.emulator.app import Emulator
from infra.emulator.settings import Settings
from infra.scenarios import reading, transcript
from infra.scenarios.lines import AgentLine
from infra.scenarios.model import Call, Expect, Fake, Scenario
from infra.scenarios.plain import OpenAIAccess, TextCall, text_call
from infra.scenarios.reading import Prepared

KEY = "sk-scenarios"
PACE = 0.002
"""Of the emulator: it writes five hundred times as fast as a model speaks."""

Line = str | Mapping[str, Any]


class TestCall:
    """A call in a test: what the caller does, and what has come of it."""

    __test__ = False  # not a class of tests, whatever pytest makes of its name

    def __init__(self, text: TextCall) -> None:
        self._text = text

    # --- the caller ---

    async def says(self, words: str) -> None:
        """Say something, and hear the agent out."""
        await self._text.call.says(words)

    async def presses(self, keys: str) -> None:
        """Press keys, and wait until no more seem to come."""
        await self._text.call.presses(keys)

    async def silence(self, seconds: float) -> None:
        """Say nothing for so many seconds of the agent's clock."""
        await self._text.call.waits(seconds)

    async def hangs_up(self) -> None:
        await self._text.call.hangs_up()

    # --- what has come of it ---

    @property
    def record(self) -> dict[str, Any]:
        """The call as `ringside calls show --json` has it."""
        return self._text.shown()

    @property
    def state(self) -> dict[str, Any]:
        """The fakes' state."""
        return self._text.state

    @property
    def said(self) -> list[str]:
        """What the agent said, turn by turn."""
        turns = (item for item in self.record["items"] if item["kind"] == "turn" and item["role"] == "agent")
        return [str(turn.get("text") or "") for turn in turns]

    def tools(self, name: str, outcome: str = "ok") -> list[Any]:
        """The arguments of each run of a tool with this outcome, in order."""
        runs = (item for item in self.record["items"] if item["kind"] == "tool")
        return [transcript.arguments_of(run) for run in runs if (run["name"], run["outcome"]) == (name, outcome)]

    @property
    def notes(self) -> dict[str, Any]:
        return dict(self.record["notes"] or {})

    @property
    def transfer(self) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self.record["transfer"]
        return found

    @property
    def end(self) -> str | None:
        """The end reason; None while the call goes on."""
        reason: str | None = self.record["end_reason"]
        return reason

    @property
    def problems(self) -> list[str]:
        """What is wrong with the fakes: a tool without one, or one that raised."""
        return list(self._text.tools.problems)


def prepared(
    agent: str,
    *,
    agents: Path,
    at: str,
    caller: str,
    state: Mapping[str, Any],
    fakes: Mapping[str, Any],
    real: Sequence[str],
    transfers: Mapping[str, str],
) -> Prepared:
    """A scenario from Python's values; raises `ScenarioError` for a fake that does not fit."""
    functions = {name: fake for name, fake in fakes.items() if callable(fake)}
    others = {name: Fake.model_validate(fake) for name, fake in fakes.items() if name not in functions}
    scenario = Scenario.model_validate(
        {
            "agent": agent,
            "call": Call.model_validate({"from": caller, "at": at}),
            "state": dict(state),
            "real": list(real),
            "transfers": dict(transfers),
            "script": [AgentLine(agent="-")],
            "expect": Expect.model_validate({"decision": "accept"}),
        }
    )
    return reading.of_code(scenario, agents, functions, others)


@contextlib.asynccontextmanager
async def call(
    agent: str,
    *,
    model: Sequence[Line],
    agents: Path | str = "functions/agents",
    at: str = "2026-12-01T10:00",
    caller: str = "+12025550143",
    state: Mapping[str, Any] | None = None,
    fakes: Mapping[str, Any] | None = None,
    real: Sequence[str] = (),
    transfers: Mapping[str, str] | None = None,
) -> AsyncIterator[TestCall]:
    """Call an agent. `model`: what the model says and calls, a line for each response (`"Hello."`, or a mapping as in a
    scenario's script). `fakes`: functions, or mappings as in a scenario. The caller hangs up at the end."""
    found = prepared(
        agent,
        agents=Path(agents),
        at=at,
        caller=caller,
        state=state or {},
        fakes=fakes or {},
        real=real,
        transfers=transfers or {},
    )
    lines = [AgentLine.model_validate({"agent": line} if isinstance(line, str) else line) for line in model]
    played = [
        {"agent": line.agent, "tools": [{"name": each.name, "arguments": each.arguments} for each in line.calls]}
        for line in lines
    ]
    settings = Settings(pace=PACE, session_script={"lines": played})
    async with (
        Emulator(api_key=KEY, settings=settings) as emulator,
        text_call(found, OpenAIAccess(emulator.base_url, KEY)) as text,
    ):
        made = TestCall(text)
        yield made
        await made.hangs_up()


Caller = Callable[..., contextlib.AbstractAsyncContextManager[TestCall]]
"""What the fixture `call` is."""
