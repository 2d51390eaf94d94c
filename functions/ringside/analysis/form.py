"""The form that a text model fills in about a call: made of an agent's `analysis`, as a JSON schema, and the check of
what comes back. Pure.

Strict structured output wants every property required and no others; what may be missing is null (OpenAI, guide
"Structured model outputs", "Supported schemas"). Each value comes with the number of the turn that it was taken from.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from ringside.agentfile.afterwards import AnalysedField, Analysis
from ringside.errors import ServiceError

NAME = "call_analysis"
SUMMARY_CHARACTERS = 4_000
VALUE_CHARACTERS = 1_000
LARGEST = 1e15
OTHER = "other"
"""The outcome of a call that none of an agent's labels fits."""

_TYPES: Mapping[str, Any] = {"string": str, "number": float, "integer": int, "boolean": bool}


class MisfitError(ServiceError):
    """A model's answer is not of the form that was asked for; the text names the places, and quotes nothing."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class Form:
    """What is asked for, and how an answer is read."""

    def __init__(self, asked: Analysis) -> None:
        self._asked = asked
        parts: dict[str, Any] = {}
        if asked.summary:
            parts["summary"] = (str, ...)
        if asked.outcome:
            labels = tuple(dict.fromkeys((*asked.outcome, OTHER)))
            parts["outcome"] = (Literal[labels], ...)
        if asked.fields:
            # By alias: a field may be called as something of pydantic's own is.
            fields: Any = {f"field_{field.name}": (_value(field), Field(alias=field.name)) for field in asked.fields}
            parts["fields"] = (create_model("Fields", __base__=_Part, **fields), ...)
        self._model = create_model("CallAnalysis", __base__=_Part, **parts)

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON schema, without references."""
        made = self._model.model_json_schema()
        schema: dict[str, Any] = _inlined(made, made.pop("$defs", {}))
        return schema

    def read(self, answer: Mapping[str, Any], item_ids: Sequence[str | None]) -> dict[str, Any]:
        """The answer as the record has it. `item_ids`: of the entries that were shown, the first is number 1; None of
        one that was left out. Raises `MisfitError`.

        A turn that was not shown is null: the value may be right, where it comes from is not known.
        """
        try:
            found = self._model.model_validate(dict(answer)).model_dump(by_alias=True)
        except ValidationError as error:
            wrong = sorted({".".join(map(str, each["loc"])) or "all of it" for each in error.errors()})
            raise MisfitError(f"not of the form that was asked for: {', '.join(wrong[:5])}") from None
        result: dict[str, Any] = {}
        if self._asked.summary:
            result["summary"] = found["summary"].strip()[:SUMMARY_CHARACTERS]
        if self._asked.outcome:
            result["outcome"] = found["outcome"]
        if self._asked.fields:
            result["fields"] = {name: _taken(each, item_ids) for name, each in found["fields"].items()}
        return result


def _value(field: AnalysedField) -> type[BaseModel]:
    kind = Literal[field.enum] if field.enum else _TYPES[field.type]
    about = field.description or f"{field.name.replace('_', ' ')}"
    value: Any = (kind | None, Field(description=f"{about}. Null if the conversation does not say."))
    turn: Any = (int | None, Field(description="The number of the turn that says it. Null if the value is null."))
    return create_model(f"Field_{field.name}", __base__=_Part, value=value, turn=turn)


def _taken(found: Mapping[str, Any], item_ids: Sequence[str | None]) -> dict[str, Any]:
    value, turn = found["value"], found["turn"]
    if isinstance(value, str):
        value = value.strip()[:VALUE_CHARACTERS] or None
    elif value is not None and abs(value) > LARGEST:
        raise MisfitError("a number that is too large")
    is_shown = value is not None and turn is not None and 0 < turn <= len(item_ids)
    item_id = item_ids[turn - 1] if is_shown else None
    return {"value": value, "turn": turn if item_id is not None else None, "item_id": item_id}


def _inlined(shape: Any, definitions: Mapping[str, Any]) -> Any:
    """A schema with its definitions in place, and without pydantic's titles and descriptions of our classes."""
    if isinstance(shape, list):
        return [_inlined(each, definitions) for each in shape]
    if not isinstance(shape, dict):
        return shape
    if "$ref" in shape:
        return _inlined(definitions[shape["$ref"].rpartition("/")[2]], definitions)
    if shape.get("type") == "object":
        properties = {name: _inlined(each, definitions) for name, each in shape["properties"].items()}
        return {
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        }
    return {name: _inlined(each, definitions) for name, each in shape.items() if name != "title"}
