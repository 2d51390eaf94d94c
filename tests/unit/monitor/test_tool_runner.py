"""An agent's tools: those that it names, and no others."""

from ringside.monitor.tool_runner import InProcessTools
from ringside.tools.definition import CallContext, Options, Tool
from tests.unit.monitor.fakes import AGENT, CALL

DESK = AGENT.model_copy(update={"tools": ("book", "look_up")})
CONTEXT = CallContext(CALL, "call_1", "desk", None, None)


def a_tool(name: str, *, repeatable: bool = False) -> Tool:
    return Tool(name, "A tool.", lambda arguments: name, {}, options=Options(repeatable=repeatable))


TOOLS = InProcessTools({name: a_tool(name, repeatable=name == "look_up") for name in ("book", "look_up", "open")}, {})


async def test_an_agents_tool_runs_and_one_that_it_does_not_name_does_not_exist_for_it() -> None:
    outcomes = {name: (await TOOLS.run(DESK, name, "{}", CONTEXT)).outcome for name in ("book", "open", "unknown")}

    assert outcomes == {"book": "ok", "open": "refused", "unknown": "refused"}


async def test_a_name_that_the_model_invented_is_refused_with_those_of_its_tools_built_in_or_not() -> None:
    agent = AGENT.model_copy(update={"tools": ("book", "hang_up")})

    finished = await TOOLS.run(agent, "functions.book", "{}", CONTEXT)

    assert "by its exact name: book, hang_up." in finished.output


def test_only_a_tool_that_is_marked_so_may_run_again() -> None:
    assert [TOOLS.is_repeatable(DESK, name) for name in ("look_up", "book", "unknown")] == [True, False, False]
