"""What an agent's `redact` takes out of texts, and out of arguments and results of tools. Pure.

It finds what can be found by form: numbers by their check digits and by the words around them, mail addresses by their
shape. Names and street addresses have no form; only a model finds those.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ringside.redaction import context_words, number_kinds, spoken_numbers
from ringside.redaction.digit_runs import Run, runs
from ringside.redaction.emails import emails
from ringside.redaction.tokens import TOKENS, Kind

ANY_TOKEN = re.compile(r"\[(?:CARD|IBAN|ID)\]")
_TOKEN = re.compile("|".join(map(re.escape, TOKENS.values())))
_KIND_OF = {token: kind for kind, token in TOKENS.items()}

FRAGMENT = 3
"""Digits that may be a part of a longer number which is said over several turns."""
OPENING = 3
"""Words that may stand before it: "and then", "okay so"."""
STRICT = 4
"""Digits in a row that `digits` takes out, whatever they are."""
NEAR = 80  # characters before and behind a number in which words say what it is
DEPTH = 20  # of nested arguments; what is deeper is no tool's argument

_IBAN = re.compile(r"(?<![^\W_])[A-Za-z][\s-]?[A-Za-z][\s-]?\d{2}(?:[\s-]?[A-Za-z0-9]{1,4}){3,9}(?![^\W_])")
_SPANISH_ID = re.compile(r"(?<![^\W_])[XYZxyz]?[\s.-]?\d[\d\s.]{5,9}\d[\s.-]?[A-Za-z](?![^\W_])")
_BRITISH_ID = re.compile(
    r"(?<![^\W_])[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z](?:\s?\d\d){3}\s?[A-D](?![^\W_])", re.IGNORECASE
)
_COUNTRY = re.compile(r"(?<![^\W_])([A-Za-z])[\s.,-]*([A-Za-z])[\s.,-]*$")


@dataclass(frozen=True)
class Redactor:
    """`of`: the kinds to take out. `languages`: those spoken (`spoken_numbers.LANGUAGES`). `regions`: countries (ISO
    3166) whose phone numbers are known without their code. `patterns`: own ones by their name, which becomes the
    token. `secrets`: digits that are taken out wherever they are said or written."""

    of: frozenset[Kind]
    languages: tuple[str, ...] = spoken_numbers.LANGUAGES
    regions: tuple[str, ...] = ("US", "GB", "DE", "ES", "FR")
    patterns: Mapping[str, re.Pattern[str]] = field(default_factory=dict)
    secrets: frozenset[str] = frozenset()

    def text(self, text: str, before: Sequence[str] = ()) -> str:
        """The text with tokens such as `[CARD]` in place of what is taken out.

        `before`: the last turns of the conversation, oldest first, as they were said or as they were kept. They say
        what a number is ("and your card number?"), and that a number is the rest of one which began there. A number's
        beginning that was said without any such word is in the record before anybody could know.
        """
        shown, at = [], 0
        for start, end, token in self.spans(text, before):
            shown += [text[at:start], token]
            at = end
        return "".join([*shown, text[at:]])

    def spans(self, text: str, before: Sequence[str] = ()) -> list[tuple[int, int, str]]:
        """What `text` replaces, in order: start, end and token. What overlaps is one, by the name of the first."""
        merged: list[tuple[int, int, str]] = []
        for start, end, token in sorted(self._found(text, " ".join(before[-2:])), key=lambda one: (one[0], -one[1])):
            if merged and start < merged[-1][1]:
                first, last, kept = merged[-1]
                merged[-1] = (first, max(last, end), kept)
            else:
                merged.append((start, end, token))
        return merged

    def value(self, value: Any, before: Sequence[str] = (), depth: int = DEPTH) -> Any:
        """The same for arguments and results of tools: any JSON value; keys of objects are kept."""
        match value:
            case str():
                return self.text(value, before)
            case bool() | None:
                return value
            case int() | float():
                written = str(value)
                shown = self.text(written, before)
                return value if shown == written else shown
            case dict() if depth:
                return {key: self.value(one, (*before, _words(key)), depth - 1) for key, one in value.items()}
            case list() if depth:
                return [self.value(one, before, depth - 1) for one in value]
            case dict() | list():
                return "[…]"
            case _:
                return value

    def _found(self, text: str, earlier: str) -> Iterator[tuple[int, int, str]]:
        for name, pattern in self.patterns.items():
            yield from ((*match.span(), f"[{name.upper()}]") for match in pattern.finditer(text) if match[0])
        if "emails" in self.of:
            yield from ((start, end, TOKENS["emails"]) for start, end in emails(text))
        if "ibans" in self.of:
            yield from self._lettered(text, _IBAN, number_kinds.is_iban, TOKENS["ibans"])
        if "ids" in self.of:
            yield from self._lettered(text, _SPANISH_ID, number_kinds.is_lettered_id, TOKENS["ids"])
            yield from ((*match.span(), TOKENS["ids"]) for match in _BRITISH_ID.finditer(text))
        for language in self.languages:
            for run in runs(text, language):
                if any(secret in run.digits for secret in self.secrets):
                    yield run.start, run.end, TOKENS["digits"]
                    continue
                kind = self._kind(run, text, earlier) if self.of else None
                if kind:
                    yield self._start(run, text, kind), run.end, TOKENS[kind]

    def _kind(self, run: Run, text: str, earlier: str) -> Kind | None:
        """The first kind that fits, of those that are to be taken out."""
        ahead = text[max(0, run.start - NEAR) : run.start]
        before = f"{_TOKEN.sub('', earlier)[-NEAR:]} {ahead}"  # a token says what was said, not what comes next
        # A number with which a turn begins may be the rest of one that began in an earlier turn.
        opens = run.start == len(ahead) and len(re.findall(r"[^\W\d_]+", ahead)) <= OPENING
        begun = _begun(earlier[-NEAR:]) if opens and len(run.digits) >= FRAGMENT else None
        country = _COUNTRY.search(ahead)
        code = "".join(country.groups()) if country else ""
        checks: Mapping[Kind, bool] = {
            "ibans": number_kinds.is_iban(code + run.digits) or _is_account(run, before),
            "cards": number_kinds.has_card(run.digits) or number_kinds.is_part_of_card(run, before),
            "ids": number_kinds.is_id(run, before, text[run.end : run.end + NEAR]),
            "phones": number_kinds.is_phone(run, self.regions, before),
            "digits": len(run.digits) >= STRICT,
        }
        found = next((kind for kind, fits in checks.items() if fits and kind in self.of), None)
        return begun if begun and not run.plus and found in (None, "phones", "digits") else found

    @staticmethod
    def _start(run: Run, text: str, kind: Kind) -> int:
        """Where it begins: with the letters of its country if it is an account's."""
        offset = max(0, run.start - NEAR)
        country = _COUNTRY.search(text[offset : run.start])
        if kind == "ibans" and country and number_kinds.is_iban("".join(country.groups()) + run.digits):
            return offset + country.start()
        return run.start

    @staticmethod
    def _lettered(text: str, pattern: re.Pattern[str], check: Any, token: str) -> Iterator[tuple[int, int, str]]:
        for match in pattern.finditer(text):
            # The words behind a number may have been taken for a part of it: shorten until it fits.
            words = list(re.finditer(r"[^\s.-]+", match[0]))
            for count in range(len(words), 0, -1):
                end = words[count - 1].end()
                if check(re.sub(r"[\s.-]", "", match[0][:end])):
                    yield match.start(), match.start() + end, token
                    break


def _begun(earlier: str) -> Kind | None:
    """Which kind of number was begun there, if nothing since has asked for another one."""
    last = max(ANY_TOKEN.finditer(earlier), key=lambda match: match.start(), default=None)
    if last is None:
        return None
    since = earlier[last.end() :]
    asked = context_words.PHONE.search(since) or context_words.OTHER_NUMBER.search(since)
    return None if asked else _KIND_OF[last[0]]


def _is_account(run: Run, before: str) -> bool:
    return len(run.digits) >= 6 and bool(context_words.ACCOUNT.search(before[-60:]))


def _words(key: str) -> str:
    """`card_number` and `cardNumber` as words, which say what a value is."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", key)
