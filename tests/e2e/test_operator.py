"""A hand on a live call: each action from the command line to its effect at OpenAI's side, and in the record."""

import json
import time
from typing import Any

import pytest

from infra.local.cloud import LocalCloud
from tests.e2e.house import STEERED, Json, agent, asked, ended, script, words

GREETING = "Hello, this is steered."


@pytest.fixture
def live(house: LocalCloud) -> str:
    """A call in which the greeting was said, and nobody says anything more."""
    call_id = house.emulator.ring(script(agent(GREETING), stay=True), called=STEERED)
    house.emulator.until(call_id, lambda known: GREETING in words(known))
    return call_id


def act(house: LocalCloud, action: str, call_id: str, *more: str, status: int = 0) -> Json:
    """Do it as an operator does; what came of it."""
    done = house.cli("calls", action, call_id, *more, "--json", seconds=90)
    assert done.returncode == status, done.stderr
    found: Json = json.loads(done.stdout)
    return found


def entries(house: LocalCloud, call_id: str) -> list[Json]:
    return [item for item in house.records.get(call_id).items if item["kind"] == "action"]


def nothing_is_left(house: LocalCloud, call_id: str) -> bool:
    """Whether the items of actions leave the table, a moment after they were settled."""
    until = time.monotonic() + 5
    while time.monotonic() < until:
        found = house.aws.dynamodb.scan(TableName=house.table, ConsistentRead=True)["Items"]
        kept = [item for item in found if item["pk"]["S"].startswith(("ACTIONS#", "MAILBOX#", "ANYWHERE#"))]
        if not any(item.get("call_id") == {"S": call_id} for item in kept):
            return True
        time.sleep(0.05)
    return False


def test_the_agent_says_what_an_operator_wants_said(house: LocalCloud, live: str) -> None:
    done = act(house, "say", live, "We close in five minutes.")

    assert "We close in five minutes." in words(house.emulator.shown(live))
    (entry,) = entries(house, live)
    assert (entry["outcome"], entry["text"], entry["by"]) == ("done", "We close in five minutes.", done["by"])
    assert done["by"].startswith("arn:aws:")
    assert nothing_is_left(house, live)


def test_it_is_taken_within_a_second(house: LocalCloud, live: str) -> None:
    act(house, "instruct", live, "Offer a refund.", "--silent")

    (entry,) = entries(house, live)
    assert entry["started_at"] - entry["asked_at"] < 1.0


def test_the_agent_is_told_and_answers_or_not(house: LocalCloud, live: str) -> None:
    before = len(words(house.emulator.shown(live)))
    act(house, "instruct", live, "Offer a refund.", "--silent")
    assert len(words(house.emulator.shown(live))) == before
    act(house, "instruct", live, "Ask for the order's number.")

    known = house.emulator.until(live, lambda known: len(words(known)) > before)
    told = [sent["event"]["item"] for sent in known["commands"] if sent["event"]["type"] == "conversation.item.create"]
    texts = [item["content"][0]["text"] for item in told if item.get("role") == "system"]
    assert [text.rpartition(": ")[2] for text in texts] == ["Offer a refund.", "Ask for the order's number."]


def test_an_operator_hangs_up_after_a_goodbye(house: LocalCloud, live: str) -> None:
    act(house, "hang-up", live, "--yes")

    call, known = ended(house, live)
    assert (call["end_reason"], words(known)[-1]) == ("operator_hung_up", "Goodbye then.")
    assert [entry["outcome"] for entry in entries(house, live)] == ["done"]


def test_or_at_once(house: LocalCloud, live: str) -> None:
    act(house, "hang-up", live, "--now", "--yes")

    call, known = ended(house, live)
    assert (call["end_reason"], words(known)) == ("operator_hung_up", [GREETING])
    assert nothing_is_left(house, live)


@pytest.mark.parametrize(("target", "uri"), [("sales", "tel:+14255550100"), ("+14255550199", "tel:+14255550199")])
def test_an_operator_transfers_the_caller(house: LocalCloud, live: str, target: str, uri: str) -> None:
    act(house, "transfer", live, target, "--yes")

    call, known = ended(house, live)
    assert [request["body"] for request in asked(known, "refer")] == [{"target_uri": uri}]
    assert (call["end_reason"], call["transfer"]["verdict"]) == ("transferred", "left")


def test_a_target_that_nobody_knows_is_refused(house: LocalCloud, live: str) -> None:
    done = act(house, "transfer", live, "marketing", "--yes", status=1)

    assert (done["outcome"], done["detail"]) == ("refused", "the agent has no such target; it has: sales")


def test_an_agent_on_hold_listens_and_does_not_answer(house: LocalCloud, live: str) -> None:
    act(house, "hold", live)
    before = len(words(house.emulator.shown(live)))
    house.emulator.say(live, "Hello? Anybody?")
    house.records.wait(live, lambda record: any(item.get("text") == "Hello? Anybody?" for item in record.items))
    time.sleep(1.0)  # long enough for an answer, at forty times the pace of talk
    assert len(words(house.emulator.shown(live))) == before

    act(house, "resume", live)
    house.emulator.until(live, lambda known: len(words(known)) > before)


def test_two_operators_who_hang_up_at_once(house: LocalCloud, live: str) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(2) as both:
        done = list(both.map(lambda _: house.cli("calls", "hang-up", live, "--yes", "--json", seconds=90), range(2)))

    assert sorted(one.returncode for one in done) in ([0, 0], [0, 1])
    call, known = ended(house, live)
    assert call["end_reason"] == "operator_hung_up"
    assert words(known).count("Goodbye then.") == 1


@pytest.mark.parametrize("action", ["say", "hang-up"])
def test_nothing_is_done_on_a_call_that_is_over(house: LocalCloud, live: str, action: str) -> None:
    act(house, "hang-up", live, "--now", "--yes")
    ended(house, live)
    more: dict[str, tuple[Any, ...]] = {"say": ("Hm.",), "hang-up": ("--yes",)}
    done = house.cli("calls", action, live, *more[action])

    assert (done.returncode, done.stderr) == (1, f"ringside: {live} is over\n")


def test_nobody_hangs_up_by_accident(house: LocalCloud, live: str) -> None:
    done = house.cli("calls", "hang-up", live)

    assert (done.returncode, done.stderr) == (2, "ringside: nobody can be asked here: add --yes\n")
    act(house, "hang-up", live, "--now", "--yes")
