"""Who wants to know of calls is told: from a ring to a receiver's inbox, by way of stream and queue, over TLS."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import standardwebhooks.webhooks

from infra.local.cloud import LocalCloud
from infra.local.event_sources import client
from infra.local.mailbox import Mailbox, Rule
from tests import certificate
from tests.e2e.house import agent, caller, ended, script
from tests.infra.after_the_call import function, spreadsheet

Json = dict[str, Any]
SAID = [
    agent("Who is calling?"),
    caller("Robin."),
    agent("Thank you.", note={"key": "name", "value": "Robin"}, hang_up={}),
]
AGENT = """
answers: [default]
model: gpt-realtime-2.1
greeting: Who is calling?
instructions: Take a message.
tools: [note, hang_up]
events: {{notes: true}}
notify:
  - {{name: crm, url: "https://127.0.0.1:{port}/crm", events: [call.ended]}}
  - {{name: erp, url: "https://127.0.0.1:{port}/erp", events: [call.ended, call.rejected]}}
admission:
  - {{name: premium rate, callers: ["+1900"], reject: 603}}
"""


class Inbox:
    """Two receivers behind one port. Answers 200, or what it is told to, path by path."""

    def __init__(self, folder: Path) -> None:
        self.certificate, context = certificate.for_loopback(folder)
        self.letters: list[tuple[str, dict[str, str], bytes]] = []
        self.answers: dict[str, list[int]] = {}
        inbox = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                inbox.letters.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
                waiting = inbox.answers.get(self.path) or [200]
                self.send_response(waiting.pop(0))
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def of(self, path: str, call_id: str) -> list[Json]:
        """What came to a receiver about a call."""
        found = [json.loads(body) for where, _, body in self.letters if where == path]
        return [each for each in found if each["data"].get("call_id") == call_id]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="module")
def inbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inbox]:
    made = Inbox(tmp_path_factory.mktemp("inbox"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def telling(inbox: Inbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    agents = tmp_path_factory.mktemp("agents")
    (agents / "desk.yaml").write_text(AGENT.format(port=inbox.port), encoding="utf-8")
    trusting = {"NotifyFunction": {"SSL_CERT_FILE": str(inbox.certificate)}}
    with LocalCloud(agents=agents, pace=0.025, environment=trusting) as cloud:
        for name in ("crm", "erp"):
            made = cloud.cli("notify", "secret", name)
            assert made.returncode == 0, made.stderr
            setattr(inbox, name, made.stdout.strip())
        yield cloud


def until(holds: Callable[[], Any], seconds: float = 25.0) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := holds():
            return found
        time.sleep(0.1)
    raise TimeoutError(f"not within {seconds} s")


def delivered(cloud: LocalCloud, call_id: str, key: str) -> Json:
    def state() -> Json | None:
        found: Json = (cloud.records.get(call_id).call.get("deliveries") or {}).get(key) or {}
        return found if found.get("state") in ("delivered", "gone", "given_up") else None

    result: Json = until(state)
    return result


def test_a_call_s_end_reaches_every_receiver_signed_with_its_own_secret(telling: LocalCloud, inbox: Inbox) -> None:
    call_id = telling.emulator.ring(script(*SAID))
    ended(telling, call_id)
    assert delivered(telling, call_id, "crm__ended")["status"] == 200
    assert delivered(telling, call_id, "erp__ended")["status"] == 200

    for path, name in (("/crm", "crm"), ("/erp", "erp")):
        (message,) = inbox.of(path, call_id)
        assert message["type"] == "call.ended"
        assert message["data"]["notes"] == {"name": "Robin"}
        (headers, body), *_ = [(headers, body) for where, headers, body in inbox.letters if where == path]
        standardwebhooks.webhooks.Webhook(getattr(inbox, name)).verify(body, headers)

    listed = telling.cli("notify", "list", call_id).stdout.splitlines()
    assert listed == [
        "call.ended  crm  delivered, HTTP 200, attempt 1",
        "call.ended  erp  delivered, HTTP 200, attempt 1",
    ]


def test_a_receiver_that_is_down_gets_it_later_and_one_that_is_gone_is_left_alone(
    telling: LocalCloud, inbox: Inbox
) -> None:
    inbox.answers = {"/crm": [500], "/erp": [410]}
    call_id = telling.emulator.ring(script(*SAID))
    ended(telling, call_id)

    assert delivered(telling, call_id, "erp__ended")["state"] == "gone"
    assert delivered(telling, call_id, "crm__ended")["attempts"] == 2
    assert len(inbox.of("/crm", call_id)) == 2
    assert len(inbox.of("/erp", call_id)) == 1


def test_a_rejected_call_is_news_only_for_who_asked_for_it(telling: LocalCloud, inbox: Inbox) -> None:
    call_id = telling.emulator.ring(script(*SAID), caller="+19005550100")

    assert delivered(telling, call_id, "erp__rejected")["state"] == "delivered"
    (message,) = inbox.of("/erp", call_id)
    assert (message["type"], message["data"]["rule"]) == ("call.rejected", "premium rate")
    assert inbox.of("/crm", call_id) == []


def test_a_person_can_try_a_receiver_and_send_a_message_again(telling: LocalCloud, inbox: Inbox) -> None:
    tried = telling.cli("notify", "test", "desk", "crm")
    assert (tried.returncode, tried.stdout) == (0, "delivered, HTTP 200\n")
    inbox.answers = {"/crm": [503]}
    assert telling.cli("notify", "test", "desk", "crm").returncode == 1
    assert "no receiver" in telling.cli("notify", "test", "desk", "nobody").stdout

    call_id = telling.emulator.ring(script(*SAID))
    ended(telling, call_id)
    delivered(telling, call_id, "crm__ended")
    again = telling.cli("notify", "replay", call_id, "--receiver", "crm")
    assert (again.returncode, again.stdout) == (0, "call.ended  crm  delivered, HTTP 200, attempt 1\n")
    assert len(inbox.of("/crm", call_id)) == 2
    wrong = telling.cli("notify", "replay", call_id, "--event", "call.lost")
    assert wrong.returncode == 1
    assert "there were: call.ended to crm, call.ended to erp" in wrong.stderr


def test_a_note_becomes_a_mail_and_a_row_by_the_rules_that_are_ready_to_deploy(
    telling: LocalCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailbox = Mailbox(telling.env, "desk")
    rows, ses = Rule(telling.env, "spreadsheet"), Rule(telling.env, "mail-ses", Agent="desk")
    note = agent("Noted. Goodbye.", note={"key": "reason", "value": "Two boxes are missing."}, hang_up={})
    call_id = telling.emulator.ring(script(agent("Who is calling?"), caller("Two boxes are missing."), note))
    ended(telling, call_id)

    letter = mailbox.letter(20.0)
    assert "Reason: Two boxes are missing." in letter.splitlines()
    assert f"ringside calls show {call_id}" in letter

    with spreadsheet("0123456789abcdef") as sheet:
        for name, value in {"URL": sheet.url, "TOKEN": sheet.token, "no_proxy": "127.0.0.1"}.items():
            monkeypatch.setenv(name, value)
        function("spreadsheet")["handler"](rows.event(20.0), None)
    (row,) = sheet.rows
    assert (row[0], row[4], row[-1]) == (call_id, "ended", "reason: Two boxes are missing.")

    mail = client("ses", telling.env)
    mail.verify_email_identity(EmailAddress="phone@example.com")
    for name, value in {**telling.env, "FROM": "phone@example.com", "TO": "desk@example.com"}.items():
        monkeypatch.setenv(name, value)
    function("mail-ses")["handler"](ses.event(20.0), None)
    assert mail.get_send_quota()["SentLast24Hours"] == 1
