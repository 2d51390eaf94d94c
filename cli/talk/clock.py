"""The agent's clock in a typed call: it runs while the agent is at work, and stands still while the caller types.

Whoever types is slower than who speaks: a clock that ran on would take every caller for silent. What waits for the
caller (silence, keys, a transfer's verdict) waits for time that is let pass on purpose.
"""

import time
from collections.abc import Callable


class TurnClock:
    def __init__(self, starts_at: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        """`starts_at`: Unix seconds."""
        self._now = starts_at
        self._monotonic = monotonic
        self._running_since: float | None = None

    def now(self) -> float:
        """Unix seconds."""
        running = 0.0 if self._running_since is None else self._monotonic() - self._running_since
        return self._now + running

    @property
    def runs(self) -> bool:
        return self._running_since is not None

    def run(self) -> None:
        if self._running_since is None:
            self._running_since = self._monotonic()

    def stop(self) -> None:
        self._now, self._running_since = self.now(), None

    def pass_to(self, moment: float) -> None:
        """Let time pass at once. A moment that is past changes nothing."""
        ahead = moment - self.now()
        if ahead > 0:
            self._now += ahead
