"""What a tool is: its name, its schema, how it is run, and what it may know about the call."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar, overload

from pydantic import BaseModel

from ringside.errors import ServiceError, UserMistake

F = TypeVar("F", bound=Callable[..., Any])

RESULT_LIMIT = 16_000  # characters of a result that the model gets


class ToolError(UserMistake):
    """A file of tools cannot be used; the message names the file and the function."""


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
    schema: dict[str, Any]  # JSON schema of the arguments: the session's `parameters`
    arguments: type[BaseModel] | None = None  # what checks them; None: the tool itself does
    context: str | None = None  # the argument that gets the `CallContext`
    options: Options = Options()


@dataclass(frozen=True)
class CallContext:
    """The call in which a tool runs: an argument of this type receives it, and the model does not see it.

    `caller`: a number (E.164), an extension such as `1001`, `anonymous` or `unknown`; None in records of older
    versions. `attested`: what the carrier found out about the number, `A`, `B`, `C`, `failed` or `none`.
    """

    call_id: str
    tool_call_id: str  # a natural idempotency key: the same if the tool is ever run again
    agent: str
    caller: str | None
    dialled: str | None
    attested: str = "none"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: object) -> NoReturn:
        """Wherever a type contains the context, the model would have to make one up, callers' numbers included."""
        raise TypeError("a CallContext must be an argument of its own: the model cannot fill it in")


@overload
def tool(function: F, /) -> F: ...


@overload
def tool(
    *, repeatable: bool = False, seconds: float | None = None, result_limit: int = RESULT_LIMIT
) -> Callable[[F], F]: ...


def tool(
    function: F | None = None,
    /,
    *,
    repeatable: bool = False,
    seconds: float | None = None,
    result_limit: int = RESULT_LIMIT,
) -> F | Callable[[F], F]:
    """Set how a function of `tools.py` is run, as `@tool` or `@tool(seconds=5)`; without it the defaults apply.

    `repeatable`: running it twice does no harm, so it may be run again if it is unknown whether it ran.
    `seconds`: its own time limit. `result_limit`: characters of its result that the model gets.
    """

    def mark(function: F) -> F:
        function.__dict__["ringside"] = Options(repeatable, seconds, result_limit)
        return function

    return mark if function is None else mark(function)


class ToolFailed(ServiceError):
    """A tool could not do its work; the message is for the model."""


class ToolTimedOut(ToolFailed):
    """The tool's time limit ran out, or that of a service it uses."""

    def __init__(self) -> None:
        super().__init__("it took too long")
