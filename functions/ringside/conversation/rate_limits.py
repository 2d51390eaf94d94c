"""Responses that failed because of OpenAI's rate limits: how long to wait, and when to stop trying. Pure."""

from typing import Any

from ringside.conversation import events as e
from ringside.conversation import snapshot

FIRST_PAUSE, MAX_PAUSE = 1.0, 15.0
"""Seconds. Each failure in a row doubles the pause."""

MAX_RETRY_AFTER = 60.0
"""Seconds. The pause is not shorter than the error says, up to this: no caller holds the line for longer."""

APOLOGY_AFTER = 3
"""Failures in a row after which the next response begins with an apology: the caller has listened to nothing."""

MAX_FAILURES = 8
"""After so many in a row, in about a minute, there is nothing to wait for."""


def is_rate_limit(code: str | None) -> bool:
    """`insufficient_quota` is not one: waiting does not help."""
    return code is not None and "rate_limit" in code


class RateLimits:
    def __init__(self) -> None:
        self._failures = 0  # in a row
        self._resets: dict[str, float] = {}  # by the limit's name, Unix seconds

    @property
    def is_hit(self) -> bool:
        """Whether the last response failed because of them."""
        return self._failures > 0

    @property
    def calls_for_apology(self) -> bool:
        return self._failures >= APOLOGY_AFTER

    def updated(self, event: e.RateLimitsUpdated, now: float) -> None:
        self._resets |= {name: now + seconds for name, seconds in event.resets}

    def failed(self, retry_after: float | None, now: float) -> float | None:
        """One more response has failed. Returns the seconds to wait; None: do not try again.

        `retry_after`: seconds, where the failure names them; else the limits that were last reported count.
        """
        self._failures += 1
        if self._failures >= MAX_FAILURES:
            self.passed()
            return None
        growing = FIRST_PAUSE * (1 << (self._failures - 1))
        reset = max(self._resets.values(), default=now) - now
        if retry_after is None:
            return min(max(growing, reset), MAX_PAUSE)
        return max(min(growing, MAX_PAUSE), min(retry_after, MAX_RETRY_AFTER))

    def passed(self) -> None:
        self._failures = 0

    def snapshot(self) -> dict[str, Any]:
        return {"failures": self._failures, "resets": dict(self._resets)}

    def restore(self, value: object) -> None:
        given = snapshot.mapping(value)
        self._failures = min(max(0, snapshot.whole(given.get("failures")) or 0), MAX_FAILURES)
        resets = snapshot.mapping(given.get("resets")).items()
        self._resets = {name: at for name, value in resets if (at := snapshot.number(value)) is not None}
