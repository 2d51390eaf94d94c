"""JSON schemas of tools, checked for what OpenAI refuses and for what YAML turned into something else. Pure.

OpenAI may accept a session with a wrong tool and then drop the call. So what JSON Schema allows but a tool cannot mean
is refused too: unknown keywords (`properites`), arrays without `items`, a union at the top level. `cli.check` also
compares with the JSON Schema metaschema; this module is quick enough for every cold start.
"""

import difflib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ringside.agentfile.schema_keywords import ELSEWHERE, KEYWORDS, NOT_AT_THE_TOP, OTHER_NAMES, TYPES
from ringside.agentfile.yaml_lines import FieldPath

Problem = tuple[FieldPath, str]

MAX_DEPTH = 64


def problems(schema: Any, reserved: tuple[str, ...] = ()) -> list[Problem]:
    """What is wrong with a tool's `parameters`, by path. `reserved`: properties that the model may not set."""
    if not isinstance(schema, Mapping) or schema.get("type") != "object":
        return [((), "must be the JSON schema of an object: {type: object, properties: {…}}")]
    found = list(_check(schema, (), schema, 0))
    found += [
        ((name,), f"a tool's parameters cannot have {name} at the top level")
        for name in NOT_AT_THE_TOP
        if name in schema
    ]
    properties = schema.get("properties")
    for name in reserved:
        if isinstance(properties, Mapping) and name in properties:
            what = f"{name} is where the function finds the call's facts; choose another name"
            found.append((("properties", name), what))
    return found


def _check(schema: Any, path: FieldPath, root: Mapping[str, Any], depth: int) -> Iterator[Problem]:
    if isinstance(schema, bool):
        return
    if not isinstance(schema, Mapping):
        meant = schema if isinstance(schema, str) and schema in TYPES else "string"
        yield path, f"must be a schema, for example {{type: {meant}}}"
        return
    if depth > MAX_DEPTH:
        yield path, "is nested too deeply"
        return
    for keyword, value in schema.items():
        at = (*path, keyword)
        kind = KEYWORDS.get(keyword)
        if kind is None:
            yield at, _unknown(keyword)
        elif kind == "schema":
            if keyword == "items" and isinstance(value, list):
                yield at, "must be one schema for all items"
            else:
                yield from _check(value, at, root, depth + 1)
        elif kind == "schemas":
            yield from _schemas(value, at, root, depth)
        elif kind == "list of schemas":
            if not isinstance(value, list) or not value:
                yield at, "must be a list of schemas"
            else:
                for index, inner in enumerate(value):
                    yield from _check(inner, (*at, index), root, depth + 1)
        else:
            yield from _value(kind, value, at)
    yield from _consistent(schema, path, root)


def _unknown(keyword: str) -> str:
    if keyword in ELSEWHERE:
        return ELSEWHERE[keyword]
    near = difflib.get_close_matches(keyword, KEYWORDS, 1, 0.7)
    return "is not a keyword of JSON Schema" + (f"; did you mean {near[0]}?" if near else "")


def _schemas(value: Any, path: FieldPath, root: Mapping[str, Any], depth: int) -> Iterator[Problem]:
    if not isinstance(value, Mapping):
        yield path, "must be a mapping of names to schemas"
        return
    for name, inner in value.items():
        yield from _check(inner, (*path, name), root, depth + 1)


def _value(kind: str, value: Any, path: FieldPath) -> Iterator[Problem]:
    match kind:
        case "type":
            yield from _type(value, path)
        case "text" if not isinstance(value, str):
            yield path, "must be text; put it in quotes"
        case "pattern":
            if not isinstance(value, str):
                yield path, "must be text; put it in quotes"
            elif (wrong := _wrong_pattern(value)) is not None:
                yield path, f"is not a regular expression: {wrong}"
        case "number" if isinstance(value, bool) or not isinstance(value, int | float):
            yield path, "must be a number"
        case "count" if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            yield path, "must be a whole number, 0 or more"
        case "flag" if not isinstance(value, bool):
            yield path, "must be true or false"
        case "values" if not isinstance(value, list) or (path[-1] == "enum" and not value):
            yield path, "must be a list of values"
        case "names":
            yield from _names(value, path)
        case "map of names":
            for name, names in value.items() if isinstance(value, Mapping) else ():
                yield from _names(names, (*path, name))
            if not isinstance(value, Mapping):
                yield path, "must be a mapping"
    if path[-1] == "multipleOf" and isinstance(value, int | float) and value <= 0:
        yield path, "must be more than 0"
    if path[-1] == "enum" and isinstance(value, list):
        texts = [repr(each) for each in value]
        twice = sorted({str(each) for each in value if texts.count(repr(each)) > 1})
        if twice:
            yield path, f"lists {', '.join(twice)} twice"


def _wrong_pattern(text: str) -> str | None:
    try:
        re.compile(re.sub(r"\\[pP]\{[^}]*\}", r"\\w", text))  # Unicode classes, which Python's module does not know
    except re.error as error:
        return str(error)
    return None


def _names(value: Any, path: FieldPath) -> Iterator[Problem]:
    if isinstance(value, bool):
        yield path, "must be a list of names, beside properties; not true or false within a property"
    elif not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        yield path, "must be a list of names"
    elif len(set(value)) < len(value):
        yield path, "lists a name twice"


def _type(value: Any, path: FieldPath) -> Iterator[Problem]:
    named = value if isinstance(value, list) else [value]
    if not named:
        yield path, f"must be one of {', '.join(TYPES)}"
    if len({str(name) for name in named}) < len(named):
        yield path, "lists a type twice"
    for name in named:
        if isinstance(name, str) and name in TYPES:
            continue
        if name is None:
            yield path, 'YAML reads null as no value; put it in quotes: "null"'
        elif isinstance(name, str) and (meant := OTHER_NAMES.get(name.lower()) or _near_type(name)):
            yield path, f"{name} is not a type of JSON Schema; write {meant}"
        else:
            yield path, f"must be one of {', '.join(TYPES)}"


def _near_type(name: str) -> str | None:
    near = difflib.get_close_matches(name.lower(), TYPES, 1, 0.7)
    return near[0] if near else None


def _consistent(schema: Mapping[str, Any], path: FieldPath, root: Mapping[str, Any]) -> Iterator[Problem]:
    """What the keywords of one schema say about each other."""
    declared = schema.get("type")
    types = [name for name in (declared if isinstance(declared, list) else [declared]) if isinstance(name, str)]
    known = [name for name in types if name in TYPES]
    for keyword in ("enum", "const", "default", "examples"):
        if keyword not in schema:
            continue
        value = schema[keyword]
        many = keyword in ("enum", "examples") and isinstance(value, list)
        for index, each in enumerate(value) if many else [(0, value)]:
            if known and not any(fits(each, name) for name in known):
                at = (*path, keyword, index) if many else (*path, keyword)
                yield at, f"{_shown(each)} is not of type {' or '.join(known)}" + _in_quotes(each, known)
    enum = schema.get("enum")
    if not types and isinstance(enum, list) and any(isinstance(each, bool) for each in enum):
        yield (*path, "enum"), "YAML reads words such as yes, no, on and off as true and false; put them in quotes"
    if "array" in types and "items" not in schema:
        what = "items, the schema of each item, is missing"
        if "prefixItems" in schema:
            what += "; OpenAI does not take prefixItems, the schema of a tuple: use a list or an object"
        yield path, what
    required, properties = schema.get("required"), schema.get("properties")
    if isinstance(required, list) and (isinstance(properties, Mapping) or types == ["object"]):
        for index, name in enumerate(required):
            if isinstance(name, str) and name not in (properties or {}) and "patternProperties" not in schema:
                yield (*path, "required", index), f"{name} is not one of the properties"
    for smaller, larger in (
        ("minimum", "maximum"),
        ("exclusiveMinimum", "exclusiveMaximum"),
        ("minLength", "maxLength"),
        ("minItems", "maxItems"),
        ("minProperties", "maxProperties"),
    ):
        low, high = schema.get(smaller), schema.get(larger)
        if isinstance(low, int | float) and isinstance(high, int | float) and low > high:
            yield (*path, smaller), f"is more than {larger}"
    reference = schema.get("$ref")
    if isinstance(reference, str) and _resolve(reference, root) is None:
        yield (
            (*path, "$ref"),
            f"{reference} leads nowhere; it must name a part of this schema, for example #/$defs/name",
        )


def fits(value: Any, name: str) -> bool:
    """Whether a value is of a type of JSON Schema: 3.0 is an integer, true is not."""
    if isinstance(value, bool):
        return name == "boolean"
    if name == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, TYPES[name])


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _in_quotes(value: Any, types: list[str]) -> str:
    if "string" not in types or isinstance(value, str | list | dict):
        return ""
    if isinstance(value, bool):
        return "; YAML reads words such as yes, no, on and off so: put it in quotes"
    return "; put it in quotes"


def _resolve(reference: str, root: Mapping[str, Any]) -> Any:
    """The part of a schema that a local reference names (RFC 6901), or None."""
    if reference == "#":
        return root
    if not reference.startswith("#/"):
        return None
    found: Any = root
    for part in reference[2:].split("/"):
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(found, Mapping) and key in found:
            found = found[key]
        elif isinstance(found, list) and key.isdecimal() and int(key) < len(found):
            found = found[int(key)]
        else:
            return None
    return found
