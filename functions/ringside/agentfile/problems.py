"""What pydantic says against an agent file, in words for people who write YAML, each at its line. Pure."""

import difflib
import typing
from collections.abc import Collection, Iterator
from typing import Any

from pydantic import BaseModel, ValidationError

from ringside.agentfile.pasted import Hint
from ringside.agentfile.yaml_lines import FieldPath, YamlFile, dotted

_WORDS = {
    "missing": "is missing",
    "model_type": "must be a mapping of fields",
    "dict_type": "must be a mapping of fields",
    "tuple_type": "must be a list",
    "too_short": "must not be empty",
}
"""Pydantic's kinds of errors, as far as its own words would not help."""


def problems(error: ValidationError, file: YamlFile, model: type[BaseModel], hints: Collection[Hint] = ()) -> list[str]:
    """What is wrong with the fields, a line of text per problem, in the order of the file.

    `hints`: for shapes that were recognised; each is reported once, in place of what pydantic says about it.
    """
    shown: dict[FieldPath, str] = {hint.path: hint.text for hint in hints}
    found = [(_path(file, problem["loc"], problem["type"]), problem) for problem in error.errors()]
    for path, problem in found:
        if any(hint.covers(path) for hint in hints):
            continue
        if any(_is_within(other, path) for other, _ in found):
            continue  # something inside it is wrong: that is closer to the mistake
        what = _words(problem["type"], problem["msg"], problem.get("ctx", {}), path, file, model)
        named, _, of_it = what.partition(": ")
        if (*path, named) in file.lines:  # about a mapping, but it names the field
            path, what = (*path, named), of_it
        shown.setdefault(path, what)  # a union reports one problem for each of its branches
    by_line = sorted(shown.items(), key=lambda item: (file.where(item[0]).line, dotted(item[0])))
    return [file.problem(path, what) for path, what in by_line]


def _words(kind: str, message: str, context: dict[str, Any], path: FieldPath, file: YamlFile, model: Any) -> str:
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(str(path[-1]), fields_at(model, path[:-1]), 1, 0.7)
        return "there is no such field" + (f"; did you mean {near[0]}?" if near else "")
    alone = path if path in file.texts else path[:-1]  # a value that is taken for a list of one
    if kind in ("string_type", "literal_error", "string_pattern_mismatch") and alone in file.texts:
        text = file.texts[alone]
        quoted = f"+{text}" if path[0] == "answers" and text.isdecimal() else text
        return f'YAML does not read {text} as text; put it in quotes: "{quoted}"'
    if kind == "literal_error":
        return f"must be {context['expected']}"
    if kind == "string_type":
        return "must be text"
    return _WORDS.get(kind) or message.removeprefix("Value error, ")


def fields_at(model: Any, path: FieldPath) -> list[str]:
    """The fields that a model has at a path, over all branches of its unions."""
    models = list(_models(model))
    for part in path:
        if isinstance(part, str):
            annotations = [each.model_fields[part].annotation for each in models if part in each.model_fields]
            models = [inner for annotation in annotations for inner in _models(annotation)] or models
    return [name for each in models for name in each.model_fields]


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from _models(argument)


def _path(file: YamlFile, where: FieldPath, kind: str) -> FieldPath:
    """The path as the file has it: pydantic adds the branch of a union that it tried."""
    path: FieldPath = ()
    for part in where:
        if (*path, part) in file.lines or (kind == "missing" and part == where[-1]) or part == where[0]:
            path = (*path, part)
    return path


def _is_within(path: FieldPath, other: FieldPath) -> bool:
    return len(path) > len(other) and path[: len(other)] == other
