"""Without a library, PortAudio or a device, one line says what to do."""

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from cli.errors import CliError
from cli.talk.loudspeaker import Loudspeaker
from cli.talk.sound_card import BLOCK_BYTES, SoundCard


class FakeLibrary(SimpleNamespace):
    """sounddevice, as far as it is used: one stream, whose callback a test calls."""

    PortAudioError = type("PortAudioError", (Exception,), {})

    def __init__(self, error: Exception | None = None) -> None:
        super().__init__(error=error, opened={}, closed=[])

    def RawStream(self, **how: Any) -> Any:
        if self.error is not None:
            raise self.error
        self.opened = how
        close = lambda: self.closed.append("closed")  # noqa: E731  a stub
        return SimpleNamespace(start=lambda: None, abort=lambda: None, close=close)


async def opened(monkeypatch: pytest.MonkeyPatch, library: Any) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", library)
    async with SoundCard(Loudspeaker().take):
        """Opened, and closed again."""


async def test_what_the_microphone_hears_comes_in_blocks_and_the_loudspeaker_is_filled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    library, loudspeaker = FakeLibrary(), Loudspeaker()
    monkeypatch.setitem(sys.modules, "sounddevice", library)
    loudspeaker.add("r1", "a1", b"\x01" * 10)
    async with SoundCard(loudspeaker.take) as card:
        played = bytearray(BLOCK_BYTES)
        library.opened["callback"](b"\x07" * BLOCK_BYTES, played, BLOCK_BYTES // 2, None, None)
        assert await card.block() == b"\x07" * BLOCK_BYTES
        assert played == (b"\x01" * 10).ljust(BLOCK_BYTES, b"\0")
        assert (library.opened["samplerate"], library.opened["channels"]) == (24_000, 1)
    assert library.closed == ["closed"]


async def test_without_the_package_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CliError, match=r"ringside\[voice\]"):
        await opened(monkeypatch, None)


async def test_without_a_device_it_says_what_to_choose(monkeypatch: pytest.MonkeyPatch) -> None:
    library = FakeLibrary(FakeLibrary.PortAudioError("no default input device"))
    with pytest.raises(CliError, match="no default input device"):
        await opened(monkeypatch, library)


async def test_without_portaudio_it_names_the_systems_package(monkeypatch: pytest.MonkeyPatch) -> None:
    class Finder:
        """As sounddevice's import does where there is no PortAudio."""

        def find_spec(self, name: str, *_: object) -> None:
            if name == "sounddevice":
                raise OSError("PortAudio library not found")

    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Finder(), *sys.meta_path])
    with pytest.raises(CliError, match="libportaudio2"):
        async with SoundCard(Loudspeaker().take):
            """Never reached."""
