"""Asking for an action: what is written, on which condition, and that the documented policy allows that and no more."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from ringside.aws import actions
from ringside.aws.actions import Asked
from ringside.aws.requests import Request
from tests.infra import policies

NOON = 1795348800.0  # 2026-11-22 12:00 UTC
WHO = "arn:aws:iam::123456789012:user/ada"
SAY = Asked("rtc_1", "a1", "say", WHO, NOON, "Hm.")
CALL = {"call_id": "rtc_1", "epoch": 2, "owner": "monitor-1"}
OPERATIONS = Path(__file__).parents[3] / "docs" / "operations.md"


def request(call: dict[str, Any] = CALL, asked: Asked = SAY, uri: str | None = None) -> Request:
    return next(actions.ask(call, asked, uri))


def parts(asked: Request) -> list[tuple[str, str]]:
    """Of each part of the transaction its kind, and the partition."""
    found = []
    for part in asked.params["TransactItems"]:
        ((kind, params),) = part.items()
        found.append((kind, (params.get("Item") or params.get("Key"))["pk"]["S"]))
    return found


def test_an_action_is_written_under_its_call_and_into_its_owners_mailbox() -> None:
    assert parts(request()) == [
        ("ConditionCheck", "CALL#rtc_1"),
        ("Put", "ACTIONS#rtc_1"),
        ("Put", "MAILBOX#monitor-1"),
    ]


def test_a_call_between_two_owners_keeps_it_for_the_next_one() -> None:
    asked = request({"call_id": "rtc_1", "epoch": 2})

    assert parts(asked) == [("ConditionCheck", "CALL#rtc_1"), ("Put", "ACTIONS#rtc_1")]
    condition = asked.params["TransactItems"][0]["ConditionCheck"]["ConditionExpression"]
    assert "attribute_not_exists(#owner)" in condition


def test_the_call_has_to_be_as_it_was_seen() -> None:
    """Else the owner that takes over in this moment would never hear of it."""
    check = request().params["TransactItems"][0]["ConditionCheck"]

    assert check["ConditionExpression"] == "#status = :live AND epoch = :epoch AND #owner = :owner"
    assert check["ExpressionAttributeValues"][":epoch"] == {"N": "2"}


def test_a_token_is_kept_beside_the_action_on_the_condition_that_it_is_new() -> None:
    asked = next(actions.ask(CALL, SAY, None, "a token of the client's"))

    *_, ((_, put),) = (part.items() for part in asked.params["TransactItems"])
    assert (put["Item"]["pk"]["S"], put["ConditionExpression"]) == ("ACTIONS#rtc_1", "attribute_not_exists(pk)")
    assert put["Item"]["sk"]["S"].startswith("TOKEN#")
    assert "Hm." not in str(put)


def test_ids_are_short_enough_for_the_session_and_in_the_order_of_time() -> None:
    ids = [actions.new_id(NOON + number) for number in range(3)]

    assert sorted(ids) == ids
    assert all(len(f"action_{each}") <= 32 for each in ids)


@pytest.mark.parametrize("broken", [{}, {"call_id": 7}, {"asked_at": "noon"}, {"by": None}])
def test_what_somebody_wrote_by_hand_is_left_alone(broken: dict[str, Any]) -> None:
    item = {"call_id": "rtc_1", "action_id": "a1", "action": "say", "by": WHO, "asked_at": NOON} if broken else {}
    sentence = actions.open_of("rtc_1")
    next(sentence)
    with pytest.raises(StopIteration) as done:
        sentence.send({"Items": [{**item, **broken}]})

    assert done.value.value == []


# --- the policy of docs/operations.md ---


def policy() -> list[dict[str, Any]]:
    block = re.search(r"<!-- operator -->\n```json\n(.*?)```", OPERATIONS.read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None
    statements: list[dict[str, Any]] = json.loads(block[1])["Statement"]
    return statements


def is_allowed(action: str, pk: str, extra: tuple[str, ...] = ()) -> bool:
    """Whether the policy allows this of one item. `extra`: keys that are added for puts."""
    table, statements = "arn:aws:dynamodb:REGION:ACCOUNT:table/TABLE", policy()
    for statement in statements:
        if "dynamodb:PutItem" in policies.listed(statement["Action"]):
            statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"] += extra
    return policies.allows(statements, policies.Need(f"dynamodb:{action}", table, frozenset({pk})))


def judged(asked: Request, extra: tuple[str, ...] = ()) -> bool:
    names = {"ConditionCheck": "ConditionCheckItem", "Put": "PutItem"}
    return all(is_allowed(names[kind], pk, extra) for kind, pk in parts(asked))


def test_the_documented_policy_lets_somebody_act() -> None:
    assert judged(request())


def test_and_transfer_to_any_number_only_with_the_key_that_is_named_for_it() -> None:
    anywhere = request(asked=Asked("rtc_1", "a1", "transfer", WHO, NOON, "+14255550199"), uri="tel:+14255550199")

    assert not judged(anywhere)
    assert judged(anywhere, ("ANYWHERE#*",))


@pytest.mark.parametrize("pk", ["CALL#rtc_1", "MONITORS", "RECEIPTS#me", "SPENT#desk#2026-11-22", "ERASURES"])
@pytest.mark.parametrize("action", ["PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem"])
def test_and_nothing_else(action: str, pk: str) -> None:
    assert not is_allowed(action, pk)
