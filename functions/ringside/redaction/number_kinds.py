"""Which kind of number a run of digits is; python-stdnum and phonenumbers check them. Pure."""

import re
from collections.abc import Callable, Iterator, Mapping

import phonenumbers
from stdnum import iban, luhn
from stdnum.ca import sin
from stdnum.de import idnr
from stdnum.es import dni, nie
from stdnum.exceptions import ValidationError
from stdnum.fr import nir
from stdnum.us import itin, ssn

from ringside.redaction import context_words
from ringside.redaction.digit_runs import Run

_CARD_LENGTHS: Mapping[str, tuple[int, ...]] = {
    "2": (16,),
    "3": (14, 15, 16),
    "4": (13, 16, 19),
    "5": (16,),
    "6": (16, 17, 18, 19),
}
"""By the first digit (ISO/IEC 7812): how long the cards that are in use are."""

_BARE_SSN = 9
_CHECKED: Mapping[int, Callable[[str], str]] = {11: idnr.validate, 15: nir.validate}
"""National ids of digits alone that nearly no other number passes for, by their length."""
_UNCHECKED: tuple[Callable[[str], str], ...] = (ssn.validate, itin.validate, sin.validate)
"""Ids of nine digits: too many other numbers look like them, so the words around must say so, or the grouping 3-2-4."""


def has_card(digits: str) -> bool:
    """Whether a card's number is in these digits: expiry date and code may follow it in the same breath."""
    return any(True for _ in _cards(digits))


def _cards(digits: str) -> Iterator[str]:
    for start in range(max(1, len(digits) - 12)):
        for length in _CARD_LENGTHS.get(digits[start : start + 1], ()):
            part = digits[start : start + length]
            if len(part) == length and len(set(part)) > 1 and luhn.is_valid(part):
                yield part


def is_id(run: Run, before: str, after: str = "") -> bool:
    """Whether it is a national id. `before` and `after`: the text around it."""
    digits = run.digits
    if len(digits) in _CHECKED and _valid(_CHECKED[len(digits)], digits):
        return True
    near = f"{before} {after}"
    if len(digits) == _BARE_SSN and any(_valid(check, digits) for check in _UNCHECKED):
        return tuple(map(len, run.groups)) == (3, 2, 4) or bool(context_words.IDENTITY.search(near))
    return 4 <= len(digits) <= 15 and bool(context_words.IDENTITY.search(before))


def is_lettered_id(text: str) -> bool:
    """Whether letters and digits are an id: a Spanish DNI or NIE, a British national insurance number."""
    return _valid(dni.validate, text) or _valid(nie.validate, text)


def is_iban(text: str) -> bool:
    """Whether it is an IBAN with its check digits right (ISO 13616)."""
    return _valid(lambda number: iban.validate(number, check_country=False), text)


def is_phone(run: Run, regions: tuple[str, ...], before: str) -> bool:
    """Whether it is a telephone number of one of the regions (ISO 3166), or of any with its country code. `before`: the
    text before it, some words of it."""
    if run.plus:
        return 7 <= len(run.digits) <= 15
    of_phone, of_other = _last(context_words.PHONE, before), _last(context_words.OTHER_NUMBER, before)
    if of_other > of_phone:
        return False
    if 7 <= len(run.digits) <= 15 and of_phone >= 0:
        return True
    return len(run.digits) >= 7 and any(_is_valid_phone(run.digits, region) for region in regions)


def is_part_of_card(run: Run, before: str) -> bool:
    """Whether the words before say that it belongs to a card: its code, its date, or a part of its number."""
    if run.plus:
        return False
    return (3 <= len(run.digits) <= 6 and bool(context_words.CARD_CODE.search(before))) or (
        len(run.digits) >= 8 and bool(context_words.CARD.search(before)) and not context_words.PHONE.search(before)
    )


def _last(words: re.Pattern[str], text: str) -> int:
    """Where the last of these words stands; -1 if none does. The nearest says what a number is."""
    return max((match.start() for match in words.finditer(text)), default=-1)


def _is_valid_phone(digits: str, region: str) -> bool:
    try:
        number = phonenumbers.parse(digits, region)
    except phonenumbers.NumberParseException:
        return False
    return phonenumbers.is_valid_number(number)


def _valid(check: Callable[[str], str], text: str) -> bool:
    try:
        check(text)
    except ValidationError:
        return False
    return True
