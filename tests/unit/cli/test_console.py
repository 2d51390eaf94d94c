"""The console without a browser: who may speak to it, and what its words, charts and files are made of."""

import csv
import html
import io
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, NoCredentialsError, UnauthorizedSSOTokenError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from cli.cloud import Cloud
from cli.console import charts, csv_output, templating, words
from cli.console.app import application
from cli.console.deployment import Deployed
from cli.console.guard import Guard, form_key
from ringside.aws.actions import Asked
from ringside.records.acting import CannotAct

PORT, TOKEN = 7430, "a-token-that-is-long-enough"


def page(request: Request) -> Response:
    return PlainTextResponse("the record")


@pytest.fixture
def client() -> TestClient:
    guard = Guard(Starlette(routes=[Route("/calls", page), Route("/", page)]), PORT, TOKEN)
    return TestClient(guard, base_url=f"http://127.0.0.1:{PORT}", follow_redirects=False)


@pytest.fixture
def inside(client: TestClient) -> TestClient:
    """A browser that has opened the URL with the token."""
    assert client.get(f"/?token={TOKEN}").status_code == 303
    return client


def test_the_token_of_the_url_becomes_a_cookie_and_leaves_the_url(client: TestClient) -> None:
    answer = client.get(f"/calls?agent=a&token={TOKEN}")

    assert (answer.status_code, answer.headers["location"]) == (303, "/calls?agent=a")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"ringside_{PORT}=")
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert client.get("/calls").text == "the record"


@pytest.mark.parametrize("query", ["", "?token=", "?token=wrong", "?token=%F0%9F%98%80", f"?token={TOKEN}x"])
def test_nobody_gets_in_without_it(client: TestClient, query: str) -> None:
    answer = client.get(f"/calls{query}")

    assert answer.status_code == 403
    assert "the record" not in answer.text


def test_a_path_that_begins_with_two_slashes_leads_nowhere_else(client: TestClient) -> None:
    answer = client.get(f"http://127.0.0.1:{PORT}//evil.example/?token={TOKEN}")

    assert answer.headers["location"].startswith("/evil.example")


@pytest.mark.parametrize("host", ["evil.example", f"evil.example:{PORT}", "127.0.0.1", "127.0.0.1:80", f"[::1]:{PORT}"])
def test_another_name_for_this_machine_is_refused(inside: TestClient, host: str) -> None:
    assert inside.get("/calls", headers={"host": host}).status_code == 421


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_nothing_is_taken_but_forms(inside: TestClient, method: str) -> None:
    assert inside.request(method, "/calls").status_code == 405


@pytest.mark.parametrize("site", [None, "none", "cross-site", "same-site"])
def test_a_form_is_taken_from_the_consoles_own_pages_only(inside: TestClient, site: str | None) -> None:
    headers = {} if site is None else {"sec-fetch-site": site}

    assert inside.post("/calls", headers=headers).status_code == 403


def test_a_form_needs_the_cookie_and_a_token_in_its_url_is_not_enough(client: TestClient) -> None:
    assert client.post(f"/calls?token={TOKEN}", headers={"sec-fetch-site": "same-origin"}).status_code == 403


# --- forms ---


class Acting:
    """Notes what is asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.refuses = False
        self.error: Exception | None = None

    def ask(self, call_id: str, action: str, by: str, text: str = "", *, silent: bool = False) -> Asked:
        if self.error:
            raise self.error
        if self.refuses:
            raise CannotAct(f"{call_id} is over")
        self.asked.append((call_id, action, by, text, silent))
        return Asked(call_id, "a1", "say", by, 0.0, text)

    def outcome(self, asked: Asked, seconds: float) -> None: ...


class Here(Deployed):
    """A deployment of which only the hand on live calls is asked for."""

    def __init__(self) -> None:
        self.folder = Path()
        self.source = "a test"
        self.reader = None  # type: ignore[assignment]
        self.acting = Acting()  # type: ignore[assignment]
        self.caller = "arn:aws:iam::123456789012:user/ada"

    def problems_in_words(self) -> Any:
        return nullcontext()

    def agents_or_none(self) -> list[dict[str, str]]:
        return []


class Form:
    def __init__(self) -> None:
        self.here = Here()
        app = application(self.here, PORT, TOKEN)
        self.browser = TestClient(app, base_url=f"http://127.0.0.1:{PORT}", follow_redirects=False)
        self.browser.get(f"/?token={TOKEN}")

    def sent(self, **fields: str) -> Any:
        given = {"key": form_key(TOKEN), **fields}
        return self.browser.post("/calls/rtc_1/act", data=given, headers={"sec-fetch-site": "same-origin"})

    @property
    def asked(self) -> list[tuple[Any, ...]]:
        return self.here.acting.asked  # type: ignore[attr-defined, no-any-return]


def test_a_form_of_a_live_call_asks_for_its_action_in_the_name_of_whoever_runs_the_console() -> None:
    form = Form()
    answer = form.sent(action="instruct", text="Offer a refund.", silent="yes")

    assert (answer.status_code, answer.headers["location"]) == (303, "/calls/rtc_1#e-action_a1")
    assert form.asked == [("rtc_1", "instruct", "arn:aws:iam::123456789012:user/ada", "Offer a refund.", True)]


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"action": "say", "text": "Hm.", "key": "wrong"}, 403),
        ({"action": "say", "text": "Hm.", "key": ""}, 403),
        ({"action": "explode"}, 400),
        ({"action": "hang_up"}, 400),
        ({"action": "transfer", "text": "sales"}, 400),
        ({"action": "say", "text": "x" * 20_000}, 400),
    ],
)
def test_a_form_that_is_not_meant_so_does_nothing(fields: dict[str, str], status: int) -> None:
    form = Form()

    assert form.sent(**fields).status_code == status
    assert form.asked == []


def test_what_cannot_be_undone_is_done_when_it_was_confirmed() -> None:
    form = Form()
    form.sent(action="hang_up", sure="yes")

    assert [asked[1] for asked in form.asked] == ["hang_up"]


def test_a_call_that_is_over_says_so() -> None:
    form = Form()
    form.here.acting.refuses = True  # type: ignore[attr-defined]
    answer = form.sent(action="say", text="Hm.")

    assert answer.status_code == 409
    assert "rtc_1 is over" in answer.text


# --- what AWS answers ---


def denied(operation: str) -> ClientError:
    return ClientError({"Error": {"Code": "AccessDeniedException", "Message": "not authorized"}}, operation)


class Failing:
    """Stands for boto3's client: every request ends like this."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, operation: str) -> Any:
        def fail(*given: Any, **asked: Any) -> Any:
            raise self._error

        return fail


class FailingCloud(Cloud):
    error: Exception = NoCredentialsError()

    @property
    def dynamodb(self) -> Any:
        return Failing(self.error)


@pytest.mark.parametrize("path", ["/calls", "/calls/rtc_1", "/live", "/numbers", "/calls.json"])
@pytest.mark.parametrize(
    ("error", "what_to_do"),
    [
        (NoCredentialsError(), "aws sso login"),
        (UnauthorizedSSOTokenError(), "log in again"),
        (ClientError({"Error": {"Code": "ExpiredTokenException"}}, "Query"), "log in again"),
        (ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "Query"), "another region or account?"),
        (denied("Query"), "these credentials may not call Query"),
    ],
)
def test_a_record_that_cannot_be_read_is_a_page_that_says_what_to_do(
    error: Exception, what_to_do: str, path: str
) -> None:
    cloud = FailingCloud("stack ringside", {"RINGSIDE_TABLE": "calls"}, {"region_name": "eu-central-1"})
    type(cloud).error = error
    browser = TestClient(application(Deployed(cloud, Path()), PORT, TOKEN), base_url=f"http://127.0.0.1:{PORT}")
    browser.get(f"/agents.json?token={TOKEN}")

    answer = browser.get(path)

    assert answer.status_code == 502
    assert "The record cannot be read" in answer.text
    assert what_to_do in html.unescape(answer.text)


def test_a_viewers_form_is_refused_and_says_what_it_takes() -> None:
    form = Form()
    form.here.acting.error = denied("TransactWriteItems")  # type: ignore[attr-defined]

    answer = form.sent(action="hold")

    assert answer.status_code == 403
    assert "Nothing was done" in answer.text
    assert "these credentials may not call TransactWriteItems" in answer.text
    assert "OperatorPolicy" in answer.text
    assert form.asked == []


def test_another_site_cannot_read_but_may_link(inside: TestClient) -> None:
    elsewhere = {"sec-fetch-site": "cross-site"}

    assert inside.get("/calls", headers={**elsewhere, "sec-fetch-mode": "no-cors"}).status_code == 403
    assert inside.get("/calls", headers={**elsewhere, "sec-fetch-mode": "navigate"}).status_code == 200


def test_every_answer_forbids_scripts_frames_caches_and_referrers(inside: TestClient) -> None:
    for answer in (inside.get("/calls"), inside.post("/calls"), inside.get("/", headers={"host": "x"})):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_whatever_a_template_shows_is_escaped_and_without_control_characters() -> None:
    made = templating.environment().from_string("<p title='{{ text }}'>{{ text }}</p>")

    shown = made.render(text="<b onload='x'>\x1b[2J\u202e&</b>")

    assert "<b" not in shown
    assert "'x'" not in shown
    assert r"\x1b[2J\u202e&amp;" in shown


def test_a_chart_says_its_values_as_text_and_escapes_its_labels() -> None:
    drawn = str(charts.bars("Calls", [("<b>", 3), ("\x1b", 5)]))

    assert "&lt;b&gt;: 3" in drawn
    assert r"\x1b: 5" in drawn
    assert "<b>" not in drawn
    assert "style=" not in drawn


def test_a_waterfall_needs_two_steps_and_knows_no_others() -> None:
    assert charts.waterfall({"created": 1.0}) == ""
    drawn = str(charts.waterfall({"created": 1.0, "accepted": 1.5, "ended": 99.0, "<b>": 2.0}))
    assert "500 ms" in drawn
    assert "<b>" not in drawn
    assert "98000" not in drawn


@pytest.mark.parametrize("text", ["=1+1", "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "|x", "%0A"])
def test_a_spreadsheet_takes_nothing_for_a_formula(text: str) -> None:
    (_, row) = csv.reader(io.StringIO(csv_output.calls([{"agent": text, "caller": "+14255550112"}])))
    cells = dict(zip(csv_output.COLUMNS, row, strict=True))

    assert cells["agent"] == f"'{text}"
    assert cells["caller"] == "+14255550112"


def test_a_row_of_a_csv_file_has_what_came_of_the_call() -> None:
    found = {"state": "done", "outcome": "refund", "summary": "=1+1"}
    (_, row) = csv.reader(
        io.StringIO(
            csv_output.calls(
                [
                    {"analysis": found},
                ]
            )
        )
    )

    assert row[-2:] == ["refund", "'=1+1"]


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "unknown"), (0.0, "$0.0000"), (0.0371, "$0.0371"), (12.5, "$12.50"), (1234.5, "$1,234.50")],
)
def test_what_is_not_known_is_not_shown_as_nothing(value: float | None, shown: str) -> None:
    assert words.money(value) == shown


def test_every_end_reason_and_status_has_its_words() -> None:
    from ringside.calls import EndReason, Status, Step

    assert set(words.ENDS) == set(EndReason)
    assert set(words.STATES) == set(Status)
    assert set(words.STEPS) == set(Step) - {Step.ENDED}


@pytest.mark.parametrize(("value", "end"), [(0, 1), (0.7, 1), (1, 1), (3, 5), (7, 10), (0.144, 0.2), (1999, 2000)])
def test_an_axis_ends_at_a_round_number(value: float, end: float) -> None:
    assert words.rounded_up(value) == pytest.approx(end)
