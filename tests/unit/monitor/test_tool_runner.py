"""An agent's tools: those that it names, and no others."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ringside.agentfile.sections import LambdaTool
from ringside.monitor.tool_runner import AgentTools
from ringside.monitor.tool_worker import ToolWorker
from ringside.monitor.tool_workers import ToolWorkers
from ringside.tools.definition import CallContext, Options, Tool
from tests.unit.monitor.fakes import AGENT, CALL, Counts
from tests.unit.monitor.test_tool_workers import settings_for

DESK = AGENT.model_copy(
    update={
        "tools": ("book", "look_up"),
        "lambda_tools": (LambdaTool(name="ship", function="shipping", description="Ship."),),
    }
)
CONTEXT = CallContext(CALL, "call_1", "desk", None, None)
SOURCE = '''
from ringside.tools import tool

def book() -> str:
    """Book."""
    return "book"

@tool(repeatable=True)
def look_up() -> str:
    """Look up."""
    return "look_up"

def open() -> str:
    """Open."""
    return "open"
'''


@pytest.fixture
async def tools(tmp_path: Path) -> AsyncIterator[AgentTools]:
    settings = settings_for(tmp_path, SOURCE)
    worker = ToolWorker.start(settings)
    ship = Tool("ship", "Ship.", lambda arguments: "ship", {}, options=Options(repeatable=True))
    found = AgentTools(worker.options, ToolWorkers(settings, Counts(), worker), {("desk", "ship"): ship})
    yield found
    found.close()


async def test_an_agents_tool_runs_and_one_that_it_does_not_name_does_not_exist_for_it(tools: AgentTools) -> None:
    names = ("book", "ship", "open", "unknown")
    outcomes = {name: (await tools.run(DESK, name, "{}", CONTEXT)).outcome for name in names}
    other: Any = AGENT.model_copy(update={"name": "other"})

    assert outcomes == {"book": "ok", "ship": "ok", "open": "refused", "unknown": "refused"}
    assert (await tools.run(other, "ship", "{}", CONTEXT)).outcome == "refused"


async def test_only_a_tool_that_is_marked_so_may_run_again(tools: AgentTools) -> None:
    names = ("look_up", "ship", "book", "unknown")

    assert [tools.is_repeatable(DESK, name) for name in names] == [True, True, False, False]


async def test_a_name_that_the_model_invented_is_refused_with_those_of_its_tools_wherever_they_run(
    tools: AgentTools,
) -> None:
    agent = DESK.model_copy(update={"tools": ("book", "hang_up")})

    finished = await tools.run(agent, "functions.book", "{}", CONTEXT)

    assert "by its exact name: book, hang_up, ship." in finished.output


async def test_an_agents_own_function_hides_a_shared_one_of_the_same_name(tmp_path: Path) -> None:
    (tmp_path / "desk.yaml").write_text("answers: default\ninstructions: Hi.\ntools: [book]\n")
    (tmp_path / "desk.py").write_text('def book() -> str:\n    """Book."""\n    return "of desk"\n')
    settings = settings_for(tmp_path, SOURCE)
    worker = ToolWorker.start(settings)
    tools = AgentTools(worker.options, ToolWorkers(settings, Counts(), worker), {})
    try:
        own = await tools.run(DESK, "book", "{}", CONTEXT)
        shared = await tools.run(DESK.model_copy(update={"name": "other"}), "book", "{}", CONTEXT)
    finally:
        tools.close()
    assert (own.output, shared.output) == ("of desk", "book")
