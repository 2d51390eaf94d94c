"""The keywords and types of JSON Schema (draft 2020-12), as tools use them, and their schema for editors. Pure."""

from typing import Any

TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
    "null": (type(None),),
}

OTHER_NAMES = {
    "str": "string",
    "text": "string",
    "date": "string, with format: date",
    "datetime": "string, with format: date-time",
    "time": "string, with format: time",
    "email": "string, with format: email",
    "uuid": "string, with format: uuid",
    "enum": "string, with enum: […]",
    "int": "integer",
    "long": "integer",
    "float": "number",
    "double": "number",
    "decimal": "number",
    "bool": "boolean",
    "dict": "object",
    "map": "object",
    "json": "object",
    "list": "array",
    "tuple": "array",
    "set": "array",
    "none": '"null"',
}

KEYWORDS: dict[str, str] = {
    "type": "type",
    "enum": "values",
    "const": "value",
    "default": "value",
    "examples": "values",
    "title": "text",
    "description": "text",
    "format": "text",
    "pattern": "pattern",
    "$ref": "text",
    "$id": "text",
    "$schema": "text",
    "$anchor": "text",
    "$comment": "text",
    "contentEncoding": "text",
    "contentMediaType": "text",
    "minimum": "number",
    "maximum": "number",
    "exclusiveMinimum": "number",
    "exclusiveMaximum": "number",
    "multipleOf": "number",
    "minLength": "count",
    "maxLength": "count",
    "minItems": "count",
    "maxItems": "count",
    "minContains": "count",
    "maxContains": "count",
    "minProperties": "count",
    "maxProperties": "count",
    "uniqueItems": "flag",
    "deprecated": "flag",
    "readOnly": "flag",
    "writeOnly": "flag",
    "required": "names",
    "dependentRequired": "map of names",
    "properties": "schemas",
    "patternProperties": "schemas",
    "$defs": "schemas",
    "definitions": "schemas",
    "dependentSchemas": "schemas",
    "items": "schema",
    "contains": "schema",
    "additionalProperties": "schema",
    "propertyNames": "schema",
    "unevaluatedItems": "schema",
    "unevaluatedProperties": "schema",
    "contentSchema": "schema",
    "not": "schema",
    "if": "schema",
    "then": "schema",
    "else": "schema",
    "allOf": "list of schemas",
    "anyOf": "list of schemas",
    "oneOf": "list of schemas",
    "prefixItems": "list of schemas",
    "discriminator": "value",  # OpenAPI's, which pydantic adds to a union
}
"""The keywords of JSON Schema (draft 2020-12) and what each of them holds."""

ELSEWHERE = {
    "nullable": 'is OpenAPI, not JSON Schema; write type: [string, "null"]',
    "example": "is OpenAPI, not JSON Schema; write examples: […]",
    "optional": "is not a keyword; leave the property out of required",
    "enums": "is not a keyword; write enum",
    "values": "is not a keyword; write enum",
    "options": "is not a keyword; write enum",
    "choices": "is not a keyword; write enum",
    "min": "is not a keyword; write minimum, or minLength for text",
    "max": "is not a keyword; write maximum, or maxLength for text",
    "desc": "is not a keyword; write description",
    "regex": "is not a keyword; write pattern",
    "strict": "belongs to a function tool, not to its schema; leave it out",
    "name": "is not a keyword; a property's name is its key in properties",
}

NOT_AT_THE_TOP = ("anyOf", "oneOf", "allOf", "not", "enum", "const", "if", "$ref")
"""What a function's parameters may not have at the top level (API guide, Function calling: supported schemas)."""


def shape() -> dict[str, Any]:
    """The schema of such a schema, for editors: its keywords, and nothing else."""
    one = {"$ref": "#/$defs/ToolSchema"}
    names = {"type": "array", "items": {"type": "string"}, "uniqueItems": True}
    type_name = {"enum": list(TYPES)}
    kinds: dict[str, Any] = {
        "type": {"anyOf": [type_name, {"type": "array", "items": type_name, "minItems": 1, "uniqueItems": True}]},
        "values": {"type": "array"},
        "value": {},
        "text": {"type": "string"},
        "pattern": {"type": "string", "format": "regex"},
        "number": {"type": "number"},
        "count": {"type": "integer", "minimum": 0},
        "flag": {"type": "boolean"},
        "names": names,
        "map of names": {"type": "object", "additionalProperties": names},
        "schemas": {"type": "object", "additionalProperties": one},
        "schema": one,
        "list of schemas": {"type": "array", "items": one, "minItems": 1},
    }
    array = {"properties": {"type": {"const": "array"}}, "required": ["type"]}
    return {
        "description": "A JSON schema (draft 2020-12).",
        "type": ["object", "boolean"],
        "properties": {keyword: kinds[kind] for keyword, kind in KEYWORDS.items()},
        "additionalProperties": False,
        "if": array,
        "then": {"required": ["items"]},
    }


def parameters_shape() -> dict[str, Any]:
    """The schema of a tool's `parameters`, for editors."""
    return {
        "allOf": [{"$ref": "#/$defs/ToolSchema"}],
        "type": "object",
        "required": ["type"],
        "properties": {"type": {"const": "object"}, **dict.fromkeys(NOT_AT_THE_TOP, False)},
    }
