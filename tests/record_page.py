"""docs/record.md as data: every kind of item, every attribute of each and its types; and the recipes in it."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

PAGE = (Path(__file__).parents[1] / "docs" / "record.md").read_text(encoding="utf-8")

TYPES = {
    "S": "string",
    "N": "number",
    "BOOL": "boolean",
    "NULL": "null",
    "M": "map",
    "L": "list",
    "SS": "string set",
}
"""DynamoDB's types (API reference, AttributeValue) in the page's words."""

ENTRIES = {"turn": "A turn", "tool": "A tool run", "digits": "Digits", "gap": "A gap", "action": "An action"}


def section(heading: str) -> str:
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, f"docs/record.md has no heading {heading}"
    return found[1]


def rows(heading: str) -> Iterator[list[str]]:
    """The cells of each row of the tables below a heading, without their heads."""
    for line in section(heading).splitlines():
        cells = [cell.strip().strip("*").strip("`") for cell in line.strip().strip("|").split("|")]
        if line.startswith("|") and not line.startswith("|---"):
            yield cells


def attributes(heading: str) -> dict[str, set[str]]:
    """The attributes below a heading, with their types."""
    return {name: set(types.split(", ")) for name, types, *_ in rows(heading) if name != "attribute"}


def documented() -> dict[str, dict[str, set[str]]]:
    """Of every kind of item its attributes, with their types."""
    shared = attributes("Beside these, in each turn, tool run, digits, gap and action")
    kinds = {kind: attributes(heading) | shared for kind, heading in ENTRIES.items()}
    kinds["call"] = attributes("The call item")
    key = {"pk": {"string"}, "sk": {"string"}}
    for kind, name, types, _ in rows("The other items"):
        if kind != "item":
            kinds.setdefault(kind, dict(key))[name] = set(types.split(", "))
    return kinds


def kind_of(item: Mapping[str, Any]) -> str:
    """Which kind of item this is, in DynamoDB's form, by the keys that the page has."""
    pk, sk = item["pk"]["S"], item["sk"]["S"]
    found = {kind for kind, *patterns, _ in rows("Keys") if len(patterns) == 2 and _fits(patterns, pk, sk)}
    if found & set(ENTRIES):
        found = {item["kind"]["S"]}
    assert len(found) == 1, f"docs/record.md says of {pk} {sk}: {found or 'nothing'}"
    return found.pop()


def _fits(patterns: list[str], pk: str, sk: str) -> bool:
    ways = [re.sub(r"<[^>]+>", ".+", pattern.strip("`")) for pattern in patterns]
    return re.fullmatch(ways[0], pk) is not None and re.fullmatch(ways[1], sk) is not None


def recipes(language: str, heading: str | None = None) -> list[str]:
    """The blocks of code in a language, all or those below a heading."""
    return re.findall(rf"^```{language}\n(.*?)^```", section(heading) if heading else PAGE, re.MULTILINE | re.DOTALL)
