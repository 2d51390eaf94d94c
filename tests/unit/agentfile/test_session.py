"""The session: whatever an agent file may say becomes a body that OpenAI's own types accept, and nothing else does."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from openai.types.realtime import RealtimeSessionCreateRequest
from openai.types.realtime.realtime_audio_config_output import RealtimeAudioConfigOutput
from pydantic import BaseModel

from infra.emulator.wire.schemas import SESSION
from ringside.agentfile.agent import Agent
from ringside.agentfile.loader import load_agents
from ringside.agentfile.session import SessionConfig
from ringside.agentfile.yaml_lines import AgentFileError
from ringside.openai import accept
from tests.unit.agentfile.files import LINE as WHOLE
from tests.unit.agentfile.files import load

Json = dict[str, Any]
LINE = 'answers: ["+18005551212"]\n'
MCP: Json = {"server_label": "crm", "server_url": "https://mcp.example.com/sse"}


def body(folder: Path, **fields: Any) -> Json:
    """The body of accept for an agent file with these fields."""
    values = {"answers": ["+18005551212"], "instructions": "Be kind.", **fields}
    (folder / "desk.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    (agent,) = load_agents(folder)
    stored = dict.fromkeys(agent.credential_names, "t0ken")
    return accept.session(agent, {}, agent.instructions, stored)


def strangers(value: Any, path: str = "") -> list[str]:
    """The fields that OpenAI's classes do not know: they take them all the same."""
    if isinstance(value, list):
        return [found for each in value for found in strangers(each, path)]
    if not isinstance(value, BaseModel):
        return []
    found = [f"{path}.{name}" for name in value.model_extra or {}]
    return found + [
        inner for name in type(value).model_fields for inner in strangers(getattr(value, name), f"{path}.{name}")
    ]


def judged(session: Json) -> Json:
    """The session, if OpenAI's types accept it strictly and know all of it, and the documented ranges hold."""
    sent = json.loads(json.dumps(session, allow_nan=False))
    assert strangers(RealtimeSessionCreateRequest.model_validate(sent, strict=True)) == []
    SESSION(sent, "")
    return session


FIELDS: list[Json] = [
    {},
    {"model": "gpt-realtime-2.1-mini"},
    {"model": "gpt-realtime-9-of-the-future"},
    {"voice": "cedar"},
    {"voice": {"id": "voice_1234"}},
    {"speed": 0.25},
    {"speed": 1.5},
    {"transcription": None},
    {"transcription": {"model": "gpt-transcribe", "languages": ["en", "de"], "keywords": ["Ringside"], "prompt": "x"}},
    {"transcription": {"model": "gpt-realtime-whisper", "delay": "low", "language": "en"}},
    {"turn_detection": {"type": "semantic_vad", "eagerness": "low", "interrupt_response": False}},
    {"turn_detection": {"create_response": False}},
    {
        "turn_detection": {
            "type": "server_vad",
            "threshold": 0.6,
            "prefix_padding_ms": 300,
            "silence_duration_ms": 500,
            "idle_timeout_ms": 6000,
            "interrupt_response": True,
        }
    },
    {"noise_reduction": {"type": "far_field", "strength": 0.5}},
    {"max_output_tokens": 4096},
    {"max_output_tokens": "inf"},
    {"reasoning_effort": "minimal"},
    {"parallel_tool_calls": False},
    {"tool_choice": "required", "tools": ["hang_up"]},
    {"tool_choice": {"type": "function", "name": "look_up"}, "tools": ["look_up"]},
    {"tool_choice": {"type": "mcp", "server_label": "crm", "name": "find"}, "mcp_servers": [MCP]},
    {"truncation": "disabled"},
    {"truncation": {"retention_ratio": 0.8, "token_limits": {"post_instructions": 5000}}},
    {"tracing": "auto"},
    {"tracing": {"workflow_name": "desk", "group_id": "g", "metadata": {"team": "sales"}}},
    {"prompt": {"id": "pmpt_1", "version": "2", "variables": {"shop": "Example Corp"}}, "instructions": ""},
    {
        "mcp_servers": [
            MCP,
            {"server_label": "files", "connector_id": "connector_dropbox", "authorization": {"secret": "dropbox"}},
        ]
    },
    {"mcp_servers": [{"server_label": "inner", "tunnel_id": "tun_1", "headers": {"X-Team": "sales"}}]},
    {
        "mcp_servers": [
            MCP
            | {
                "server_description": "customers",
                "allowed_tools": ["find"],
                "allowed_callers": ["direct"],
                "defer_loading": True,
                "approve": ["find"],
            }
        ]
    },
    {"mcp_servers": [MCP | {"allowed_tools": {"read_only": True, "tool_names": ["find"]}, "approve": "all"}]},
    {"mcp_servers": [MCP | {"approve": {"read_only": True, "tool_names": ["book"]}}]},
    {"transcription": {"language": "zh-tw"}},
    {"tools": ["hang_up", "transfer", "collect_digits", "note"], "transfer": {"sales": "tel:+14255550100"}},
    {"lambda_tools": [{"name": "order", "function": "orders:live", "description": "Where an order is."}]},
]


@pytest.mark.parametrize("fields", FIELDS, ids=lambda fields: ",".join(fields) or "defaults")
def test_whatever_a_file_may_say_is_a_session_to_openai(tmp_path: Path, fields: Json) -> None:
    judged(body(tmp_path, **fields))


def test_every_field_of_the_session_is_among_these() -> None:
    tried = {name for fields in FIELDS for name in fields}
    assert set(SessionConfig.model_fields) - tried == set()


def test_the_documented_voices_are_known() -> None:
    documented = RealtimeAudioConfigOutput.model_json_schema()["properties"]["voice"]["anyOf"]
    (named,) = (each["enum"] for each in documented if "enum" in each)
    for voice in named:
        assert Agent(name="desk", answers=("default",), instructions="Hi.", voice=voice).voice == voice


def test_what_a_file_says_arrives(tmp_path: Path) -> None:
    session = body(
        tmp_path,
        voice="cedar",
        speed=1.2,
        noise_reduction={"type": "near_field"},
        transcription={"model": "gpt-transcribe", "language": "de"},
        turn_detection={"type": "server_vad", "silence_duration_ms": 700},
        reasoning_effort="low",
        max_output_tokens=500,
    )
    assert session == {
        "type": "realtime",
        "model": "gpt-realtime-2.1",
        "instructions": "Be kind.",
        "output_modalities": ["audio"],
        "audio": {
            "input": {
                "turn_detection": {"type": "server_vad", "silence_duration_ms": 700},
                "transcription": {"model": "gpt-transcribe", "language": "de"},
                "noise_reduction": {"type": "near_field"},
            },
            "output": {"voice": "cedar", "speed": 1.2},
        },
        "tools": [],
        "tool_choice": "auto",
        "reasoning": {"effort": "low"},
        "max_output_tokens": 500,
    }


def test_a_stored_prompt_brings_its_own_instructions(tmp_path: Path) -> None:
    session = judged(body(tmp_path, prompt={"id": "pmpt_1"}, instructions=""))
    assert session["prompt"] == {"id": "pmpt_1"}
    assert "instructions" not in session


def test_no_audio_format_is_ever_sent(tmp_path: Path) -> None:
    """SIP negotiates it; sent along, it has turned calls into noise."""
    assert "format" not in json.dumps([body(tmp_path, **fields) for fields in FIELDS])


@pytest.mark.parametrize(
    ("approve", "asked"), [(None, "always"), (["find"], "always"), ([], "always"), ("all", "never")]
)
def test_a_server_s_tools_need_no_approval_only_if_the_file_says_so(tmp_path: Path, approve: Any, asked: str) -> None:
    server = MCP if approve is None else MCP | {"approve": approve}
    (tool,) = body(tmp_path, mcp_servers=[server])["tools"]
    assert tool == {"type": "mcp", **MCP, "require_approval": asked}


GUARDED: Json = MCP | {"authorization": {"secret": "crm"}, "headers": {"X-Team": "sales", "X-Key": {"secret": "team"}}}


def test_what_a_server_wants_to_see_is_filled_in(tmp_path: Path) -> None:
    (agent,) = load(tmp_path, desk=WHOLE + yaml.safe_dump({"mcp_servers": [GUARDED]}))
    (tool,) = agent.as_body("", [], {"crm": "t0ken", "team": "k3y", "other": "x"})["tools"]

    assert (tool["authorization"], tool["headers"]) == ("t0ken", {"X-Team": "sales", "X-Key": "k3y"})
    assert agent.credential_names == {"crm", "team"}


@pytest.mark.parametrize("credentials", [{}, {"crm": "t0ken"}])
def test_a_server_whose_credential_is_missing_is_left_out_and_no_longer_required(
    tmp_path: Path, credentials: dict[str, str]
) -> None:
    choice = {"type": "mcp", "server_label": "crm"}
    content = {"mcp_servers": [GUARDED, MCP | {"server_label": "open"}], "tool_choice": choice}
    (agent,) = load(tmp_path, desk=WHOLE + yaml.safe_dump(content))
    body = agent.as_body("", [], credentials)

    assert [tool["server_label"] for tool in body["tools"]] == ["open"]
    assert body["tool_choice"] == "auto"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("model: ''", "3: model: "),
        ("voice: marine", "3: voice: "),
        ("voice: {id: marin}", "3: voice.id: "),
        ("speed: 1.6", "3: speed: "),
        ("speed: 0.2", "3: speed: "),
        ("temperature: 0.8", "3: temperature: there is no such field"),
        ("turn_detection: null", "3: turn_detection: "),
        ("turn_detection:\n  type: semantic\n", "4: turn_detection.type: "),
        ("turn_detection: {threshold: 0.5}", "3: turn_detection: threshold cannot be used with semantic_vad"),
        ("turn_detection: {type: server_vad, threshold: 1.5}", "3: turn_detection.threshold: "),
        ("turn_detection: {type: server_vad, idle_timeout_ms: 499}", "3: turn_detection.idle_timeout_ms: "),
        ("noise_reduction: {type: nearfield}", "3: noise_reduction.type: "),
        ("transcription:\n  language: english", "4: transcription.language: "),
        ("transcription: {delay: low}", "3: transcription: delay cannot be used with gpt-transcribe"),
        (
            "transcription: {model: whisper-1, keywords: [a]}",
            "3: transcription: keywords cannot be used with whisper-1",
        ),
        ("transcription: {language: en, languages: [de]}", "3: transcription: give either language or languages"),
        ("audio: {input: {format: {type: audio/pcm}}}", "3: audio: there is no such field"),
        ("max_output_tokens: 4097", "3: max_output_tokens: "),
        ("max_output_tokens: 0", "3: max_output_tokens: "),
        ("reasoning_effort: huge", "3: reasoning_effort: "),
        ("model: gpt-realtime\nreasoning_effort: low", "4: reasoning_effort: gpt-realtime does not reason"),
        (
            "model: gpt-realtime-1.5\nparallel_tool_calls: true",
            "4: parallel_tool_calls: gpt-realtime-1.5 does not reason",
        ),
        ("tool_choice: always", "3: tool_choice: "),
        ("tool_choice: {type: function}", "3: tool_choice.name: is missing"),
        ("tool_choice: {type: function, name: f}", "3: tool_choice: f is not one of the agent's tools"),
        ("tool_choice: {type: mcp, server_label: crm}", "3: tool_choice: crm is not one of mcp_servers"),
        ("truncation: {retention_ratio: 1.1}", "3: truncation.retention_ratio: "),
        ("truncation: sometimes", "3: truncation: "),
        (
            "tracing: {metadata: {since: 2026-11-22}}",
            "3: tracing.metadata: contains a value that JSON cannot represent",
        ),
        ("tracing: {metadata: {x: .nan}}", "3: tracing.metadata: contains a value that JSON cannot represent"),
        ("prompt: {version: '1'}", "3: prompt.id: is missing"),
        (
            "prompt: {id: p, variables: {n: 1}}",
            '3: prompt.variables.n: YAML does not read 1 as text; put it in quotes: "1"',
        ),
        (
            "mcp_servers: [{server_label: a}]",
            "3: mcp_servers.0: an MCP server needs exactly one of server_url, connector_id",
        ),
        ("mcp_servers: [{server_label: a, server_url: 'http://x'}]", "3: mcp_servers.0.server_url: "),
        ("mcp_servers: [{server_label: 1a, tunnel_id: t}]", "3: mcp_servers.0.server_label: "),
        (
            "mcp_servers:\n- {server_label: a, tunnel_id: t}\n- {server_label: a, tunnel_id: u}",
            "3: mcp_servers: two servers have the same server_label",
        ),
        ("lambda_tools: [{name: a b, function: f, description: d}]", "3: lambda_tools.0.name: "),
        ("lambda_tools: [{name: a, function: 'f g', description: d}]", "3: lambda_tools.0.function: "),
        (
            "lambda_tools: [{name: a, function: f, description: d, parameters: {type: string}}]",
            "3: lambda_tools.0.parameters: must be the JSON schema of an object",
        ),
        (
            "lambda_tools: [{name: a, function: f, description: d, parameters: {type: object, since: 2026-11-22}}]",
            "3: lambda_tools.0.parameters: contains a value that JSON cannot represent",
        ),
    ],
)
def test_what_openai_would_refuse_is_refused_here_with_its_line(tmp_path: Path, content: str, told: str) -> None:
    (tmp_path / "desk.yaml").write_text(f"{LINE}instructions: Be kind.\n{content}\n", encoding="utf-8")
    with pytest.raises(AgentFileError) as refused:
        load_agents(tmp_path)
    (problem,) = str(refused.value).splitlines()
    assert problem.startswith(f"{tmp_path}/desk.yaml:{told}"), problem


@pytest.mark.parametrize("content", ['instructions: "\\ud800"', 'instructions: hi\ngreeting: "\\udfff"'])
def test_text_that_cannot_be_sent_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "desk.yaml").write_text(LINE + content + "\n", encoding="utf-8")
    with pytest.raises(AgentFileError, match=r"desk\.yaml:\d+: "):
        load_agents(tmp_path)
