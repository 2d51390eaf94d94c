"""The records API as API Gateway calls it, with a record that answers by hand."""

import json
from datetime import date
from typing import Any

import pytest

from infra.local.payload import Request, to_event
from ringside.aws.actions import Asked as Action
from ringside.calls import Status
from ringside.records.acting import CannotAct, NoSuchCall, NotAllowed
from ringside.records.http import answer
from ringside.records.query import BadQuery, Filters

CALL = {"call_id": "rtc_1", "items": []}
WHO = "arn:aws:sts::123456789012:assumed-role/desk/ada"


class Asked:
    """Stands for the record's reader: keeps what it was asked."""

    def __init__(self) -> None:
        self.questions: list[tuple[Any, ...]] = []
        self.found: dict[str, Any] = {"calls": [], "cursor": "next"}

    def today(self) -> date:
        return date(2026, 11, 27)

    def calls(self, filters: Filters, limit: int, cursor: str | None) -> dict[str, Any]:
        self.questions.append((filters, limit, cursor))
        return self.found

    def call(self, call_id: str) -> dict[str, Any] | None:
        return CALL if call_id == "rtc_1" else None

    def news(self, call_id: str, since: str | None) -> dict[str, Any] | None:
        self.questions.append((call_id, since))
        return {"call": CALL, "items": [], "since": since}

    def live(self) -> dict[str, Any]:
        return {"calls": [], "count": 0}

    def statistics(self, filters: Filters) -> dict[str, Any]:
        self.questions.append((filters,))
        return {"calls": 0}

    def agents(self) -> dict[str, Any]:
        return {"agents": []}

    def decision(self, caller: str, dialled: str, at: float | None) -> dict[str, Any]:
        if caller == "alice":
            raise BadQuery("caller: alice is not an international number")
        self.questions.append((caller, dialled, at))
        return {"verdict": "accept"}


class Acting:
    """Stands for whoever asks the monitors: keeps what was asked for. `outcome`: what comes of it, or None."""

    def __init__(self, outcome: str | None = "done", refuses: Exception | None = None) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self._outcome = outcome
        self._refuses = refuses

    def ask(self, call_id: str, action: Any, by: str, text: str, *, silent: bool, token: str) -> Action:
        if self._refuses:
            raise self._refuses
        self.asked.append((call_id, action, by, text, silent, token))
        return Action(call_id, "a1", action, by, 1795348800.0, text, silent)

    def outcome(self, asked: Action, seconds: float) -> dict[str, Any] | None:
        return {"kind": "action", "item_id": "action_a1", "outcome": self._outcome} if self._outcome else None


@pytest.fixture
def record() -> Asked:
    return Asked()


def get(record: Asked, path: str, **headers: str) -> dict[str, Any]:
    where, _, query = path.partition("?")
    request = Request("GET", f"/v1{where}", query, list(headers.items()), b"", "198.51.100.7")
    event = to_event(request, route_key="GET /v1/{proxy+}", request_id="r", now=1795348800.0)
    return answer(record, Acting(), event, None)  # type: ignore[arg-type]


def post(acting: Acting, body: Any, by: str | None = WHO, path: str = "/calls/rtc_1/actions", **more: str) -> Any:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = [("content-type", "application/json"), *more.items()]
    request = Request("POST", f"/v1{path}", "", headers, content, "198.51.100.7")
    event = to_event(request, route_key="POST /v1/{proxy+}", request_id="r", now=1795348800.0, by=by)
    return answer(Asked(), acting, event, None)  # type: ignore[arg-type]


def body(found: dict[str, Any]) -> Any:
    return json.loads(found["body"])


def test_calls_are_asked_for_by_what_the_url_says(record: Asked) -> None:
    found = get(record, "/calls?from=2026-11-01&to=2026-11-02&caller=%2B14255550112&status=ended&limit=5&cursor=abc")

    assert (found["statusCode"], body(found)) == (200, {"calls": [], "cursor": "next"})
    ((filters, limit, cursor),) = record.questions
    assert (filters.first_day, filters.last_day) == (date(2026, 11, 1), date(2026, 11, 2))
    assert (filters.caller, filters.status, limit, cursor) == ("+14255550112", Status.ENDED, 5, "abc")


def test_calls_of_today_are_what_nobody_has_to_ask_for(record: Asked) -> None:
    get(record, "/calls")

    ((filters, limit, cursor),) = record.questions
    assert (filters.days, limit, cursor) == (["2026-11-27"], 50, None)


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/calls?limit=0", 400, "limit: "),
        ("/calls?limit=501", 400, "limit: "),
        ("/calls?status=lost", 400, "status: "),
        ("/calls?day=yesterday", 400, "day: yesterday is not a date"),
        ("/calls?caller=alice", 400, "caller: alice is not"),
        ("/calls/rtc_2", 404, "there is no call rtc_2"),
        ("/calls/a%2F..%2Fb", 400, "call_id: "),
        ("/decision?caller=%2B14255550112", 400, "dialled: "),
        ("/decision?caller=alice&dialled=%2B18005551212", 400, "caller: alice is not"),
        ("/decision?caller=a&dialled=b&at=noon", 400, "at: "),
        ("/nowhere", 404, "there is nothing at this path"),
    ],
)
def test_what_is_asked_wrongly_is_a_problem_document(record: Asked, path: str, status: int, says: str) -> None:
    found = get(record, path)

    assert found["statusCode"] == status
    assert found["headers"]["Content-Type"] == "application/problem+json"
    assert set(body(found)) == {"type", "title", "status", "detail"}
    assert body(found)["status"] == status
    assert body(found)["detail"].startswith(says)


def test_what_has_not_changed_is_not_sent_again(record: Asked) -> None:
    tag = get(record, "/calls")["headers"]["ETag"]

    again = get(record, "/calls", **{"If-None-Match": f'"other", W/{tag}'})
    record.found = {"calls": [CALL], "cursor": None}
    changed = get(record, "/calls", **{"If-None-Match": tag})

    assert (again["statusCode"], again["body"]) == (304, "")
    assert changed["statusCode"] == 200
    assert changed["headers"]["ETag"] != tag


def test_a_call_its_news_and_a_decision(record: Asked) -> None:
    assert body(get(record, "/calls/rtc_1")) == CALL
    assert body(get(record, "/calls/rtc_1/news?since=item_4"))["since"] == "item_4"
    get(record, "/decision?caller=%2B14255550112&dialled=%2B18005551212&at=2026-12-24T20:00:00Z")

    assert record.questions == [("rtc_1", "item_4"), ("+14255550112", "+18005551212", 1798142400.0)]


def test_the_document_describes_every_call_that_can_be_made(record: Asked) -> None:
    document = body(get(record, "/openapi.json"))

    paths = {path.replace("{call_id}", "CALL_ID").removeprefix("/v1/") for path in document["paths"]}
    assert paths == {
        "calls",
        "calls/CALL_ID",
        "calls/CALL_ID/news",
        "calls/CALL_ID/actions",
        "live",
        "statistics",
        "agents",
        "decision",
    }
    names = {each["name"] for each in document["paths"]["/v1/calls"]["get"]["parameters"]}
    assert names >= {"day", "from", "to", "caller", "status", "limit", "cursor"}


# --- actions ---


def test_an_action_is_asked_for_in_the_name_of_whoever_signed_and_answered_with_what_came_of_it() -> None:
    acting = Acting()

    found = post(acting, {"action": "instruct", "text": "The caller is a regular.", "silent": True})

    assert (found["statusCode"], body(found)["call_id"], body(found)["outcome"]) == (200, "rtc_1", "done")
    assert acting.asked == [("rtc_1", "instruct", WHO, "The caller is a regular.", True, "")]
    assert "ETag" not in found["headers"]


@pytest.mark.parametrize("outcome", ["under_way", None])
def test_what_is_not_known_yet_says_where_to_look_for_it(outcome: str | None) -> None:
    found = post(Acting(outcome), {"action": "hold"})

    assert found["statusCode"] == 202
    assert (body(found)["item_id"], body(found)["outcome"]) == ("action_a1", outcome)


def test_a_request_that_is_sent_again_carries_the_key_of_the_first_one() -> None:
    acting = Acting()
    post(acting, {"action": "hold"}, **{"idempotency-key": "0b7f"})

    assert acting.asked[0][-1] == "0b7f"


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"action": "mute"}, "action: "),
        ({"text": "Hello"}, "action: "),
        ({"action": "say", "text": "a" * 2001}, "text: "),
        ({"action": "say", "words": "Hello"}, "words: "),
        (b"{", ""),
        (b"", ""),
    ],
)
def test_an_action_that_is_asked_for_wrongly_is_a_problem_document(wrong: Any, says: str) -> None:
    acting = Acting()
    found = post(acting, wrong)

    assert (found["statusCode"], found["headers"]["Content-Type"]) == (400, "application/problem+json")
    assert body(found)["detail"].startswith(says)
    assert acting.asked == []


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NoSuchCall("there is no call rtc_1"), 404),
        (CannotAct("rtc_1 is over"), 409),
        (NotAllowed("only targets"), 403),
        (BadQuery("text: missing"), 400),
    ],
)
def test_a_call_that_takes_no_actions_is_a_problem_document(error: Exception, status: int) -> None:
    found = post(Acting(refuses=error), {"action": "hold"})

    assert (found["statusCode"], found["headers"]["Content-Type"]) == (status, "application/problem+json")
    assert body(found)["detail"] == str(error)


def test_a_body_that_is_not_sent_as_json_is_refused_in_words_and_not_repeated() -> None:
    acting = Acting()
    body_of_a_form = Request(
        "POST", "/v1/calls/rtc_1/actions", "", [("content-type", "application/x-www-form-urlencoded")], b"{}", "::1"
    )
    event = to_event(body_of_a_form, route_key="POST /v1/{proxy+}", request_id="r", now=1795348800.0, by=WHO)
    found = answer(Asked(), acting, event, None)  # type: ignore[arg-type]

    assert (found["statusCode"], found["headers"]["Content-Type"]) == (415, "application/problem+json")
    assert "application/json" in body(found)["detail"]
    assert acting.asked == []


def test_the_document_says_that_an_action_is_answered_with_an_object() -> None:
    document = body(get(Asked(), "/openapi.json"))

    answered = document["paths"]["/v1/calls/{call_id}/actions"]["post"]["responses"]["200"]
    assert answered["content"]["application/json"]["schema"]["type"] == "object"


def test_nothing_is_asked_for_in_the_name_of_nobody() -> None:
    acting = Acting()

    assert post(acting, {"action": "hold"}, by=None)["statusCode"] == 403
    assert acting.asked == []


def test_nothing_else_takes_a_post() -> None:
    assert post(Acting(), {}, path="/calls/rtc_1")["statusCode"] == 404
