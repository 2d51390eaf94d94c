"""The stand-in: what a session says that no script speaks for. It obeys no instructions but one: a quoted text.

It says the greeting that it is given, answers from a small set, calls a tool of the session's when the caller's words
name it, and reads out what the tool answered. That is enough to try greeting, tools, keys and the end of a call
without a key, and it says on its first answer that it is not a model.
"""

import datetime
import re
from collections.abc import Iterator, Mapping
from typing import Any

from infra.emulator.scripts.lines import Agent, Tool
from infra.emulator.session import speech
from infra.emulator.session.conversation import Conversation, Item

WHO_I_AM = "I am a stand-in for the model: I say the greeting, and use a tool if you name it."
ANSWERS = (
    "I see. Please go on.",
    "Understood. What else can I do for you?",
    "Thank you. Is there anything else?",
)
_GOODBYE = re.compile(r"\b(good-?bye|bye|hang up|that is all|that's all)\b", re.IGNORECASE)
_SOMEBODY_ELSE = re.compile(
    r"\b(transfer|human|person|operator|colleague|somebody|someone|representative)\b", re.IGNORECASE
)
_WITHOUT_QUOTES = (
    (re.compile(r"\bgoodbye\b", re.IGNORECASE), "Thank you for calling. Goodbye."),
    (re.compile(r"\bsilent\b|\bstill there\b", re.IGNORECASE), "Are you still there?"),
    (re.compile(r"\blonger\b", re.IGNORECASE), "This is taking a little longer."),
    (re.compile(r"\bgreet\b", re.IGNORECASE), "Hello, how can I help you?"),
)
"""What a model would make of the usual instructions for one response."""

READ_OUT = 300  # characters of a tool's answer


class StandIn:
    """One session's. `answer` is what it says next."""

    def __init__(self) -> None:
        self._given = 0

    def answer(self, instructions: str | None, conversation: Conversation, session: Mapping[str, Any]) -> Agent:
        """`instructions`: those of this response alone."""
        if instructions:
            return Agent(agent=_as_instructed(instructions))
        kind, text = _latest(conversation)
        if kind == "tool":
            return Agent(agent=text)
        offered = {tool["name"]: tool for tool in session["tools"] if tool.get("type") == "function"}
        if kind == "caller" and (call := _wanted(text, offered)) is not None:
            return call
        return Agent(agent=self._remark() if kind == "caller" else f"All right. {text}".strip())

    def _remark(self) -> str:
        self._given += 1
        return WHO_I_AM if self._given == 1 else ANSWERS[(self._given - 2) % len(ANSWERS)]


def _as_instructed(instructions: str) -> str:
    said = speech.improvised(instructions)
    if said != instructions:  # a quoted text
        return said
    return next((words for pattern, words in _WITHOUT_QUOTES if pattern.search(instructions)), ANSWERS[0])


def _latest(conversation: Conversation) -> tuple[str, str]:
    """What there is to react to: `caller`, `tool` or `fact`, and its text."""
    for item in (conversation.items[item_id] for item_id in reversed(conversation.order)):
        if item["type"] == "function_call_output":
            return "tool", _read_out(item, conversation)
        if item.get("role") == "user":
            return "caller", _words(item, conversation)
        if item.get("role") == "system":
            return "fact", _words(item, conversation)
    return "fact", ""


def _words(item: Item, conversation: Conversation) -> str:
    spoken = conversation.spoken.get(item["id"])
    return spoken.text if spoken else " ".join(str(part.get("text") or "") for part in item["content"])


def _read_out(output: Item, conversation: Conversation) -> str:
    calls = (item for item in conversation.items.values() if item.get("type") == "function_call")
    name = next((item["name"] for item in calls if item["call_id"] == output["call_id"]), "tool")
    text = output["output"]
    return f"{name} answered: {text[:READ_OUT]}{'…' if len(text) > READ_OUT else ''}"


def _wanted(text: str, offered: Mapping[str, Any]) -> Agent | None:
    """The tool that the caller's words ask for, if the session offers it."""
    if "hang_up" in offered and _GOODBYE.search(text):
        return Agent(agent="Thank you for calling. Goodbye.", tool=Tool(name="hang_up"))
    said = set(re.findall(r"[^\W_]+", text.lower()))
    for name, tool in offered.items():
        if name != "hang_up" and said.issuperset(re.findall(r"[^\W_]+", name.lower())):
            return _call(name, tool, text)
    if "transfer" in offered and _SOMEBODY_ELSE.search(text):
        return _call("transfer", offered["transfer"], text)
    return None


def _call(name: str, tool: Mapping[str, Any], text: str) -> Agent:
    schema = tool.get("parameters") or {}
    return Agent(agent=f"One moment: I use {name}.", tool=Tool(name=name, arguments=_example(schema, schema, text)))


def _example(schema: Mapping[str, Any], root: Mapping[str, Any], text: str) -> Any:
    """A value that fits a JSON schema, made from the caller's words where it may be any text or number."""
    for step in str(schema.get("$ref", "")).removeprefix("#/").split("/") if "$ref" in schema else ():
        found = (root if step == "$defs" else schema).get(step, {})
        schema = found if isinstance(found, Mapping) else {}
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        named = (each for each in schema["enum"] if isinstance(each, str) and each.lower() in text.lower())
        return next(named, schema["enum"][0])
    if "default" in schema:
        return schema["default"]
    for choice in ("anyOf", "oneOf", "allOf"):
        if schema.get(choice):
            return _example(schema[choice][0], root, text)
    kind = schema.get("type")
    if "properties" in schema or kind == "object":
        wanted, properties = schema.get("required", ()), schema.get("properties", {})
        return {name: _example(properties.get(name, {}), root, text) for name in wanted}
    match kind:
        case "integer" | "number":
            return next(_numbers(text), schema.get("minimum", 1))
        case "boolean":
            return True
        case "array":
            return [_example(schema.get("items", {}), root, text)]
        case "null":
            return None
    now = datetime.datetime.now(datetime.UTC)
    return {"date": now.date().isoformat(), "time": "12:00:00", "date-time": now.isoformat(timespec="seconds")}.get(
        str(schema.get("format")), text
    )


def _numbers(text: str) -> Iterator[int]:
    yield from map(int, re.findall(r"\d{1,9}", text))
