"""Tables on a page of docs/ that a program works out: each stands between two comments with its name."""

from collections.abc import Mapping
from pathlib import Path


def filled(page: str, tables: Mapping[str, str]) -> str:
    """The page with every table as it is now. Raises `ValueError` if it has not one place for each."""
    for name, table in tables.items():
        opening, closing = f"<!-- {name} -->\n", f"<!-- /{name} -->"
        head, _, rest = page.partition(opening)
        _, found, tail = rest.partition(closing)
        if not found or page.count(opening) != 1:
            raise ValueError(f"the page has not one place for the table {name}")
        page = f"{head}{opening}{table}\n{closing}{tail}"
    return page


def keep(page: Path, tables: Mapping[str, str], *, check: bool) -> int:
    """Bring a page up to date, or with `check` only say whether it is. Returns the exit status."""
    text, name = page.read_text(encoding="utf-8"), f"docs/{page.name}"
    wanted = filled(text, tables)
    if text == wanted:
        print(f"{name} is up to date")
        return 0
    if check:
        print(f"{name} is out of date: run this without --check")
        return 1
    page.write_text(wanted, encoding="utf-8")
    print(f"{name}: its tables were brought up to date")
    return 0
