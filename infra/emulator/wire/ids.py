"""Identifiers that look like OpenAI's."""

import itertools
import secrets

_counter = itertools.count(1)
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def new(prefix: str, length: int = 21) -> str:
    """`item_DfK6YZPcgSGPcQc7P3l28` and its like."""
    return f"{prefix}_{''.join(secrets.choice(_ALPHABET) for _ in range(length))}"


# Event ids are by far the most frequent: a random start and a counter are unique and cost almost nothing.
_run = secrets.token_hex(5)


def event_id() -> str:
    return f"event_{_run}{next(_counter):08x}"


def call_id() -> str:
    """The form of the guide's example, `rtc_u1_9c6574da8b8a41a18da9308f4ad974ce`."""
    return f"rtc_u1_{secrets.token_hex(16)}"
