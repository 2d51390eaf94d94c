"""Tools that leave a trace: one line for every time that one of them really ran."""

import ctypes
import os
import threading
import time

from ringside.tools.definition import CallContext, tool

SLOW_SECONDS = 4.0


def book(reference: str, call: CallContext) -> str:
    """Book something, which must not happen twice."""
    _note(call)
    return f"booked {reference}"


def book_slowly(reference: str, call: CallContext) -> str:
    """Book something at a slow counter."""
    _note(call)
    time.sleep(SLOW_SECONDS)
    return f"booked {reference}"


@tool(repeatable=True)
def look_up_slowly(reference: str, call: CallContext) -> str:
    """Look something up in a slow catalogue."""
    _note(call)
    time.sleep(SLOW_SECONDS)
    return f"found {reference}"


def hang() -> str:
    """Never return."""
    threading.Event().wait()
    return ""


def spin() -> str:
    """Never return, and never rest."""
    while True:
        pass


def hold() -> str:
    """Keep the interpreter, as a library written in C may."""
    ctypes.PyDLL(None).sleep(15)
    return ""


async def block() -> str:
    """Let no other async tool run."""
    time.sleep(15)
    return ""


def end() -> str:
    """End the process."""
    os._exit(7)


def _note(call: CallContext) -> None:
    # One write that appends is one line, however many monitors write at once.
    with open(os.environ["TOOLS_LEDGER"], "a", encoding="utf-8") as ledger:
        ledger.write(f"{call.call_id} {call.tool_call_id}\n")
