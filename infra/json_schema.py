"""JSON schemas for editors: the shape is a pydantic model's, the words are those of the documentation's tables."""

import re
from pathlib import Path
from typing import Any

Json = dict[str, Any]


def documented(page: Path, heading: str, columns: int) -> dict[str, str]:
    """The fields in those tables of a page's chapter that have so many columns, and what the last one says of them."""
    text = page.read_text(encoding="utf-8")
    chapter = re.split(r"\n#+ ", text.partition(f"# {heading}\n")[2])[0]
    between = r"[^|]*\|" * (columns - 2)
    return dict(re.findall(rf"^\| `([a-z_]+)` \|{between} ?(.*?) ?\|$", chapter, re.MULTILINE))


def describe(shape: Json, page: Path, heading: str, columns: int) -> None:
    """Give the properties of a shape the words of that chapter."""
    for name, words in documented(page, heading, columns).items():
        if words and name in shape["properties"]:
            shape["properties"][name]["description"] = words


def untitled(value: Any) -> Any:
    """Pydantic titles every field with its own name, which no editor needs to show."""
    if isinstance(value, dict):
        return {key: untitled(each) for key, each in value.items() if not (key == "title" and isinstance(each, str))}
    return [untitled(each) for each in value] if isinstance(value, list) else value
