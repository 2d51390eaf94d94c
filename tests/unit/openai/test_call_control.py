"""What is made of OpenAI's answers, and of none: a server that says what it is told to."""

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from ringside.openai.call_control import CallControl, Outcome, Reply, Timing

CALL = "rtc_1"
SESSION = {"type": "realtime"}
FAST = Timing(attempt=0.3, connect=0.2, pause=0.01)
DROP, HANG = 0, -1


class OpenAI:
    """Answers with the statuses in `script`, one a request; DROP cuts the line without one, HANG keeps silent."""

    def __init__(self) -> None:
        self.script: list[int | tuple[int, str]] = []
        self.asked: list[tuple[str, str | None]] = []  # path and key
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/v1"
        self._open: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(connection)
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        stream = connection.makefile("rb")
        while line := stream.readline():
            headers = dict[str, str]()
            while header := stream.readline().strip():
                name, _, value = header.decode().partition(": ")
                headers[name.lower()] = value
            stream.read(int(headers.get("content-length", 0)))
            self.asked.append((line.decode().split()[1], headers.get("authorization")))
            step = self.script.pop(0)
            status, body = step if isinstance(step, tuple) else (step, "")
            if status == HANG:
                continue
            if status == DROP:
                connection.shutdown(socket.SHUT_RDWR)
                return
            answer = f"HTTP/1.1 {status} X\r\nx-request-id: req_1\r\ncontent-length: {len(body)}\r\n\r\n{body}"
            connection.sendall(answer.encode())

    def close(self) -> None:
        self._listener.close()
        for connection in self._open:
            connection.close()


@pytest.fixture(scope="module")
def server() -> Iterator[OpenAI]:
    server = OpenAI()
    yield server
    server.close()


@pytest.fixture
def openai(server: OpenAI) -> Iterator[OpenAI]:
    server.asked.clear()
    yield server
    assert server.script == []


@pytest.fixture(scope="module")
def control(server: OpenAI) -> Iterator[CallControl]:
    made = CallControl(server.url, lambda refresh: "sk-2" if refresh else "sk-1", FAST)
    yield made
    made.close()


def soon() -> float:
    return time.monotonic() + 2


def error(status: int, code: str) -> tuple[int, str]:
    return status, f'{{"error": {{"message": "of no interest", "code": "{code}"}}}}'


DECIDED = "decision_already_made"
TRIED_FOUR_TIMES = [500, 500, 500, 500]


@pytest.mark.parametrize(
    ("script", "reply"),
    [
        ([200], Reply(Outcome.DONE)),
        ([204], Reply(Outcome.DONE)),
        ([error(404, "call_id_not_found")], Reply(Outcome.GONE, "call_id_not_found")),
        ([404], Reply(Outcome.GONE, "404")),
        ([error(400, "unknown_parameter")], Reply(Outcome.REFUSED, "unknown_parameter")),
        ([error(409, DECIDED)], Reply(Outcome.REFUSED, DECIDED)),
        ([302], Reply(Outcome.REFUSED, "302")),
        ([403], Reply(Outcome.REFUSED, "403")),
        ([429, 200], Reply(Outcome.DONE)),
        ([500, 200], Reply(Outcome.DONE)),
        ([409, 200], Reply(Outcome.DONE)),
        ([429, 429, 429, 429], Reply(Outcome.UNAVAILABLE, "429")),
        (TRIED_FOUR_TIMES, Reply(Outcome.UNAVAILABLE, "500")),
        ([DROP, 200], Reply(Outcome.DONE)),
        ([HANG], Reply(Outcome.UNKNOWN, "ReadTimeout")),
        # Its answer got lost, and the next attempt hears that the call is decided, or not to be found.
        ([500, error(409, DECIDED)], Reply(Outcome.UNKNOWN, DECIDED)),
        ([500, 404], Reply(Outcome.UNKNOWN, "404")),
        ([DROP, 404], Reply(Outcome.UNKNOWN, "404")),
        ([DROP, error(400, DECIDED)], Reply(Outcome.UNKNOWN, DECIDED)),
        # It was surely not heard of before.
        ([429, 404], Reply(Outcome.GONE, "404")),
        ([429, error(409, DECIDED)], Reply(Outcome.REFUSED, DECIDED)),
    ],
)
@pytest.mark.parametrize("verb", ["accept", "reject"])
def test_accept_and_reject_know_what_became_of_them(
    openai: OpenAI, control: CallControl, script: list[Any], reply: Reply, verb: str
) -> None:
    openai.script = list(script)

    if verb == "accept":
        assert control.accept(CALL, SESSION, soon()) == reply
    else:
        assert control.reject(CALL, 486, soon()) == reply

    assert {path for path, _ in openai.asked} == {f"/v1/realtime/calls/{CALL}/{verb}"}


@pytest.mark.parametrize(
    ("script", "reply"),
    [
        ([200], Reply(Outcome.DONE)),
        ([404], Reply(Outcome.GONE, "404")),
        ([500, 404], Reply(Outcome.GONE, "404")),  # hung up, whoever did it
        ([HANG, 404], Reply(Outcome.GONE, "404")),
        ([DROP, DROP, 200], Reply(Outcome.DONE)),
        (TRIED_FOUR_TIMES, Reply(Outcome.UNAVAILABLE, "500")),
        ([400], Reply(Outcome.REFUSED, "400")),
    ],
)
def test_hanging_up_is_tried_until_it_is_done(
    openai: OpenAI, control: CallControl, script: list[Any], reply: Reply
) -> None:
    openai.script = list(script)

    assert control.hang_up(CALL) == reply


@pytest.mark.parametrize(
    ("script", "outcome"),
    [([200], "done"), ([500], "unavailable"), ([DROP], "unknown"), ([HANG], "unknown"), ([404], "gone")],
)
def test_a_transfer_is_asked_for_once(
    openai: OpenAI, control: CallControl, script: list[Any], outcome: Outcome
) -> None:
    openai.script = list(script)

    assert control.refer(CALL, "tel:+14255550199").outcome == outcome
    assert len(openai.asked) == 1


@pytest.mark.parametrize("verb", ["accept", "reject", "hang_up", "refer"])
def test_a_rotated_key_is_read_anew_at_once(openai: OpenAI, control: CallControl, verb: str) -> None:
    openai.script = [401, 200]
    arguments = {"accept": (SESSION, soon()), "reject": (603, soon()), "hang_up": (), "refer": ("tel:+14255550199",)}

    reply = getattr(control, verb)(CALL, *arguments[verb])

    assert reply.outcome is Outcome.DONE
    assert [key for _, key in openai.asked] == ["Bearer sk-1", "Bearer sk-2"]


def test_a_key_that_stays_wrong_is_refused_without_asking_on_and_on(openai: OpenAI, control: CallControl) -> None:
    openai.script = [error(401, "invalid_api_key")] * 2

    assert control.accept(CALL, SESSION, soon()) == Reply(Outcome.REFUSED, "invalid_api_key")


def test_without_a_key_nothing_is_asked_and_another_time_may_be_better(openai: OpenAI) -> None:
    def no_key(refresh: bool) -> str:
        raise LookupError("sk-secret")

    control = CallControl(openai.url, no_key, FAST)

    assert control.accept(CALL, SESSION, soon()) == Reply(Outcome.UNAVAILABLE, "LookupError")
    assert openai.asked == []
    control.close()


def test_a_server_that_is_not_there_was_never_asked() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    control = CallControl(f"http://127.0.0.1:{port}/v1", lambda refresh: "sk", FAST)

    assert control.accept(CALL, SESSION, soon()) == Reply(Outcome.UNAVAILABLE, "ConnectError")
    control.close()


@pytest.mark.parametrize("script", [[HANG], TRIED_FOUR_TIMES, [DROP] * 4, [500, HANG]])
def test_no_answer_keeps_the_caller_waiting_longer_than_allowed(openai: OpenAI, script: list[Any]) -> None:
    control = CallControl(openai.url, lambda refresh: "sk", Timing(attempt=5, connect=2, pause=0.05))
    openai.script = list(script)
    started = time.monotonic()

    reply = control.accept(CALL, SESSION, started + 0.6)

    assert reply.outcome in (Outcome.UNKNOWN, Outcome.UNAVAILABLE)
    assert time.monotonic() - started < 1.0
    openai.script.clear()
    control.close()


def test_where_no_time_is_left_nothing_is_asked(openai: OpenAI, control: CallControl) -> None:
    assert control.accept(CALL, SESSION, time.monotonic()) == Reply(Outcome.UNAVAILABLE, "no time left")
    assert openai.asked == []


@pytest.mark.parametrize(
    "call_id", ["", ".", "..", "../x", "a/b", "a?b", "a#b", "a b", "a\n", "%2e%2e", "ä", "x" * 10_000, "a\x00"]
)
def test_what_is_no_call_id_never_becomes_a_url(openai: OpenAI, control: CallControl, call_id: str) -> None:
    assert control.accept(call_id, SESSION, soon()) == Reply(Outcome.REFUSED, "not_a_call_id")
    assert control.hang_up(call_id) == Reply(Outcome.REFUSED, "not_a_call_id")
    assert openai.asked == []


@pytest.mark.parametrize(
    "body",
    [
        '{"error": {"code": "Incorrect API key sk-1 provided"}}',
        '{"error": {"code": 5}}',
        '{"error": []}',
        "[]",
        "<html>",
        "[" * 5000,
        f'{{"error": {{"code": "{"x" * 100}"}}}}',
    ],
)
def test_an_error_is_told_by_its_status_where_its_code_is_none(openai: OpenAI, control: CallControl, body: str) -> None:
    openai.script = [(400, body)]

    assert control.accept(CALL, SESSION, soon()) == Reply(Outcome.REFUSED, "400")


def test_the_log_has_what_openais_support_asks_for_and_no_key(
    openai: OpenAI, control: CallControl, caplog: pytest.LogCaptureFixture
) -> None:
    openai.script = [error(404, "call_id_not_found")]

    with caplog.at_level("INFO", "ringside"):
        control.accept(CALL, SESSION, soon())

    (line,) = caplog.records
    told = vars(line)
    assert {name: told[name] for name in ("call_id", "verb", "outcome", "detail", "request_id")} == {
        "call_id": CALL,
        "verb": "accept",
        "outcome": "gone",
        "detail": "call_id_not_found",
        "request_id": "req_1",
    }
    assert "sk-1" not in str(told)
