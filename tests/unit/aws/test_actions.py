"""Asking for an action: what is written, on which condition, and that the policies for people allow no more."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from infra.local import template as templates
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


# --- the policies of template.yaml ---

TABLE = "arn:aws:dynamodb:eu-central-1:123456789012:table/calls"
API = "arn:aws:execute-api:eu-central-1:123456789012:api/$default"


def policy(*names: str, anywhere: bool = False) -> list[dict[str, Any]]:
    """The statements of these policies, for a table, an API and a stack; with the one that the page has for numbers."""
    resources = templates.translate()["Resources"]
    found = json.dumps([s for name in names for s in resources[name]["Properties"]["PolicyDocument"]["Statement"]])
    found = found.replace(json.dumps({"Fn::GetAtt": ["CallsTable", "Arn"]}), json.dumps(TABLE))
    found = re.sub(r'\{"Fn::Sub": ("[^"]+")\}', r"\1", found)
    for name, value in {
        "CallsTable.Arn": TABLE,
        "HttpApi": "api",
        "AWS::Partition": "aws",
        "AWS::Region": "eu-central-1",
        "AWS::AccountId": "123456789012",
        "AWS::StackName": "ringside",
    }.items():
        found = found.replace(f"${{{name}}}", value)
    assert "${" not in found
    statements: list[dict[str, Any]] = json.loads(found)
    if anywhere:
        block = re.search(r"<!-- anywhere -->\n```json\n(.*?)```", OPERATIONS.read_text(encoding="utf-8"), re.DOTALL)
        assert block is not None
        statements.append({**json.loads(block[1]), "Resource": TABLE})
    return statements


VIEWER = policy("ViewerPolicy")
OPERATOR = policy("ViewerPolicy", "OperatorPolicy")
ANYWHERE = policy("ViewerPolicy", "OperatorPolicy", anywhere=True)


def is_allowed(statements: list[dict[str, Any]], action: str, pk: str, resource: str = TABLE) -> bool:
    return policies.allows(statements, policies.Need(action, resource, frozenset({pk})))


def judged(statements: list[dict[str, Any]], asked: Request) -> bool:
    names = {"ConditionCheck": "ConditionCheckItem", "Put": "PutItem"}
    return all(is_allowed(statements, f"dynamodb:{names[kind]}", pk) for kind, pk in parts(asked))


def test_an_operator_may_act_and_a_viewer_may_not() -> None:
    assert judged(OPERATOR, request())
    assert judged(OPERATOR, next(actions.ask(CALL, SAY, None, "token")))
    assert not judged(VIEWER, request())


def test_only_with_a_statement_of_its_own_may_an_operator_transfer_to_any_number() -> None:
    anywhere = request(asked=Asked("rtc_1", "a1", "transfer", WHO, NOON, "+14255550199"), uri="tel:+14255550199")

    assert not judged(OPERATOR, anywhere)
    assert judged(ANYWHERE, anywhere)


@pytest.mark.parametrize("pk", ["CALL#rtc_1", "MONITORS", "RECEIPTS#me", "SPENT#desk#2026-11-22", "ERASURES"])
@pytest.mark.parametrize("action", ["PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem"])
def test_nothing_else_may_be_written(action: str, pk: str) -> None:
    assert not is_allowed(ANYWHERE, f"dynamodb:{action}", pk)


@pytest.mark.parametrize("pk", ["CALL#rtc_1", "ACTIONS#rtc_1", "MAILBOX#monitor-1", "ANYWHERE#rtc_1"])
@pytest.mark.parametrize("action", ["PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "ConditionCheckItem"])
def test_a_viewer_writes_nothing_at_all(action: str, pk: str) -> None:
    assert not is_allowed(VIEWER, f"dynamodb:{action}", pk)


@pytest.mark.parametrize("index", ["", "/index/by_day", "/index/by_caller", "/index/live"])
def test_a_viewer_reads_calls_and_their_lists(index: str) -> None:
    assert is_allowed(VIEWER, "dynamodb:Query", "CALL#rtc_1", TABLE + index)
    assert not is_allowed(VIEWER, "dynamodb:Query", "CALL#rtc_1", TABLE.replace("calls", "others") + index)


def test_over_https_a_viewer_may_read_and_an_operator_act_too() -> None:
    read, act = f"{API}/GET/v1/calls/rtc_1", f"{API}/POST/v1/calls/rtc_1/actions"
    may = [[is_allowed(who, "execute-api:Invoke", "", where) for where in (read, act)] for who in (VIEWER, OPERATOR)]

    assert may == [[True, False], [True, True]]
    assert not is_allowed(ANYWHERE, "execute-api:Invoke", "", f"{API}/POST/webhook")


def test_a_viewer_finds_the_table_by_the_stack_and_sees_no_other_stack() -> None:
    stack = "arn:aws:cloudformation:eu-central-1:123456789012:stack/ringside/1"

    assert is_allowed(VIEWER, "cloudformation:DescribeStacks", "", stack)
    assert not is_allowed(VIEWER, "cloudformation:DescribeStacks", "", stack.replace("ringside", "ringside-2"))
