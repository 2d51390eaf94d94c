"""What an agent redacts is in nothing that is kept of a call; the line and the model have it."""

import json

from infra.local.cloud import LocalCloud
from tests.e2e.house import DISCREET, agent, caller, ended, script, words

CARD = "four one one one, one one one one, one one one one, one one one one"
PHONE = "+14155552671"


def test_a_card_and_a_number_are_heard_and_not_kept(house: LocalCloud) -> None:
    lines = [
        agent("How can I help?"),
        caller(f"My card is {CARD}, and I am on {PHONE}."),
        agent(f"So that is {CARD}?", note={"key": "number", "value": PHONE}),
        agent("And the other one?"),
        caller("four two four two, four two four two"),
        agent("Go on."),
        caller("four two four two, four two four two"),
        agent("Thank you, goodbye.", hang_up={}),
    ]
    call_id = house.emulator.ring(script(*lines), called=DISCREET)
    call, known = ended(house, call_id)
    record = house.records.get(call_id)

    said = [item["text"] for item in record.items if item["kind"] == "turn"]
    assert said == [
        "How can I help?",
        "My card is [CARD], and I am on [PHONE].",
        "So that is [CARD]?",
        "And the other one?",
        "[CARD]",
        "Go on.",
        "[CARD]",
        "Thank you, goodbye.",
    ]
    assert call["notes"] == {"number": "[PHONE]"}
    whole = json.dumps([call, record.items], default=str)
    assert not [secret for secret in (CARD, PHONE, PHONE.lstrip("+"), "four two") if secret in whole]
    assert any(CARD in text for text in words(known, "caller"))
