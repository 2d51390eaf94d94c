"""The terminal: rich's console without its guesses."""

import os

from rich.console import Console

UNLIMITED = 100_000
"""Columns of what is not a terminal: whoever reads it does the wrapping."""


def console() -> Console:
    """Standard output. Text is shown as it is: no markup, no emoji codes, no highlighting.

    Styles are for terminals only, and never against NO_COLOR (https://no-color.org). Lines are as wide as the terminal
    or COLUMNS, and are not wrapped where there is neither.
    """
    colours = None if os.environ.get("NO_COLOR") else "auto"
    made = Console(markup=False, emoji=False, highlight=False, color_system=colours)  # type: ignore[arg-type]  # a Literal in rich
    if not made.is_terminal and not os.environ.get("COLUMNS"):
        made.width = UNLIMITED
    return made
