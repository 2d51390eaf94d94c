"""What a recorded call says of people, replaced everywhere alike: numbers, digits, e-mail addresses, names. Pure.

Numbers become numbers that are reserved for fiction, in the same country and area, so that rules about callers still
hold. Names are found where a tool or a note calls them so, and where they are given by hand: to find others would
take a model.
"""

import re
from collections.abc import Iterable, Mapping
from itertools import count
from typing import Any

from ringside import phone_numbers

_DATE_OR_TIME = r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?)?|\d\d?:\d\d"
_TOKEN = re.compile(
    rf"(?P<kept>{_DATE_OR_TIME})|(?P<mail>[\w.+-]+@[\w-]+\.[\w.-]+)"
    r"|(?P<number>\+?\d(?:[ ().,-]{0,2}\d){6,14})|(?P<digits>\d{5,})"
)
_NAMED = re.compile(r"name|patient|customer|person|who|address|street|caller", re.IGNORECASE)
FIRST = ("Dana", "Noor", "Lee", "Kim", "Robin", "Sam", "Alex", "Jo", "Max", "Ari")
LAST = ("Smith", "Park", "Gray", "Young", "Hill", "Stone", "Reed", "Moss", "Lake", "Ford")
_WORD = re.compile(r"[^\W\d_][\w'’-]{2,}")

_FICTION = {"GB": "+447700900{:03d}", "DE": "+493023125{:03d}", "FR": "+331990000{:02d}", "AU": "+61491570{:03d}"}
"""Numbers that no one has: Ofcom, Bundesnetzagentur, Arcep, ACMA. In North America: 555-01xx of every area."""


class Replacing:
    """One call's. The same text always becomes the same other text."""

    def __init__(self, given: Mapping[str, str] | None = None) -> None:
        self._words = dict(given or {})
        self._numbers: dict[str, str] = {}
        self._digits: dict[str, str] = {}
        self._mails: dict[str, str] = {}
        self._names = count()
        self._given = len(self._words)

    @property
    def summary(self) -> str:
        """`2 numbers, 1 name`"""
        counts = {
            "number": len(self._numbers),
            "digit string": len(self._digits),
            "e-mail address": len(self._mails),
            "word of a name": len(self._words),
        }
        words = {"word of a name": "words of names", "e-mail address": "e-mail addresses"}
        found = [f"{n} {name if n == 1 else words.get(name, name + 's')}" for name, n in counts.items() if n]
        return ", ".join(found) or "nothing"

    def find_names(self, values: Any, key: str = "") -> None:
        """Names in arguments and notes: texts under keys that say so."""
        if isinstance(values, Mapping):
            for name, value in values.items():
                self.find_names(value, str(name))
        elif isinstance(values, list):
            for value in values:
                self.find_names(value, key)
        elif isinstance(values, str) and _NAMED.search(key):
            for position, word in enumerate(_WORD.findall(values)):
                if word[0].isupper() and word not in self._words and word not in self._words.values():
                    self._words[word] = self._name(FIRST if position == 0 else LAST)

    def _name(self, names: tuple[str, ...]) -> str:
        taken = {*self._words, *self._words.values()}
        return next((name for name in names if name not in taken), f"Name{next(self._names)}")

    def number(self, number: str) -> str:
        """A number in E.164."""
        if number not in self._numbers:
            others = (_fictional(number, nth) for nth in count())
            self._numbers[number] = next(
                other for other in others if other != number and other not in self._numbers.values()
            )
        return self._numbers[number]

    def text(self, text: str) -> str:
        """A text with everything replaced that is in it."""
        replaced = _TOKEN.sub(self._token, text)
        for word, other in sorted(self._words.items(), key=lambda item: -len(item[0])):
            replaced = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", lambda _, other=other: other, replaced)  # type: ignore[misc]  # a lambda with a default
        return replaced

    def _token(self, found: "re.Match[str]") -> str:
        match found.lastgroup:
            case "mail":
                return self._mails.setdefault(found[0].casefold(), f"caller{len(self._mails) + 1}@example.com")
            case "number":
                digits = re.sub(r"\D", "", found[0])
                number = phone_numbers.number(f"+{digits}") if found[0].startswith("+") else None
                return _as_written(found[0], self.number(number)[1:] if number else self.digits(digits))
            case "digits":
                return self.digits(found[0])
        return found[0]

    def digits(self, digits: str) -> str:
        """A string of digits: another one of its length. Of a number that is known, without its plus: that one's."""
        for number, other in self._numbers.items():
            if digits in (number[1:], number[2:]) and len(digits) >= 7:
                return other[-len(digits) :]
        if digits not in self._digits:
            nth = len(self._digits) + 1
            self._digits[digits] = "".join(str((int(digit) + nth + place) % 10) for place, digit in enumerate(digits))
        return self._digits[digits]

    def value(self, value: Any) -> Any:
        """A value of a JSON document, with all texts in it."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {name: self.value(each) for name, each in value.items()}
        if isinstance(value, list):
            return [self.value(each) for each in value]
        if isinstance(value, int) and not isinstance(value, bool) and len(str(abs(value))) >= 5:
            return int(self.digits(str(abs(value))).lstrip("0") or "0")
        return value

    def keys(self, keys: str) -> str:
        """Keys that were pressed: digits of five and more are somebody's number."""
        return re.sub(r"\d{5,}", lambda found: self.digits(found[0]), keys)


def _fictional(number: str, nth: int) -> str:
    """One of those that no one has, in the same country; elsewhere one of the same length."""
    country = phone_numbers.country(number) or ""
    if number.startswith("+1") and len(number) == 12 and nth < 100:
        return f"{number[:5]}55501{nth:02d}"
    if country in _FICTION and nth < 100:
        return _FICTION[country].format(nth)
    kept = number[:4]
    return kept + str(100 + nth).zfill(len(number) - len(kept))


def _as_written(text: str, digits: str) -> str:
    """Other digits with the spaces and signs that this text has between its own."""
    if sum(map(str.isdigit, text)) != len(digits):
        return f"+{digits}" if text.startswith("+") else digits
    remaining = iter(digits)
    return "".join(next(remaining) if character.isdigit() else character for character in text)


def table(pairs: Iterable[str]) -> dict[str, str]:
    """`Dana=Kim` of a command line; raises ValueError."""
    found = {}
    for pair in pairs:
        word, sign, other = pair.partition("=")
        if not (word.strip() and sign and other.strip()):
            raise ValueError(f"{pair} is not WORD=OTHER")
        found[word.strip()] = other.strip()
    return found
