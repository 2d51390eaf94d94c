"""What an agent redacts is in nothing that is kept of a call; the line and the model have it."""

import json
import time
from typing import Any

from infra.local.cloud import LocalCloud
from tests.e2e.house import DISCREET, KEYPAD, SILENT, agent, caller, ended, outputs, script, words

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


def test_of_a_call_without_a_transcript_no_word_and_no_key_is_kept_and_nothing_for_longer_than_its_agent_says(
    house: LocalCloud,
) -> None:
    lines = [
        agent("Your PIN, please.", collect_digits={"length": 4, "secret": True}),
        {"dtmf": "4711"},
        agent("Thank you, Ana.", whose={}),
        caller("I live in Hilltop Road."),
        agent("Goodbye, Ana.", hang_up={}),
    ]
    call_id = house.emulator.ring(script(*lines), called=SILENT)
    _, known = ended(house, call_id)

    items = partition(house, call_id)
    said = [item["text"]["S"] for item in items if item.get("kind", {}).get("S") == "turn"]
    assert (set(said), len(said) >= 4) == ({"[not kept]"}, True)
    whole = json.dumps(items)
    assert not [word for word in ("4711", "Ana", "Hilltop", "PIN") if word in whole]
    assert "4711" in json.dumps(known)
    expiries = {int(item["expires_at"]["N"]) for item in items if "expires_at" in item}
    assert len(expiries) == 1
    assert abs(expiries.pop() - time.time() - 7 * 86_400) < 120


def test_secret_keys_of_a_call_are_nowhere_in_its_record(house: LocalCloud) -> None:
    lines = [
        agent("Your PIN, please.", collect_digits={"length": 4, "secret": True}),
        {"dtmf": "4711"},
        agent("Four seven one one, is that right?", hang_up={}),
    ]
    call_id = house.emulator.ring(script(*lines), called=KEYPAD)
    _, known = ended(house, call_id)

    assert json.loads(outputs(known)["collect_digits"]) == {"digits": "4711", "ended_by": "length"}
    whole = json.dumps(partition(house, call_id))
    assert not [word for word in ("4711", "our seven") if word in whole]
    assert "[DIGITS], is that right?" in whole


def partition(house: LocalCloud, call_id: str) -> list[dict[str, Any]]:
    """Every item of a call, as the table has it."""
    pages = house.aws.dynamodb.get_paginator("query").paginate(
        TableName=house.table,
        KeyConditionExpression="pk = :call",
        ExpressionAttributeValues={":call": {"S": f"CALL#{call_id}"}},
    )
    return [dict(item) for page in pages for item in page["Items"]]
