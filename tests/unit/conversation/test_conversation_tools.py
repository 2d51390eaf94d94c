"""Tools run once, their outputs are answered once, and never are two responses asked for at a time."""

from dataclasses import replace
from typing import Any

import pytest

from ringside.calls import EndReason
from ringside.conversation import effects as do
from ringside.conversation import events as e
from ringside.conversation.behaviour import Target
from tests.unit.conversation.talk import BEHAVIOUR, Talk


def outputs(talk: Talk) -> list[str]:
    return [command.tool_call_id for command in talk.sent(e.TellOutput)]


def called(call: str, response: str = "r1", name: str = "book") -> e.ToolCalled:
    return e.ToolCalled(f"item_of_{call}", response, call, name, "{}")


# --- running ----------------------------------------------------------------------------------


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


# --- answering --------------------------------------------------------------------------------


def test_the_model_is_told_the_output_first_and_asked_to_go_on_then() -> None:
    talk = Talk()
    talk.response_begins("r1")
    talk.calls_tool("book", "call_1", "r1")
    talk.response_ends("r1")
    effects = talk.tool_returns("call_1", "booked")
    commands = [effect.command for effect in effects if isinstance(effect, do.Send)]
    assert commands == [e.TellOutput("call_1", "booked"), e.Respond(None, talk.last_ref)]


def test_the_model_is_not_asked_to_go_on_before_its_response_is_done() -> None:
    talk = Talk()
    talk.response_begins("r1")
    talk.calls_tool("book", "call_1", "r1")
    talk.tool_returns("call_1")
    assert talk.asked == []
    talk.response_ends("r1")
    assert talk.asked == [None]


@pytest.mark.parametrize("early", [True, False])
def test_parallel_calls_are_answered_together_after_the_last_output(early: bool) -> None:
    talk = Talk()
    talk.response_begins("r1")
    talk.calls_tool("book", "call_1", "r1")
    talk.calls_tool("look_up", "call_2", "r1")
    if early:
        talk.tool_returns("call_2")
    talk.response_ends("r1")
    if not early:
        talk.tool_returns("call_2")
    assert talk.asked == []
    talk.tool_returns("call_1")
    assert outputs(talk) == ["call_2", "call_1"]
    assert talk.asked == [None]
    talk.output_added("call_2")
    talk.output_added("call_1")
    talk.agent_says("It is booked.", response="r2")
    assert talk.asked == [None]


def test_the_caller_is_not_talked_over_for_the_sake_of_an_output() -> None:
    talk = Talk()
    talk.response_begins("r1")
    talk.calls_tool("book", "call_1", "r1")
    talk.response_ends("r1")
    caller = talk.caller_starts()
    talk.tool_returns("call_1")
    assert talk.asked == []
    talk.caller_stops(caller)
    assert talk.asked == [None]


def test_an_output_that_the_next_answer_has_seen_needs_no_answer_of_its_own() -> None:
    """The caller spoke meanwhile, and the session answers by itself."""
    talk = Talk()
    talk.response_begins("r1")
    talk.calls_tool("book", "call_1", "r1")
    talk.response_ends("r1")
    caller = talk.caller_starts()
    talk.tool_returns("call_1")
    talk.output_added("call_1")
    talk.response_begins("r2")
    talk.caller_stops(caller)
    talk.response_ends("r2")
    assert talk.asked == []


# --- races with the session's own voice detection ---------------------------------------------


def with_an_output() -> Talk:
    """A tool has returned, and the model was asked to go on."""
    talk = Talk()
    talk.response_begins("r1")
    talk.calls_tool("book", "call_1", "r1")
    talk.response_ends("r1")
    talk.tool_returns("call_1")
    assert talk.asked == [None]
    return talk


def test_a_refused_request_is_made_again_when_the_other_response_is_done() -> None:
    talk = with_an_output()
    talk.response_begins("by_voice")
    talk.refused(talk.last_ref)
    assert talk.asked == [None]
    talk.response_ends("by_voice")
    assert talk.asked == [None, None]


def test_a_refused_request_is_not_made_again_if_the_other_response_had_seen_the_output() -> None:
    talk = with_an_output()
    talk.output_added("call_1")
    talk.response_begins("by_voice")
    talk.refused(talk.last_ref)
    talk.response_ends("by_voice")
    assert talk.asked == [None]


def test_a_request_refused_because_of_a_response_that_began_unseen_is_made_again_with_patience() -> None:
    talk = with_an_output()
    for attempts in range(1, 4):
        talk.refused(talk.last_ref)
        assert len(talk.asked) == attempts, "not at once: the answer would be the same"
        talk.wait(1)
        assert len(talk.asked) == attempts + 1


def test_the_end_of_a_response_that_began_unseen_ends_the_patience() -> None:
    talk = with_an_output()
    talk.refused(talk.last_ref)
    talk.response_ends("unseen")
    assert talk.asked == [None, None]


def test_a_request_refused_for_another_reason_is_made_once_more_and_then_given_up() -> None:
    talk = with_an_output()
    talk.refused(talk.last_ref, "server_error")
    talk.wait(1)
    assert talk.asked == [None, None]
    talk.refused(talk.last_ref, "server_error")
    talk.wait(11.5)
    assert talk.asked == [None, None]


def test_an_error_that_is_not_about_our_request_changes_nothing() -> None:
    talk = with_an_output()
    for ref in (None, "ringside_1_1", "somebody_else"):
        talk.refused(ref, "item_not_found")
    assert talk.asked == [None]
    assert talk.hung_up == []
    assert talk.counted.count("session_errors") == 3
    talk.agent_says("It is booked.", response="r2")
    assert talk.lines[-1] == "agent: It is booked."


def test_a_request_that_nothing_comes_of_is_made_again() -> None:
    talk = with_an_output()
    talk.wait(10)
    assert "response_never_started" in talk.counted
    assert talk.asked == [None, None]


def test_a_response_that_names_another_request_or_none_is_not_taken_for_the_answer() -> None:
    """The session names requests, as we know from the greeting: there is no doubt whose this one is."""
    talk = Talk(greeted=False)
    talk.begins()
    assert talk.greeting is not None
    talk.feed(e.ResponseStarted("greeting", talk.greeting.ref))
    talk.calls_tool("book", "call_1", "greeting")
    talk.response_ends("greeting")
    talk.tool_returns("call_1")
    talk.feed(e.ResponseStarted("by_voice"))
    talk.response_ends("by_voice")
    assert talk.asked == [None], "it is still under way"
    talk.feed(e.ResponseStarted("r2", talk.last_ref))
    talk.response_ends("r2")
    assert talk.asked == [None]


def test_what_the_session_had_not_seen_when_it_refused_is_asked_about_again() -> None:
    talk = with_an_output()
    talk.response_begins("by_voice")
    talk.output_added("call_1")
    talk.refused(talk.last_ref)
    talk.interrupted("by_voice")
    talk.response_begins("by_voice_again")
    talk.response_ends("by_voice_again")
    assert talk.asked == [None, None]
    talk.refused(talk.last_ref)
    talk.wait(5)
    assert talk.asked == [None, None], "the second one has seen it"


# --- responses that fail ----------------------------------------------------------------------


def test_a_response_that_failed_is_asked_for_once_more() -> None:
    talk = Talk()
    talk.caller_says("Are you there?")
    talk.response_begins("r1")
    talk.response_ends("r1", "failed")
    assert talk.asked == [None]
    talk.response_begins("r2")
    talk.response_ends("r2", "failed")
    assert talk.asked == [None]


def test_a_response_that_went_well_allows_for_the_next_hiccup() -> None:
    talk = Talk()
    talk.response_begins("r1")
    talk.response_ends("r1", "failed")
    talk.agent_says("Here I am.", response="r2")
    talk.response_begins("r3")
    talk.response_ends("r3", "failed")
    assert talk.asked == [None, None]


def test_a_greeting_that_failed_is_asked_for_as_a_greeting() -> None:
    talk = Talk(greeted=False)
    talk.begins()
    talk.response_begins("r1")
    talk.response_ends("r1", "failed")
    assert talk.asked == [BEHAVIOUR.greeting]


def test_a_goodbye_that_failed_is_asked_for_as_a_goodbye_before_the_call_ends() -> None:
    talk = Talk()
    talk.takes_leave(EndReason.OPERATOR_HUNG_UP)
    talk.response_begins("r1")
    talk.response_ends("r1", "failed")
    assert talk.asked == [BEHAVIOUR.farewell_instructions] * 2
    assert talk.hung_up == []
    talk.agent_says("Goodbye.", response="r2")
    assert talk.hung_up == [EndReason.OPERATOR_HUNG_UP]


def test_an_incomplete_or_interrupted_response_is_not_asked_for_again() -> None:
    talk = Talk()
    for number, status in enumerate(("incomplete", "cancelled")):
        talk.response_begins(f"r{number}")
        talk.response_ends(f"r{number}", status)  # type: ignore[arg-type]
    assert talk.asked == []


# --- remote tools -----------------------------------------------------------------------------

APPROVING = replace(BEHAVIOUR, approve_remote_tools=frozenset({"shop", "bank.balance"}))


@pytest.mark.parametrize(
    ("server", "tool", "approved"),
    [("shop", "buy", True), ("bank", "balance", True), ("bank", "transfer", False), ("balance", "bank", False)],
)
def test_a_remote_tool_that_asks_gets_the_answer_of_the_agent_s_manners(server: str, tool: str, approved: bool) -> None:
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


# --- keys -------------------------------------------------------------------------------------


def press(talk: Talk, keys: str) -> None:
    for key in keys:
        talk.feed(e.DigitPressed(key))


def test_keys_are_told_together_when_the_caller_pauses() -> None:
    talk = Talk()
    press(talk, "12")
    talk.wait(1)
    press(talk, "34#")
    assert talk.sent(e.TellFact) == []
    talk.wait(1.5)
    assert [fact.text for fact in talk.sent(e.TellFact)] == ["The caller pressed 1234# on the phone's keypad."]
    assert talk.asked == [None]
    press(talk, "5")
    talk.response_begins("r1")
    talk.response_ends("r1")
    talk.wait(1.5)
    assert [fact.text for fact in talk.sent(e.TellFact)][1:] == ["The caller pressed 5 on the phone's keypad."]


def test_keys_stand_in_the_record_where_they_were_pressed() -> None:
    talk = Talk()
    press(talk, "5")
    talk.wait(1.5)
    (told,) = talk.sent(e.TellFact)
    assert told.item_id is not None
    caller = talk.caller_starts()
    talk.caller_stops(caller)
    talk.feed(e.ItemAdded(told.item_id, "agent_1", "other"))
    talk.transcribed(caller, "Did you get that?")
    assert [item["kind"] for item in talk.table.items] == ["turn", "digits", "turn"]
    assert [item.get("text") for item in talk.table.items] == ["Hello!", "5", "Did you get that?"]


def test_keys_are_answered_although_a_tool_is_running() -> None:
    talk = Talk()
    talk.response_begins("r1")
    talk.calls_tool("book", "call_1", "r1")
    talk.response_ends("r1")
    press(talk, "0")
    talk.wait(1.5)
    assert talk.asked == [None]
    talk.agent_says("I am still at it.", response="r2")
    talk.tool_returns("call_1")
    assert talk.asked == [None, None]


def test_keys_and_an_output_at_once_are_answered_together() -> None:
    talk = Talk()
    talk.response_begins("r1")
    talk.calls_tool("book", "call_1", "r1")
    talk.tool_returns("call_1")
    press(talk, "0")
    talk.wait(1.5)
    talk.response_ends("r1")
    talk.agent_says("Booked, and you pressed 0.", response="r2")
    assert talk.asked == [None]


def test_keys_pressed_over_the_silence_prompt_are_not_answered_twice() -> None:
    talk = Talk()
    talk.wait(BEHAVIOUR.silence_after - 0.1)
    press(talk, "1")
    talk.wait(1.5)
    assert talk.asked == [None], "whoever presses keys is not silent"


# --- transfers and hanging up -----------------------------------------------------------------

OFFICE: dict[str, Any] = {"office": Target("tel:+14255550100")}
TRANSFERRING = replace(BEHAVIOUR, transfers=OFFICE)


@pytest.mark.parametrize("first", ["transfer", "hang_up"])
def test_hanging_up_does_not_end_a_transfer_that_was_asked_for_with_it(first: str) -> None:
    talk = Talk(TRANSFERRING)
    talk.agent_generated("I am putting you through. Goodbye!", response="r1")
    for name in (first, "hang_up" if first == "transfer" else "transfer"):
        talk.calls_tool(name, f"call_{name}", "r1", arguments='{"to": "office"}')
    talk.response_ends("r1")
    talk.feed(e.PlaybackStopped("r1"))
    assert [effect for effect in talk.effects if isinstance(effect, do.Refer)] == [
        do.Refer("call_transfer", "tel:+14255550100")
    ]
    talk.feed(e.ReferAnswered("call_transfer", True))
    talk.wait(TRANSFERRING.transfer_limit - 0.1)
    assert talk.hung_up == []
    assert talk.tool("call_hang_up")["outcome"] == "refused"
