"""docs/performance.md, filled from what was measured last (`docs/performance.json`)."""

import re

from infra.bench import picture
from infra.bench.results import AGENTS_SDK, OURS, Results, tables
from infra.local.template import REPOSITORY

PAGE = REPOSITORY / "docs" / "performance.md"
DATA = REPOSITORY / "docs" / "performance.json"
PICTURE = REPOSITORY / "docs" / "images" / "cost-per-call.svg"


def kept() -> Results:
    """What was measured last."""
    return Results.from_json(DATA.read_text(encoding="utf-8"))


def write(results: Results) -> None:
    """Keep these, and show them on the page."""
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8"), results), encoding="utf-8")
    DATA.write_text(results.as_json(), encoding="utf-8")
    if results.live:
        PICTURE.write_text(drawn(results), encoding="utf-8")


def filled(page: str, results: Results) -> str:
    """The page with every table. A table is between two comments with its name."""
    for name, table in tables(results).items():
        before, after = f"<!-- {name} -->\n", f"<!-- /{name} -->"
        marks = re.compile(re.escape(before) + ".*?" + re.escape(after), re.DOTALL)
        if len(marks.findall(page)) != 1:
            raise ValueError(f"the page has not one place for the table {name}")
        page = marks.sub(lambda _, text=f"{before}{table}\n{after}": text, page)  # type: ignore[misc]  # a default
    return page


def drawn(results: Results) -> str:
    shown = (OURS, AGENTS_SDK)
    lines = {name: [(live.calls, live.ms) for live in results.live if live.name == name and live.ms] for name in shown}
    return picture.drawn({name: line for name, line in lines.items() if line})
