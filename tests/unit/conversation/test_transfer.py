"""A transfer is announced, asked for, waited for, and judged by who is still there."""

import json
from dataclasses import replace
from typing import Any

import pytest

from ringside.calls import EndReason
from ringside.conversation import effects as do
from ringside.conversation import events as e
from ringside.conversation.behaviour import Target
from ringside.conversation.items import ToolRun
from ringside.conversation.timers import Timers
from ringside.conversation.transfer import Transfer
from tests.unit.conversation.talk import (
    BEHAVIOUR,
    Talk,
    called,
    learned,
    refers,
)

TARGETS = {"sales": Target("tel:+14255550100", "Offer to take a note."), "desk": Target("sip:desk@example.com")}


OFFICE = replace(BEHAVIOUR, transfers=TARGETS, transfer_limit=15.0)


# --- transfer --------------------------------------------------------------------------------


def transferring(to: str = "sales", **more: Any) -> Talk:
    """The model announces a transfer, and is still heard."""
    talk = Talk(OFFICE)
    talk.caller_says("Sales, please.")
    talk.agent_generated("I am putting you through.", response="r1")
    talk.calls_tool("transfer", "t1", "r1", arguments=json.dumps({"to": to, **more}))
    talk.response_ends("r1")
    return talk


def announced() -> Talk:
    talk = transferring()
    talk.feed(e.PlaybackStopped("r1"))
    return talk


def test_a_transfer_waits_until_its_announcement_was_heard() -> None:
    talk = transferring()
    assert refers(talk) == []
    talk.feed(e.PlaybackStopped("r1"))
    assert refers(talk) == ["tel:+14255550100"]
    assert talk.facts["transfer"]["verdict"] == "asked"


@pytest.mark.parametrize("found", ["before the gap", "after it"])
def test_an_announcement_that_goes_on_over_a_gap_is_heard_to_its_end(found: str) -> None:
    talk = Talk(OFFICE)
    talk.agent_begins("I will put you through.", response="r1")
    if found == "before the gap":
        talk.calls_tool("transfer", "call_1", "r1", arguments='{"to": "sales"}')
    talk.hands_over()
    talk.is_taken_over()
    talk.is_reattached(0.3)
    if found == "after it":
        call = replace(called("call_1", name="transfer"), arguments='{"to": "sales"}')
        talk.feed(e.ItemRetrieved("item_of_call_1", None, None, call))
    talk.wait(1.0)
    assert refers(talk) == []
    talk.feed(e.PlaybackStopped("r1"))
    assert len(refers(talk)) == 1


def test_a_transfer_that_openai_took_is_waited_for() -> None:
    talk = announced()
    talk.feed(e.ReferAnswered("t1", True))
    talk.wait(14.9)
    assert talk.facts["transfer"]["verdict"] == "accepted"
    assert talk.conversation.is_transferred
    assert talk.hung_up == []


def test_a_call_that_ends_while_it_is_waited_for_has_left_us() -> None:
    talk = announced()
    asked = talk.now
    talk.wait(1)
    talk.feed(e.ReferAnswered("t1", True))
    talk.wait(2)
    talk.finish()
    assert talk.facts["transfer"] == {
        "tool_call_id": "t1",
        "target": "sales",
        "verdict": "left",
        "asked_at": asked,
        "accepted_at": asked + 1,
        "decided_at": asked + 3,
    }
    assert talk.tool("t1")["outcome"] == "ok"


def test_a_caller_who_is_still_here_was_not_transferred_and_the_model_learns_plan_b() -> None:
    talk = announced()
    talk.feed(e.ReferAnswered("t1", True))
    before = len(talk.asked)
    talk.wait(15)
    assert (talk.facts["transfer"]["verdict"], talk.facts["transfer"]["why"]) == (
        "failed",
        "the caller was still here",
    )
    assert learned(talk, "t1") == {
        "error": "The transfer to sales did not work; the caller is still on the line. Offer to take a note."
    }
    assert len(talk.asked) == before + 1  # the caller is spoken to again
    assert not talk.conversation.is_transferred
    assert talk.counted.count("transfers_failed") == 1


def test_a_transfer_that_openai_refuses_has_failed_at_once() -> None:
    talk = announced()
    talk.feed(e.ReferAnswered("t1", False, "500"))
    assert talk.facts["transfer"]["why"] == "500"
    assert talk.tool("t1")["outcome"] == "error"
    assert talk.conversation.deadline is None or talk.wait(20) is not None


def test_after_a_failed_transfer_another_target_may_be_tried() -> None:
    talk = announced()
    talk.feed(e.ReferAnswered("t1", False, "500"))
    talk.agent_generated("Nobody there. I will try the desk.", response="r2")
    talk.calls_tool("transfer", "t2", "r2", arguments='{"to": "desk"}')
    talk.response_ends("r2")
    talk.feed(e.PlaybackStopped("r2"))
    assert refers(talk) == ["tel:+14255550100", "sip:desk@example.com"]
    assert talk.facts["transfer"]["target"] == "desk"
    assert "why" not in talk.facts["transfer"]


@pytest.mark.parametrize(
    "arguments",
    [
        '{"to": "tel:+19005550100"}',
        '{"to": "+19005550100"}',
        '{"to": "sip:thief@example.com"}',
        '{"to": "Sales"}',
        '{"to": ["sales"]}',
        '{"to": null}',
        '{"uri": "tel:+19005550100"}',
        '{"to": "desk", "to": "premium"}',
        "[]",
        "not JSON",
        "",
    ],
)
def test_nothing_that_the_file_does_not_name_is_ever_referred_to(arguments: str) -> None:
    talk = Talk(OFFICE)
    talk.calls_tool("transfer", "t1", "r1", arguments=arguments)
    talk.response_ends("r1")
    assert refers(talk) == []
    assert talk.tool("t1")["outcome"] == "refused"
    assert learned(talk, "t1") == {"error": "Unknown target. Choose one of: sales, desk."}


def test_an_address_beside_the_name_changes_nothing() -> None:
    talk = transferring(uri="tel:+19005550100")
    talk.feed(e.PlaybackStopped("r1"))
    assert refers(talk) == ["tel:+14255550100"]


def test_a_caller_who_speaks_up_during_the_announcement_stays() -> None:
    talk = transferring()
    talk.caller_says("No, wait!")
    talk.feed(e.PlaybackStopped("r1"))
    talk.wait(60)
    assert refers(talk) == []
    assert talk.tool("t1")["outcome"] == "refused"
    assert "the caller spoke" in learned(talk, "t1")["error"]
    assert "transfer" not in talk.facts


def test_a_second_transfer_waits_for_the_verdict_on_the_first() -> None:
    talk = announced()
    talk.feed(e.ReferAnswered("t1", True))
    talk.calls_tool("transfer", "t2", "r2", arguments='{"to": "desk"}')
    assert learned(talk, "t2") == {"error": "A transfer is already under way."}
    assert refers(talk) == ["tel:+14255550100"]


def test_a_note_taken_with_the_transfer_does_not_make_the_model_talk_into_it() -> None:
    talk = Talk(OFFICE)
    talk.agent_generated("I am putting you through.", response="r1")
    talk.calls_tool("note", "n1", "r1", arguments='{"key": "about", "value": "chairs"}')
    talk.calls_tool("transfer", "t1", "r1", arguments='{"to": "sales"}')
    talk.response_ends("r1")
    talk.feed(e.PlaybackStopped("r1"))
    assert refers(talk) == ["tel:+14255550100"]
    assert talk.asked == []


def test_a_call_that_we_hang_up_was_not_transferred() -> None:
    talk = Talk(replace(OFFICE, max_duration=20.0, warn_before_end=1.0, farewell_limit=1.0))
    talk.agent_generated("I am putting you through.", response="r1")
    talk.calls_tool("transfer", "t1", "r1", arguments='{"to": "sales"}')
    talk.response_ends("r1")
    talk.wait(18)
    talk.feed(e.PlaybackStopped("r1"), e.ReferAnswered("t1", True))
    talk.wait(5)
    talk.finish()
    assert talk.hung_up == [EndReason.MAX_DURATION]
    assert talk.facts["transfer"]["verdict"] == "accepted"
    assert talk.tool("t1")["outcome"] == "unknown"


# --- the part by itself -----------------------------------------------------------------------


def begun(timers: Timers) -> tuple[Transfer, ToolRun]:
    transfer, run = Transfer(OFFICE, timers), ToolRun("t1", "item_1", "transfer", '{"to": "sales"}', 0.0)
    transfer.begin(run, 0.0)
    return transfer, run


def test_a_transfer_that_was_asked_for_is_asked_for_again_by_the_next_owner_who_may_not_know_the_answer() -> None:
    transfer, run = begun(Timers())
    transfer.refer(1.0)
    following = Transfer(OFFICE, Timers())

    assert following.restore(transfer.snapshot(), {"t1": run}, 2.0) == [do.Refer("t1", "tel:+14255550100")]
    assert following.stage == "asked"


def test_a_transfer_that_is_waited_for_is_judged_at_the_same_moment_by_the_next_owner() -> None:
    timers, its_timers = Timers(), Timers()
    transfer, run = begun(timers)
    transfer.refer(1.0)
    transfer.answered(e.ReferAnswered("t1", True), 2.0)
    its_timers.restore(timers.snapshot())
    following = Transfer(OFFICE, its_timers)

    assert following.restore(transfer.snapshot(), {"t1": run}, 9.0) == []
    assert its_timers.next == 2.0 + OFFICE.transfer_limit


@pytest.mark.parametrize("given", [None, {}, {"stage": "dreaming"}, {"target": "gone"}, {"tool_call_id": ["t1"]}])
def test_a_transfer_that_makes_no_sense_is_not_gone_on_with(given: Any) -> None:
    transfer, run = begun(Timers())
    following = Transfer(OFFICE, Timers())
    value = given and {**(transfer.snapshot() or {}), **given}

    assert following.restore(value, {"t1": run}, 2.0) == []
    assert following.stage is None
