"""What a typed line means."""

from typing import Any

import pytest

from cli.talk.typed_commands import Transfers, read


class Hints:
    def __init__(self) -> None:
        self.said: list[str] = []

    def hint(self, text: str) -> None:
        self.said.append(text)


class Call:
    """Notes what the caller does."""

    def __init__(self) -> None:
        self.did: list[tuple[str, Any]] = []

    def __getattr__(self, name: str) -> Any:
        async def does(*what: Any) -> None:
            self.did.append((name, *what))

        return does


@pytest.mark.parametrize(
    ("line", "does"),
    [
        ("  Hello there ", ("says", "Hello there")),
        ("/keys 12 34#", ("presses", "1234#")),
        ("/wait 7.5", ("waits", 7.5)),
        ("/silence 3", ("waits", 3.0)),
        ("/hangup", ("hangs_up",)),
        ("/quit", ("hangs_up",)),
    ],
)
async def test_words_and_commands(line: str, does: tuple[Any, ...]) -> None:
    call, hints = Call(), Hints()
    act = read(line, Transfers("left"), hints)
    assert act is not None
    await act(call)  # type: ignore[arg-type]
    assert (call.did, hints.said) == ([does], [])


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("/keys", "digits"),
        ("/keys abc", "digits"),
        ("/wait soon", "seconds"),
        ("/wait -1", "seconds"),
        ("/wait nan", "seconds"),
        ("/wait 99999", "seconds"),
        ("/transfer away", "left, stays or refused"),
        ("/dance", "there is no /dance"),
        ("/help", "/keys"),
    ],
)
def test_what_cannot_be_meant_is_answered_with_a_hint(line: str, hint: str) -> None:
    hints = Hints()
    assert read(line, Transfers("left"), hints) is None
    assert hint in "\n".join(hints.said)


def test_nothing_is_nothing_and_transfers_turn_out_as_told() -> None:
    transfers, hints = Transfers("left"), Hints()
    assert read("   ", transfers, hints) is None
    assert read("/transfer stays", transfers, hints) is None
    assert transfers.outcome == "stays"
