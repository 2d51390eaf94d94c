"""That the tests' own judge of policies judges `dynamodb:LeadingKeys` as IAM does."""

import json
from typing import Any

import pytest

from tests.infra import policies
from tests.infra.policies import Need

TABLE = "arn:aws:dynamodb:eu-central-1:123456789012:table/calls"
CALLS_ONLY = {
    "Effect": "Allow",
    "Action": ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:BatchWriteItem"],
    "Resource": [TABLE, f"{TABLE}/index/*"],
    "Condition": {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["CALL#*", "DAY#*"]}},
}


def needs(operation: str, **asked: Any) -> list[Need]:
    target = f"DynamoDB_20120810.{operation}"
    named = asked if {"TransactItems", "RequestItems"} & set(asked) else {"TableName": "calls", **asked}
    return list(policies.needs("dynamodb", "eu-central-1", target, "/", {}, named))


def item(pk: str) -> dict[str, Any]:
    return {"pk": {"S": pk}, "sk": {"S": "x"}}


def query(pk: str, condition: str = "pk = :pk", **more: Any) -> dict[str, Any]:
    return {
        "KeyConditionExpression": condition,
        "ExpressionAttributeValues": {":a": {"S": "CALL#a"}, ":pk": {"S": pk}},
        **more,
    }


@pytest.mark.parametrize(
    ("operation", "asked"),
    [
        ("GetItem", lambda pk: {"Key": item(pk)}),
        ("PutItem", lambda pk: {"Item": item(pk)}),
        ("Query", query),
        ("Query", lambda pk: query(pk, "pk = :pk AND begins_with(sk, :a)")),
        ("Query", lambda pk: query(pk, "day_pk = :pk AND day_sk > :a", IndexName="by_day")),
        ("BatchWriteItem", lambda pk: {"RequestItems": {"calls": [{"PutRequest": {"Item": item(pk)}}]}}),
        ("BatchWriteItem", lambda pk: {"RequestItems": {"calls": [{"DeleteRequest": {"Key": item(pk)}}]}}),
    ],
)
def test_a_statement_for_some_keys_allows_those_and_no_others(operation: str, asked: Any) -> None:
    for pk, allowed in (("CALL#rtc_1", True), ("DAY#2026-11-22#1", True), ("MONITORS", False), ("call#rtc_1", False)):
        (need,) = needs(operation, **asked(pk))
        assert policies.allows([CALLS_ONLY], need) is allowed, pk


def test_of_several_keys_in_a_request_all_have_to_be_allowed() -> None:
    writes = [{"PutRequest": {"Item": item("CALL#rtc_1")}}, {"DeleteRequest": {"Key": item("MONITORS")}}]

    (need,) = needs("BatchWriteItem", RequestItems={"calls": writes})

    assert need.keys == {"CALL#rtc_1", "MONITORS"}
    assert not policies.allows([CALLS_ONLY], need)


def test_each_part_of_a_transaction_is_judged_by_its_own_action_and_key() -> None:
    parts = [
        {"ConditionCheck": {"TableName": "calls", "Key": item("CALL#rtc_1")}},
        {"Put": {"TableName": "calls", "Item": item("ACTIONS#rtc_1")}},
    ]

    assert needs("TransactWriteItems", TransactItems=parts) == [
        Need("dynamodb:ConditionCheckItem", TABLE, frozenset({"CALL#rtc_1"})),
        Need("dynamodb:PutItem", TABLE, frozenset({"ACTIONS#rtc_1"})),
    ]


def test_a_request_that_names_no_key_meets_the_condition_as_it_does_at_aws() -> None:
    scans = {**CALLS_ONLY, "Action": "dynamodb:Scan"}

    assert policies.allows([scans], *needs("Scan"))


@pytest.mark.parametrize(
    "condition",
    [
        {"StringLike": {"dynamodb:LeadingKeys": "CALL#*"}},
        {"ForAllValues:StringLike": {"dynamodb:Attributes": "pk"}},
        {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": "CALL#*"}, "Bool": {"aws:SecureTransport": "true"}},
        {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": "CALL#*", "dynamodb:Attributes": "pk"}},
    ],
)
def test_a_condition_that_is_not_understood_is_an_error_and_not_a_permission(condition: dict[str, Any]) -> None:
    with pytest.raises(NotImplementedError, match="condition"):
        policies.allows([{**CALLS_ONLY, "Condition": condition}], *needs("GetItem", Key=item("CALL#rtc_1")))


def test_a_document_is_read_with_its_conditions() -> None:
    (statement,) = policies.statements(json.dumps({"Version": "2012-10-17", "Statement": CALLS_ONLY}))

    assert policies.leading_keys(statement) == ["CALL#*", "DAY#*"]
