"""What a terminal gets: text that fits, colour where it is wanted, and no control character. Pure.

Transcripts, tool outputs and numbers come from strangers. An escape sequence in them could rewrite
the screen or the clipboard of whoever reads them, so `safe` stands before every one of them.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

# C0 and C1 controls, line separators, and the marks that turn the direction of what follows
# (Unicode TR 9): they could show a reader something other than what was said. And lone surrogates.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_SHORT = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def safe(text: object) -> str:
    """The text with every control character written out, such as `\\x1b`."""
    return _UNSAFE.sub(lambda found: _SHORT.get(found[0]) or _written(found[0]), str(text))


def _written(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def safe_json(text: str) -> str:
    """JSON whose strings hold no raw control character: the same value, escaped as JSON escapes."""
    return "\n".join(_UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", line) for line in text.split("\n"))


@dataclass(frozen=True)
class Style:
    """ANSI colours, or nothing where they are not wanted."""

    colour: bool = False

    def bold(self, text: str) -> str:
        return self._paint("1", text)

    def dim(self, text: str) -> str:
        return self._paint("2", text)

    def red(self, text: str) -> str:
        return self._paint("31", text)

    def green(self, text: str) -> str:
        return self._paint("32", text)

    def yellow(self, text: str) -> str:
        return self._paint("33", text)

    def cyan(self, text: str) -> str:
        return self._paint("36", text)

    def _paint(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour and text else text


def wants_colour(is_terminal: bool, environ: Mapping[str, str]) -> bool:
    """Colour on a terminal alone, and never against NO_COLOR (https://no-color.org) or a dumb terminal."""
    return is_terminal and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"


def cells(text: str) -> int:
    """How many columns a terminal needs for the text."""
    if text.isascii():
        return len(text)
    return sum(_cells_of(character) for character in text)


def _cells_of(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def padded(text: str, width: int, right: bool = False) -> str:
    """The text filled up with spaces to so many columns."""
    space = " " * (width - cells(text))
    return space + text if right else text + space


def wrapped(text: str, width: int) -> list[str]:
    """The text in lines of at most `width` columns; a word that is longer is broken."""
    lines, line = [], ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if cells(longer) <= width:
            line = longer
            continue
        if line:
            lines.append(line)
        *whole, line = _broken(word, width)
        lines += whole
    return [*lines, line]


def _broken(word: str, width: int) -> list[str]:
    parts, part, used = [], "", 0
    for character in word:
        needed = _cells_of(character)
        if used + needed > max(width, 2) and part:
            parts.append(part)
            part, used = "", 0
        part, used = part + character, used + needed
    return [*parts, part]
