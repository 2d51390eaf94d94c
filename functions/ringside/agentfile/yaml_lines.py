"""A YAML file as plain values, with the line of every field, and every mistake told with its place."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import yaml
from pydantic import ValidationError

from ringside.errors import UserMistake

Place = tuple[str | int, ...]  # ("limits", "silence"), ("answers", 0)
Lines = Mapping[Place, int]


class AgentFileError(UserMistake):
    """One or more agent files are wrong. One line for each problem: `file:line: field: what`."""


class _Loader(yaml.SafeLoader):
    """YAML's own tags and no others, whatever a library in this process has taught the shared loader."""

    yaml_multi_constructors: ClassVar[dict[str | None, Any]] = {}


def read(path: Path) -> tuple[dict[str, Any], Lines]:
    """The file's fields and their lines; raise `AgentFileError` with every problem of the YAML itself."""
    document = _Document(path, _compose(path))
    if document.problems:
        raise AgentFileError("\n".join(document.problems))
    if not isinstance(document.values, dict):
        raise AgentFileError(f"{path}:1: an agent file is a mapping of fields such as instructions: and answers:")
    return document.values, document.lines


def line(lines: Lines, where: Place) -> int:
    """The line of a field, or of what it is in."""
    while where not in lines:
        where = where[:-1]
    return lines[where]


def problems(error: ValidationError, path: Path, lines: Lines) -> list[str]:
    """What is wrong with the fields, a line of text for each, by their lines in the file."""
    told: dict[Place, tuple[int, str]] = {}  # one problem a place: a union tells one for each branch
    found = [(_place(lines, problem["loc"], problem["type"]), problem) for problem in error.errors()]
    for place, problem in found:
        if any(_is_within(other, place) for other, _ in found):
            continue  # what is in it was wrong: that is closer to the mistake
        what = _WORDS.get(problem["type"]) or problem["msg"].removeprefix("Value error, ")
        named, _, of_it = what.partition(": ")
        if place == () and (named,) in lines:  # of the file as a whole, but it names the field
            place, what = (named,), of_it
        where = line(lines, place)
        field = ".".join(str(part) for part in place) or "agent"
        told.setdefault(place, (where, f"{path}:{where}: {field}: {what}"))
    return [text for _, text in sorted(told.values())]


def _place(lines: Lines, where: Place, kind: str) -> Place:
    """The place as the file has it: pydantic adds the branch of a union that it tried."""
    place: Place = ()
    for part in where:
        if (*place, part) in lines or (kind == "missing" and part == where[-1]) or part == where[0]:
            place = (*place, part)
    return place


def _is_within(place: Place, other: Place) -> bool:
    return len(place) > len(other) and place[: len(other)] == other


_WORDS = {
    "extra_forbidden": "there is no such field",
    "missing": "is missing",
    "model_type": "must be a mapping of fields",
    "dict_type": "must be a mapping of fields",
    "string_type": "must be text; put a number or a date in quotes",
    "tuple_type": "must be a list",
    "too_short": "must not be empty",
}
"""Pydantic's kinds of errors in the words of somebody who writes YAML."""


def _compose(path: Path) -> yaml.Node | None:
    try:
        content = path.read_bytes()
        return yaml.compose(content.decode(), Loader=_Loader)
    except OSError as error:
        raise AgentFileError(f"{path}:1: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise AgentFileError(f"{path}:{line}: not YAML: not UTF-8") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise AgentFileError(f"{path}:{mark.line + 1 if mark else 1}: not YAML: {error.problem}") from None
    except yaml.reader.ReaderError as error:
        line = content.decode().count("\n", 0, error.position) + 1
        raise AgentFileError(f"{path}:{line}: not YAML: {error.reason}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise AgentFileError(f"{path}:1: not YAML: {type(error).__name__}") from None


class _Document:
    """A YAML document as plain values, with the line of every field, and what YAML itself says against it."""

    LARGEST = 10_000
    """Values in a file; anchors can make a few lines mean billions."""

    def __init__(self, path: Path, node: yaml.Node | None) -> None:
        self.lines: dict[Place, int] = {(): 1}
        self.problems: list[str] = []
        self._path = path
        self._loader = _Loader("")
        self._above: list[yaml.Node] = []
        self._count = 0
        self.values = self._plain(node, ()) if node is not None else None

    def _plain(self, node: yaml.Node, place: Place) -> Any:
        self._count += 1
        if self._count > self.LARGEST or node in self._above:
            if self._count <= self.LARGEST + 1:
                self._object(node, place, "is too large" if self._count > self.LARGEST else "contains itself")
            return None
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, place)
        self._above.append(node)
        try:
            if isinstance(node, yaml.SequenceNode):
                return [self._child(child, child, (*place, index)) for index, child in enumerate(node.value)]
            result: dict[str, Any] = {}
            for key_node, value_node in node.value:
                key = self._key(key_node, place)
                if key in result:
                    self._object(key_node, (*place, key), "stands here twice")
                result[key] = self._child(key_node, value_node, (*place, key))
            return result
        finally:
            self._above.pop()

    def _child(self, at: yaml.Node, node: yaml.Node, place: Place) -> Any:
        self.lines.setdefault(place, at.start_mark.line + 1)
        return self._plain(node, place)

    def _key(self, node: yaml.Node, place: Place) -> str:
        if isinstance(node, yaml.ScalarNode):
            if node.tag not in ("tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"):
                self._object(node, place, f"a field's name must be text: put {node.value} in quotes")
            return str(node.value)
        self._object(node, place, "a field's name must be text")
        return ""

    def _scalar(self, node: yaml.ScalarNode, place: Place) -> Any:
        try:
            return self._loader.construct_object(node)
        except yaml.MarkedYAMLError:
            self._object(node, place, f"the tag {node.tag} is not known")
        except (ValueError, OverflowError):
            self._object(node, place, f"{node.value} is no value that YAML knows: put it in quotes")
        return None

    def _object(self, node: yaml.Node, place: Place, what: str) -> None:
        field = "".join(f"{part}." for part in place)[:-1]
        self.problems.append(f"{self._path}:{node.start_mark.line + 1}: {field + ': ' if field else ''}{what}")
