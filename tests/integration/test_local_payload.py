"""The gateway's events are API Gateway's payload format 2.0."""

import base64
import json

import pytest

from infra.local.payload import BadResponse, Request, from_result, to_event

JSON = ("Content-Type", "application/json")
NOW = 1583348638.39


def event(body: bytes = b"", *headers: tuple[str, str], query: str = "") -> dict[str, object]:
    request = Request("POST", "/webhook", query, [("Host", "127.0.0.1:8080"), *headers], body, "203.0.113.9")
    return to_event(request, route_key="POST /webhook", request_id="JKJaXmPLvHcESHA=", now=NOW)


def test_an_event_has_the_documented_shape() -> None:
    given = event(b'{"type":"x"}', JSON, ("User-Agent", "OpenAI/1.0"), query="a=1&a=2&b=")

    # https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
    assert given == {
        "version": "2.0",
        "routeKey": "POST /webhook",
        "rawPath": "/webhook",
        "rawQueryString": "a=1&a=2&b=",
        "headers": {
            "host": "127.0.0.1:8080",
            "content-type": "application/json",
            "user-agent": "OpenAI/1.0",
            "x-forwarded-for": "203.0.113.9",
            "x-forwarded-proto": "http",
        },
        "queryStringParameters": {"a": "1,2", "b": ""},
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "local",
            "domainName": "127.0.0.1:8080",
            "domainPrefix": "127",
            "http": {
                "method": "POST",
                "path": "/webhook",
                "protocol": "HTTP/1.1",
                "sourceIp": "203.0.113.9",
                "userAgent": "OpenAI/1.0",
            },
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": "POST /webhook",
            "stage": "$default",
            "time": "04/Mar/2020:19:03:58 +0000",
            "timeEpoch": 1583348638390,
        },
        "body": '{"type":"x"}',
        "isBase64Encoded": False,
    }


def test_header_names_are_lower_case_and_duplicates_are_joined_with_commas() -> None:
    headers = event(b"", ("Webhook-Signature", "v1,a"), ("webhook-signature", "v1,b"))["headers"]

    assert isinstance(headers, dict)
    assert headers["webhook-signature"] == "v1,a,v1,b"


def test_cookies_have_a_field_of_their_own() -> None:
    given = event(b"", ("Cookie", "a=1; b=2"), ("Cookie", "c=3"))

    assert given["cookies"] == ["a=1", "b=2", "c=3"]
    assert "cookie" not in dict(given["headers"])  # type: ignore[call-overload]


def test_a_request_without_body_query_or_cookies_has_none_of_these_fields() -> None:
    assert not {"body", "queryStringParameters", "cookies"} & set(event())


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", "TEXT/plain", "text/csv"])
def test_a_text_body_comes_as_it_is(kind: str) -> None:
    given = event("naïve ☎".encode(), ("Content-Type", kind))

    assert (given["body"], given["isBase64Encoded"]) == ("naïve ☎", False)


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"\xff\xfe\x00", [JSON]),
        (b"{}", []),
        (b"{}", [("Content-Type", "application/octet-stream")]),
        (b"a=1", [("Content-Type", "application/x-www-form-urlencoded")]),
    ],
    ids=["not UTF-8", "no content type", "binary", "form"],
)
def test_any_other_body_comes_in_base64(body: bytes, headers: list[tuple[str, str]]) -> None:
    given = event(body, *headers)

    assert given["isBase64Encoded"] is True
    assert base64.b64decode(str(given["body"])) == body


def test_a_result_with_a_status_is_the_response() -> None:
    response = from_result(
        {"statusCode": 201, "headers": {"X-A": 1}, "cookies": ["a=1", "b=2"], "body": "aGk=", "isBase64Encoded": True}
    )

    assert (response.status, response.body) == (201, b"hi")
    assert response.headers == [
        ("x-a", "1"),
        ("content-type", "text/plain; charset=utf-8"),
        ("set-cookie", "a=1"),
        ("set-cookie", "b=2"),
    ]


def test_a_result_without_a_status_is_the_body_of_a_200() -> None:
    response = from_result({"message": "Hello from Lambda!"})

    assert response.status == 200
    assert json.loads(response.body) == {"message": "Hello from Lambda!"}
    assert response.headers == [("content-type", "application/json")]


@pytest.mark.parametrize("result", [{"statusCode": "soon"}, {"statusCode": 1}, {"statusCode": 200, "headers": 3}])
def test_a_result_that_is_no_response_is_refused(result: object) -> None:
    with pytest.raises(BadResponse):
        from_result(result)
