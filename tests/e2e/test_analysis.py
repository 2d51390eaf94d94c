"""What is found out about a call once it is over: from the ring to the record, by way of the table's stream."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from infra.local.cloud import LocalCloud
from tests.e2e.house import CURIOUS, agent, caller, ended, script

SAID = [agent("Who is calling?"), caller("This is Robin. Two boxes are missing."), agent("Thank you.", hang_up={})]
FOUND = {
    "summary": "Robin misses two boxes.",
    "outcome": "message taken",
    "fields": {
        "caller_name": {"value": "Robin", "turn": 2},
        "urgency": {"value": None, "turn": None},
        "boxes": {"value": 2, "turn": 2},
    },
}
Json = dict[str, Any]


@pytest.fixture
def model(house: LocalCloud) -> Iterator[Callable[..., None]]:
    """Says what the text model answers, entry by entry."""

    def answers(*entries: Json) -> None:
        house.emulator.settings(responses=list(entries))

    yield answers
    answers()


def analysed(house: LocalCloud, call_id: str, seconds: float = 20.0) -> Json:
    """The call's analysis as soon as it is there, and not waiting."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found: Json = house.records.get(call_id).call.get("analysis") or {}
        if found.get("state") in ("done", "skipped", "failed"):
            return found
        time.sleep(0.1)
    raise TimeoutError(f"{call_id} was not analysed within {seconds} s")


def asked(house: LocalCloud, word: str) -> list[Json]:
    """The questions to the text model in which a word is."""
    requests = httpx.get(f"{house.emulator.url}/_emulator/responses", trust_env=False).json()["responses"]
    return [each["body"] for each in requests if word in json.dumps(each["body"])]


def invoked(house: LocalCloud, event: Json) -> Json:
    url = f"{house.gateway_url}/2015-03-31/functions/AnalysisFunction/invocations"
    answer: Json = httpx.post(url, json=event, timeout=60, trust_env=False).json()
    return answer


def test_a_call_has_its_summary_fields_and_outcome_soon_after_its_end(
    house: LocalCloud, model: Callable[..., None]
) -> None:
    model({"when": "Two boxes are missing", "answer": FOUND})
    call_id = house.emulator.ring(script(*SAID), called=CURIOUS)
    ended(house, call_id)

    found = analysed(house, call_id)
    assert (found["state"], found["summary"], found["outcome"]) == ("done", FOUND["summary"], "message taken")
    turn = house.records.get(call_id).items[1]
    assert turn["text"] == "This is Robin. Two boxes are missing."
    assert found["fields"]["caller_name"] == {"value": "Robin", "turn": 2, "item_id": turn["item_id"]}
    assert found["fields"]["urgency"] == {"value": None, "turn": None, "item_id": None}
    assert found["cost"] > 0
    assert (found["left_out"], found["shortened"]) == (0, 0)

    shown = json.loads(house.cli("calls", "show", call_id, "--json").stdout)["analysis"]
    assert shown["fields"]["boxes"]["value"] == 2
    assert "Robin misses two boxes." in house.cli("calls", "show", call_id).stdout


def test_told_twice_of_a_call_it_asks_once(house: LocalCloud, model: Callable[..., None]) -> None:
    model({"when": "Once and for all", "answer": FOUND})
    said = [agent("Who is calling?"), caller("Once and for all, two boxes!"), agent("Thank you.", hang_up={})]
    call_id = house.emulator.ring(script(*said), called=CURIOUS)
    ended(house, call_id)
    first = analysed(house, call_id)

    invoked(house, {"Records": [{"dynamodb": {"Keys": {"pk": {"S": f"CALL#{call_id}"}, "sk": {"S": "CALL"}}}}]})

    assert analysed(house, call_id) == first
    assert len(asked(house, "Once and for all")) == 1


def test_a_model_that_is_busy_is_asked_again_and_a_person_can_ask_anew(
    house: LocalCloud, model: Callable[..., None]
) -> None:
    busy = {"when": "It is urgent", "status": 429, "retry_after": 0.1}
    model({**busy, "times": 6}, {"when": "It is urgent", "answer": FOUND})
    said = [agent("Who is calling?"), caller("It is urgent."), agent("Thank you.", hang_up={})]
    call_id = house.emulator.ring(script(*said), called=CURIOUS)
    ended(house, call_id)
    assert analysed(house, call_id)["summary"] == FOUND["summary"]

    model({"when": "It is urgent", "answer": {**FOUND, "outcome": "wrong number"}})
    again = house.cli("calls", "analyse", call_id, "--json")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["outcome"] == "wrong number"
    assert analysed(house, call_id)["outcome"] == "wrong number"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"refusal": "No."}, "the model refused"),
        ({"answer": '{"summ', "incomplete": True}, "incomplete: max_output_tokens"),
        ({"failed": "invalid_prompt"}, "failed: invalid_prompt"),
        ({"status": 404}, "HTTP 404"),
        ({"answer": {**FOUND, "outcome": "owes me money"}}, "not of the form that was asked for: outcome"),
    ],
)
def test_a_call_that_cannot_be_analysed_says_why(
    house: LocalCloud, model: Callable[..., None], answer: Json, reason: str
) -> None:
    model(answer)
    call_id = house.emulator.ring(script(*SAID), called=CURIOUS)
    ended(house, call_id)

    found = analysed(house, call_id)
    assert found["state"] == "failed"
    assert found["reason"].startswith(reason)
    assert reason in house.cli("calls", "show", call_id).stdout


def test_what_is_taken_out_of_the_record_is_in_no_question_and_in_no_answer(
    house: LocalCloud, model: Callable[..., None]
) -> None:
    card = "4111 1111 1111 1111"
    model({"when": "Charge", "answer": {**FOUND, "summary": f"Charge {card}."}})
    said = [agent("Who is calling?"), caller(f"Charge {card}, please."), agent("Thank you.", hang_up={})]
    call_id = house.emulator.ring(script(*said), called=CURIOUS)
    ended(house, call_id)

    assert analysed(house, call_id)["summary"] == "Charge [CARD]."
    (question,) = asked(house, "Charge")
    assert card not in json.dumps(question)
