"""How an expected value is held against what there is. Pure.

A value is equal to itself; a mapping may have more than is expected; a list of mappings is a set. In the place of a
value there may be `{matches: PATTERN}`, `{any: true}` or `{one_of: [...]}`.
"""

import json
import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import AfterValidator

from ringside.strict_model import Strict


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"is not a regular expression: {error}") from None
    return text


class Pattern(Strict):
    """A text in which the pattern is found."""

    matches: Annotated[str, AfterValidator(_pattern)]

    def fits(self, found: object) -> bool:
        return re.search(self.matches, found if isinstance(found, str) else shown(found)) is not None


class Any_(Strict):
    any: Literal[True]


MATCHERS = ("matches", "any", "one_of")


def wrong_matchers(expected: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Where a matcher is written wrongly: its path, and what is wrong."""
    if isinstance(expected, dict):
        named = [key for key in MATCHERS if key in expected]
        if named and len(expected) == 1:
            key, value = named[0], expected[named[0]]
            if key == "matches":
                try:
                    re.compile(value)
                except (re.error, TypeError) as error:
                    yield (*path, key), f"is not a regular expression: {error}"
            elif key == "any" and value is not True:
                yield (*path, key), "must be true"
            elif key == "one_of" and not isinstance(value, list):
                yield (*path, key), "must be a list"
            return
        for key, value in expected.items():
            yield from wrong_matchers(value, (*path, key))
    elif isinstance(expected, list):
        for index, value in enumerate(expected):
            yield from wrong_matchers(value, (*path, index))


def differences(expected: Any, found: Any, path: str = "") -> list[str]:
    """What is not as expected, each as `path: expected X, got Y`; empty if it fits."""
    if isinstance(expected, dict):
        matcher = _matched(expected, found)
        if matcher is not None:
            return [] if matcher else [_difference(path, expected, found)]
        if not isinstance(found, dict):
            return [_difference(path, expected, found)]
        wrong = []
        for key, value in expected.items():
            at = f"{path}.{key}" if path else str(key)
            if key not in found and not (isinstance(value, dict) and value.get("any") is True):
                wrong.append(f"{at}: expected {described(value)}, and there is none")
            elif key in found:
                wrong += differences(value, found[key], at)
            else:
                wrong.append(f"{at}: expected any value, and there is none")
        return wrong
    if isinstance(expected, list | tuple):
        return _list(list(expected), found, path)
    return [] if equal(expected, found) else [_difference(path, expected, found)]


def _list(expected: list[Any], found: Any, path: str) -> list[str]:
    if not isinstance(found, list | tuple):
        return [_difference(path, expected, found)]
    found = list(found)
    if not all(isinstance(each, dict) for each in (*expected, *found)):
        if len(expected) != len(found):
            return [_difference(path, expected, found)]
        return [
            problem
            for index, (one, other) in enumerate(zip(expected, found, strict=True))
            for problem in differences(one, other, f"{path}.{index}")
        ]
    remaining, wrong = list(found), []
    for each in expected:  # a set of mappings: each is there once, in any order, and there are no others
        fitting = next((other for other in remaining if not differences(each, other)), None)
        if fitting is None:
            wrong.append(f"{path}: expected {described(each)} among {shown(found)}")
        else:
            remaining.remove(fitting)
    if not wrong and remaining:
        wrong = [f"{path}: not expected: {', '.join(map(shown, remaining))}"]
    return wrong


def equal(expected: Any, found: Any) -> bool:
    """Equal values; true is not 1."""
    return bool(expected == found) and isinstance(expected, bool) == isinstance(found, bool)


def _matched(expected: dict[str, Any], found: Any) -> bool | None:
    """Whether the matcher fits; None if it is not a matcher."""
    if len(expected) != 1:
        return None
    ((key, value),) = expected.items()
    match key:
        case "matches":
            return Pattern(matches=value).fits(found)
        case "any":
            return found is not None
        case "one_of":
            return any(not differences(each, found) for each in value)
    return None


def described(expected: Any) -> str:
    """An expected value in words."""
    if isinstance(expected, dict) and len(expected) == 1:
        ((key, value),) = expected.items()
        if key in MATCHERS:
            return {"matches": f"what matches {value}", "any": "any value", "one_of": f"one of {shown(value)}"}[key]
    return shown(expected)


def shown(value: Any) -> str:
    """A value as it is written in a report: texts bare, all else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _difference(path: str, expected: Any, found: Any) -> str:
    return f"{path}: expected {described(expected)}, got {shown(found)}"
