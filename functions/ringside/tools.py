"""The tools of `agents/tools.py`: their schemas, and running one with a limit.

A tool's JSON schema comes from its signature (pydantic), its description from its docstring. Tools
never run on the monitor's event loop: sync functions have threads of their own, async ones share a
loop of their own. What a tool does wrong becomes words for the model and an outcome for the record,
never an exception in the call.
"""

import asyncio
import contextlib
import importlib.util
import inspect
import json
import re
import sys
import threading
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, create_model
from pydantic_core import to_jsonable_python

from ringside import builtin
from ringside.events import ToolFinished

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


async def run(
    tools: Mapping[str, Tool],
    tool_call_id: str,
    name: str,
    arguments: str,
    limit: float,
    call: CallContext | None = None,
) -> ToolFinished:
    """Run one tool; never raises. `limit` in seconds, for a tool that has none of its own."""
    started = time.monotonic()

    def finished(outcome: Any, output: str) -> ToolFinished:
        return ToolFinished(tool_call_id, outcome, output, round(time.monotonic() - started, 3))

    tool = tools.get(name)
    if tool is None:
        return finished("refused", _apology("there is no such tool"))
    try:
        values = _values(tool, arguments)
    except (ValidationError, ValueError) as error:
        problems = error.errors() if isinstance(error, ValidationError) else []
        told = "; ".join(f"{'.'.join(map(str, p['loc'])) or 'arguments'}: {p['msg']}" for p in problems[:5])
        return finished("refused", json.dumps({"error": f"The arguments are wrong: {told[:500]}"}))
    if tool.context is not None:
        values[tool.context] = call
    done: asyncio.Future[_Told] = asyncio.get_running_loop().create_future()
    stop: Callable[[], object] | None = None
    try:
        stop = _start(tool, values, done)
        async with asyncio.timeout(tool.options.seconds or limit):
            outcome, output = await done
    except TimeoutError:
        return finished("timeout", _apology(str(ToolTimedOut())))
    except RuntimeError:  # no thread is to be had
        return finished("error", _apology("it could not be started"))
    finally:
        if stop is not None:
            stop()
    return finished(outcome, output)


def _values(tool: Tool, arguments: str) -> dict[str, Any]:
    """The arguments as the function wants them; raises `ValidationError` or `ValueError`."""
    if tool.arguments is not None:
        given = tool.arguments.model_validate_json(arguments or "{}")
        return {field: getattr(given, field) for field in type(given).model_fields}
    plain = json.loads(arguments or "{}")
    if not isinstance(plain, dict):
        raise ValueError("not an object")
    return {"arguments": plain}


_Told = tuple[str, str]  # the outcome, and what the model is told


def _start(tool: Tool, values: Mapping[str, Any], done: "asyncio.Future[_Told]") -> Callable[[], object] | None:
    """Let the tool run somewhere else and fulfil `done`; returns how to stop it, if it can be stopped."""
    loop = done.get_loop()

    def tell(told: _Told) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended: nobody waits any more
            loop.call_soon_threadsafe(_fulfil, done, told)

    # BaseException: SystemExit, and what else a library may raise, ends the tool and nothing besides.
    async def work_async() -> None:
        try:
            tell(_told(await tool.function(**values), tool.options.result_limit))
        except BaseException as error:
            tell(_failed(error))

    def work() -> None:
        try:
            tell(_told(tool.function(**values), tool.options.result_limit))
        except BaseException as error:
            tell(_failed(error))

    if inspect.iscoroutinefunction(tool.function):
        # On the tools' own loop: one that blocks, or ignores its cancellation, holds up tools but no call.
        return asyncio.run_coroutine_threadsafe(work_async(), _tools_loop()).cancel
    # A daemon thread for each run: a tool that hangs holds up neither the others nor the exit.
    threading.Thread(target=work, name=f"tool {tool.name}", daemon=True).start()
    return None


def _fulfil(done: "asyncio.Future[_Told]", told: _Told) -> None:
    if not done.done():  # given up in the meantime
        done.set_result(told)


@cache
def _tools_loop() -> asyncio.AbstractEventLoop:
    """One loop for all async tools, so that what a tool keeps (a client, a lock) stays usable from call to call."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="async tools", daemon=True).start()
    return loop


class ToolFailed(Exception):
    """A tool could not do its work; the text is for the model."""


class ToolTimedOut(ToolFailed):
    """What the tool asked for did not come in time."""

    def __init__(self) -> None:
        super().__init__("it took too long")


def _failed(error: BaseException) -> _Told:
    """The model learns the kind of the error: its text could be a secret or a stranger's."""
    if isinstance(error, ToolTimedOut):
        return "timeout", _apology(str(error))
    if isinstance(error, ToolFailed):
        return "error", _apology(str(error))
    return "error", _apology(f"it failed with {type(error).__name__}")


def _told(result: Any, limit: int) -> _Told:
    """What the model is told of a result: text as it is, anything else as JSON."""
    try:
        text = str(result) if isinstance(result, str) else _as_json(result)
    except (TypeError, ValueError, RecursionError):
        return "error", _apology(f"it returned something that cannot be told ({type(result).__name__})")
    if len(text) > limit:
        text = text[:limit] + " … (the rest was cut off)"
    # Lone surrogates cannot be sent: they would break the connection, and the record.
    return "ok", text.encode("utf-8", "replace").decode()


def _as_json(value: Any) -> str:
    """Dates, decimals, dataclasses and pydantic models are told too, in pydantic's way."""
    return json.dumps(value, ensure_ascii=False, default=to_jsonable_python)


def _apology(why: str) -> str:
    return json.dumps({"error": f"The tool did not work: {why}. Tell the caller that this did not work, and go on."})
