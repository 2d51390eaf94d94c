"""Running a tool of an agent, with a limit.

Tools never run on the monitor's event loop: sync functions get a thread each, async ones share a loop of
their own. Whatever goes wrong in a tool becomes a message for the model and an outcome for the record, never an
exception in the call.
"""

import asyncio
import contextlib
import inspect
import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping
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
    others: Iterable[str] = (),
) -> ToolFinished:
    """Run one tool; never raises. `limit`: seconds, for a tool without a limit of its own.

    `others`: names of tools that the model may call and that are run elsewhere.
    """
    started = time.monotonic()

    def finished(outcome: Any, output: str) -> ToolFinished:
        return ToolFinished(tool_call_id, outcome, output, round(time.monotonic() - started, 3))

    tool = tools.get(name)
    if tool is None:
        return finished("refused", _no_such_tool({*tools, *others}))
    try:
        values = _values(tool, arguments)
    except (ValidationError, ValueError) as error:
        problems = error.errors() if isinstance(error, ValidationError) else []
        what = "; ".join(f"{'.'.join(map(str, p['loc'])) or 'arguments'}: {p['msg']}" for p in problems[:5])
        return finished("refused", json.dumps({"error": f"The arguments are wrong: {what[:500]}"}))
    if tool.context is not None:
        values[tool.context] = call
    done: asyncio.Future[_Answer] = asyncio.get_running_loop().create_future()
    stop: Callable[[], object] | None = None
    try:
        stop = _start(tool, values, done)
        async with asyncio.timeout(tool.options.seconds or limit):
            outcome, output = await done
    except TimeoutError:
        return finished("timeout", _apology(str(ToolTimedOut())))
    except RuntimeError:  # no thread could be started
        return finished("error", _apology("it could not be started"))
    finally:
        if stop is not None:
            stop()
    return finished(outcome, output)


def _values(tool: Tool, arguments: str) -> dict[str, Any]:
    """The arguments for the function; raises `ValidationError` or `ValueError`."""
    if tool.arguments is not None:
        given = tool.arguments.model_validate_json(arguments or "{}")
        return {field: getattr(given, field) for field in type(given).model_fields}
    plain = json.loads(arguments or "{}")
    if not isinstance(plain, dict):
        raise ValueError("not an object")
    return {"arguments": plain}


_Answer = tuple[str, str]  # the outcome, and the text for the model


def _start(tool: Tool, values: Mapping[str, Any], done: "asyncio.Future[_Answer]") -> Callable[[], object] | None:
    """Start the tool elsewhere, to fulfil `done`; returns how to stop it, if it can be stopped."""
    loop = done.get_loop()

    def answer(given: _Answer) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended: nothing waits for the answer any more
            loop.call_soon_threadsafe(_fulfil, done, given)

    # BaseException: SystemExit, or whatever else a library may raise, ends the tool and nothing else.
    async def work_async() -> None:
        try:
            answer(_as_answer(await tool.function(**values), tool.options.result_limit))
        except BaseException as error:
            answer(_failed(error))

    def work() -> None:
        try:
            answer(_as_answer(tool.function(**values), tool.options.result_limit))
        except BaseException as error:
            answer(_failed(error))

    if inspect.iscoroutinefunction(tool.function):
        # On the tools' own loop: one that blocks, or ignores its cancellation, delays other tools but no call.
        return asyncio.run_coroutine_threadsafe(work_async(), _tools_loop()).cancel
    # A daemon thread for each run: a tool that hangs delays neither the others nor the exit.
    threading.Thread(target=work, name=f"tool {tool.name}", daemon=True).start()
    return None


def _fulfil(done: "asyncio.Future[_Answer]", given: _Answer) -> None:
    if not done.done():  # it may have timed out in the meantime
        done.set_result(given)


@cache
def _tools_loop() -> asyncio.AbstractEventLoop:
    """One loop for all async tools, so that what a tool keeps (a client, a lock) stays usable between calls."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="async tools", daemon=True).start()
    return loop


def _failed(error: BaseException) -> _Answer:
    """The model learns the type of the error only: its text could contain a secret, or a stranger's words."""
    if isinstance(error, ToolTimedOut):
        return "timeout", _apology(str(error))
    if isinstance(error, ToolFailed):
        return "error", _apology(str(error))
    return "error", _apology(f"it failed with {type(error).__name__}")


def _as_answer(result: Any, limit: int) -> _Answer:
    """A result as text for the model: text as it is, anything else as JSON."""
    try:
        text = str(result) if isinstance(result, str) else _as_json(result)
    except (TypeError, ValueError, RecursionError):
        return "error", _apology(f"it returned something that is not JSON ({type(result).__name__})")
    if len(text) > limit:
        text = text[:limit] + " … (the rest was cut off)"
    # Lone surrogates cannot be sent or stored: they would break the connection and the record.
    return "ok", text.encode("utf-8", "replace").decode()


def _as_json(value: Any) -> str:
    """JSON text; dates, decimals, dataclasses and pydantic models as pydantic writes them."""
    return json.dumps(value, ensure_ascii=False, default=to_jsonable_python)


def _no_such_tool(names: Iterable[str]) -> str:
    """Models invent names, or prefix them: with the names that exist they can correct themselves."""
    known = ", ".join(sorted(names))
    what_to_do = f"Call one of these, by its exact name: {known}." if known else "Continue without one."
    return json.dumps({"error": f"Nothing was done: there is no such tool. {what_to_do}"})


def _apology(why: str) -> str:
    return json.dumps({"error": f"The tool did not work: {why}. Tell the caller that it did not work, and continue."})
