"""The webhook's handler as Lambda calls it: real table, real queue, an OpenAI that answers as it is told."""

import base64
import json
import logging
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

import webhook
from ringside import telemetry
from ringside.aws.secrets import REREAD_SECONDS, Secrets
from ringside.openai.call_control import CallControl, Reply
from ringside.sip.trunk import Trunk
from tests.integration.frontdoor import (
    ANSWER_SECONDS,
    API_KEY,
    CALLED,
    CALLER,
    JSON,
    NOT_FOUND_TAKES,
    SECRET,
    Door,
    asked,
    event_of,
    front_door,
    metrics_and_logs,
    signed,
)

EVENTS = sorted((Path(__file__).parents[1] / "events").glob("*.json"))
PREMIUM = "+19005550100"
NEXT_SECRET = "whsec_bmV4dCBvbmUsIHRvIGJlIHNlZW4gYnkgbm9ib2R5"


@pytest.fixture(scope="module")
def house() -> Iterator[Door]:
    with front_door() as door:
        yield door


@pytest.fixture
def door(house: Door) -> Iterator[Door]:
    logger = logging.getLogger("ringside")
    before = (logger.handlers, logger.level, logger.propagate)
    house.queued()
    telemetry.log_as_json("webhook")  # to the standard output that this test has
    yield house
    logger.handlers, logger.level, logger.propagate = before


# --- events as API Gateway recorded them ------------------------------------------------------


def recorded(path: Path, call_id: str, encoded: bool) -> dict[str, Any]:
    """An event of the file, signed as of now."""
    event: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    text = event["body"].replace("{call_id}", call_id).replace("{created_at}", str(int(time.time())))
    event["headers"] |= dict(signed(text.encode()))
    event["body"] = base64.b64encode(text.encode()).decode() if encoded else text
    event["isBase64Encoded"] = encoded
    return event


@pytest.mark.parametrize("encoded", [False, True], ids=["text", "base64"])
@pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.stem)
def test_every_recorded_event_gets_its_answer(door: Door, path: Path, encoded: bool) -> None:
    call = door.openai.ring()

    answer = webhook.handler(recorded(path, call.call_id, encoded), None)

    assert answer["statusCode"] == 200
    assert answer["headers"] == {"content-type": "text/plain"}
    if path.stem.startswith("incoming"):
        assert call.state == "accepted"
        assert door.item(call)["agent"] == "concierge"
        assert door.queued() == {call.call_id: 1}
    else:
        assert call.state == "ringing"
        assert door.is_unknown(call)


ALICE, SHOP = "+14255550112", "+18005551212"
X_DIALLED = ("X-Dialled", "Diversion", "To")

CARRIERS = {
    "guide": ("+142555512112", SHOP, "none", Trunk()),
    "display-name": (ALICE, SHOP, "none", Trunk()),
    "twilio-trunk": (ALICE, "+15815550100", "A", Trunk()),
    "twilio-trunk-withheld": ("anonymous", "+15815550100", "none", Trunk()),
    "twilio-dial-sip": (ALICE, SHOP, "B", Trunk(X_DIALLED)),
    "telnyx-trunk": (ALICE, SHOP, "A", Trunk(plain="E164")),
    "telnyx-withheld": ("anonymous", SHOP, "C", Trunk()),
    "vonage": (ALICE, SHOP, "none", Trunk(X_DIALLED, "E164")),
    "bandwidth": (ALICE, SHOP, "B", Trunk()),
    "signalwire": (ALICE, SHOP, "none", Trunk(X_DIALLED)),
    "asterisk": ("1001", SHOP, "none", Trunk()),
    "freeswitch": (ALICE, SHOP, "none", Trunk(plain="US")),
    "sbc": (ALICE, SHOP, "A", Trunk()),
    "anonymous": ("anonymous", SHOP, "none", Trunk()),
    "without-headers": ("unknown", None, "none", Trunk()),
}
"""What docs/carriers.md says of each: caller, dialled number, attestation; and the settings that it takes."""


def test_every_recorded_call_is_one_of_a_carrier_that_is_known() -> None:
    assert {path.stem for path in EVENTS if path.stem.startswith("incoming")} == {
        f"incoming-{name}" for name in CARRIERS
    }


def test_the_page_of_carriers_names_each_of_their_examples() -> None:
    page = (EVENTS[0].parents[2] / "docs" / "carriers.md").read_text(encoding="utf-8")
    of_nobody = {"guide", "display-name", "anonymous", "without-headers"}
    assert {f"incoming-{name}.json" for name in CARRIERS.keys() - of_nobody} == set(
        re.findall(r"`(incoming-.*?)`", page)
    )


@pytest.mark.parametrize("carrier", CARRIERS)
def test_the_numbers_are_read_where_the_carrier_writes_them(
    door: Door, carrier: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller, dialled, attested, trunk = CARRIERS[carrier]
    monkeypatch.setattr(door.wiring.intake, "trunk", trunk)
    call = door.openai.ring()

    webhook.handler(recorded(EVENTS[0].with_name(f"incoming-{carrier}.json"), call.call_id, False), None)

    item = door.item(call)
    assert (item["caller"], item["dialled"], item["attested"]) == (caller, dialled, attested)
    assert {row["name"] for row in item["sip_headers"]} <= {"From", "from", "To", "to"} | {
        *trunk.dialled_in,
        *("P-Asserted-Identity", "Remote-Party-ID", "Privacy", "History-Info", "Diversion", "X-Twilio-VerStat"),
        "P-Attestation-Indicator",
    }
    assert bool(item["sip_headers"]) == (carrier != "without-headers")


def test_a_withheld_number_is_nowhere(
    door: Door, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(door.wiring.intake, "trunk", Trunk())
    call = door.openai.ring()

    webhook.handler(recorded(EVENTS[0].with_name("incoming-telnyx-withheld.json"), call.call_id, False), None)

    listed = list(door.wiring.record.calls_of_caller("anonymous"))
    assert call.call_id in {each["call_id"] for each in listed}
    for told in (door.item(call), call.accepted_with, listed, capsys.readouterr().out):
        assert "4255550112" not in json.dumps(told, default=str)


def test_a_withheld_number_is_kept_where_the_stack_says_so(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door.wiring.intake, "trunk", Trunk(keep_withheld=True))
    call = door.openai.ring()

    webhook.handler(recorded(EVENTS[0].with_name("incoming-telnyx-withheld.json"), call.call_id, False), None)

    item = door.item(call)
    assert (item["caller"], item["withheld_caller"]) == ("anonymous", ALICE)
    assert "4255550112" not in json.dumps(call.accepted_with)


def test_the_session_is_accepted_whole(door: Door) -> None:
    call = door.openai.ring()
    door.deliver_call(call)

    session = call.accepted_with
    assert session is not None
    assert (session["type"], session["model"]) == ("realtime", "gpt-realtime-2.1")
    assert "format" not in session["audio"]["input"]
    assert "format" not in session["audio"]["output"]


# --- what OpenAI answers ----------------------------------------------------------------------

ACCEPTED = ("accepted", None, 200, "CallsAccepted")
MISSED = ("missed", "caller_gone_before_accept", 200, "CallsMissed")
FAILED = ("failed", "accept_failed", 200, "AcceptsFailed")
LATER = ("ringing", None, 503, "AcceptsUnavailable")


@pytest.mark.parametrize(
    ("faults", "expected", "requests"),
    [
        ({}, ACCEPTED, 1),
        ({"gone_before_accept": True}, MISSED, 1),
        ({"accept": {"status": 404}}, MISSED, 1),
        ({"accept": {"status": 429, "times": 1}}, ACCEPTED, 2),
        ({"accept": {"status": 500, "times": 1}}, ACCEPTED, 2),
        ({"accept": {"status": 503, "times": 2}}, ACCEPTED, 3),
        ({"accept": {"status": 500}}, LATER, 4),
        ({"accept": {"status": 429}}, LATER, 4),
        ({"accept": {"status": 500, "times": 1, "effect": True}}, ACCEPTED, 2),
        ({"accept": {"hang": True}}, ACCEPTED, 1),
        ({"accept": {"hang": True, "effect": True}}, ACCEPTED, 1),
        ({"accept": {"status": 400}}, FAILED, 1),
        ({"accept": {"status": 403}}, FAILED, 1),
        ({"accept": {"status": 302}}, FAILED, 1),
        ({"accept": {"status": 204, "effect": True}}, ACCEPTED, 1),
        ({"accept": {"delay_s": 0.4}}, ACCEPTED, 1),
        ({"accept": "200-but-dead"}, ACCEPTED, 1),
    ],
    ids=str,
)
def test_every_answer_to_an_accept_ends_in_time_in_the_record_and_in_an_answer(
    door: Door, capsys: pytest.CaptureFixture[str], faults: dict[str, Any], expected: tuple[Any, ...], requests: int
) -> None:
    call = door.openai.ring(**faults)
    status, reason, http, count = expected
    started = time.monotonic()

    assert door.deliver_call(call) == http

    assert time.monotonic() - started < ANSWER_SECONDS + 0.6  # the rest is the table's, the queue's and this machine's
    item = door.item(call)
    assert (item["status"], item.get("end_reason")) == (status, reason)
    assert len(asked(call, "accept")) == requests
    assert door.queued() == ({call.call_id: 1} if status == "accepted" else {})
    counts, _ = metrics_and_logs(capsys.readouterr().out)
    assert counts[count] == 1
    assert ("live_pk" in item) == (status in ("accepted", "ringing"))


def test_a_404_is_waited_for_however_slow_it_is(door: Door) -> None:
    call = door.openai.ring(gone_before_accept=True)
    started = time.monotonic()
    with door.openai.slow_to_find_out():
        door.deliver_call(call)

    assert time.monotonic() - started >= NOT_FOUND_TAKES
    assert door.item(call)["end_reason"] == "caller_gone_before_accept"


def test_a_call_that_another_receiver_has_decided_is_not_ours(door: Door) -> None:
    call = door.openai.ring()
    door.openai.accept(call)

    assert door.deliver_call(call) == 200
    item = door.item(call)
    assert (item["status"], item["end_reason"]) == ("failed", "accept_failed")
    assert item["end_detail"] == "decision_already_made"
    assert door.queued() == {}


def test_a_call_whose_accept_worked_behind_a_row_of_errors_is_found_accepted_next_time(door: Door) -> None:
    call = door.openai.ring(accept={"status": 500, "times": 4, "effect": True})

    assert door.deliver_call(call) == 503
    assert door.item(call)["status"] == "ringing"
    assert door.deliver_call(call) == 200  # OpenAI says that it is decided: by whom, the sideband will tell
    assert door.item(call)["accept_detail"] == "no clear answer (decision_already_made)"
    assert door.queued() == {call.call_id: 1}


def test_a_rotated_api_key_is_used_at_once(door: Door) -> None:
    door.put_secret({"api_key": "sk-proj-outdated", "webhook_secrets": [SECRET]})
    door.use_secrets()
    assert door.wiring.secrets.keys().api_key == "sk-proj-outdated"
    door.put_secret({"api_key": API_KEY, "webhook_secrets": [SECRET]})
    call = door.openai.ring()

    assert door.deliver_call(call) == 200
    assert door.item(call)["status"] == "accepted"


def test_a_key_that_is_wrong_fails_the_call_and_says_so(door: Door) -> None:
    door.put_secret({"api_key": "sk-proj-wrong", "webhook_secrets": [SECRET]})
    door.use_secrets()
    call = door.openai.ring()
    try:
        assert door.deliver_call(call) == 200
    finally:
        door.put_secret({"api_key": API_KEY, "webhook_secrets": [SECRET]})
        door.use_secrets()

    item = door.item(call)
    assert (item["status"], item["end_reason"], item["end_detail"]) == ("failed", "accept_failed", "invalid_api_key")


def test_a_refused_caller_hears_the_sip_status_of_the_rule(door: Door) -> None:
    call = door.openai.ring(caller=PREMIUM)

    assert door.deliver_call(call) == 200
    assert call.state == "rejected"
    assert [request["body"] for request in asked(call, "reject")] == [{"status_code": 603}]
    item = door.item(call)
    assert (item["status"], item["end_reason"], item["decision"]["sip_status"]) == ("rejected", None, 603)
    assert "live_pk" not in item


@pytest.mark.parametrize(
    ("faults", "status", "detail"),
    [
        ({"reject": {"status": 500}}, "rejected", "reject failed (500): the call rings out"),
        ({"reject": {"status": 400}}, "rejected", "reject failed (400): the call rings out"),
        ({"reject": {"hang": True}}, "rejected", "rejected without a clear answer (ReadTimeout): it may ring out"),
        ({"gone_before_accept": True}, "missed", None),
    ],
    ids=str,
)
def test_a_reject_that_fails_is_in_the_record(door: Door, faults: dict[str, Any], status: str, detail: str) -> None:
    call = door.openai.ring(caller=PREMIUM, **faults)

    assert door.deliver_call(call) == 200
    item = door.item(call)
    assert (item["status"], item["end_detail"]) == (status, detail)
    assert "rejected" not in item["steps"]
    assert "live_pk" not in item


# --- one decision a call ----------------------------------------------------------------------


class HeldBack(CallControl):
    """Asks OpenAI to accept only when it may."""

    def __init__(self, base_url: str) -> None:
        super().__init__(base_url, lambda refresh: API_KEY)
        self.may = threading.Event()

    def accept(self, call_id: str, session: Mapping[str, Any], before: float) -> Reply:
        self.may.wait(60)
        return super().accept(call_id, session, before)


def test_two_hundred_deliveries_at_once_decide_once(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    intake, at = door.wiring.intake, time.time()
    control = HeldBack(door.openai.emulator.base_url)
    monkeypatch.setattr(intake, "control", control)
    # Whoever claims the call is at work until all others were answered, however long this machine takes for them.
    monkeypatch.setattr(intake, "clock", lambda: at)
    monkeypatch.setattr(intake, "answer_seconds", 120.0)
    call = door.openai.ring(ring_limit_s=120)
    content, together = json.dumps(event_of(call)).encode(), threading.Barrier(200)

    def deliver(number: int) -> int:
        together.wait(60)
        return door.deliver(content, webhook_id=f"wh_{number}")

    with ThreadPoolExecutor(200) as threads:
        deliveries = as_completed([threads.submit(deliver, number) for number in range(200)], timeout=60)
        try:
            others = Counter(delivery.result() for delivery in islice(deliveries, 199))
        finally:
            control.may.set()
        assert others == {503: 199}
        assert next(deliveries).result() == 200
    control.close()

    assert len(asked(call, "accept")) == 1
    assert door.deliver_call(call) == 200
    assert len(asked(call, "accept")) == 1
    assert door.queued() == {call.call_id: 1}


def test_two_hundred_deliveries_of_forty_calls_in_any_order_decide_each_once(door: Door) -> None:
    calls = [door.openai.ring(caller=PREMIUM if number % 4 == 0 else CALLER) for number in range(40)]
    contents = [json.dumps(event_of(call)).encode() for call in calls] * 5
    with ThreadPoolExecutor(50) as threads:
        answers = list(threads.map(door.deliver, contents))

    assert set(answers) <= {200, 503}
    accepted = [call for call in calls if call.caller == CALLER]
    assert all(len(asked(call, "accept")) + len(asked(call, "reject")) == 1 for call in calls)
    assert {call.state for call in accepted} == {"accepted"}
    assert door.queued() == {call.call_id: 1 for call in accepted}


@pytest.mark.parametrize("age", [61, 3600, 72 * 3600])
def test_a_stale_call_is_acknowledged_and_nothing_is_written(door: Door, age: int) -> None:
    call = door.openai.ring()
    content = event_of(call)
    content["created_at"] -= age

    assert door.deliver(content) == 200
    assert door.is_unknown(call)
    assert call.requests == []


# --- nobody unsigned gets in ------------------------------------------------------------------


def test_what_strangers_send_is_refused_with_one_line_and_never_written(
    door: Door, capsys: pytest.CaptureFixture[str]
) -> None:
    call = door.openai.ring()
    body = json.dumps(event_of(call)).encode()
    good = signed(body)
    strange: list[tuple[bytes, list[tuple[str, str]]]] = [
        (body, [JSON]),
        (body, []),
        (body, signed(body, NEXT_SECRET)),
        (body, signed(body, age=302)),
        (body, signed(body, age=-302)),
        (body[:-1], good),
        (body + b"\n", good),
        (b"", good),
        (b"\xff\xfe\xfd", good),
        (b"x" * 2**20, signed(b"x" * 2**20, NEXT_SECRET)),
        (body, [*good[:3], ("webhook-signature", "v1")]),
        (body, [*good[:3], ("webhook-signature", "v1,a,b")]),
        (body, [*good[:3], (good[3][0], f"{signed(body, NEXT_SECRET)[3][1]}"), signed(body + b" ")[3]]),
        (body, [*good, good[1]]),
        (body, [*good[:2], ("webhook-timestamp", "soon"), good[3]]),
        (body, [(name, value) for name, value in good if name != "webhook-id"]),
    ]

    for content, headers in strange:
        answer = door.post(content, headers)
        assert answer["statusCode"] == 401, headers
    unreadable = b"\xff\xfe\xfd"
    assert door.post(unreadable, signed(unreadable))["statusCode"] == 400  # signed, but not an event
    huge = b"x" * 2**20
    assert door.post(huge, signed(huge))["statusCode"] == 413

    assert door.is_unknown(call)
    assert call.requests == []
    written = capsys.readouterr().out
    counts, logs = metrics_and_logs(written)
    assert counts == {"WebhooksRefused": len(strange), "WebhooksUnusable": 2}
    assert [line["message"] for line in logs] == [*["webhook.refused"] * len(strange), *["webhook.unusable"] * 2]
    assert CALLER not in written


def test_a_delivery_whose_signatures_come_in_two_headers_is_taken(door: Door) -> None:
    call = door.openai.ring()
    body = json.dumps(event_of(call)).encode()
    stale = signed(body, NEXT_SECRET)[3]

    assert door.post(body, [*signed(body)[:3], stale, signed(body)[3]])["statusCode"] == 200
    assert call.state == "accepted"


@pytest.mark.parametrize("spell", [str.upper, str.title, str.lower])
@pytest.mark.parametrize("kind", [[JSON], [], [("content-type", "application/octet-stream")]], ids=str)
def test_a_signed_delivery_is_taken_however_its_headers_and_body_are_written(
    door: Door, spell: Any, kind: list[tuple[str, str]]
) -> None:
    call = door.openai.ring()
    body = json.dumps(event_of(call)).encode()
    headers = {spell(name): value for name, value in [*signed(body)[1:], *kind]}
    encoded = {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}

    event = {"headers": headers, "body": body.decode()} if kind == [JSON] else {"headers": headers, **encoded}

    assert webhook.handler(event, None)["statusCode"] == 200
    assert call.state == "accepted"


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"headers": None, "body": None},
        {"headers": {}, "body": "not base64!", "isBase64Encoded": True},
        {"headers": {}, "body": "ä", "isBase64Encoded": True},
        {"headers": {}, "body": "\ud800"},
        {"headers": {"webhook-id": None, "webhook-signature": 7}, "body": ""},
    ],
    ids=str,
)
def test_an_event_that_is_none_of_api_gateways_is_refused(door: Door, event: dict[str, Any]) -> None:
    assert webhook.handler(event, None)["statusCode"] == 401


@pytest.mark.parametrize("call_id", [None, 7, "", "..", "../../v1/models", "a/b", "x" * 10_000, "%2e%2e"])
def test_a_call_id_that_fits_no_url_is_refused_before_anything_is_asked(door: Door, call_id: Any) -> None:
    call = door.openai.ring()
    content = event_of(call)
    content["data"]["call_id"] = call_id

    assert door.deliver(content) == 400
    assert call.requests == []


def test_two_secrets_are_good_while_one_is_rotated_and_a_new_one_is_good_at_once(door: Door) -> None:
    now = [1000.0]
    secrets = Secrets(door.aws.secrets, door.secret_id, door.webhook_secret_id, clock=lambda: now[0])
    door.use_secrets(secrets)
    try:
        assert secrets.keys().webhook_secrets == (SECRET,)
        assert door.deliver_call(door.openai.ring(), secret=NEXT_SECRET) == 401
        door.put_secret({"api_key": API_KEY, "webhook_secrets": [SECRET, NEXT_SECRET]})
        now[0] += REREAD_SECONDS
        assert door.deliver_call(door.openai.ring(), secret=NEXT_SECRET) == 200
        assert door.deliver_call(door.openai.ring(), secret=SECRET) == 200
        door.put_secret({"api_key": API_KEY, "webhook_secrets": [NEXT_SECRET]})
        now[0] += 300
        assert door.deliver_call(door.openai.ring(), secret=SECRET) == 401
        assert door.deliver_call(door.openai.ring(), secret=NEXT_SECRET) == 200
    finally:
        door.put_secret({"api_key": API_KEY, "webhook_secrets": [SECRET]})
        door.use_secrets()


# --- nothing secret leaks ---------------------------------------------------------------------


def test_no_line_that_is_written_has_a_key_a_secret_a_body_or_a_whole_number(
    door: Door, capfd: pytest.CaptureFixture[str]
) -> None:
    faults: list[dict[str, Any]] = [
        {},
        {"gone_before_accept": True},
        {"accept": {"status": 500}},
        {"accept": {"status": 400}},
        {"accept": {"hang": True}},
        {"accept": {"status": 401}},
        {"reject": {"status": 500}},
    ]
    telemetry.log_as_json("webhook", "DEBUG")
    calls = [door.openai.ring(caller=caller, **each) for each in faults for caller in (CALLER, PREMIUM)]
    for call in calls:
        door.deliver_call(call)
        door.deliver_call(call)
        door.deliver_call(call, secret=NEXT_SECRET)
    content = event_of(calls[0])
    for wrong in (
        {"data": {"call_id": CALLER}},
        {"type": f"sip:{CALLER}"},
        {"type": {CALLER: API_KEY}},
        {"created_at": CALLER},
    ):
        door.deliver({**content, **wrong})
    door.post(json.dumps(content).encode(), [("webhook-id", API_KEY), ("webhook-signature", SECRET)])
    for broken in (
        {"api_key": API_KEY},
        f"{API_KEY} {SECRET}",
        {"api_key": API_KEY, "webhook_secrets": [f"{SECRET}!"]},
    ):
        door.put_secret(broken)
        door.use_secrets()
        assert door.deliver_call(calls[0]) == 503
        assert door.post(b"x", [])["statusCode"] == 401
    door.put_secret({"api_key": API_KEY, "webhook_secrets": [SECRET]})
    door.use_secrets()

    written = "".join(capfd.readouterr())
    assert len(written.splitlines()) > 100
    for secret in (API_KEY, SECRET, NEXT_SECRET, SECRET.removeprefix("whsec_"), CALLER, CALLED, PREMIUM):
        assert secret.lstrip("+") not in written
    assert "sip_headers" not in written
    assert "You are Alex" not in written


def test_a_secret_that_cannot_be_read_is_an_error_in_the_log_that_names_its_fields(
    door: Door, capsys: pytest.CaptureFixture[str]
) -> None:
    door.put_secret({"api_key": "", "webhook_secrets": []})  # as it is deployed
    door.use_secrets()
    try:
        assert door.deliver_call(door.openai.ring()) == 503
    finally:
        door.put_secret({"api_key": API_KEY, "webhook_secrets": [SECRET]})
        door.use_secrets()

    counts, logs = metrics_and_logs(capsys.readouterr().out)
    assert counts == {"WebhooksFailed": 1}
    (line,) = (line for line in logs if line["level"] == "ERROR")
    assert (line["message"], line["error"]) == ("webhook.failed", "SecretsError")
    for secret_id, name in ((door.secret_id, "api_key"), (door.webhook_secret_id, "webhook_secrets")):
        assert f"secret {secret_id}: missing or wrong: {name}" in line["detail"]


def test_a_table_that_is_not_there_is_a_503_that_names_the_operation(
    door: Door, capsys: pytest.CaptureFixture[str]
) -> None:
    table = door.wiring.record._table
    name, table._name = table._name, "no-such-table"
    call = door.openai.ring()
    try:
        assert door.deliver_call(call) == 503
    finally:
        table._name = name

    _, logs = metrics_and_logs(capsys.readouterr().out)
    assert logs[-1]["detail"] == "PutItem: ResourceNotFoundException"
    assert call.requests == []
    assert door.deliver_call(call) == 200


def test_a_queue_that_is_not_there_costs_the_hand_over_and_not_the_call(
    door: Door, capsys: pytest.CaptureFixture[str]
) -> None:
    queue = door.wiring.queue
    url, queue._url = queue._url, f"{queue._url}-gone"
    call = door.openai.ring()
    try:
        assert door.deliver_call(call) == 503
    finally:
        queue._url = url
    assert door.item(call)["status"] == "accepted"

    assert door.deliver_call(call) == 200
    assert door.queued() == {call.call_id: 1}
    assert len(asked(call, "accept")) == 1
    assert metrics_and_logs(capsys.readouterr().out)[0]["HandoffsFailed"] == 1
