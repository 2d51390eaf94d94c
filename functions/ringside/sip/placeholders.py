"""What carriers write in place of a withheld number: words, and words keyed on a phone. A dated list. Pure."""

import re
from collections.abc import Iterable

AS_OF = "2026-11-27"

WORDS = frozenset(
    {
        "anonymous",
        "blocked",
        "no-number",
        "number-unavailable",
        "private",
        "restricted",
        "unavailable",
        "unknown",
        "withheld",
    }
)

NUMBERS = {
    "266696687": "ANONYMOUS on a keypad (Twilio and others)",
    "1266696687": "the same, after a country code",
    "7378742833": "RESTRICTED (Twilio)",  # after +1 it would be a number of Austin
    "8656696": "UNKNOWN (Twilio)",
    "18656696": "the same, after a country code",
    "86282452253": "UNAVAILABLE (Twilio)",
    "186282452253": "the same, after a country code",
    "2562533": "BLOCKED (Twilio)",
    "7748283": "PRIVATE",
    "94844353": "WITHHELD",
    "0000000000": "ten zeros (North American switches)",
    "10000000000": "the same, after a country code",
    "9999999999": "ten nines",
    "19999999999": "the same, after a country code",
}
"""Digits, and what they stand for. None of them is a number that anybody has."""

ANONYMOUS_HOST = "anonymous.invalid"
"""The host of a caller who withholds their address (RFC 3323 section 4.1.1.3), or its end."""

_NO_DIGIT = re.compile(r"[^0-9]")


def is_placeholder(user: str, host: str = "", more: Iterable[str] = ()) -> bool:
    """Whether the user part and host of an address say no more than that the caller is not to be known.

    `more`: words and numbers that count besides those listed here, such as an agent file's `placeholders`.
    """
    if f".{host}".endswith(f".{ANONYMOUS_HOST}"):
        return True
    word = user.strip().casefold()
    if word in WORDS or word in {entry.casefold() for entry in more}:
        return True
    if any(character.isalpha() for character in word):
        return False
    digits = _NO_DIGIT.sub("", word)
    return digits in NUMBERS or (bool(digits) and digits in {_NO_DIGIT.sub("", entry) for entry in more})
