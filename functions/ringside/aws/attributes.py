"""DynamoDB's attribute values: plain Python values to its JSON and back. Pure.

boto3's own serializer goes by way of Decimal and type tests, and takes longer than sending a write does.
Numbers: DynamoDB keeps 38 digits within 1e-130 to 9.99e125 (developer guide, "Naming rules and data types").
"""

import math
from collections.abc import Mapping
from typing import Any

Item = dict[str, Any]

LARGEST = 1e125


def marshal(item: Mapping[str, Any]) -> dict[str, Any]:
    """An item as DynamoDB has it. Raises `ValueError` for a number and `TypeError` for a value that it cannot hold."""
    return {str(name): _value(value) for name, value in item.items()}


def unmarshal(item: Mapping[str, Any]) -> Item:
    return {name: _plain(value) for name, value in item.items()}


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        return {"S": str(value)}
    if value is None:
        return {"NULL": True}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, int | float):
        if not math.isfinite(value) or abs(value) > LARGEST:
            raise ValueError("a number that DynamoDB cannot hold")
        return {"N": repr(round(value, 6)) if isinstance(value, float) else str(value)}
    if isinstance(value, Mapping):
        return {"M": marshal(value)}
    if isinstance(value, list | tuple):
        return {"L": [_value(inner) for inner in value]}
    if isinstance(value, set | frozenset) and value and all(isinstance(member, str) for member in value):
        return {"SS": sorted(value)}
    raise TypeError(f"DynamoDB cannot hold a {type(value).__name__}")


def _plain(value: Mapping[str, Any]) -> Any:
    ((kind, content),) = value.items()
    match kind:
        case "S" | "BOOL":
            return content
        case "N":
            return _number(content)
        case "M":
            return unmarshal(content)
        case "L":
            return [_plain(inner) for inner in content]
        case "NULL":
            return None
        case "SS":
            return set(content)
        case _:
            return content


def _number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        number = float(text)
        return int(number) if number.is_integer() else number
