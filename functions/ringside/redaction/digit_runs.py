"""Runs of digits in what somebody said, whether written or spoken, with where they stand. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ringside.redaction import spoken_numbers

_TOKEN = re.compile(r"\d+|[^\W\d_]+|\+")
_JOINT = re.compile(r"[\s.,;:/()\[\]'’\"…–—_-]{0,6}")
"""What may stand between two groups of one number. A question or exclamation mark ends it."""

MOST_FILLERS = 3


@dataclass(frozen=True)
class Run:
    """Digits that belong together. `start` and `end` are where they stand in the text, with a plus sign and a
    parenthesis before them; `groups` is how they were grouped, `plus` whether there was a plus, written or spoken."""

    digits: str
    start: int
    end: int
    groups: tuple[str, ...]
    plus: bool = False


@dataclass(frozen=True)
class _Token:
    text: str
    start: int
    end: int
    sure: bool = True  # a digit by itself, not only beside others
    digits: str = ""
    filler: bool = False
    plus: bool = False


def runs(text: str, language: str) -> list[Run]:
    """The runs of digits in a text, in order, read in one language (`spoken_numbers.LANGUAGES`)."""
    return list(_runs(text, list(_tokens(text, language))))


def _runs(text: str, tokens: list[_Token]) -> Iterator[Run]:
    open_: list[_Token] = []
    plus: _Token | None = None
    fillers, end = 0, 0
    for token in tokens:
        joined = bool(open_) and bool(_JOINT.fullmatch(text, end, token.start))
        if token.digits and (joined or not open_):
            open_.append(token)
            fillers = 0
        elif joined and token.filler and fillers < MOST_FILLERS:
            fillers += 1
        else:
            yield from _closed(text, open_, plus)
            open_, fillers, plus = ([token] if token.digits else []), 0, None
        if not open_:
            plus = token if token.plus else None
        end = token.end
    yield from _closed(text, open_, plus)


def _closed(text: str, tokens: list[_Token], plus: _Token | None) -> Iterator[Run]:
    """The run, without everyday words at its ends."""
    sure = [index for index, token in enumerate(tokens) if token.sure]
    if not sure:
        return
    # "oh" and "one" at an end belong to it where a neighbour is a single digit: "oh two", "five one".
    first, last = sure[0], sure[-1]
    while first and len(tokens[first].digits) <= 2:
        first -= 1
    while last + 1 < len(tokens) and len(tokens[last].digits) <= 2:
        last += 1
    kept = tokens[first : last + 1]
    groups = tuple(token.digits for token in kept)
    start = plus.start if plus else kept[0].start
    if text[start - 1 : start] == "(" and ")" in text[start : kept[-1].end]:
        start -= 1
    yield Run("".join(groups), start, kept[-1].end, groups, plus is not None)


def _tokens(text: str, language: str) -> Iterator[_Token]:
    found = [(match[0], match.start(), match.end()) for match in _TOKEN.finditer(text)]
    folded = [spoken_numbers.fold(word) for word, _, _ in found]
    known, longest = spoken_numbers.phrases(language), spoken_numbers.longest(language)
    beside, repeated = spoken_numbers.ONLY_BESIDE_DIGITS[language], spoken_numbers.REPEATED[language]
    between = spoken_numbers.BETWEEN[language]
    at, times, since = 0, 1, -1
    while at < len(found):
        word, start, end = found[at]
        here = since if since >= 0 else start
        phrase = next(
            (tuple(folded[at : at + n]) for n in range(longest, 0, -1) if tuple(folded[at : at + n]) in known), ()
        )
        if word.isdecimal():
            yield _Token(word, here, end, digits=_ascii(word) * times)
        elif phrase:
            end = found[at + len(phrase) - 1][2]
            yield _Token(text[start:end], here, end, digits=known[phrase] * times)
            at += len(phrase) - 1
        elif folded[at] in beside:
            yield _Token(word, here, end, sure=times > 1, digits=beside[folded[at]] * times)
        elif folded[at] in repeated and at + 1 < len(found):
            at, times, since = at + 1, repeated[folded[at]], start
            continue
        else:
            yield _Token(word, start, end, filler=folded[at] in between, plus=folded[at] in spoken_numbers.PLUS)
        at, times, since = at + 1, 1, -1


def _ascii(digits: str) -> str:
    return "".join(str(int(digit)) for digit in digits)
