"""Reading `agents/tools.py`: each public function becomes a tool.

A tool's JSON schema comes from its signature (pydantic), its description from its docstring.
"""

import importlib.util
import inspect
import re
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, create_model

from ringside.conversation import builtin_tools
from ringside.tools.definition import CallContext, Options, Tool, ToolError


def load_tools(folder: Path) -> dict[str, Tool]:
    """The tools of `folder/tools.py`: its public functions. No file, no tools."""
    path = folder / "tools.py"
    if not path.is_file():
        return {}
    spec = importlib.util.spec_from_file_location("agent_tools", path)
    if spec is None or spec.loader is None:
        raise ToolError(f"{path}: is not a Python file")
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
    if name in builtin_tools.NAMES:
        raise ToolError(f"{where}: this is the name of a built-in tool; choose another name")
    if not re.fullmatch(r"[a-zA-Z0-9_]{1,64}", name):  # API reference, Realtime: function tools
        raise ToolError(f"{where}: a tool's name may have 1 to 64 letters from A to Z, digits and underscores")
    description = inspect.getdoc(function)
    if not description:
        raise ToolError(f"{where}: a tool needs a docstring: it tells the model when to use the tool")
    try:
        parameters = inspect.signature(function, eval_str=True).parameters.values()
    except Exception as error:
        raise ToolError(f"{where}: an argument's type cannot be read: {error}") from None
    fields: dict[str, Any] = {}
    context = None
    for parameter in parameters:
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise ToolError(f"{where}: a model cannot fill in {parameter}; name every argument")
        if parameter.name.startswith("_"):  # pydantic would take it for a private attribute, and leave it out
            raise ToolError(f"{where}: the argument {parameter.name} must not begin with an underscore")
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
        raise ToolError(f"{where}: the arguments cannot be described as a JSON schema: {what}") from None
    options = function.__dict__.get("ringside", Options())
    return Tool(name, description, function, schema, arguments, context, options)


def _untitled(schema: Any) -> Any:
    """Without pydantic's titles, which repeat each field's name and cost tokens in every prompt."""
    if isinstance(schema, dict):
        return {
            key: _untitled(value) for key, value in schema.items() if not (key == "title" and isinstance(value, str))
        }
    return [_untitled(value) for value in schema] if isinstance(schema, list) else schema
