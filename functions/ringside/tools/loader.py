"""Reading `agents/tools.py`, and `NAME.py` beside `NAME.yaml`: each public function with a docstring becomes a tool.

A tool's JSON schema comes from its signature (pydantic), its description from its docstring.
"""

import ast
import importlib.util
import inspect
import re
import sys
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from ringside.agentfile.agents import Agents
from ringside.agentfile.loader import check_tools, read_agents
from ringside.agentfile.tool_keys import key
from ringside.conversation import builtin_tools
from ringside.tools import docstrings, signature
from ringside.tools.definition import Options, Tool, ToolError

_RUNS_COROUTINES = {"run", "run_until_complete", "run_coroutine_threadsafe", "run_sync", "async_to_sync", "syncify"}
"""What a sync function calls that waits for an async one."""


SHARED = "tools.py"
"""Its tools are every agent's; those of `NAME.py` are the agent's of `NAME.yaml` alone."""


def tool_files(folder: Path) -> dict[str, Path]:
    """The files of tools that there are, by the agent whose they are; the shared one under an empty name."""
    stems = sorted(path.stem for path in folder.glob("*.yaml") if not path.name.startswith("_"))
    files = {"": folder / SHARED} | {stem: folder / f"{stem}.py" for stem in stems if f"{stem}.py" != SHARED}
    return {owner: path for owner, path in files.items() if path.is_file()}


def load_tools(folder: Path, names: Collection[str] | None = None) -> dict[str, Tool]:
    """The tools of a folder: public functions with a docstring, and those marked with `@tool`, by their keys
    (`tool_keys.visible` says what an agent calls them).

    `names`: those that agents list; others are helpers, and may be what no tool can be. None: all of them are tools.
    No file, no tools. Raises `ToolError`, which names file, line and function.
    """
    found: dict[str, Tool] = {}
    for owner, path in tool_files(folder).items():
        found |= {key(owner, name): each for name, each in _load_file(path, owner, names).items()}
    return found


def _load_file(path: Path, owner: str, names: Collection[str] | None) -> dict[str, Tool]:
    module = _imported(path, f"agent_tools_{owner}" if owner else "agent_tools")
    found: dict[str, Tool] = {}
    for name, function in vars(module).items():
        if not inspect.isfunction(function) or name.startswith("_") or function.__module__ != module.__name__:
            continue
        is_marked = "ringside" in function.__dict__
        is_wanted = name in names if names is not None else bool(inspect.getdoc(function))
        if not (is_marked or is_wanted):
            continue
        try:
            found[name] = _tool(name, function)
        except ToolError as error:
            line = inspect.unwrap(function).__code__.co_firstlineno
            raise ToolError(f"{path}:{line}: {name}: {error}") from None
    return found


def load_agents_and_tools(folder: Path) -> tuple[Agents, dict[str, Tool]]:
    """The agents of a folder and the tools that they list; raises `AgentFileError` or `ToolError`."""
    files = read_agents(folder)
    tools = load_tools(folder, {name for file in files.values() for name in file.agent.tools})
    for file in files.values():
        check_tools(file, tools)
    return Agents({name: file.agent for name, file in files.items()}), tools


def _imported(path: Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ToolError(f"{path}: is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses and pydantic look their own module up
    try:
        spec.loader.exec_module(module)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        todo = f"; {ADD_PACKAGE.format(missing)}" if missing and missing not in sys.stdlib_module_names else ""
        raise ToolError(f"{path}: cannot be imported: {type(error).__name__}: {error}{todo}") from error
    except (Exception, SystemExit) as error:
        raise ToolError(f"{path}: cannot be imported: {type(error).__name__}: {error}") from error
    return module


ADD_PACKAGE = (
    "if {} is a package, add the package that has it to the group `agents` of pyproject.toml and run make lock"
)


def _tool(name: str, function: Callable[..., Any]) -> Tool:
    """Raises `ToolError`, without the place."""
    if name in builtin_tools.NAMES:
        raise ToolError("this is the name of a built-in tool; choose another name")
    if not re.fullmatch(r"[a-zA-Z0-9_]{1,64}", name):  # API reference, Realtime: function tools
        raise ToolError("a tool's name may have 1 to 64 letters from A to Z, digits and underscores")
    description = inspect.getdoc(function)
    if not description:
        raise ToolError("a tool needs a docstring: it tells the model when to use the tool")
    for problem in _runs_that_fail(function):
        raise ToolError(problem)
    names = [parameter.name for parameter in signature.parameters(function)]
    documented = docstrings.parsed(description, names)
    read = signature.read(name, function, documented.arguments)
    options = function.__dict__.get("ringside", Options())
    return Tool(name, documented.text or description, function, read.schema, read.arguments, read.context, options)


def _runs_that_fail(function: Callable[..., Any]) -> Iterator[str]:
    """What only fails when it runs, whatever the arguments are."""
    inner = inspect.unwrap(function)
    if any(map(inspect.isasyncgenfunction, (function, inner))) or any(
        map(inspect.isgeneratorfunction, (function, inner))
    ):
        yield "yields its results one by one, and a tool has one result; return a list"
    if inspect.iscoroutinefunction(function):
        return
    waits = bool(_RUNS_COROUTINES & set(function.__code__.co_names))
    if inner is not function and inspect.iscoroutinefunction(inner) and not waits:
        yield "its decorator wraps an async function in a sync one, which returns a coroutine; make the wrapper async"
    elif not waits and (called := _returned_coroutine(function)):
        yield f"returns the coroutine of {called}, which never runs; make the tool async and await it"


def _returned_coroutine(function: Callable[..., Any]) -> str | None:
    """The async function of the same file whose call a sync function returns, as far as its source tells."""
    try:
        tree = ast.parse(_dedented(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError, ValueError):
        return None
    for node in _own_nodes(tree.body[0]):
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Name):
            called = function.__globals__.get(node.value.func.id)
            if inspect.iscoroutinefunction(called):
                return node.value.func.id
    return None


def _dedented(source: str) -> str:
    return inspect.cleandoc(f"\n{source}")


def _own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function's body, without those of functions inside it."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            yield child
            yield from _own_nodes(child)
