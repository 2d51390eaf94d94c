"""Shapes that people paste into agent files, recognised, with what to write instead. Pure.

Session bodies (GA and the former beta), function and MCP tools as OpenAI's pages show them, and the option names of
other frameworks. Whoever pastes one is told once how it is written here, not field by field what does not exist.
One module: most of it is the tables of names.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ringside.agentfile.yaml_lines import FieldPath, YamlFile


@dataclass(frozen=True)
class Hint:
    """What to write instead of what is at `path`; it stands for all problems there and at `others`."""

    path: FieldPath
    text: str
    others: frozenset[FieldPath] = field(default=frozenset())

    def covers(self, path: FieldPath) -> bool:
        return any(path[: len(start)] == start for start in (self.path, *self.others))


IMPORT = "`ringside agents import session.json` writes an agent file from a session body"

_OF_A_SESSION = {
    "type": "leave it out",
    "object": "leave it out",
    "id": "leave it out",
    "expires_at": "leave it out",
    "client_secret": "leave it out",
    "event_id": "leave it out",
    "session": "write its fields at the top level",
    "audio": "its parts are fields at the top level: transcription, turn_detection, noise_reduction, voice, speed",
    "modalities": "leave it out: a phone call is audio",
    "output_modalities": "leave it out: a phone call is audio",
    "input_audio_format": "leave it out: SIP negotiates the format",
    "output_audio_format": "leave it out: SIP negotiates the format",
    "input_audio_transcription": "transcription",
    "input_audio_noise_reduction": "noise_reduction",
    "max_response_output_tokens": "max_output_tokens",
    "temperature": "leave it out: Realtime sessions no longer have one",
    "reasoning": "reasoning_effort: low",
    "include": "leave it out: it cannot be set here",
}
"""Fields of a session body that are written differently here, or not at all."""

_BETA = {"modalities", "input_audio_format", "output_audio_format", "input_audio_transcription", "temperature"} | {
    "input_audio_noise_reduction",
    "max_response_output_tokens",
}

_OF_OTHERS = {
    **dict.fromkeys(("system_prompt", "system", "system_message", "persona", "prompt_template"), "instructions"),
    **dict.fromkeys(
        ("first_message", "begin_message", "welcome_message", "initial_message", "opening", "welcome_greeting"),
        "greeting",
    ),
    **dict.fromkeys(("end_call_message", "goodbye", "farewell", "end_message"), "farewell_instructions"),
    **dict.fromkeys(("phone_number", "phone_numbers", "number", "numbers", "inbound_number", "did", "dids"), "answers"),
    **dict.fromkeys(("stt", "transcriber", "asr", "speech_to_text"), "transcription: {model: gpt-transcribe}"),
    **dict.fromkeys(("llm", "llm_model", "model_name"), "model"),
    **dict.fromkeys(("tts", "voice_id", "voice_name", "text_to_speech"), "voice"),
    **dict.fromkeys(("vad", "turn_handling", "turn_detector", "turn_taking"), "turn_detection"),
    **dict.fromkeys(
        ("allow_interruptions", "interruptible", "interruptions_enabled", "enable_interruptions"),
        "turn_detection: {interrupt_response: true}",
    ),
    **dict.fromkeys(
        ("min_endpointing_delay", "max_endpointing_delay", "endpointing", "silence_duration_ms", "stop_secs"),
        "turn_detection: {type: server_vad, silence_duration_ms: 600}, or its eagerness with semantic_vad",
    ),
    **dict.fromkeys(
        ("user_away_timeout", "silence_timeout_seconds", "silence_timeout", "reminder_trigger_ms", "idle_timeout"),
        "limits: {silence: 12}",
    ),
    **dict.fromkeys(
        ("max_call_duration", "max_duration", "max_duration_seconds", "max_call_duration_ms", "time_limit"),
        "limits: {max_duration: 1800}",
    ),
    **dict.fromkeys(
        ("functions", "function_tools", "general_tools", "actions"),
        "tools: names of functions in tools.py, or lambda_tools",
    ),
    **dict.fromkeys(("mcp", "mcp_server", "mcps"), "mcp_servers: a list of servers"),
    **dict.fromkeys(
        ("transfer_number", "transfer_to", "forwarding_phone_number", "handoff", "handoffs"),
        "transfer: {desk: tel:+14255550100}, and transfer in tools",
    ),
    **dict.fromkeys(("business_hours", "hours", "schedule"), "opening_hours"),
    **dict.fromkeys(("timezone", "tz"), "time_zone"),
    **dict.fromkeys(("language", "languages", "keywords"), "transcription: {language: en}"),
    **dict.fromkeys(("noise_cancellation", "denoising", "background_denoising"), "noise_reduction: {type: far_field}"),
    **dict.fromkeys(("max_tokens", "max_completion_tokens"), "max_output_tokens"),
    **dict.fromkeys(("speaking_rate", "voice_speed"), "speed"),
    **dict.fromkeys(("effort", "reasoning_effort_level"), "reasoning_effort"),
    **dict.fromkeys(("rules", "allowlist", "blocklist", "allow_list", "block_list"), "admission: a list of rules"),
    **dict.fromkeys(("preemptive_generation", "max_tool_steps", "userdata"), "leave it out: there is nothing like it"),
}
"""Option names of other frameworks for phone agents (LiveKit, Pipecat, Vapi, Retell), in snake case."""

_SHORT = {
    "noise_reduction": ("type", {"near_field", "far_field"}),
    "turn_detection": ("type", {"server_vad", "semantic_vad"}),
    "transcription": ("model", None),
    "truncation": ("type", {"retention_ratio"}),
}
"""Fields that are mappings, where people write the one word that they mean."""


def recognise(file: YamlFile, known: frozenset[str]) -> list[Hint]:
    """What in a file was pasted from elsewhere. `known`: the fields of an agent file."""
    values = file.values
    return [
        *_session(values, known),
        *_tools(values.get("tools")),
        *_mcp_servers(values.get("mcp_servers")),
        *_lambda_tools(values.get("lambda_tools")),
        *_short(values),
        *_tool_choice(values.get("tool_choice")),
        *_transfers(values.get("transfer"), file),
    ]


def snake(name: str) -> str:
    """`firstMessage` and `first-message` as `first_message`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).replace("-", "_").lower()


def _session(values: Mapping[str, Any], known: frozenset[str]) -> Iterator[Hint]:
    strange = [name for name in values if name not in known]
    of_a_session = [name for name in strange if name in _OF_A_SESSION]
    if len(of_a_session) > 1 or "session" in of_a_session:
        body = values.get("session")
        kind = "beta" if _BETA & {*values, *(body if isinstance(body, Mapping) else ())} else "GA"
        here = "; ".join(f"{name}: {_OF_A_SESSION[name]}" for name in of_a_session)
        text = f"this is a Realtime session body ({kind}); {IMPORT}. To do it by hand: {here}"
        others = {(name,) for name in of_a_session} | {("answers",), ("instructions",)} - {(name,) for name in values}
        yield Hint((of_a_session[0],), text, frozenset(others))
    elif of_a_session:
        (name,) = of_a_session
        yield Hint((name,), f"there is no such field; in an agent file: {_OF_A_SESSION[name]}")
    for name in strange:
        if name not in of_a_session and snake(name) in _OF_OTHERS:
            yield Hint((name,), f"there is no such field; in an agent file: {_OF_OTHERS[snake(name)]}")
        elif name not in of_a_session and snake(name) in known:
            yield Hint((name,), f"there is no such field; it is written {snake(name)}")


def _tools(tools: Any) -> Iterator[Hint]:
    if isinstance(tools, Mapping):
        yield Hint(("tools",), f"must be a list of names: [{', '.join(map(str, tools))}]")
    if not isinstance(tools, list) or not any(isinstance(tool, Mapping) for tool in tools):
        return
    told: list[str] = []
    for tool in tools:
        if not isinstance(tool, Mapping):
            continue
        within = tool.get("function")
        inner: Mapping[str, Any] = within if isinstance(within, Mapping) else tool
        name = inner.get("name") or tool.get("server_label") or tool.get("type") or next(iter(tool), "?")
        match tool.get("type"):
            case "mcp":
                told.append(f"{name}, an MCP server, is an entry of mcp_servers (without type; approve for approval)")
            case "function" | None if "parameters" in inner or "description" in inner or tool.get("type"):
                told.append(
                    f"{name} is a function of tools.py, or an entry of lambda_tools "
                    "(name, function: the Lambda function's name, description, parameters)"
                )
            case None:
                told.append(f"{name} is written as a name alone")
            case kind:
                told.append(f"{kind} is not a tool of Realtime sessions")
    yield Hint(("tools",), "lists names, not definitions: " + "; ".join(told))


def _mcp_servers(servers: Any) -> Iterator[Hint]:
    if isinstance(servers, Mapping):
        yield Hint(("mcp_servers",), "must be a list: - {server_label: …, server_url: https://…, approve: […]}")
    for index, server in enumerate(servers if isinstance(servers, list) else ()):
        if not isinstance(server, Mapping):
            continue
        path = ("mcp_servers", index)
        told: list[str] = []
        others: set[FieldPath] = set()
        for name, here in (
            ("type", "leave type out"),
            ("label", "label is server_label"),
            ("name", "name is server_label"),
            ("url", "url is server_url"),
            ("description", "description is server_description"),
            ("token", "token is authorization"),
            ("require_approval", _approval(server.get("require_approval"))),
        ):
            if name in server:
                told.append(here)
                others.add((*path, name))
        if told:
            others |= {(*path, name) for name in ("server_label", "server_url") if name not in server}
            first = next(iter(name for name in server if (*path, name) in others))
            yield Hint((*path, first), "in an agent file: " + "; ".join(told), frozenset({*others, path}))


def _approval(asked: Any) -> str:
    """OpenAI's `require_approval` as `approve`."""
    never = asked.get("never") if isinstance(asked, Mapping) else None
    if asked == "never":
        return "require_approval: never is approve: all"
    if isinstance(never, Mapping) and isinstance(never.get("tool_names"), list):
        return f"require_approval is approve: [{', '.join(map(str, never['tool_names']))}]"
    if isinstance(never, Mapping) and never.get("read_only"):
        return "require_approval is approve: {read_only: true}"
    return "require_approval is approve: the tools that may run, or all; nobody on a phone call can be asked"


def _lambda_tools(tools: Any) -> Iterator[Hint]:
    if isinstance(tools, Mapping):
        yield Hint(("lambda_tools",), "must be a list: - {name: …, function: …, description: …, parameters: …}")
    for index, tool in enumerate(tools if isinstance(tools, list) else ()):
        if not isinstance(tool, Mapping):
            continue
        path = ("lambda_tools", index)
        told: list[str] = []
        others: set[FieldPath] = set()
        for name, here in (
            ("type", "leave type out"),
            ("strict", "leave strict out"),
            ("arn", "arn is function"),
            ("function_name", "function_name is function"),
            ("lambda", "lambda is function"),
            ("input_schema", "input_schema is parameters"),
            ("inputSchema", "inputSchema is parameters"),
            ("schema", "schema is parameters"),
        ):
            if name in tool:
                told.append(here)
                others.add((*path, name))
        if isinstance(tool.get("function"), Mapping):
            told.append("function is the name or ARN of the Lambda function; write what is in it beside it")
            others |= {(*path, name) for name in ("function", "name", "description")}
        if told:
            others.add((*path, "function"))
            first = next(iter(name for name in tool if (*path, name) in others))
            yield Hint((*path, first), "in an agent file: " + "; ".join(told), frozenset(others))


def _short(values: Mapping[str, Any]) -> Iterator[Hint]:
    for name, (inner, words) in _SHORT.items():
        value = values.get(name)
        if isinstance(value, str) and value and (words is None or value in words):
            more = ", retention_ratio: 0.8" if name == "truncation" else ""
            yield Hint((name,), f"must be a mapping: {name}: {{{inner}: {value}{more}}}")
    detection = values.get("turn_detection", {})
    if detection is None or detection in ("none", False):
        yield Hint(
            ("turn_detection",),
            "cannot be turned off: a caller has no button to press. For a session that speaks only when asked to, "
            "write turn_detection: {create_response: false}",
        )
    if values.get("noise_reduction") in ("off", "none", False):
        yield Hint(("noise_reduction",), "is off unless it is set; leave it out, or write null")
    if values.get("transcription") in ("off", "none", False):
        yield Hint(("transcription",), "write transcription: null to turn it off")
    prompt = values.get("prompt")
    if isinstance(prompt, str):
        stored = prompt.startswith("pmpt_")
        here = f"prompt: {{id: {prompt}}}" if stored else "instructions; prompt is for a prompt stored at OpenAI"
        yield Hint(("prompt",), f"write {here}", frozenset({("instructions",)}))
    if isinstance(values.get("admission"), Mapping):
        yield Hint(("admission",), "must be a list of rules: - {name: …, callers: […], reject: 603}")
    if isinstance(values.get("limits"), int | float):
        yield Hint(("limits",), f"must be a mapping: limits: {{max_duration: {values['limits']}}}")
    if isinstance(values.get("opening_hours"), str | list):
        yield Hint(("opening_hours",), 'must be a mapping of days: opening_hours: {monday: "09:00-18:00"}')


def _tool_choice(choice: Any) -> Iterator[Hint]:
    if isinstance(choice, Mapping):
        inner = choice.get("function")
        name = inner.get("name") if isinstance(inner, Mapping) else choice.get("name")
        kind = choice.get("type")
        if (isinstance(inner, Mapping) or kind in (None, "tool")) and name and "server_label" not in choice:
            yield Hint(("tool_choice",), f"write tool_choice: {{type: function, name: {name}}}")
    elif choice in ("any", "always", "force"):
        yield Hint(("tool_choice",), "write tool_choice: required")
    elif isinstance(choice, str) and choice not in ("auto", "none", "required"):
        yield Hint(
            ("tool_choice",), f"must be auto, none or required; for one tool, {{type: function, name: {choice}}}"
        )


def _transfers(targets: Any, file: YamlFile) -> Iterator[Hint]:
    if isinstance(targets, str) or (isinstance(targets, int) and not isinstance(targets, bool)):
        alone = _tel(file.texts.get(("transfer",), str(targets)))
        yield Hint(("transfer",), f"must be a mapping of names: transfer: {{desk: {alone}}}")
    if isinstance(targets, list):
        yield Hint(("transfer",), "must be a mapping of names: transfer: {desk: tel:+14255550100}")
    for name, target in targets.items() if isinstance(targets, Mapping) else ():
        uri = target.get("uri") if isinstance(target, Mapping) else target
        path: FieldPath = ("transfer", name, "uri") if isinstance(target, Mapping) else ("transfer", name)
        if isinstance(target, Mapping) and "uri" not in target:
            for other in ("number", "phone", "phone_number", "to", "target", "destination", "target_uri", "address"):
                if other in target:
                    yield Hint((*path[:2], other), f"is written uri: {_tel(str(target[other]))}", frozenset({path}))
        written = file.texts.get(path, uri if isinstance(uri, str) else "")
        if re.fullmatch(r"\+[-.() \d]{4,24}", written):
            yield Hint(path, f"write {_tel(written)}")


def _tel(number: str) -> str:
    digits = re.sub(r"[-.() ]", "", number)
    return f"tel:{digits if digits.startswith('+') else '+…'}" if ":" not in number else number
