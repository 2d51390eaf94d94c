"""Numbers as they are spoken in English, German, Spanish and French: which words mean which digits. Pure.

`text2num` was looked at: it rewrites a text without saying where a number stood, and knows neither "oh" nor "double",
which is how people read numbers out.
"""

import unicodedata
from collections.abc import Mapping
from functools import cache
from itertools import product

Phrase = tuple[str, ...]
"""Folded words: `("forty", "two")`."""

LANGUAGES = ("en", "de", "es", "fr")


def _words(text: str) -> list[str]:
    return text.split()


_ENGLISH = _words(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
)
_ENGLISH_TENS = _words("twenty thirty forty fifty sixty seventy eighty ninety")
_GERMAN = _words(
    "null eins zwei drei vier funf sechs sieben acht neun zehn elf zwolf dreizehn vierzehn funfzehn sechzehn "
    "siebzehn achtzehn neunzehn"
)
_GERMAN_TENS = _words("zwanzig dreissig vierzig funfzig sechzig siebzig achtzig neunzig")
_SPANISH = _words(
    "cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciseis diecisiete "
    "dieciocho diecinueve veinte veintiuno veintidos veintitres veinticuatro veinticinco veintiseis veintisiete "
    "veintiocho veintinueve"
)
_SPANISH_TENS = _words("treinta cuarenta cincuenta sesenta setenta ochenta noventa")
_SPANISH_HUNDREDS = _words(
    "ciento doscientos trescientos cuatrocientos quinientos seiscientos setecientos ochocientos novecientos"
)
_FRENCH = _words("zero un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize")
_FRENCH_TENS = _words("vingt trente quarante cinquante soixante")

ONLY_BESIDE_DIGITS: Mapping[str, Mapping[str, str]] = {
    "en": {"oh": "0", "o": "0"},
    "de": {"ein": "1", "eine": "1", "einen": "1"},
    "es": {"un": "1", "una": "1"},
    "fr": {"un": "1", "une": "1"},
}
"""Everyday words that are a digit only where digits stand beside them."""

REPEATED: Mapping[str, Mapping[str, int]] = {
    "en": {"double": 2, "triple": 3, "treble": 3},
    "de": {"doppel": 2, "doppelt": 2, "zweimal": 2, "dreimal": 3},
    "es": {"doble": 2, "triple": 3},
    "fr": {"double": 2, "triple": 3},
}
"""Words that repeat the digit behind them."""

BETWEEN: Mapping[str, frozenset[str]] = {
    "en": frozenset(
        [
            "and",
            "uh",
            "um",
            "er",
            "so",
            "then",
            "dash",
            "hyphen",
            "space",
            "slash",
            "ok",
            "okay",
            "right",
            "yes",
            "again",
        ]
    ),
    "de": frozenset(
        [
            "und",
            "ah",
            "ahm",
            "also",
            "dann",
            "strich",
            "bindestrich",
            "leerzeichen",
            "schragstrich",
            "die",
            "der",
            "mal",
            "ja",
            "noch",
            "nochmal",
        ]
    ),
    "es": frozenset(_words("y eh em pues luego guion espacio barra el la si otra vez")),
    "fr": frozenset(_words("et euh ben puis tiret espace barre le la alors oui encore")),
}
"""Words that people put inside a number while they read it out."""


PLUS = frozenset(("+", "plus", "mas"))
"""What stands for the plus sign before a country code."""


def fold(word: str) -> str:
    """Lower case without accents: `Zéro`, `fünf` and `dreißig` as `zero`, `funf` and `dreissig`."""
    return "".join(
        letter for letter in unicodedata.normalize("NFKD", word.casefold()) if not unicodedata.combining(letter)
    )


@cache
def phrases(language: str) -> Mapping[Phrase, str]:
    """What each phrase of a language means, as digits: `("forty", "two")` is "42"."""
    return {"en": _english, "de": _german, "es": _spanish, "fr": _french}[language]()


@cache
def longest(language: str) -> int:
    """Words of the longest phrase."""
    return max(map(len, phrases(language)))


def _units(words: list[str]) -> dict[Phrase, str]:
    return {(word,): str(value) for value, word in enumerate(words)}


def _english() -> dict[Phrase, str]:
    known = _units(_ENGLISH) | {("nought",): "0", ("naught",): "0"}
    for (tens, word), unit in product(enumerate(_ENGLISH_TENS, 2), range(10)):
        known[(word, _ENGLISH[unit]) if unit else (word,)] = f"{tens}{unit}"
    for hundreds in range(1, 10):  # "eight hundred five five five" is 800 and three digits, never 805
        known[_ENGLISH[hundreds], "hundred"] = f"{hundreds}00"
        known[_ENGLISH[hundreds], "thousand"] = f"{hundreds}000"
    return known


def _german() -> dict[Phrase, str]:
    known = _units(_GERMAN) | {("zwo",): "2", ("fuenf",): "5", ("zwoelf",): "12"}
    for (tens, word), unit in product(enumerate(_GERMAN_TENS, 2), range(10)):
        stem = "ein" if unit == 1 else _GERMAN[unit]
        known[(f"{stem}und{word}" if unit else word,)] = f"{tens}{unit}"
        if unit:
            known[stem, "und", word] = f"{tens}{unit}"
    below = {phrase[0]: int(digits) for phrase, digits in known.items() if len(phrase) == 1}
    for hundreds in range(1, 10):
        stem = ("ein" if hundreds == 1 else _GERMAN[hundreds]) + "hundert"
        known[stem,] = f"{hundreds}00"
        known[stem.replace("hundert", "tausend"),] = f"{hundreds}000"
        for word, value in below.items():
            known[stem + word,] = f"{hundreds}{value:02}"
    return known


def _spanish() -> dict[Phrase, str]:
    known = _units(_SPANISH)
    for (tens, word), unit in product(enumerate(_SPANISH_TENS, 3), range(10)):
        known[(word, "y", _SPANISH[unit]) if unit else (word,)] = f"{tens}{unit}"
    known |= {(_SPANISH[unit], "mil"): f"{unit}000" for unit in range(2, 10)}
    return (
        known | {("cien",): "100"} | _with_hundreds({h: (word,) for h, word in enumerate(_SPANISH_HUNDREDS, 1)}, known)
    )


def _french() -> dict[Phrase, str]:
    known = _units(_FRENCH) | {("dix", _FRENCH[unit]): f"1{unit}" for unit in (7, 8, 9)}
    teens = {phrase: int(digits) for phrase, digits in known.items() if int(digits) >= 10}
    for (tens, word), unit in product(enumerate(_FRENCH_TENS, 2), range(10)):
        if unit != 1:
            known[(word, _FRENCH[unit]) if unit else (word,)] = f"{tens}{unit}"
        else:
            known |= {(word, "et", one): f"{tens}1" for one in ("un", "une")}
    for phrase, value in teens.items():
        known["soixante", *(("et", "onze") if value == 11 else phrase)] = str(60 + value)
    for eighty in (("quatre", "vingt"), ("quatre", "vingts")):
        known[eighty] = "80"
        known |= {(*eighty, _FRENCH[unit]): f"8{unit}" for unit in range(1, 10)}
        known |= {(*eighty, *phrase): str(80 + value) for phrase, value in teens.items()}
    for (tens, word), unit in product(
        enumerate(("septante", "huitante", "nonante"), 7), range(10)
    ):  # Switzerland, Belgium
        known[(word, _FRENCH[unit]) if unit else (word,)] = f"{tens}{unit}"
    del known["un",]  # an article far more often than a number
    hundreds: dict[int, Phrase] = {1: ("cent",)} | {h: (_FRENCH[h], "cent") for h in range(2, 10)}
    known |= {(_FRENCH[unit], "mille"): f"{unit}000" for unit in range(2, 10)}
    plural = {(*words[:-1], "cents"): f"{h}00" for h, words in hundreds.items() if h > 1}
    return known | plural | _with_hundreds(hundreds, known)


def _with_hundreds(hundreds: Mapping[int, Phrase], known: Mapping[Phrase, str]) -> dict[Phrase, str]:
    found = {words: f"{h}00" for h, words in hundreds.items()}
    for (h, words), (phrase, digits) in product(hundreds.items(), known.items()):
        if 10 <= int(digits) < 100:  # "cent deux" may be 102, or 100 and 2: read apart, both digits are found
            found[*words, *phrase] = f"{h}{digits}"
    return found
