"""docs/performance.md, filled from what was measured last (`docs/performance.json`)."""

from infra import page_tables
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
    PAGE.write_text(page_tables.filled(PAGE.read_text(encoding="utf-8"), tables(results)), encoding="utf-8")
    DATA.write_text(results.as_json(), encoding="utf-8")
    if results.live:
        PICTURE.write_text(drawn(results), encoding="utf-8")


def drawn(results: Results) -> str:
    shown = (OURS, AGENTS_SDK)
    lines = {name: [(live.calls, live.ms) for live in results.live if live.name == name and live.ms] for name in shown}
    return picture.drawn({name: line for name, line in lines.items() if line})
