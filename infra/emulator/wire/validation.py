"""Checks a JSON value against a documented shape, and complains in the API's own words.

A shape is a function `(value, path) -> None` that raises `InvalidRequest`. The wording and the
codes (`missing_required_parameter`, `unknown_parameter`, `invalid_value`, ...) are the
ones the API uses for a bad body and for a bad client event alike (facts 3.9).
"""

from collections.abc import Callable, Mapping, Sequence

Shape = Callable[[object, str], None]


class InvalidRequest(Exception):
    """A value does not have its documented shape; the attributes are the API's error object."""

    def __init__(self, message: str, code: str, param: str | None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.param = param


def _kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int):
        return "an integer"
    if isinstance(value, float):
        return "a decimal"
    if isinstance(value, str):
        return "a string"
    return "an array" if isinstance(value, list) else "an object"


def _invalid_type(path: str, expected: str, value: object) -> InvalidRequest:
    message = f"Invalid type for '{path}': expected {expected}, but got {_kind(value)} instead."
    return InvalidRequest(message, "invalid_type", path)


def _listed(values: Sequence[str]) -> str:
    quoted = [f"'{value}'" for value in values]
    if len(quoted) == 1:
        return quoted[0]
    return ", ".join(quoted[:-1]) + (", and " if len(quoted) > 2 else " and ") + quoted[-1]


def unsupported_value(path: str, value: object, supported: Sequence[str]) -> InvalidRequest:
    return InvalidRequest(
        f"Invalid value: '{value}'. Supported values are: {_listed(supported)}.", "invalid_value", path
    )


def anything(value: object, path: str) -> None:
    """Accept whatever comes: the API documents no shape here."""


def text(*supported: str, longest: int | None = None) -> Shape:
    def check(value: object, path: str) -> None:
        if not isinstance(value, str):
            raise _invalid_type(path, f"one of {_listed(supported)}" if supported else "a string", value)
        if supported and value not in supported:
            raise unsupported_value(path, value, supported)
        if longest is not None and len(value) > longest:
            message = f"Invalid '{path}': string too long. Expected a string with maximum length {longest}, "
            raise InvalidRequest(
                f"{message}but got a string with length {len(value)} instead.", "string_above_max_length", path
            )

    return check


def number(low: float | None = None, high: float | None = None, *, whole: bool = False) -> Shape:
    kind = "integer" if whole else "decimal"

    def check(value: object, path: str) -> None:
        if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
            raise _invalid_type(path, "an integer" if whole else "a decimal", value)
        if low is not None and value < low:
            message = (
                f"Invalid '{path}': {kind} below minimum value. Expected a value >= {low}, but got {value} instead."
            )
            raise InvalidRequest(message, f"{kind}_below_min_value", path)
        if high is not None and value > high:
            message = (
                f"Invalid '{path}': {kind} above maximum value. Expected a value <= {high}, but got {value} instead."
            )
            raise InvalidRequest(message, f"{kind}_above_max_value", path)

    return check


def flag(value: object, path: str) -> None:
    if not isinstance(value, bool):
        raise _invalid_type(path, "a boolean", value)


def mapping(value: object, path: str) -> None:
    if not isinstance(value, dict):
        raise _invalid_type(path, "an object", value)


def strings(longest_key: int | None = None, longest: int | None = None, most: int | None = None) -> Shape:
    """An object whose values are strings, as `metadata` is (16 pairs, keys <= 64, values <= 512; facts 4)."""
    of_value = text(longest=longest)

    def check(value: object, path: str) -> None:
        if not isinstance(value, dict):
            raise _invalid_type(path, "an object", value)
        if most is not None and len(value) > most:
            message = f"Invalid '{path}': too many properties. Expected an object with at most {most} properties, "
            raise InvalidRequest(f"{message}but got {len(value)} instead.", "object_above_max_properties", path)
        for key, item in value.items():
            text(longest=longest_key)(key, path)
            of_value(item, f"{path}.{key}")

    return check


def listing(item: Shape) -> Shape:
    def check(value: object, path: str) -> None:
        if not isinstance(value, list):
            raise _invalid_type(path, "an array", value)
        for index, entry in enumerate(value):
            item(entry, f"{path}[{index}]")

    return check


def nullable(shape: Shape) -> Shape:
    def check(value: object, path: str) -> None:
        if value is not None:
            shape(value, path)

    return check


def record(required: Mapping[str, Shape] | None = None, optional: Mapping[str, Shape] | None = None) -> Shape:
    """An object with these fields and no others."""
    needed = dict(required or {})
    fields = {**(optional or {}), **needed}

    def check(value: object, path: str) -> None:
        if not isinstance(value, dict):
            raise _invalid_type(path or "body", "an object", value)
        prefix = f"{path}." if path else ""
        for name in needed:
            if name not in value:
                message = f"Missing required parameter: '{prefix}{name}'."
                raise InvalidRequest(message, "missing_required_parameter", prefix + name)
        for name, field in value.items():
            shape = fields.get(name)
            if shape is None:
                raise InvalidRequest(f"Unknown parameter: '{prefix}{name}'.", "unknown_parameter", prefix + name)
            shape(field, prefix + name)

    return check


def by_type(shapes: Mapping[str, Shape], field: str = "type") -> Shape:
    """An object whose `type` says which of several shapes it has."""

    def check(value: object, path: str) -> None:
        record({field: text(*shapes)}, dict.fromkeys(value, anything) if isinstance(value, dict) else None)(value, path)
        assert isinstance(value, dict)
        shapes[value[field]](value, path)

    return check


def either(**shapes: Shape) -> Shape:
    """One of several shapes, told apart by JSON kind: `string=`, `object=`, `number=`."""

    def check(value: object, path: str) -> None:
        kinds = {str: "string", dict: "object", int: "number", float: "number"}
        shape = shapes.get(kinds.get(type(value), ""))
        if shape is None:
            articles = [f"{'an' if kind == 'object' else 'a'} {kind}" for kind in shapes]
            raise _invalid_type(path, " or ".join(articles), value)
        shape(value, path)

    return check
