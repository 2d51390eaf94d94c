"""What the doctor found, with what to do about it below. Pure."""

from rich.table import Table
from rich.text import Text

from cli.doctor.finding import Finding, State
from cli.terminal import safe

SIGNS = {State.OK: ("✓", "green"), State.WARNING: ("!", "yellow"), State.WRONG: ("✗", "red")}


def finding(found: Finding) -> Table:
    """One finding."""
    table = Table.grid(padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column(width=1)
    table.add_column(overflow="fold")
    table.add_row(Text(*SIGNS[found.state]), Text(f"{found.check}: {safe(found.what)}"))
    if found.todo:
        table.add_row("", Text(f"→ {safe(found.todo)}"))
    return table
