"""The tools of `agents/tools.py`: their schemas, and running one with a limit.

A tool's JSON schema comes from its signature (pydantic), its description from its docstring. Sync
functions run in threads of their own, never on the event loop; what a tool does wrong becomes words
for the model and an outcome for the record, never an exception in the call.
"""

import asyncio
import importlib.util
import inspect
import json
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, PydanticUserError, ValidationError, create_model

from ringside.events import ToolFinished

RESULT_LIMIT = 16_000  # characters that the model is told of a result


class ToolError(Exception):
    """`tools.py` cannot be used; the message names the file and the function."""


@dataclass(frozen=True)
class Tool:
    name: str
    description: str
    function: Callable[..., Any]
    arguments: type[BaseModel]
    repeatable: bool = False  # running it twice does no harm: it may be run again when nobody knows whether it ran

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON schema of the arguments, as the session's `parameters` want it."""
        return _untitled(self.arguments.model_json_schema())


def load(folder: Path) -> dict[str, Tool]:
    """The tools of `folder/tools.py`: its public functions. No file, no tools."""
    path = folder / "tools.py"
    if not path.is_file():
        return {}
    spec = importlib.util.spec_from_file_location("agent_tools", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ToolError(f"{path}: cannot be imported: {type(error).__name__}: {error}") from error
    functions = (
        (name, value)
        for name, value in vars(module).items()
        if inspect.isfunction(value) and not name.startswith("_") and value.__module__ == module.__name__
    )
    return {name: _tool(name, function, path) for name, function in functions}


def _tool(name: str, function: Callable[..., Any], path: Path) -> Tool:
    where = f"{path}:{function.__code__.co_firstlineno}: {name}"
    description = inspect.getdoc(function)
    if not description:
        raise ToolError(f"{where}: a tool needs a docstring, the model decides by it")
    fields: dict[str, Any] = {}
    for parameter in inspect.signature(function, eval_str=True).parameters.values():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise ToolError(f"{where}: {parameter} cannot be filled by a model; name every argument")
        if parameter.annotation is parameter.empty:
            raise ToolError(f"{where}: the argument {parameter.name} needs a type")
        default = ... if parameter.default is parameter.empty else parameter.default
        fields[parameter.name] = (parameter.annotation, default)
    try:
        arguments = create_model(name, __config__=ConfigDict(extra="forbid"), **fields)
        arguments.model_json_schema()
    except (PydanticUserError, TypeError) as error:
        raise ToolError(f"{where}: an argument's type has no JSON schema: {str(error).splitlines()[0]}") from None
    return Tool(name, description, function, arguments)


def _untitled(schema: Any) -> Any:
    """Pydantic titles every field with its own name: tokens in every prompt that say nothing."""
    if isinstance(schema, dict):
        return {
            key: _untitled(value) for key, value in schema.items() if not (key == "title" and isinstance(value, str))
        }
    return [_untitled(value) for value in schema] if isinstance(schema, list) else schema


async def run(tools: Mapping[str, Tool], tool_call_id: str, name: str, arguments: str, limit: float) -> ToolFinished:
    """Run one tool; never raises. `limit` in seconds."""
    started = time.monotonic()

    def finished(outcome: Any, output: str) -> ToolFinished:
        return ToolFinished(tool_call_id, outcome, output, round(time.monotonic() - started, 3))

    tool = tools.get(name)
    if tool is None:
        return finished("refused", _apology("there is no such tool"))
    try:
        given = tool.arguments.model_validate_json(arguments or "{}")
    except (ValidationError, ValueError) as error:
        problems = error.errors() if isinstance(error, ValidationError) else []
        told = "; ".join(f"{'.'.join(map(str, p['loc'])) or 'arguments'}: {p['msg']}" for p in problems[:5])
        return finished("refused", json.dumps({"error": f"The arguments are wrong: {told[:500]}"}))
    values = {name: getattr(given, name) for name in type(given).model_fields}
    try:
        async with asyncio.timeout(limit):
            if inspect.iscoroutinefunction(tool.function):
                result = await tool.function(**values)
            else:
                result = await _in_thread(tool, values)
    except TimeoutError:
        return finished("timeout", _apology("it took too long"))
    except Exception as error:
        return finished("error", _apology(f"it failed with {type(error).__name__}"))
    return finished(*_told(result))


async def _in_thread(tool: Tool, values: Mapping[str, Any]) -> Any:
    """A daemon thread for each run: a tool that hangs holds up neither the others nor the exit."""
    future: Future[Any] = Future()

    def work() -> None:
        try:
            future.set_result(tool.function(**values))
        except BaseException as error:
            future.set_exception(error if isinstance(error, Exception) else RuntimeError(type(error).__name__))

    threading.Thread(target=work, name=f"tool {tool.name}", daemon=True).start()
    # Shielded: cancelling the concurrent future would make set_result raise in the thread.
    return await asyncio.shield(asyncio.wrap_future(future))


def _told(result: Any) -> tuple[str, str]:
    try:
        text = result if isinstance(result, str) else json.dumps(result, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return "error", _apology(f"it returned something that cannot be told ({type(result).__name__})")
    if len(text) > RESULT_LIMIT:
        return "ok", text[:RESULT_LIMIT] + " … (the rest was cut off)"
    return "ok", text


def _apology(why: str) -> str:
    return json.dumps({"error": f"The tool did not work: {why}. Tell the caller that this did not work, and go on."})
