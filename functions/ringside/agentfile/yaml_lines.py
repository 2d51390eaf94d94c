"""A YAML file as plain values, with the line of every field, so that each mistake is reported where it is."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import yaml
from pydantic import ValidationError

from ringside.errors import UserMistake

FieldPath = tuple[str | int, ...]  # ("limits", "silence"), ("answers", 0)
Lines = Mapping[FieldPath, int]


class AgentFileError(UserMistake):
    """One or more agent files are wrong. One line for each problem: `file:line: field: what`."""


class _Loader(yaml.SafeLoader):
    """YAML's own tags and no others, whatever other libraries in this process have added to the shared loader."""

    yaml_multi_constructors: ClassVar[dict[str | None, Any]] = {}


def read(path: Path) -> tuple[dict[str, Any], Lines]:
    """The file's fields and their lines; raises `AgentFileError` with every problem of the YAML itself."""
    document = _Document(path, _compose(path))
    if document.problems:
        raise AgentFileError("\n".join(document.problems))
    if not isinstance(document.values, dict):
        raise AgentFileError(f"{path}:1: an agent file must be a mapping of fields, such as answers: and instructions:")
    return document.values, document.lines


def line(lines: Lines, where: FieldPath) -> int:
    """The line of a field, or of what contains it."""
    while where not in lines:
        where = where[:-1]
    return lines[where]


def problems(error: ValidationError, path: Path, lines: Lines) -> list[str]:
    """What is wrong with the fields, a line of text per problem, in the order of the file."""
    shown: dict[FieldPath, tuple[int, str]] = {}  # one per path: a union reports one for each branch
    found = [(_path(lines, problem["loc"], problem["type"]), problem) for problem in error.errors()]
    for path_in_file, problem in found:
        if any(_is_within(other, path_in_file) for other, _ in found):
            continue  # something inside it is wrong: that is closer to the mistake
        what = _WORDS.get(problem["type"]) or problem["msg"].removeprefix("Value error, ")
        named, _, of_it = what.partition(": ")
        if path_in_file == () and (named,) in lines:  # about the whole file, but it names the field
            path_in_file, what = (named,), of_it
        where = line(lines, path_in_file)
        field = ".".join(str(part) for part in path_in_file) or "agent"
        shown.setdefault(path_in_file, (where, f"{path}:{where}: {field}: {what}"))
    return [text for _, text in sorted(shown.values())]


def _path(lines: Lines, where: FieldPath, kind: str) -> FieldPath:
    """The path as the file has it: pydantic adds the branch of a union that it tried."""
    path: FieldPath = ()
    for part in where:
        if (*path, part) in lines or (kind == "missing" and part == where[-1]) or part == where[0]:
            path = (*path, part)
    return path


def _is_within(path: FieldPath, other: FieldPath) -> bool:
    return len(path) > len(other) and path[: len(other)] == other


_WORDS = {
    "extra_forbidden": "there is no such field",
    "missing": "is missing",
    "model_type": "must be a mapping of fields",
    "dict_type": "must be a mapping of fields",
    "string_type": "must be text; put a number or a date in quotes",
    "tuple_type": "must be a list",
    "too_short": "must not be empty",
}
"""Pydantic's kinds of errors, in words for people who write YAML."""


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

    MAX_VALUES = 10_000
    """In one file: anchors can make a few lines mean billions."""

    def __init__(self, path: Path, node: yaml.Node | None) -> None:
        self.lines: dict[FieldPath, int] = {(): 1}
        self.problems: list[str] = []
        self._file = path
        self._loader = _Loader("")
        self._above: list[yaml.Node] = []
        self._count = 0
        self.values = self._plain(node, ()) if node is not None else None

    def _plain(self, node: yaml.Node, path: FieldPath) -> Any:
        self._count += 1
        if self._count > self.MAX_VALUES or node in self._above:
            if self._count <= self.MAX_VALUES + 1:
                self._object(node, path, "is too large" if self._count > self.MAX_VALUES else "contains itself")
            return None
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        self._above.append(node)
        try:
            if isinstance(node, yaml.SequenceNode):
                return [self._child(child, child, (*path, index)) for index, child in enumerate(node.value)]
            result: dict[str, Any] = {}
            for key_node, value_node in node.value:
                key = self._key(key_node, path)
                if key in result:
                    self._object(key_node, (*path, key), "is given twice")
                result[key] = self._child(key_node, value_node, (*path, key))
            return result
        finally:
            self._above.pop()

    def _child(self, at: yaml.Node, node: yaml.Node, path: FieldPath) -> Any:
        self.lines.setdefault(path, at.start_mark.line + 1)
        return self._plain(node, path)

    def _key(self, node: yaml.Node, path: FieldPath) -> str:
        if isinstance(node, yaml.ScalarNode):
            if node.tag not in ("tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"):
                self._object(node, path, f"a field's name must be text: put {node.value} in quotes")
            return str(node.value)
        self._object(node, path, "a field's name must be text")
        return ""

    def _scalar(self, node: yaml.ScalarNode, path: FieldPath) -> Any:
        try:
            return self._loader.construct_object(node)
        except yaml.MarkedYAMLError:
            self._object(node, path, f"the tag {node.tag} is not known")
        except (ValueError, OverflowError):
            self._object(node, path, f"{node.value} is not a valid value: put it in quotes")
        return None

    def _object(self, node: yaml.Node, path: FieldPath, what: str) -> None:
        field = "".join(f"{part}." for part in path)[:-1]
        self.problems.append(f"{self._file}:{node.start_mark.line + 1}: {field + ': ' if field else ''}{what}")
