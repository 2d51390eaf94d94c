"""A YAML file as plain values, with the line of every field, so that each mistake is reported where it is."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import yaml

from ringside.errors import UserMistake

FieldPath = tuple[str | int, ...]  # ("limits", "silence"), ("answers", 0)


class Where(NamedTuple):
    """A line of a file; as text, `file:line`."""

    file: Path
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class AgentFileError(UserMistake):
    """One or more agent files are wrong. One line for each problem: `file:line: field: what`."""


@dataclass
class YamlFile:
    """The fields of a file.

    `lines`: where each field is. `texts`: what is written in the file for values that YAML does not read as text,
    because it may differ from what was meant: `no`, `9:30`, `+14255550112`.
    """

    path: Path
    values: dict[str, Any]
    lines: dict[FieldPath, Where]
    texts: dict[FieldPath, str] = field(default_factory=dict)

    def where(self, path: FieldPath) -> Where:
        """The line of a field, or of what contains it."""
        while path not in self.lines:
            path = path[:-1]
        return self.lines[path]

    def problem(self, path: FieldPath, what: str) -> str:
        """A problem as it is reported."""
        return f"{self.where(path)}: {dotted(path)}: {what}"

    def is_trap(self, path: FieldPath) -> bool:
        """Whether YAML 1.1 reads this value as something that its author hardly meant."""
        return path in self.texts and TRAPS.fullmatch(self.texts[path]) is not None


TRAPS = re.compile(r"(?i:y|n|yes|no|on|off)|[-+]?0[0-9_]+|[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?|\+[0-9]+")
"""Words that YAML 1.1 reads as true or false, octal numbers (`02134`), base 60 (`9:30`), and numbers with a plus."""


def dotted(path: FieldPath) -> str:
    return ".".join(str(part) for part in path) or "agent"


class _Loader(yaml.SafeLoader):
    """YAML's own tags and no others, whatever other libraries in this process have added to the shared loader."""

    yaml_multi_constructors: ClassVar[dict[str | None, Any]] = {}


def read(path: Path) -> YamlFile:
    """Read a file; raises `AgentFileError` with every problem of the YAML itself."""
    document = _Document(path, _compose(path))
    if document.problems:
        raise AgentFileError("\n".join(document.problems))
    if not isinstance(document.values, dict):
        raise AgentFileError(f"{path}:1: an agent file must be a mapping of fields, such as answers: and instructions:")
    lines = {where: Where(path, line) for where, line in document.lines.items()}
    return YamlFile(path, document.values, lines, document.texts)


def with_defaults(own: YamlFile, defaults: YamlFile) -> YamlFile:
    """A file's fields over those of another file: mappings are merged, anything else is replaced."""
    merged = YamlFile(own.path, {}, {(): Where(own.path, 1)})

    def take(source: YamlFile, value: Any, path: FieldPath) -> Any:
        """A value of one of the files, with its lines."""
        for name in ("lines", "texts"):
            found = getattr(source, name)
            if path in found:
                getattr(merged, name)[path] = found[path]
        if isinstance(value, dict):
            return {name: take(source, inner, (*path, name)) for name, inner in value.items()}
        if isinstance(value, list):
            return [take(source, inner, (*path, index)) for index, inner in enumerate(value)]
        return value

    def merge(value: Mapping[str, Any], default: Mapping[str, Any], path: FieldPath) -> dict[str, Any]:
        result = {name: take(defaults, inner, (*path, name)) for name, inner in default.items() if name not in value}
        for name, inner in value.items():
            at = (*path, name)
            if isinstance(inner, dict) and isinstance(default.get(name), dict):
                merged.lines[at] = own.lines[at]
                result[name] = merge(inner, default[name], at)
            else:
                result[name] = take(own, inner, at)
        return result

    merged.values = merge(own.values, defaults.values, ())
    return merged


def _compose(path: Path) -> yaml.Node | None:
    try:
        content = path.read_bytes()
        return yaml.compose(content.decode("utf-8-sig"), Loader=_Loader)
    except OSError as error:
        raise AgentFileError(f"{path}:1: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise AgentFileError(f"{path}:{line}: not YAML: not UTF-8") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise AgentFileError(f"{path}:{mark.line + 1 if mark else 1}: not YAML: {error.problem}") from None
    except yaml.reader.ReaderError as error:
        line = content.decode("utf-8-sig").count("\n", 0, error.position) + 1
        raise AgentFileError(f"{path}:{line}: not YAML: {error.reason}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise AgentFileError(f"{path}:1: not YAML: {type(error).__name__}") from None


_STR, _MERGE = "tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"


class _Document:
    """A YAML document as plain values, with the line of every field, and what YAML itself says against it."""

    MAX_VALUES = 10_000
    """In one file: anchors can make a few lines mean billions."""

    def __init__(self, path: Path, node: yaml.Node | None) -> None:
        self.lines: dict[FieldPath, int] = {(): 1}
        self.texts: dict[FieldPath, str] = {}
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
            return self._mapping(node, path)
        finally:
            self._above.pop()

    def _mapping(self, node: yaml.Node, path: FieldPath, known: Collection[str] = ()) -> dict[str, Any]:
        """The fields of a mapping, without those that are already known."""
        result: dict[str, Any] = {}
        merged: list[yaml.Node] = []
        for key_node, value_node in node.value:
            if key_node.tag == _MERGE:
                merged += value_node.value if isinstance(value_node, yaml.SequenceNode) else [value_node]
                continue
            key = self._key(key_node, path)
            if key in result:
                self._object(key_node, (*path, key), "is given twice")
            if key in known or (path == () and key.startswith("x-")):  # x-: for anchors, and for other programs
                continue
            result[key] = self._child(key_node, value_node, (*path, key))
        for other in merged:  # the mapping's own fields win, then those named first (yaml.org/type/merge)
            self._count += 1
            if self._count > self.MAX_VALUES:
                self._object(other, path, "is too large")
                break
            if not isinstance(other, yaml.MappingNode):
                self._object(other, (*path, "<<"), "must name a mapping, or a list of mappings")
            elif other in self._above:
                self._object(other, (*path, "<<"), "contains itself")
            else:
                self._above.append(other)
                result |= self._mapping(other, path, {*known, *result})
                self._above.pop()
        return result

    def _child(self, at: yaml.Node, node: yaml.Node, path: FieldPath) -> Any:
        self.lines.setdefault(path, at.start_mark.line + 1)
        return self._plain(node, path)

    def _key(self, node: yaml.Node, path: FieldPath) -> str:
        if isinstance(node, yaml.ScalarNode):
            if node.tag != _STR:
                self._object(node, path, f"a field's name must be text: put {node.value} in quotes")
            return str(node.value)
        self._object(node, path, "a field's name must be text")
        return ""

    def _scalar(self, node: yaml.ScalarNode, path: FieldPath) -> Any:
        try:
            value = self._loader.construct_object(node)
        except yaml.MarkedYAMLError:
            self._object(node, path, f"the tag {node.tag} is not known")
        except (ValueError, OverflowError):
            self._object(node, path, f"{node.value} is not a valid value: put it in quotes")
        else:
            if not isinstance(value, str):
                self.texts.setdefault(path, node.value)
            return value
        return None

    def _object(self, node: yaml.Node, path: FieldPath, what: str) -> None:
        self.problems.append(f"{self._file}:{node.start_mark.line + 1}: {f'{dotted(path)}: ' if path else ''}{what}")
