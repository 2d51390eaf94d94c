"""Microphone and loudspeaker of this machine, by PortAudio (the optional package sounddevice)."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Any, Protocol, Self

from cli.errors import CliError

RATE = 24_000  # Hz, the session's
BLOCK_MS = 40
BLOCK_BYTES = RATE * 2 * BLOCK_MS // 1000
MOST_WAITING = 250  # blocks, 10 s: a loop that stands still for longer does not go on with what was said long ago


class Sound(Protocol):
    """16-bit mono PCM at 24 kHz, in blocks of 40 ms."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    async def block(self) -> bytes:
        """The microphone's next block."""
        ...


class SoundCard:
    """The default devices. Raises `CliError` if there are none, or no library for them."""

    def __init__(self, play: Callable[[int], bytes]) -> None:
        """`play`: returns so many bytes for the loudspeaker, at once; called by the sound library's thread."""
        self._play = play
        self._heard: asyncio.Queue[bytes] = asyncio.Queue(MOST_WAITING)
        self._stream: Any = None

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()

        def heard(block: bytes) -> None:
            if self._heard.full():
                self._heard.get_nowait()
            self._heard.put_nowait(block)

        def exchange(microphone: Any, loudspeaker: Any, frames: int, *_: object) -> None:
            loudspeaker[:] = self._play(frames * 2)
            loop.call_soon_threadsafe(heard, bytes(microphone))

        library = _library()
        try:
            self._stream = library.RawStream(
                samplerate=RATE, blocksize=RATE * BLOCK_MS // 1000, channels=1, dtype="int16", callback=exchange
            )
            self._stream.start()
        except (library.PortAudioError, ValueError) as error:
            raise CliError(
                f"--voice: no microphone and loudspeaker that can be used at 24 kHz ({error}): choose other ones in "
                "the system's settings, or leave out --voice and type"
            ) from None
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._stream is not None:
            self._stream.abort()
            self._stream.close()

    async def block(self) -> bytes:
        return await self._heard.get()


def _library() -> Any:
    try:
        import sounddevice
    except ImportError:
        raise CliError("--voice needs one more package: uv pip install 'ringside[voice]' (sounddevice)") from None
    except OSError:  # its wheel for Linux brings no PortAudio
        raise CliError("--voice needs PortAudio: apt install libportaudio2, or your system's package of it") from None
    return sounddevice
