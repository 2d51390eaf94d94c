"""A Realtime session body (GA, or of the former beta) as an agent file, and what of it was left out and why. Pure.

Takes what people have: the body of accept, of `session.update`, of a client secret, a `session.created` event.
One module: a translation from top to bottom, a few lines per field.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml
from pydantic import BaseModel

from ringside.agentfile.agent import Agent
from ringside.agentfile.session import NoiseReduction, Transcription, TurnDetection

Json = dict[str, Any]


class NotASession(Exception):
    """The text is not a Realtime session; the message says what it is."""


@dataclass(frozen=True)
class LeftOut:
    """Something of the session that is not in the agent file as it was: why, or what to do about it."""

    what: str
    why: str


@dataclass
class Imported:
    """`fields` of the agent file; `left_out` is shown to the user, and stands in the file as comments."""

    fields: Json = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)

    def text(self, source: str) -> str:
        """The agent file. `source`: where the session came from, for the first line."""
        head = ["# yaml-language-server: $schema=../../docs/agent.schema.json", f"# Imported from {_one_line(source)}."]
        if self.left_out:
            head.append("# Left out, or worth a look:")
            head += [f"#   {_one_line(each.what)}: {_one_line(each.why)}" for each in self.left_out]
        return "\n".join(head) + "\n\n" + _yaml(self.fields)


_PHONE = "a phone call is audio"
_SIP = "SIP negotiates the format"
_NOT_SENT = {
    "id": "it belongs to a session that exists already",
    "object": "it belongs to a session that exists already",
    "expires_at": "it belongs to a session that exists already",
    "client_secret": "a phone call needs no client secret",
    "modalities": _PHONE,
    "output_modalities": _PHONE,
    "input_audio_format": _SIP,
    "output_audio_format": _SIP,
    "temperature": "Realtime sessions no longer have one",
    "include": "it cannot be set in an agent file",
    "type": "every session here is a Realtime session",
}
_SAME = (
    "model",
    "instructions",
    "max_output_tokens",
    "parallel_tool_calls",
    "truncation",
    "tracing",
    "prompt",
    "speed",
)


def imported(body: Any) -> Imported:
    """Translate a session body; raises `NotASession`."""
    session = _session(body)
    result = Imported({"answers": "default"})
    result.left_out.append(LeftOut("answers", "a session has no number: replace default by the numbers to answer"))
    flat = dict(session)
    audio = flat.pop("audio", None)
    if isinstance(audio, Mapping):
        flat |= _flat_audio(audio, result)
    for old, new in (
        ("input_audio_transcription", "transcription"),
        ("input_audio_noise_reduction", "noise_reduction"),
        ("max_response_output_tokens", "max_output_tokens"),
    ):
        if old in flat:
            flat.setdefault(new, flat.pop(old))
    for name, value in flat.items():
        _take(name, value, result)
    if "transcription" not in result.fields:
        result.fields["transcription"] = None
        why = "off, as in the session: the record will have the agent's words only; delete the line to turn it on"
        result.left_out.append(LeftOut("transcription", why))
    if not result.fields.get("instructions") and "prompt" not in result.fields:
        result.fields["instructions"] = "You are on the phone: be brief and friendly."
        result.left_out.append(LeftOut("instructions", "the session has none; write them"))
    _check_model(result)
    order = {name: index for index, name in enumerate(Agent.model_fields)}
    first = ("answers", "model", "voice", "speed", "instructions")
    result.fields = dict(
        sorted(
            result.fields.items(), key=lambda item: (first.index(item[0]) if item[0] in first else 9, order[item[0]])
        )
    )
    return result


def _session(body: Any) -> Json:
    if isinstance(body, Mapping) and isinstance(body.get("session"), Mapping):  # session.update, client secrets
        body = body["session"]
    if not isinstance(body, Mapping):
        raise NotASession("a session body is a JSON object")
    if body.get("type") in ("transcription", "live"):
        raise NotASession(f"this is a {body['type']} session, and an agent file describes a Realtime session")
    known = {
        *_NOT_SENT,
        *_SAME,
        "audio",
        "voice",
        "tools",
        "tool_choice",
        "turn_detection",
        "input_audio_transcription",
    }
    if not known & set(body):
        raise NotASession("this does not look like a Realtime session: it has none of a session's fields")
    return dict(body)


def _flat_audio(audio: Mapping[str, Any], result: Imported) -> Json:
    """The GA shape's `audio.input` and `audio.output` as fields at the top level."""
    flat: Json = {}
    for side, names in (
        ("input", ("transcription", "turn_detection", "noise_reduction")),
        ("output", ("voice", "speed")),
    ):
        part = audio.get(side)
        for name, value in part.items() if isinstance(part, Mapping) else ():
            if name in names:
                flat[name] = value
            elif value is not None:
                result.left_out.append(LeftOut(f"audio.{side}.{name}", _SIP if name == "format" else "unknown"))
    return flat


def _take(name: str, value: Any, result: Imported) -> None:
    fields, left_out = result.fields, result.left_out
    if name in _NOT_SENT:
        if name not in ("type", "object") and value not in (None, ["audio"], ["audio", "text"], ["text", "audio"]):
            left_out.append(LeftOut(name, _NOT_SENT[name]))
    elif name == "turn_detection" and value is None:
        left_out.append(LeftOut("turn_detection: null", "a caller has no button to press; semantic_vad instead"))
    elif value is None:
        pass
    elif name in _SAME:
        fields[name] = _cleaned(name, value, result)
    elif name == "voice":
        fields["voice"] = value
    elif name == "transcription":
        fields[name] = _known(name, value, Transcription, result)
    elif name == "noise_reduction":
        fields[name] = {"type": value} if isinstance(value, str) else _known(name, value, NoiseReduction, result)
    elif name == "turn_detection":
        fields[name] = _known(name, value, TurnDetection, result)
        if isinstance(fields[name], dict) and fields[name].get("create_response") is True:
            del fields[name]["create_response"]
    elif name == "reasoning" and isinstance(value, Mapping):
        if value.get("effort"):
            fields["reasoning_effort"] = value["effort"]
    elif name == "tool_choice":
        fields[name] = _tool_choice(value)
    elif name == "tools" and isinstance(value, list):
        for tool in value:
            _tool(tool, result)
    else:
        left_out.append(LeftOut(name, "an agent file has no such field"))


def _cleaned(name: str, value: Any, result: Imported) -> Any:
    if name == "instructions" and isinstance(value, str):
        escaped = re.sub(r"(?<!\\)\{\{(?=[^{}]*\}\})", r"\\{{", value)
        if escaped != value:
            why = "{{…}} is kept as it is, written \\{{…}}; call facts such as {{caller}} are in docs/agents.md"
            result.left_out.append(LeftOut("placeholders in instructions", why))
        return escaped
    return _without_none(value)


def _tool(tool: Any, result: Imported) -> None:
    fields, left_out = result.fields, result.left_out
    if not isinstance(tool, Mapping):
        left_out.append(LeftOut("a tool", "not an object"))
        return
    inner = tool.get("function")
    function: Mapping[str, Any] = inner if isinstance(inner, Mapping) else tool
    match tool.get("type", "function"):
        case "function":
            name = str(function.get("name"))
            entry = {
                "name": name,
                "function": name.replace("_", "-"),
                "description": function.get("description") or name.replace("_", " "),
                "parameters": function.get("parameters") or {"type": "object", "properties": {}},
            }
            fields.setdefault("lambda_tools", []).append(entry)
            why = (
                f"imported as the Lambda function {entry['function']}: correct its name, or write a Python function "
                f"{name} in functions/agents/tools.py, list it in tools, and delete the entry"
            )
            left_out.append(LeftOut(f"tool {name}", why))
        case "mcp":
            server = {name: value for name, value in tool.items() if value is not None}
            for name in ("type", "require_approval"):
                server.pop(name, None)
            label = server.get("server_label", "mcp")
            if "authorization" in server:
                del server["authorization"]
                left_out.append(
                    LeftOut(f"authorization of {label}", "a secret; store it and name it (docs/agents.md, mcp_servers)")
                )
            if "headers" in server:
                del server["headers"]
                left_out.append(
                    LeftOut(
                        f"headers of {label}",
                        "they may hold a secret; store that and name it (docs/agents.md, mcp_servers)",
                    )
                )
            approve = _approve(tool.get("require_approval"))
            if approve is not None:
                server["approve"] = approve
            else:
                left_out.append(
                    LeftOut(f"approval for {label}", "nobody can be asked on the phone: list what may run in approve")
                )
            fields.setdefault("mcp_servers", []).append(server)
        case kind:
            left_out.append(LeftOut(f"a tool of type {kind}", "Realtime sessions have functions and MCP servers only"))


def _approve(asked: Any) -> Any:
    if asked == "never":
        return "all"
    never = asked.get("never") if isinstance(asked, Mapping) else None
    if isinstance(never, Mapping):
        chosen = {name: never[name] for name in ("read_only", "tool_names") if never.get(name)}
        return chosen.get("tool_names") if set(chosen) == {"tool_names"} else (chosen or None)
    return None


def _tool_choice(choice: Any) -> Any:
    if isinstance(choice, Mapping):
        inner = choice.get("function")
        if isinstance(inner, Mapping):
            return {"type": "function", "name": inner.get("name")}
        return _without_none(choice)
    return choice


def _check_model(result: Imported) -> None:
    model = result.fields.get("model")
    if isinstance(model, str) and re.match(r"gpt-4o(-mini)?-realtime-preview", model):
        result.fields["model"] = "gpt-realtime-2.1-mini" if "mini" in model else "gpt-realtime-2.1"
        result.left_out.append(LeftOut(f"model {model}", f"a preview of the beta; {result.fields['model']} instead"))


def _without_none(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _without_none(inner) for name, inner in value.items() if inner is not None}
    return value


def _known(name: str, value: Any, model: type[BaseModel], result: Imported) -> Any:
    """A part of the session without the fields that an agent file does not have."""
    if not isinstance(value, Mapping):
        return value
    kept = {}
    for inner, each in value.items():
        if inner in model.model_fields and each is not None:
            kept[inner] = each
        elif each is not None:
            result.left_out.append(LeftOut(f"{name}.{inner}", "an agent file has no such field"))
    return kept


def _one_line(text: str) -> str:
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())


class _Dumper(yaml.SafeDumper):
    """Long texts as blocks, as a person would write them."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def _yaml(fields: Json) -> str:
    return yaml.dump(fields, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


def loads(text: str) -> Any:
    """A JSON text; raises `NotASession` with the place of a mistake in it."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NotASession(f"not JSON: {error}") from None
