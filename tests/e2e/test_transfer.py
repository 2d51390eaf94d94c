"""Transfers, from the caller's wish to the verdict in the record."""

from typing import Any

import pytest

from infra.local.cloud import LocalCloud
from tests.e2e.house import FRONT, Json, agent, asked, caller, ended, outputs, script, tools, words

GREETING = agent("Front desk, how can I help?")
WISH = caller("Sales, please.")
ANNOUNCEMENT = "One moment, I am putting you through to sales."
TRANSFER = agent(ANNOUNCEMENT, transfer={"to": "sales"})


def rung(house: LocalCloud, *lines: Json, **faults: Any) -> tuple[Json, Json, str]:
    """The call's item, OpenAI's side, and the call's id, once it is over."""
    call_id = house.emulator.ring(script(GREETING, WISH, *lines, stay=True), called=FRONT, faults=faults)
    return *ended(house, call_id), call_id


def test_a_transfer_is_announced_made_and_found_to_have_left_us(house: LocalCloud) -> None:
    call, known, call_id = rung(house, TRANSFER)

    assert [request["body"] for request in asked(known, "refer")] == [{"target_uri": "tel:+14255550100"}]
    (announced,) = [turn for turn in known["spoken"] if turn["text"] == ANNOUNCEMENT]
    assert announced["heard_ms"] is None  # nothing of it was cut off
    assert (call["end_reason"], known["ended"]["by"]) == ("transferred", "refer")
    transfer = call["transfer"]
    assert (transfer["target"], transfer["verdict"]) == ("sales", "left")
    assert transfer["asked_at"] <= transfer["accepted_at"] <= transfer["decided_at"] <= call["steps"]["ended"]
    assert tools(house, call_id)["transfer"]["outcome"] == "ok"


def test_a_transfer_that_openai_took_and_forgot_has_failed_and_the_caller_is_spoken_to(house: LocalCloud) -> None:
    lines = [
        TRANSFER,
        agent("Nobody answers in sales. May I take a note?"),
        caller("Yes: Bob called."),
        agent("Noted. Goodbye!", note={"key": "message", "value": "Bob called"}, hang_up={}),
    ]
    call, known, call_id = rung(house, *lines, refer="no-effect")

    assert len(asked(known, "refer")) == 1
    transfer = call["transfer"]
    assert (transfer["verdict"], transfer["why"]) == ("failed", "the caller was still here")
    assert 0.9 < transfer["decided_at"] - transfer["accepted_at"] < 5
    assert "still on the line. Offer to take a note for them." in outputs(known)["transfer"]
    assert words(known)[2:] == ["Nobody answers in sales. May I take a note?", "Noted. Goodbye!"]
    assert call["notes"] == {"message": "Bob called"}
    assert call["end_reason"] == "agent_hung_up"
    assert tools(house, call_id)["transfer"]["outcome"] == "error"


@pytest.mark.parametrize("status", [500, 404, 400])
def test_a_transfer_that_openai_refuses_has_failed_at_once(house: LocalCloud, status: int) -> None:
    call, known, _ = rung(house, TRANSFER, agent("That did not work. Goodbye!", hang_up={}), refer=status)

    assert len(asked(known, "refer")) == 1  # never twice: two people might be rung
    assert call["transfer"]["verdict"] == "failed"
    assert "accepted_at" not in call["transfer"]
    assert "did not work" in outputs(known)["transfer"]
    assert (words(known)[-1], call["end_reason"]) == ("That did not work. Goodbye!", "agent_hung_up")


def test_when_one_target_fails_another_can_be_tried(house: LocalCloud) -> None:
    again = agent("Then I will try the desk.", transfer={"to": "desk"})
    call, known, _ = rung(house, TRANSFER, again, refer={"status": 500, "times": 1})

    assert [request["body"]["target_uri"] for request in asked(known, "refer")] == [
        "tel:+14255550100",
        "sip:desk@example.com;transport=tls",
    ]
    assert (call["transfer"]["target"], call["transfer"]["verdict"]) == ("desk", "left")
    assert call["end_reason"] == "transferred"


@pytest.mark.parametrize("target", ["tel:+19005550100", "sip:thief@example.com", "boss"])
def test_nobody_is_transferred_to_a_target_that_is_not_in_the_file(house: LocalCloud, target: str) -> None:
    tricked = agent("Of course.", transfer={"to": target})
    call, known, call_id = rung(house, tricked, agent("I cannot do that. Goodbye!", hang_up={}))

    assert asked(known, "refer") == []
    assert tools(house, call_id)["transfer"]["outcome"] == "refused"
    assert "Choose one of: sales, desk." in outputs(known)["transfer"]
    assert "transfer" not in call


def test_a_caller_who_objects_to_the_announcement_is_not_sent_away(house: LocalCloud) -> None:
    lines = [
        TRANSFER,
        caller("No, stop!", interrupts=True, after_ms=2000),
        agent("You stay with me. Goodbye!", hang_up={}),
    ]
    call, known, call_id = rung(house, *lines)

    assert asked(known, "refer") == []
    assert tools(house, call_id)["transfer"]["outcome"] == "refused"
    assert call["end_reason"] == "agent_hung_up"
