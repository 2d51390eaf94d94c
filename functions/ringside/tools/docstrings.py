"""A function's docstring as the model gets it: what the tool does, and what each argument is."""

import re
from collections.abc import Collection
from dataclasses import dataclass, field

_SECTIONS = re.compile(
    r"^\s*(:param\b|:arg\b|:argument\b|:parameter\b|:return|:rtype|:raises?\b|@param\b|@return"
    r"|(Args|Arguments|Parameters|Params|Keyword Args|Keyword Arguments|Other Parameters|Attributes):\s*$"
    r"|(Parameters|Other Parameters|Returns|Raises)\s*\n\s*-{3,}"
    r"|(Returns?|Yields|Raises):\s*$)",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Docstring:
    """`text` without the sections about arguments and errors; `arguments`: what is said of each, by name."""

    text: str
    arguments: dict[str, str] = field(default_factory=dict)


def parsed(docstring: str, arguments: Collection[str]) -> Docstring:
    """A docstring in the style of Google, NumPy or Sphinx (or none of them), of a function with these arguments.

    It stays as it is if it speaks of arguments that the function does not have: nothing it says may be lost.
    """
    if not _SECTIONS.search(docstring):
        return Docstring(docstring)
    import docstring_parser  # here, since few docstrings need it and every cold start would pay for it

    found = None
    for style in (
        docstring_parser.DocstringStyle.GOOGLE,
        docstring_parser.DocstringStyle.NUMPYDOC,
        docstring_parser.DocstringStyle.REST,
        docstring_parser.DocstringStyle.EPYDOC,
    ):
        try:
            each = docstring_parser.parse(docstring, style)
        except docstring_parser.ParseError:
            continue
        if found is None or len(each.meta) > len(found.meta):
            found = each
    if found is None or not found.meta:
        return Docstring(docstring)
    named = {param.arg_name.lstrip("*"): " ".join((param.description or "").split()) for param in found.params}
    if set(named) - set(arguments):
        return Docstring(docstring)
    parts = [found.short_description, found.long_description]
    for returns in found.many_returns:
        if returns.description and not returns.is_generator:
            parts.append(f"Returns: {' '.join(returns.description.split())}")
    for example in found.examples:
        if example.description:
            parts.append(f"Example: {example.description}")
    text = "\n\n".join(part.strip() for part in parts if part and part.strip())
    return Docstring(text, {name: words for name, words in named.items() if words})
