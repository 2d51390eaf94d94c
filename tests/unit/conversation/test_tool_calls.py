"""Tools run once, and their outcomes are kept and told once."""

from dataclasses import replace

import pytest

from ringside.conversation import effects as do
from ringside.conversation import events as e
from tests.unit.conversation.talk import (
    BEHAVIOUR,
    Talk,
    called,
    outputs,
)

# --- running ---------------------------------------------------------------------------------


def test_a_tool_runs_as_soon_as_the_model_calls_it() -> None:
    talk = Talk()
    talk.response_begins("r1")
    effects = talk.calls_tool("book", "call_1", "r1", arguments='{"day": 1}')
    assert do.RunTool("call_1", "book", '{"day": 1}') in effects
    assert talk.tool("call_1")["outcome"] == "running"


def test_a_tool_call_that_is_told_twice_runs_once() -> None:
    """The call comes when its arguments are complete, and again in the response that is done."""
    talk = Talk()
    talk.response_begins("r1")
    talk.calls_tool("book", "call_1", "r1")
    talk.response_ends("r1", calls=[called("call_1")])
    talk.tool_returns("call_1")
    talk.feed(called("call_1"))
    assert talk.tools_run == ["call_1"]


def test_a_tool_call_that_only_the_finished_response_tells_of_runs() -> None:
    talk = Talk()
    talk.response_begins("r1")
    talk.response_ends("r1", calls=[called("call_1"), called("call_2")])
    assert talk.tools_run == ["call_1", "call_2"]


def test_a_tool_call_is_kept_where_it_belongs_even_if_its_item_was_never_added() -> None:
    talk = Talk()
    talk.response_begins("r1")
    talk.added("item_of_call_1", "tool_call")  # and lost on its way to us
    talk.feed(called("call_1"))
    talk.caller_says("Hurry up.")
    assert [item["kind"] for item in talk.table.items] == ["turn", "tool", "turn"]


def test_the_outcome_is_kept_with_the_call() -> None:
    talk = Talk()
    talk.response_begins("r1")
    talk.calls_tool("book", "call_1", "r1")
    talk.tool_returns("call_1", "no table left", "error")
    tool = talk.tool("call_1")
    assert (tool["outcome"], tool["output"], tool["seconds"]) == ("error", "no table left", 0.5)


def test_an_outcome_that_is_told_twice_reaches_the_model_once() -> None:
    talk = Talk()
    talk.response_begins("r1")
    talk.calls_tool("book", "call_1", "r1")
    talk.tool_returns("call_1")
    talk.tool_returns("call_1")
    assert outputs(talk) == ["call_1"]


def test_an_outcome_of_a_tool_that_nobody_called_is_nothing() -> None:
    assert Talk().tool_returns("call_9") == []


# --- remote tools ----------------------------------------------------------------------------


APPROVING = replace(BEHAVIOUR, approve_remote_tools=frozenset({"shop", "bank.balance"}))


@pytest.mark.parametrize(
    ("server", "tool", "approved"),
    [("shop", "buy", True), ("bank", "balance", True), ("bank", "transfer", False), ("balance", "bank", False)],
)
def test_a_remote_tool_that_asks_gets_the_answer_of_the_agent_file(server: str, tool: str, approved: bool) -> None:
    talk = Talk(APPROVING)
    talk.response_begins("r1")
    talk.feed(e.ApprovalAsked("mcpr_1", server, tool))
    assert talk.sent(e.Approve) == [e.Approve("mcpr_1", approved)]
    assert talk.asked == []
    talk.response_ends("r1")
    assert talk.asked == [None], "an answered approval does not go on by itself"


def test_several_approvals_are_gone_on_with_once() -> None:
    talk = Talk(APPROVING)
    talk.response_begins("r1")
    talk.feed(e.ApprovalAsked("mcpr_1", "shop", "buy"), e.ApprovalAsked("mcpr_2", "shop", "sell"))
    talk.response_ends("r1")
    talk.agent_says("Done.", response="r2")
    assert talk.asked == [None]


@pytest.mark.parametrize("failed", [True, False])
def test_a_remote_tool_that_ran_is_kept_and_gone_on_with_once(failed: bool) -> None:
    talk = Talk()
    talk.response_begins("r1")
    called = e.RemoteToolCalled("mcp_1", "shop", "buy", '{"what": 1}', None if failed else "bought", failed)
    talk.feed(talk.added("mcp_1", "other"), called)
    talk.response_ends("r1")
    tool = talk.tool("mcp_1")
    assert (tool["name"], tool["outcome"]) == ("shop.buy", "error" if failed else "ok")
    assert talk.asked == [None]
    talk.agent_says("Done.", response="r2")
    assert talk.asked == [None]
    assert talk.tools_run == []
