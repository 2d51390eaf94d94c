"""A function's signature as a JSON schema, by pydantic, and the argument that gets the call's context."""

import functools
import inspect
import operator
import types
import typing
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import typing_extensions
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, create_model
from pydantic.fields import FieldInfo

from ringside.agentfile import tool_schema
from ringside.tools.definition import CallContext, ToolError


@dataclass(frozen=True)
class Signature:
    """`arguments` checks what the model sends, `schema` is what it is shown, `context` the argument it is not shown."""

    arguments: type[BaseModel]
    schema: dict[str, Any]
    context: str | None


def parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """A function's parameters, with their types resolved; raises `ToolError`.

    The context's own name needs no import: where types are only looked at by a type checker, there is none.
    """
    try:
        globals_ = dict(inspect.unwrap(function).__globals__)
        globals_.setdefault("CallContext", CallContext)
        hints = typing.get_type_hints(inspect.unwrap(function), globals_, include_extras=True)
        found = inspect.signature(function).parameters.values()
    except Exception as error:
        raise ToolError(f"an argument's type cannot be read: {error}") from None
    return [
        each.replace(annotation=hints[each.name]) if each.name in hints and each.annotation is not each.empty else each
        for each in found
    ]


def read(name: str, function: Callable[..., Any], described: Mapping[str, str]) -> Signature:
    """Raises `ToolError`, without the place. `described`: what the docstring says of each argument."""
    fields: dict[str, Any] = {}
    context = None
    for parameter in parameters(function):
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise ToolError(f"a model cannot fill in {parameter}; name every argument")
        if parameter.name.startswith("_"):  # pydantic would take it for a private attribute, and leave it out
            raise ToolError(f"the argument {parameter.name} must not begin with an underscore")
        if parameter.annotation is parameter.empty:
            raise ToolError(f"the argument {parameter.name} needs a type")
        if is_context(parameter.annotation):
            if context is not None:
                raise ToolError(f"both {context} and {parameter.name} are a CallContext; one is enough")
            context = parameter.name
            continue
        if parameter.name.startswith("model_") and hasattr(BaseModel, parameter.name):
            raise ToolError(f"the argument {parameter.name} has a name that pydantic uses itself; choose another name")
        if _mentions_context(parameter.annotation):
            raise ToolError(f"{parameter.name} mixes CallContext with other types; it must be an argument of its own")
        fields[parameter.name] = _field(parameter, described.get(parameter.name))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an argument may be called `json` or `copy`, as pydantic's methods are
            arguments = create_model(name, __config__=ConfigDict(extra="forbid", protected_namespaces=()), **fields)
            schema = _untitled(arguments.model_json_schema())
    except Exception as error:
        what = str(error).partition("\n")[0]
        raise ToolError(f"the arguments cannot be described as a JSON schema: {what}") from None
    for path, what in tool_schema.problems(schema):
        raise ToolError(f"the argument {_named(path)} cannot be described to OpenAI: {what}")
    return Signature(arguments, schema, context)


def is_context(annotation: Any) -> bool:
    """Whether an argument gets the context, however that is written: optional, annotated, renamed."""
    annotation = _plain(annotation)
    if _is_union(annotation):
        others = [each for each in typing.get_args(annotation) if each is not type(None)]
        return len(others) == 1 and is_context(others[0])
    return annotation is CallContext


def _mentions_context(annotation: Any) -> bool:
    """Whether the context is somewhere in a type; in the fields of a class, its schema refuses itself."""
    annotation = _plain(annotation)
    if isinstance(annotation, type) and issubclass(annotation, CallContext):
        return True
    return any(map(_mentions_context, typing.get_args(annotation)))


def _plain(annotation: Any) -> Any:
    """A type without `Annotated`, and what its other names (`type X = …`, `NewType`) stand for."""
    while True:
        if typing.get_origin(annotation) is Annotated:
            annotation = typing.get_args(annotation)[0]
        elif isinstance(annotation, typing.NewType):
            annotation = annotation.__supertype__
        elif isinstance(annotation, typing_extensions.TypeAliasType):
            annotation = annotation.__value__
        else:
            return annotation


def _is_union(annotation: Any) -> bool:
    return typing.get_origin(annotation) in (typing.Union, types.UnionType)


def _field(parameter: inspect.Parameter, described: str | None) -> tuple[Any, Any]:
    """An argument as pydantic wants it: its type and its default."""
    annotation, default = _translated(parameter.annotation), parameter.default
    if default is parameter.empty:
        default = ...
    elif isinstance(default, FieldInfo):
        pass
    elif default is None and not _takes(annotation, None):
        annotation = typing.Optional[annotation]  # noqa: UP045 - city: str = None, of whatever type
    elif not _takes(annotation, default):
        raise ToolError(f"the default of {parameter.name}, {default!r}, is not of its type")
    says_so = isinstance(default, FieldInfo) and default.description
    if described and not says_so and not _description(annotation):
        annotation = Annotated[annotation, Field(description=described)]
    return annotation, default


def _takes(annotation: Any, value: Any) -> bool:
    try:
        TypeAdapter(annotation, config=ConfigDict(arbitrary_types_allowed=True)).validate_python(value)
    except ValidationError:
        return False
    except Exception:
        return True  # the type itself is wrong, which is reported with the schema
    return True


def _description(annotation: Any) -> str | None:
    """What a type says about itself at its outermost level."""
    if typing.get_origin(annotation) is Annotated:
        for extra in annotation.__metadata__:
            if isinstance(extra, FieldInfo) and extra.description:
                return extra.description
    return None


def _translated(annotation: Any, within: tuple[Any, ...] = ()) -> Any:
    """A type with its plain words as descriptions: `Annotated[str, "the city"]`, `Annotated[str, Doc("the city")]`.

    Pydantic drops them silently. The typing module's TypedDict becomes that of typing_extensions, which pydantic asks
    for before Python 3.12, so that a tool is the same here and where it runs. `within`: TypedDicts that contain it.
    """
    arguments = typing.get_args(annotation)
    if typing.get_origin(annotation) is Annotated:
        inner, *extras = arguments
        words = [str(getattr(extra, "documentation", extra)) for extra in extras if _is_words(extra)]
        kept = [extra for extra in extras if not _is_words(extra)]
        if words and not any(isinstance(extra, FieldInfo) and extra.description for extra in kept):
            kept.append(Field(description=" ".join(words)))
        inner = _translated(inner, within)
        return Annotated.__class_getitem__((inner, *kept)) if kept else inner
    if typing_extensions.is_typeddict(annotation) and annotation not in within:
        return _typed_dict(annotation, (*within, annotation))
    if not arguments or typing.get_origin(annotation) is typing.Literal:
        return annotation
    translated = tuple(_translated(each, within) for each in arguments)
    if translated == arguments:
        return annotation
    if _is_union(annotation):
        return functools.reduce(operator.or_, translated)
    if hasattr(annotation, "copy_with"):
        return annotation.copy_with(translated)
    origin: Any = typing.get_origin(annotation)
    return origin[translated]


def _is_words(extra: Any) -> bool:
    return isinstance(extra, str) or isinstance(getattr(extra, "documentation", None), str)


def _typed_dict(annotation: Any, within: tuple[Any, ...]) -> Any:
    fields: dict[str, Any] = {}
    for name, hint in typing.get_type_hints(annotation, include_extras=True).items():
        if typing.get_origin(hint) in (typing.Required, typing.NotRequired):
            (hint,) = typing.get_args(hint)
        kind: Any = typing.Required if name in annotation.__required_keys__ else typing.NotRequired
        fields[name] = kind[_translated(hint, within)]
    make: Any = typing_extensions.TypedDict
    made = make(annotation.__name__, fields)
    made.__doc__, made.__module__ = annotation.__doc__, annotation.__module__
    return made


def _untitled(schema: Any) -> Any:
    """Without pydantic's titles, which repeat each field's name and cost tokens in every prompt."""
    if isinstance(schema, dict):
        return {
            key: _untitled(value) for key, value in schema.items() if not (key == "title" and isinstance(value, str))
        }
    return [_untitled(value) for value in schema] if isinstance(schema, list) else schema


def _named(path: tuple[str | int, ...]) -> str:
    return str(path[1]) if len(path) > 1 else "list"
