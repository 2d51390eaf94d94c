"""What a tool is: its name, its schema, how it is run, and what it may know of the call."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel

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
    """What a tool may know of the call it runs in: annotate an argument with it. The model does not see it.

    `caller`: a number (E.164), an extension such as `1001`, `anonymous` or `unknown`; None in records of older
    versions. `attested`: what the carrier found out about the number, `A`, `B`, `C`, `failed` or `none`.
    """

    call_id: str
    tool_call_id: str  # a natural key for what the tool does: the same if it is ever run again
    agent: str
    caller: str | None
    dialled: str | None
    attested: str = "none"


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


class ToolFailed(Exception):
    """A tool could not do its work; the text is for the model."""


class ToolTimedOut(ToolFailed):
    """What the tool asked for did not come in time."""

    def __init__(self) -> None:
        super().__init__("it took too long")
