"""An event loop whose clock does not wait: when nothing is under way, it is later.

A call's time is then what its lines, limits and timers say, and the machine's speed does not matter: ten seconds of
silence take none, and a second in which this process got no processor is not a second of silence.

Everything that is waited for has to be of this loop: sockets between its own servers and clients, timers, and jobs in
threads (`run_in_executor`). While such a job runs, the clock is the wall's.
"""

import asyncio
import selectors
import time
from collections.abc import Callable, Mapping
from typing import Any

GRACE_SECONDS = 0.002
"""That nothing may have arrived before a longer jump: bytes between two sockets of this process arrive at once, except
where the kernel puts that off for a moment."""

SHORT_SECONDS = 0.25
"""A jump that is shorter needs no grace: what it could overtake would be late by that much at most."""


class _Selector(selectors.BaseSelector):
    """Waits for nothing, if the loop has nothing to wait for."""

    def __init__(self) -> None:
        self._inner = selectors.DefaultSelector()
        self.skip: Callable[[float], bool] = lambda seconds: False

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout <= 0:
            return self._inner.select(timeout)
        grace = 0.0 if timeout < SHORT_SECONDS else GRACE_SECONDS
        if ready := self._inner.select(min(timeout, grace)):
            return ready
        if self.skip(timeout - grace):
            return []
        return self._inner.select(timeout - grace)

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._inner.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._inner.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._inner.modify(fileobj, events, data)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._inner.get_map()

    def get_key(self, fileobj: Any) -> selectors.SelectorKey:
        return self._inner.get_key(fileobj)

    def close(self) -> None:
        self._inner.close()


class UnhurriedLoop(asyncio.SelectorEventLoop):
    """`time()` is monotonic time plus what was skipped. `working` counts what the clock has to wait for."""

    def __init__(self) -> None:
        self.skipped = 0.0
        self.working = 0
        selector = _Selector()
        super().__init__(selector)
        selector.skip = self._skip

    def time(self) -> float:
        return time.monotonic() + self.skipped

    def _skip(self, seconds: float) -> bool:
        if self.working:
            return False
        self.skipped += seconds
        return True

    def run_in_executor(  # type: ignore[override]  # awaitable, as the loop's own
        self, executor: Any, func: Any, *args: Any
    ) -> Any:
        future = super().run_in_executor(executor, func, *args)
        self.working += 1
        future.add_done_callback(self._worked)
        return future

    def _worked(self, _: object) -> None:
        self.working -= 1


class Working:
    """`with Working():` the clock is the wall's: something is done outside of this loop's sight."""

    def __enter__(self) -> None:
        self._loop = asyncio.get_running_loop()
        if isinstance(self._loop, UnhurriedLoop):
            self._loop.working += 1

    def __exit__(self, *_: object) -> None:
        if isinstance(self._loop, UnhurriedLoop):
            self._loop.working -= 1


def skipped() -> float:
    """Seconds that the running loop has skipped so far."""
    loop = asyncio.get_running_loop()
    return loop.skipped if isinstance(loop, UnhurriedLoop) else 0.0
