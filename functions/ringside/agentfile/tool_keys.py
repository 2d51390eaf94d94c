"""How tools are known among all agents', and what one agent calls them. Pure."""

from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")


def key(owner: str, name: str) -> str:
    """`book` of `tools.py`, `dental.book` of `dental.py`. `owner`: an agent's name, empty for a shared tool."""
    return f"{owner}.{name}" if owner else name


def visible(agent: str, tools: Mapping[str, T]) -> dict[str, T]:
    """Of all agents' tools, by their keys, those that this one may use, by the names that it has for them: its own
    ones, and shared ones, which its own hide."""
    own = f"{agent}."
    shared = {name: value for name, value in tools.items() if "." not in name}
    return shared | {name.removeprefix(own): value for name, value in tools.items() if name.startswith(own)}
