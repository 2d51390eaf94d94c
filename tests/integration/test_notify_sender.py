"""One HTTPS request to a stranger: where it does not go, how long it takes at most, and what of the answer counts."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ringside.notify.sender import Sender, is_public
from tests import certificate

PRIVATE = (
    "127.0.0.1", "127.1.2.3", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
    "169.254.169.254", "169.254.170.2", "169.254.0.1", "100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1",
    "255.255.255.255", "240.0.0.1", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1",
    "::ffff:169.254.170.2", "::ffff:10.0.0.1", "::ffff:7f00:1", "64:ff9b::a9fe:aa02", "2002:a9fe:aa02::1",
    "2001::1", "::10.0.0.1", "2001:db8::1", "not an address", "",
)  # fmt: skip
PUBLIC = ("8.8.8.8", "93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "::ffff:8.8.8.8")


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_the_internets_is_refused(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_internet_is_not(address: str) -> None:
    assert is_public(address)


Serve = Callable[[ssl.SSLSocket], None]


class Receiver:
    """Listens on loopback with TLS, and does with each connection what it is told to."""

    def __init__(self, context: ssl.SSLContext, serve: Serve) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._context, self._serve = context, serve
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._one, args=(plain,), daemon=True).start()

    def _one(self, plain: socket.socket) -> None:
        try:
            with self._context.wrap_socket(plain, server_side=True) as connection:
                self._serve(connection)
        except OSError:
            pass

    def close(self) -> None:
        self._listener.close()


def answering(text: str) -> Serve:
    def serve(connection: ssl.SSLSocket) -> None:
        request = b""
        while b"{}" not in request:
            request += connection.recv(4096)
        connection.sendall(text.replace("\n", "\r\n").encode())

    return serve


@pytest.fixture
def trusted(tmp_path: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    path, server = certificate.for_loopback(tmp_path)
    return ssl.create_default_context(cafile=str(path)), server


@pytest.fixture
def receiver(trusted: tuple[ssl.SSLContext, ssl.SSLContext]) -> Iterator[Callable[[Serve], Receiver]]:
    made: list[Receiver] = []

    def make(serve: Serve) -> Receiver:
        made.append(Receiver(trusted[1], serve))
        return made[-1]

    yield make
    for each in made:
        each.close()


Make = Callable[[Serve], Receiver]
Trusted = tuple[ssl.SSLContext, ssl.SSLContext]


def url(receiver: Receiver) -> str:
    return f"https://127.0.0.1:{receiver.port}/hook"


@pytest.mark.parametrize(
    ("text", "status", "reason", "retry_after"),
    [
        ("HTTP/1.1 200 OK\ncontent-length: 2\n\nok", 200, "", None),
        ("HTTP/1.1 204 No Content\n\n", 204, "", None),
        ("HTTP/1.1 302 Found\nlocation: https://example.com/\ncontent-length: 0\n\n", 302, "redirects are not", None),
        ("HTTP/1.1 410 Gone\ncontent-length: 0\n\n", 410, "HTTP 410", None),
        ("HTTP/1.1 503 Busy\nretry-after: 120\ncontent-length: 0\n\n", 503, "HTTP 503", 120.0),
        ("HTTP/1.1 503 Busy\nretry-after: tomorrow\ncontent-length: 0\n\n", 503, "HTTP 503", None),
        ("SSH-2.0-OpenSSH_9.9\n", None, "no connection", None),
    ],
)
def test_only_2xx_is_success_and_no_redirect_is_followed(
    trusted: Trusted, receiver: Make, text: str, status: int | None, reason: str, retry_after: float | None
) -> None:
    listening = receiver(answering(text))
    found = Sender(allow_private=True, context=trusted[0]).post(url(listening), {"x": "y"}, b"{}")

    assert (found.status, found.retry_after) == (status, retry_after)
    assert reason in found.reason
    assert found.is_taken == (status in (200, 204))
    assert listening.connections == 1


def test_a_name_that_leads_to_a_private_address_is_not_connected_to(trusted: Trusted, receiver: Make) -> None:
    listening = receiver(answering("HTTP/1.1 200 OK\n\n"))
    for addresses in (["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["169.254.170.2"]):
        sender = Sender(context=trusted[0], resolve=lambda host, port, found=addresses: found)  # type: ignore[misc]
        found = sender.post(f"https://innocent.example:{listening.port}/", {}, b"{}")
        assert (found.status, found.reason) == (None, "its address is not a public one")
    assert listening.connections == 0


def test_a_name_is_resolved_once_so_that_it_cannot_mean_something_else_afterwards(
    trusted: Trusted, receiver: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    connected: list[object] = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["93.184.216.34"] if len(asked) == 1 else ["127.0.0.1"]

    def connect(address: object, timeout: float | None = None) -> socket.socket:
        connected.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", connect)
    Sender(context=trusted[0], resolve=resolve).post("https://rebinding.example/", {}, b"{}")

    assert asked == ["rebinding.example"]
    assert connected == [("93.184.216.34", 443)]


@pytest.mark.parametrize("text", ["", "HTTP/1.1 200 OK\r\n", "H"])
def test_a_receiver_that_hangs_or_drips_is_left_in_time(trusted: Trusted, receiver: Make, text: str) -> None:
    def drip(connection: ssl.SSLSocket) -> None:
        connection.sendall(text.encode())
        for _ in range(100):
            time.sleep(0.05)
            connection.sendall(b"x: y\r\n" if len(text) > 1 else b"T")

    started = time.monotonic()
    sender = Sender(allow_private=True, context=trusted[0], seconds=0.6)
    found = sender.post(url(receiver(drip)), {}, b"{}")

    assert found.status is None
    assert time.monotonic() - started < 3


def test_a_receiver_that_never_agrees_on_tls_is_left_in_time(trusted: Trusted) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        target = f"https://127.0.0.1:{listener.getsockname()[1]}/"
        found = Sender(allow_private=True, context=trusted[0], seconds=0.5).post(target, {}, b"{}")

    assert (found.status, found.reason) == (None, "no answer within 0.5 s")


def test_of_a_long_answer_only_the_beginning_is_read(trusted: Trusted, receiver: Make) -> None:
    def flood(connection: ssl.SSLSocket) -> None:
        answering("HTTP/1.1 200 OK\ncontent-length: 1000000000\n\n")(connection)
        for _ in range(10_000):
            connection.sendall(b"a" * 65_536)

    started = time.monotonic()
    found = Sender(allow_private=True, context=trusted[0]).post(url(receiver(flood)), {}, b"{}")

    assert found.is_taken
    assert time.monotonic() - started < 5


def test_a_certificate_that_nobody_vouches_for_is_refused(receiver: Make) -> None:
    found = Sender(allow_private=True).post(url(receiver(answering("HTTP/1.1 200 OK\n\n"))), {}, b"{}")

    assert (found.status, found.reason) == (None, "its certificate is not valid")


@pytest.mark.parametrize("wrong", ["http://example.com/", "ftp://example.com/", "https:///path", "file:///etc/passwd"])
def test_nothing_but_https_is_sent(wrong: str) -> None:
    assert Sender(allow_private=True).post(wrong, {}, b"{}").reason == "not an https URL"
