"""Time: what waits asks for it here, so that a test need not wait."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol


class Timer(Protocol):
    def cancel(self) -> None: ...


def _call_later(seconds: float, ring: Callable[[], None]) -> Timer:
    return asyncio.get_running_loop().call_later(seconds, ring)


@dataclass(frozen=True)
class Time:
    """`wall` in Unix seconds; `monotonic` in seconds since some moment."""

    wall: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    call_later: Callable[[float, Callable[[], None]], Timer] = _call_later


class CallClock:
    """The time of one call, in Unix seconds.

    A wall clock that jumps must not end a call: it is read once, and then goes on with the monotonic one.
    """

    def __init__(self, time: Time) -> None:
        self._monotonic = time.monotonic
        self._call_later = time.call_later
        self._zero = time.wall() - time.monotonic()

    def now(self) -> float:
        return self._zero + self._monotonic()

    def call_at(self, at: float, ring: Callable[[], None]) -> Timer:
        """Call `ring` at that moment, or as soon as possible if it is past."""
        return self._call_later(max(0.0, at - self.now()), ring)


class Alarm:
    """Calls `ring` at the moment it was last set to."""

    def __init__(self, clock: CallClock, ring: Callable[[], None]) -> None:
        self._clock = clock
        self._ring = ring
        self._at: float | None = None
        self._timer: Timer | None = None

    def set(self, at: float | None) -> None:
        """Ring at that moment (Unix seconds) and no longer at another; None is never."""
        if at == self._at:
            return
        self.cancel()
        self._at = at
        if at is not None:
            self._timer = self._clock.call_at(at, self._rings)

    def cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._at = self._timer = None

    def _rings(self) -> None:
        self._at = self._timer = None
        self._ring()
