"""The terminal: rich's console without its cleverness, and no control character of a stranger on it.

Transcripts, tool outputs and numbers come from strangers. An escape sequence in them could rewrite the screen or the
clipboard of whoever reads them, so `safe` stands before every one of them; and no console here reads markup.
"""

import os
import re
import shutil
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from rich.color import ColorSystem
from rich.console import Console, RenderableType
from rich.style import Style as RichStyle
from rich.text import Text

UNLIMITED = 100_000
"""Columns of an output that is not a terminal: whoever reads it does the wrapping."""

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


def console(*, stderr: bool = False, environ: Mapping[str, str] | None = None) -> Console:
    """Standard output or error. Text is shown as it is: no markup, no emoji codes, no colours by guess.

    Styles are for terminals only, and never against NO_COLOR (https://no-color.org). Lines are as wide as the
    terminal or COLUMNS, and not broken at all where there is neither.
    """
    environ = os.environ if environ is None else environ
    made = Console(
        stderr=stderr,
        markup=False,
        emoji=False,
        highlight=False,
        color_system=None if environ.get("NO_COLOR") else "auto",
        _environ=environ,
    )
    if not made.is_terminal and not environ.get("COLUMNS"):
        made.width = UNLIMITED
    return made


def show(out: Console, renderable: RenderableType) -> None:
    """Print; lines that nobody sees on a terminal end without the spaces that fill a table."""
    if out.is_terminal:
        out.print(renderable, crop=False)
        return
    with out.capture() as captured:
        out.print(renderable, crop=False)
    print("\n".join(line.rstrip() for line in captured.get().splitlines()), file=out.file, flush=True)


def busy(out: Console, text: str, silent: bool = False) -> AbstractContextManager[object]:
    """A line at the bottom of a terminal that moves while something is going on."""
    if silent or not (out.is_terminal and out.is_interactive):
        return nullcontext()
    return out.status(text, refresh_per_second=4)


# --- lines that are printed as they are, by `make local` and `make demo` ---


@dataclass(frozen=True)
class Style:
    """Text in colours, or as it is where they are not wanted."""

    colour: bool = False

    def bold(self, text: str) -> str:
        return self._paint("bold", text)

    def dim(self, text: str) -> str:
        return self._paint("dim", text)

    def red(self, text: str) -> str:
        return self._paint("red", text)

    def green(self, text: str) -> str:
        return self._paint("green", text)

    def yellow(self, text: str) -> str:
        return self._paint("yellow", text)

    def cyan(self, text: str) -> str:
        return self._paint("cyan", text)

    def _paint(self, style: str, text: str) -> str:
        system = ColorSystem.STANDARD if self.colour else None
        return RichStyle.parse(style).render(text, color_system=system)


def wants_colour(is_terminal: bool, environ: Mapping[str, str]) -> bool:
    """Colour on a terminal only, and never against NO_COLOR (https://no-color.org) or a dumb terminal."""
    return is_terminal and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"


def columns() -> int:
    """Columns of standard output; of one that is not a terminal, as many as are wanted."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else UNLIMITED


def passed_on(margin: int) -> dict[str, str]:
    """The environment in which a `ringside` whose output is read writes for this terminal, less a margin."""
    if not sys.stdout.isatty():
        return {}
    same = {name: os.environ[name] for name in ("TERM", "COLORTERM", "NO_COLOR") if name in os.environ}
    return {**same, "COLUMNS": str(columns() - margin), "FORCE_COLOR": "1", "TTY_INTERACTIVE": "0"}


def wrapped(text: str, width: int) -> list[str]:
    """The text in lines of at most `width` columns; only a word that is longer is broken."""
    measure = Console(file=sys.stderr, width=width, color_system=None)
    return [line.plain.rstrip() for line in Text(text).wrap(measure, width)] or [""]
