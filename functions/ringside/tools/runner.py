"""Running a tool of an agent, with a limit.

Tools never run on the monitor's event loop: sync functions have threads of their own, async ones share
a loop of their own. What a tool does wrong becomes words for the model and an outcome for the record,
never an exception in the call.
"""

import asyncio
import contextlib
import inspect
import json
import threading
import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from pydantic import ValidationError
from pydantic_core import to_jsonable_python

from ringside.conversation.events import ToolFinished
from ringside.tools.definition import (
    CallContext,
    Tool,
    ToolFailed,
    ToolTimedOut,
)


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
