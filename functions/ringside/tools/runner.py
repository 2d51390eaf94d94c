"""Running a tool of an agent, with a limit.

Tools never run on the caller's event loop: sync functions get a thread each, async ones share a loop of
their own. Whatever goes wrong in a tool becomes a message for the model and an outcome for the record, never an
exception in the call.
"""

import asyncio
import contextlib
import inspect
import json
import logging
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

log = logging.getLogger(__name__)


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
    except Exception as error:  # a validator of the tool's may raise anything, and deep nesting a RecursionError
        return finished("refused", json.dumps({"error": f"The arguments are wrong: {_problems(error)[:500]}"}))
    if tool.context is not None:
        values[tool.context] = call
    done: asyncio.Future[_Answer] = asyncio.get_running_loop().create_future()
    stop: Callable[[], object] | None = None
    try:
        stop = _start(tool, values, done, tool_call_id)
        async with asyncio.timeout(tool.options.seconds or limit):
            outcome, output = await done
    except TimeoutError:
        return finished("timeout", apology(str(ToolTimedOut())))
    except RuntimeError:  # no thread could be started
        return finished("error", apology("it could not be started"))
    finally:
        if stop is not None:
            stop()
    return finished(outcome, output)


def _problems(error: Exception) -> str:
    """What is wrong with the arguments, as the model may know it."""
    if not isinstance(error, ValidationError):
        return "they cannot be read"
    return "; ".join(f"{'.'.join(map(str, p['loc'])) or 'arguments'}: {p['msg']}" for p in error.errors()[:5])


def _values(tool: Tool, arguments: str) -> dict[str, Any]:
    """The arguments for the function; raises whatever reading and checking them raises."""
    if tool.arguments is not None:
        given = tool.arguments.model_validate_json(arguments or "{}")
        return {field: getattr(given, field) for field in type(given).model_fields}
    plain = json.loads(arguments or "{}")
    if not isinstance(plain, dict):
        raise ValueError("not an object")
    return {"arguments": plain}


_Answer = tuple[str, str]  # the outcome, and the text for the model


def thread_name(tool: str, tool_call_id: str) -> str:
    """Of the thread in which a sync tool runs: who watches it finds it by this."""
    return f"tool {tool} {tool_call_id}"


def _start(
    tool: Tool, values: Mapping[str, Any], done: "asyncio.Future[_Answer]", tool_call_id: str
) -> Callable[[], object] | None:
    """Start the tool elsewhere, to fulfil `done`; returns how to stop it, if it can be stopped."""
    loop = done.get_loop()

    def answer(given: _Answer) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended: nothing waits for the answer any more
            loop.call_soon_threadsafe(_fulfil, done, given)

    # BaseException: SystemExit, or whatever else a library may raise, ends the tool and nothing else.
    async def work_async() -> None:
        if (task := asyncio.current_task()) is not None:
            task.set_name(tool.name)  # which whoever finds the loop blocked reports
        try:
            answer(_as_answer(await tool.function(**values), tool.options.result_limit))
        except BaseException as error:
            answer(_failed(tool.name, error))

    def work() -> None:
        try:
            answer(_as_answer(tool.function(**values), tool.options.result_limit))
        except BaseException as error:
            answer(_failed(tool.name, error))

    if inspect.iscoroutinefunction(tool.function):
        # On the tools' own loop: one that blocks, or ignores its cancellation, delays other tools but no call.
        return asyncio.run_coroutine_threadsafe(work_async(), _tools_loop()[0]).cancel
    # A daemon thread for each run: a tool that hangs delays neither the others nor the exit.
    threading.Thread(target=work, name=thread_name(tool.name, tool_call_id), daemon=True).start()
    return None


def _fulfil(done: "asyncio.Future[_Answer]", given: _Answer) -> None:
    if not done.done():  # it may have timed out in the meantime
        done.set_result(given)


@cache
def _tools_loop() -> tuple[asyncio.AbstractEventLoop, threading.Thread]:
    """One loop for all async tools, so that what a tool keeps (a client, a lock) stays usable between calls."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="async tools", daemon=True)
    thread.start()
    return loop, thread


def tools_loop_if_any() -> tuple[asyncio.AbstractEventLoop | None, int | None]:
    """The async tools' loop and its thread's identifier, once an async tool has run."""
    if not _tools_loop.cache_info().currsize:
        return None, None
    loop, thread = _tools_loop()
    return loop, thread.ident


def _failed(tool: str, error: BaseException) -> _Answer:
    """The model learns the type of the error only: its text could contain a secret, or a stranger's words."""
    if not isinstance(error, ToolFailed | asyncio.CancelledError):
        with contextlib.suppress(Exception):  # the log has its type and where it came from; see `telemetry`
            log.warning("tool.failed", extra={"tool": tool}, exc_info=error)
    if isinstance(error, ToolTimedOut):
        return "timeout", apology(str(error))
    if isinstance(error, ToolFailed):
        return "error", apology(str(error))
    return "error", apology(f"it failed with {type(error).__name__}")


def _as_answer(result: Any, limit: int) -> _Answer:
    """A result as text for the model: text as it is, anything else as JSON."""
    try:
        text = str(result) if isinstance(result, str) else _as_json(result)
    except (TypeError, ValueError, RecursionError):
        return "error", apology(f"it returned something that is not JSON ({type(result).__name__})")
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


def apology(why: str) -> str:
    """What the model learns of a tool that did not work."""
    return json.dumps({"error": f"The tool did not work: {why}. Tell the caller that it did not work, and continue."})
