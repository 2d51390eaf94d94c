"""A sideband's messages, from the bytes that a server sends to whoever takes them."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.client import ClientProtocol
from websockets.datastructures import Headers
from websockets.exceptions import ConcurrencyError, ConnectionClosedError, ConnectionClosedOK
from websockets.frames import Close, Frame, Opcode
from websockets.http11 import Request
from websockets.uri import parse_uri
from websockets.utils import accept_key

from ringside.openai.connection import FAIR_SHARE, FEW_WAITING, MAX_WAITING, MessageConnection


class Wire(asyncio.Transport):
    """What a socket is to a connection."""

    def __init__(self) -> None:
        super().__init__()
        self.is_read = True
        self.sent = b""

    def pause_reading(self) -> None:
        self.is_read = False

    def resume_reading(self) -> None:
        self.is_read = True

    def is_closing(self) -> bool:
        return False

    def can_write_eof(self) -> bool:
        return False

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def write(self, data: Any) -> None:
        self.sent += data

    def close(self) -> None:
        pass


class Server:
    """The other side of an open connection, byte by byte."""

    def __init__(self, max_size: int | None = None, *, upgraded: bool = True) -> None:
        protocol = ClientProtocol(parse_uri("ws://server/"), max_size=max_size)
        self.wire = Wire()
        self.connection = MessageConnection(protocol)
        self.connection.connection_made(self.wire)
        protocol.send_request(protocol.connect())
        protocol.data_to_send()
        accepts = f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept_key(protocol.key)}"
        self.upgrade = f"HTTP/1.1 101 Switching Protocols\r\n{accepts}\r\n\r\n".encode()
        if upgraded:
            self.sends(self.upgrade)

    def sends(self, *frames: Frame | bytes) -> None:
        """All of them in one go."""
        data = b"".join(each if isinstance(each, bytes) else each.serialize(mask=False) for each in frames)
        self.connection.data_received(data)

    def closes(self, code: int = 1000) -> None:
        self.sends(Frame(Opcode.CLOSE, Close(code, "").serialize()))
        self.goes()

    def goes(self) -> None:
        self.connection.eof_received()
        self.connection.connection_lost(None)


def text(words: str, *, fin: bool = True) -> Frame:
    return Frame(Opcode.TEXT, words.encode(), fin)


def continued(data: bytes, *, fin: bool) -> Frame:
    return Frame(Opcode.CONT, data, fin)


def numbered(count: int) -> Iterator[Frame]:
    return (text(str(number)) for number in range(count))


class Reader:
    """Keeps what it takes; stops at the messages that it is given."""

    def __init__(self, server: Server, *stops: str) -> None:
        self.taken: list[str | bytes] = []
        self._server, self._stops = server, stops

    def start(self) -> "asyncio.Task[None]":
        return asyncio.create_task(self._server.connection.read(self._take))

    def _take(self, message: str | bytes) -> bool:
        self.taken.append(message)
        return message not in self._stops


async def turns(count: int = 3) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_a_message_is_taken_where_it_arrives() -> None:
    server = Server()
    reader = Reader(server)
    reading = reader.start()
    await turns()

    server.sends(text("one"), text("zwölf"))
    assert reader.taken == ["one", "zwölf"]  # and nothing else ran in between

    reading.cancel()


async def test_what_arrives_before_there_is_a_reader_or_after_it_stopped_is_kept_for_the_next() -> None:
    server = Server()
    server.sends(text("early"), text("stop"), text("late"))
    first, second = Reader(server, "stop"), Reader(server, "later")
    await first.start()
    server.sends(text("later"))
    await second.start()

    assert (first.taken, second.taken) == (["early", "stop"], ["late", "later"])


async def test_messages_in_fragments_are_put_together_and_a_ping_between_them_is_answered() -> None:
    server = Server()
    reader = Reader(server, "whole €")
    euro = "€".encode()
    server.sends(
        Frame(Opcode.TEXT, b"whole " + euro[:1], fin=False),
        Frame(Opcode.PING, b"there?"),
        continued(b"", fin=False),
        continued(euro[1:], fin=True),
    )
    await reader.start()

    assert reader.taken == ["whole €"]
    assert server.wire.sent[:1] == b"\x8a"  # a pong


async def test_what_is_not_text_is_handed_over_as_bytes() -> None:
    server = Server()
    reader = Reader(server, "stop")
    server.sends(
        Frame(Opcode.BINARY, b"\x00\x01"),
        Frame(Opcode.BINARY, b"\x02", fin=False),
        continued(b"\x03", fin=True),
        Frame(Opcode.TEXT, b"caf\xe9"),
        text("stop"),
    )
    await reader.start()

    assert reader.taken == [b"\x00\x01", b"\x02\x03", b"caf\xe9", "stop"]


async def test_bytes_may_arrive_in_any_pieces() -> None:
    server = Server()
    reader = Reader(server, "b" * 70_000)
    reading = reader.start()
    data = b"".join(text(words).serialize(mask=False) for words in ("a" * 200, "b" * 70_000))
    for begin in range(0, len(data), 977):
        server.sends(data[begin : begin + 977])
        await turns(1)
    await reading

    assert reader.taken == ["a" * 200, "b" * 70_000]


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536])
async def test_a_message_of_any_length_is_whole_wherever_its_bytes_are_divided(size: int) -> None:
    words = "a" * size
    data = text(words).serialize(mask=False) + Frame(Opcode.PING, b"there?").serialize(mask=False)
    for begins in (1, 2, 3, 4, 9, 10, 11, len(data) - 9, len(data) - 1):
        server = Server()
        reader = Reader(server, "next")
        reading = reader.start()
        await turns()
        server.sends(data[:begins])
        server.sends(data[begins:], text("next"))
        await reading

        assert reader.taken == [words, "next"]
        assert server.wire.sent[:1] == b"\x8a"


async def test_what_comes_with_the_answer_to_the_handshake_is_not_lost() -> None:
    for left_out in (0, 1, 40):
        server = Server(upgraded=False)
        data = server.upgrade + text("first").serialize(mask=False) + text("second").serialize(mask=False)
        server.sends(data[: len(data) - left_out])
        server.sends(data[len(data) - left_out :])
        reader = Reader(server, "second")
        await reader.start()

        assert reader.taken == ["first", "second"]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (text("masked").serialize(mask=True), 1002),
        (b"\xc1\x02ab", 1002),  # an extension that nobody asked for
        (Frame(Opcode.TEXT, b"a", fin=False).serialize(mask=False) + text("b").serialize(mask=False), 1002),
        (continued(b"of nothing", fin=True).serialize(mask=False), 1002),
        (b"\x81\x7e\x03\xe9", 1009),  # announces 1,001 bytes: refused before they are here
        (b"\x81\x7f" + (1 << 40).to_bytes(8, "big"), 1009),
    ],
    ids=["masked", "extended", "interrupted", "continued", "long", "longer"],
)
async def test_frames_against_the_rules_end_the_connection_after_what_came_before(data: bytes, code: int) -> None:
    server = Server(max_size=1000)
    reader = Reader(server)
    reading = reader.start()
    await turns()
    server.sends(text("before"), data, text("after"))
    server.goes()

    with pytest.raises(ConnectionClosedError) as closed:
        await reading
    assert closed.value.sent is not None
    assert closed.value.sent.code == code
    assert reader.taken == ["before"]


async def test_nothing_is_taken_after_the_other_side_has_closed() -> None:
    server = Server()
    reader = Reader(server)
    reading = reader.start()
    await turns()
    server.sends(text("before"), Frame(Opcode.CLOSE, Close(1000, "").serialize()), text("after"))
    server.goes()

    with pytest.raises(ConnectionClosedOK):
        await reading
    assert reader.taken == ["before"]


@pytest.mark.parametrize(("code", "error"), [(1000, ConnectionClosedOK), (1011, ConnectionClosedError)])
async def test_everything_is_taken_before_the_end_is_heard_of(code: int, error: type[Exception]) -> None:
    server = Server()
    server.sends(*numbered(FAIR_SHARE * 2))
    server.closes(code)
    reader = Reader(server)

    with pytest.raises(error) as closed:
        await reader.start()
    assert reader.taken == [str(number) for number in range(FAIR_SHARE * 2)]
    assert closed.value.rcvd is not None  # type: ignore[attr-defined]
    assert closed.value.rcvd.code == code  # type: ignore[attr-defined]


async def test_a_connection_that_is_cut_ends_a_read_that_waits() -> None:
    server = Server()
    reading = Reader(server).start()
    await turns()
    server.goes()

    with pytest.raises(ConnectionClosedError):
        await reading


async def test_a_message_above_the_limit_ends_the_connection() -> None:
    server = Server(max_size=1000)
    reading = Reader(server).start()
    await turns()
    server.sends(text("a" * 600, fin=False), continued(b"a" * 600, fin=True))
    server.goes()

    with pytest.raises(ConnectionClosedError) as closed:
        await reading
    assert closed.value.sent is not None
    assert closed.value.sent.code == 1009


async def test_what_a_reader_raises_ends_its_read_and_nothing_else() -> None:
    server = Server()

    def raises(message: str | bytes) -> bool:
        raise KeyError(message)

    reading = asyncio.create_task(server.connection.read(raises))
    await turns()
    server.sends(text("one"), text("two"))
    with pytest.raises(KeyError):
        await reading

    reader = Reader(server, "two")
    await reader.start()
    assert reader.taken == ["two"]


async def test_a_read_that_is_cancelled_loses_nothing() -> None:
    server = Server()
    first, second = Reader(server), Reader(server, "late")
    reading = first.start()
    await turns()
    server.sends(text("taken"))
    reading.cancel()
    await turns()
    server.sends(text("late"))
    await second.start()

    assert (first.taken, second.taken) == (["taken"], ["late"])


async def test_there_is_one_reader_at_a_time() -> None:
    server = Server()
    reading = Reader(server).start()
    await turns()
    with pytest.raises(ConcurrencyError):
        await Reader(server).start()
    reading.cancel()


async def test_an_open_connection_keeps_neither_sides_headers_and_goes_on() -> None:
    server = Server()
    server.connection.request = Request("/", Headers(Authorization="Bearer sk-secret"))
    server.connection.forget_handshake()
    reader = Reader(server, "heard")
    server.sends(Frame(Opcode.PING, b"there?"), text("heard"))
    await reader.start()

    assert server.wire.sent[:1] == b"\x8a"
    assert server.connection.request is None
    assert server.connection.response is not None
    assert list(server.connection.response.headers) == []


# --- fairness and back-pressure ---


async def test_a_flood_leaves_other_calls_their_turn() -> None:
    server = Server()
    reader = Reader(server)
    reading = reader.start()
    await turns()
    server.sends(*numbered(FAIR_SHARE * 5))

    taken = [len(reader.taken)]
    while taken[-1] < FAIR_SHARE * 5:
        await turns(1)
        taken.append(len(reader.taken))
    assert max(later - earlier for earlier, later in zip([0, *taken], taken, strict=False)) == FAIR_SHARE
    assert reader.taken == [str(number) for number in range(FAIR_SHARE * 5)]
    reading.cancel()


async def test_messages_that_arrive_while_a_flood_waits_do_not_overtake_it() -> None:
    server = Server()
    reader = Reader(server, "last")
    reading = reader.start()
    await turns()
    server.sends(*numbered(FAIR_SHARE + 1))
    server.sends(text("last"))
    await reading

    assert reader.taken == [*(str(number) for number in range(FAIR_SHARE + 1)), "last"]


async def test_the_socket_is_not_read_while_nobody_takes_what_came() -> None:
    server = Server()
    server.sends(*numbered(MAX_WAITING))
    assert server.wire.is_read
    server.sends(text("one more"))
    assert not server.wire.is_read

    await Reader(server, str(MAX_WAITING - FEW_WAITING - 1)).start()
    assert not server.wire.is_read  # there are few, but not yet
    await Reader(server, str(MAX_WAITING - FEW_WAITING)).start()
    assert server.wire.is_read
