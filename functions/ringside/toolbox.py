"""The tools of `agents/tools.py`: what they are, and their schemas.

A tool's JSON schema comes from its signature (pydantic), its description from its docstring.
"""

import importlib.util
import inspect
import re
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, create_model

from ringside import builtin

F = TypeVar("F", bound=Callable[..., Any])

RESULT_LIMIT = 16_000  # characters that the model is told of a result


class ToolError(Exception):
    """`tools.py` cannot be used; the message names the file and the function."""


@dataclass(frozen=True)
class Options:
    """How a tool is run; see `tool`."""

    repeatable: bool = False
    seconds: float | None = None
    result_limit: int = RESULT_LIMIT


@dataclass(frozen=True)
class Tool:
    name: str
    description: str
    function: Callable[..., Any]
    schema: dict[str, Any]  # JSON schema of the arguments, as the session's `parameters` want it
    arguments: type[BaseModel] | None = None  # what checks them; None: whoever runs the tool does
    context: str | None = None  # the argument that gets the `CallContext`
    options: Options = Options()


@dataclass(frozen=True)
class CallContext:
    """What a tool may know of the call it runs in: annotate an argument with it. The model does not see it."""

    call_id: str
    tool_call_id: str  # a natural key for what the tool does: the same if it is ever run again
    agent: str
    caller: str | None
    dialled: str | None


def tool(
    *, repeatable: bool = False, seconds: float | None = None, result_limit: int = RESULT_LIMIT
) -> Callable[[F], F]:
    """Mark a function of `tools.py`; one without this mark has the defaults.

    `repeatable`: running it twice does no harm, so it may be run again when nobody knows whether it ran.
    `seconds`: its own time limit. `result_limit`: characters of its result that the model is told.
    """

    def mark(function: F) -> F:
        function.__dict__["ringside"] = Options(repeatable, seconds, result_limit)
        return function

    return mark


def load(folder: Path) -> dict[str, Tool]:
    """The tools of `folder/tools.py`: its public functions. No file, no tools."""
    path = folder / "tools.py"
    if not path.is_file():
        return {}
    spec = importlib.util.spec_from_file_location("agent_tools", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses and pydantic look their own module up
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise ToolError(f"{path}: cannot be imported: {type(error).__name__}: {error}") from error
    functions = (
        (name, value)
        for name, value in vars(module).items()
        if inspect.isfunction(value) and not name.startswith("_") and value.__module__ == module.__name__
    )
    return {name: _tool(name, function, path) for name, function in functions}


def _tool(name: str, function: Callable[..., Any], path: Path) -> Tool:
    where = f"{path}:{function.__code__.co_firstlineno}: {name}"
    if name in builtin.NAMES:
        raise ToolError(f"{where}: this name is built in; name the tool otherwise")
    if not re.fullmatch(r"[a-zA-Z0-9_]{1,64}", name):  # API reference, Realtime: function tools
        raise ToolError(f"{where}: a tool's name has 1 to 64 letters of A to Z, digits and underscores")
    description = inspect.getdoc(function)
    if not description:
        raise ToolError(f"{where}: a tool needs a docstring, the model decides by it")
    try:
        parameters = inspect.signature(function, eval_str=True).parameters.values()
    except Exception as error:
        raise ToolError(f"{where}: an argument's type cannot be read: {error}") from None
    fields: dict[str, Any] = {}
    context = None
    for parameter in parameters:
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise ToolError(f"{where}: {parameter} cannot be filled by a model; name every argument")
        if parameter.name.startswith("_"):  # pydantic would take it for a private attribute, and leave it out
            raise ToolError(f"{where}: the argument {parameter.name} begins with an underscore")
        if parameter.annotation is parameter.empty:
            raise ToolError(f"{where}: the argument {parameter.name} needs a type")
        if parameter.annotation is CallContext:
            context = parameter.name
            continue
        default = ... if parameter.default is parameter.empty else parameter.default
        fields[parameter.name] = (parameter.annotation, default)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an argument may be called `json` or `copy`, as pydantic's methods are
            arguments = create_model(name, __config__=ConfigDict(extra="forbid", protected_namespaces=()), **fields)
            schema = _untitled(arguments.model_json_schema())
    except Exception as error:
        what = str(error).partition("\n")[0]
        raise ToolError(f"{where}: its arguments cannot be described as a JSON schema: {what}") from None
    options = function.__dict__.get("ringside", Options())
    return Tool(name, description, function, schema, arguments, context, options)


def _untitled(schema: Any) -> Any:
    """Pydantic titles every field with its own name: tokens in every prompt that say nothing."""
    if isinstance(schema, dict):
        return {
            key: _untitled(value) for key, value in schema.items() if not (key == "title" and isinstance(value, str))
        }
    return [_untitled(value) for value in schema] if isinstance(schema, list) else schema


class ToolFailed(Exception):
    """A tool could not do its work; the text is for the model."""


class ToolTimedOut(ToolFailed):
    """What the tool asked for did not come in time."""

    def __init__(self) -> None:
        super().__init__("it took too long")
