"""How help looks: a title, and below it names and what they mean in two columns, on a terminal and piped alike."""

from io import StringIO
from typing import Any

from cyclopts.help import HelpPanel
from rich.console import Console, ConsoleOptions, RenderableType
from rich.constrain import Constrain
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from cli.terminal import UNLIMITED, show

WIDTH = 100
"""Columns at most: longer lines are hard to read."""


class TwoColumns:
    """A formatter of cyclopts (its protocol `HelpFormatter`)."""

    def __call__(self, console: Console, options: ConsoleOptions, panel: HelpPanel) -> None:
        """Print one group of commands, arguments or options."""
        if not panel.entries:
            return
        table = Table.grid(padding=(0, 2, 0, 0), pad_edge=False)
        table.add_column(style="bold", no_wrap=True)
        table.add_column()
        for entry in panel.entries:
            names = ", ".join(entry.display_labels_with_metavar or (*entry.positive_names, *entry.positive_shorts))
            default = f" (default: {entry.default})" if entry.default is not None else ""
            table.add_row(names, Text(f"{_plain(entry.description)}{default}"))
        show(console, Text(f"{panel.title}:"))
        show(console, _narrow(Padding(table, (0, 0, 1, 2))))

    def render_usage(self, console: Console, options: ConsoleOptions, usage: Any) -> None:
        text = _plain(usage)
        if text:
            show(console, Text(f"Usage: {text.removeprefix('Usage: ')}\n"))

    def render_description(self, console: Console, options: ConsoleOptions, description: Any) -> None:
        text = _plain(description)
        if text:
            paragraphs = (" ".join(paragraph.split()) for paragraph in text.split("\n\n"))
            show(console, _narrow(Text("\n\n".join(paragraphs) + "\n")))


def _narrow(renderable: RenderableType) -> RenderableType:
    return Constrain(renderable, WIDTH)


def _plain(renderable: Any) -> str:
    """The text of whatever cyclopts has made of a docstring."""
    if not renderable:
        return ""
    segments = Console(file=StringIO(), width=UNLIMITED).render(renderable)
    return "".join(segment.text for segment in segments).strip()
