"""Where the caller's lines come from: a prompt below the transcript, or standard input line by line."""

import asyncio
import os
import sys
from types import TracebackType
from typing import Any, Protocol, Self

PROMPT = "you       "


class Typing(Protocol):
    may_interrupt: bool
    """Whether lines can be typed while the agent speaks. Lines that are piped in wait for their turn."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    async def line(self) -> str | None:
        """The next line, without its end; None if there is none any more, or the caller hangs up."""
        ...


def is_a_terminal(for_people: bool) -> bool:
    """Whether somebody types, and looks on, at a terminal that can place its cursor."""
    return for_people and sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def opened(for_people: bool) -> Typing:
    return Prompt() if is_a_terminal(for_people) else Lines()


class _HangUp(Exception):
    """Ctrl-C or Ctrl-D at the prompt."""


class Prompt:
    """A line editor with history. What is printed meanwhile goes above it."""

    may_interrupt = True

    def __init__(self) -> None:
        from prompt_toolkit import PromptSession
        from prompt_toolkit.patch_stdout import patch_stdout

        self._session: Any = PromptSession(
            PROMPT, interrupt_exception=_HangUp, eof_exception=_HangUp, reserve_space_for_menu=0
        )
        self._patched = patch_stdout(raw=True)

    async def __aenter__(self) -> Self:
        self._patched.__enter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._patched.__exit__(None, None, None)

    async def line(self) -> str | None:
        try:
            return str(await self._session.prompt_async(handle_sigint=False))
        except _HangUp:
            return None


class Lines:
    """Standard input, whatever it is: a pipe, a file, or a terminal that cannot do more."""

    may_interrupt = False

    def __init__(self) -> None:
        self._read = b""
        self._is_over = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing was changed."""

    async def line(self) -> str | None:
        while b"\n" not in self._read and not self._is_over:
            chunk = await self._chunk()
            self._is_over = not chunk
            self._read += chunk
        if not self._read:
            return None
        line, _, self._read = self._read.partition(b"\n")
        return line.decode("utf-8", "replace").rstrip("\r")

    async def _chunk(self) -> bytes:
        descriptor, loop = sys.stdin.fileno(), asyncio.get_running_loop()
        ready = asyncio.Event()
        try:
            loop.add_reader(descriptor, ready.set)
        except (PermissionError, NotImplementedError):  # a file is always ready, and cannot be waited for
            return os.read(descriptor, 65_536)
        try:
            await ready.wait()
        finally:
            loop.remove_reader(descriptor)
        return os.read(descriptor, 65_536)
