"""The pages' templates. Whatever stands in one is text: escaped, and without a control character of a stranger."""

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from cli.console import charts, words
from cli.terminal import safe


def _shown(value: Any) -> Any:
    return safe(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def environment() -> Environment:
    """The templates of this package. `finalize` stands before everything that a template writes."""
    made = Environment(
        loader=PackageLoader("cli.console"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for name in ("ending", "span", "money", "clock", "day", "tone", "since_answer", "usage", "is_open"):
        made.filters[name] = getattr(words, name)
    made.globals |= {"words": words, "charts": charts}
    return made
