"""A session body becomes an agent file that says the same, and what was left out is told."""

import json
from pathlib import Path
from typing import Any

import pytest

from cli import session_import
from cli.session_import import Imported, NotASession, imported
from ringside.agentfile.agent import Agent
from ringside.agentfile.loader import load_agents
from ringside.openai import accept

FUNCTION = {
    "type": "function",
    "name": "get_weather",
    "description": "Get the current weather",
    "parameters": {"type": "object", "properties": {"location": {"type": "string"}}, "required": ["location"]},
}
GA: dict[str, Any] = {
    "type": "realtime",
    "model": "gpt-realtime-2.1",
    "instructions": "Speak clearly and briefly. Confirm understanding before taking actions.",
    "output_modalities": ["audio"],
    "audio": {
        "input": {
            "format": {"type": "audio/pcm", "rate": 24000},
            "transcription": {"model": "gpt-transcribe", "language": "en"},
            "noise_reduction": {"type": "near_field"},
            "turn_detection": {"type": "semantic_vad", "eagerness": "low", "create_response": True},
        },
        "output": {"format": {"type": "audio/pcm"}, "voice": "cedar", "speed": 1.1},
    },
    "tools": [
        FUNCTION,
        {"type": "mcp", "server_label": "crm", "server_url": "https://x.example", "require_approval": "never"},
    ],
    "tool_choice": "auto",
    "max_output_tokens": 500,
    "truncation": {"type": "retention_ratio", "retention_ratio": 0.8},
    "reasoning": {"effort": "low"},
    "tracing": None,
}
BETA: dict[str, Any] = {
    "modalities": ["text", "audio"],
    "model": "gpt-4o-realtime-preview-2024-12-17",
    "instructions": "Hello {{name}}.",
    "voice": "sage",
    "input_audio_format": "pcm16",
    "output_audio_format": "pcm16",
    "input_audio_transcription": {"model": "whisper-1"},
    "turn_detection": {"type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 300, "silence_duration_ms": 500},
    "tools": [{"type": "function", "function": FUNCTION}],
    "tool_choice": {"type": "function", "function": {"name": "get_weather"}},
    "temperature": 0.8,
    "max_response_output_tokens": "inf",
}


def agent(folder: Path, found: Imported) -> Agent:
    (folder / "desk.yaml").write_text(found.text("session.json"), encoding="utf-8")
    (only,) = load_agents(folder, set())
    return only


def left_out(found: Imported) -> dict[str, str]:
    return {each.what: each.why for each in found.left_out}


def test_a_session_of_the_current_shape_says_the_same_as_an_agent_file(tmp_path: Path) -> None:
    found = imported(GA)
    made = agent(tmp_path, found)
    body = accept.session(made, {}, made.instructions)
    wanted = json.loads(json.dumps(GA))
    del wanted["tracing"], wanted["audio"]["input"]["format"], wanted["audio"]["output"]["format"]
    del wanted["audio"]["input"]["turn_detection"]["create_response"]  # true is what OpenAI does anyway
    assert body == wanted
    assert set(left_out(found)) == {"answers", "audio.input.format", "audio.output.format", "tool get_weather"}


def test_a_session_of_the_beta_becomes_one_of_today(tmp_path: Path) -> None:
    found = imported(BETA)
    made = agent(tmp_path, found)
    assert (made.model, made.voice, made.max_output_tokens) == ("gpt-realtime-2.1", "sage", "inf")
    assert made.transcription is not None
    assert made.transcription.model == "whisper-1"
    assert made.instructions_for(None, None, 0, {}) == "Hello {{name}}."
    assert [tool.name for tool in made.lambda_tools] == ["get_weather"]
    assert {"temperature", "input_audio_format", "placeholders in instructions"} <= set(left_out(found))
    assert (
        left_out(found)["model gpt-4o-realtime-preview-2024-12-17"] == "a preview of the beta; gpt-realtime-2.1 instead"
    )


@pytest.mark.parametrize(
    "wrapped",
    [
        {"type": "session.update", "session": GA},
        {
            "type": "session.created",
            "event_id": "event_1",
            "session": {**GA, "id": "sess_1", "object": "realtime.session"},
        },
        {"expires_after": {"anchor": "created_at", "seconds": 600}, "session": GA},
    ],
)
def test_whatever_a_session_comes_in(tmp_path: Path, wrapped: dict[str, Any]) -> None:
    assert agent(tmp_path, imported(wrapped)).voice == "cedar"


def test_what_a_session_leaves_off_stays_off(tmp_path: Path) -> None:
    found = imported({"model": "gpt-realtime", "voice": "marin"})
    assert agent(tmp_path, found).transcription is None
    assert {"transcription", "instructions"} <= set(left_out(found))


def test_secrets_do_not_get_into_the_file(tmp_path: Path) -> None:
    server = {"type": "mcp", "server_label": "crm", "server_url": "https://x.example", "authorization": "tok-1"}
    found = imported({"instructions": "Hi.", "tools": [server | {"headers": {"X-Key": "key-1"}}]})
    assert "tok-1" not in found.text("-")
    assert "key-1" not in found.text("-")
    assert {"authorization of crm", "headers of crm", "approval for crm"} <= set(left_out(found))
    agent(tmp_path, found)


@pytest.mark.parametrize(
    ("asked", "approve"),
    [
        ("never", "all"),
        ({"never": {"tool_names": ["find"]}}, ("find",)),
        ({"never": {"read_only": True}}, "read_only"),
    ],
)
def test_approvals_keep_their_meaning(tmp_path: Path, asked: Any, approve: Any) -> None:
    server = {"type": "mcp", "server_label": "crm", "server_url": "https://x.example", "require_approval": asked}
    (entry,) = agent(tmp_path, imported({"instructions": "Hi.", "tools": [server]})).mcp_servers
    if approve == "read_only":
        assert entry.as_tool({})["require_approval"] == asked
    else:
        assert entry.approve == approve


def test_push_to_talk_is_told_to_be_impossible() -> None:
    assert "turn_detection: null" in left_out(imported({"instructions": "Hi.", "turn_detection": None}))


@pytest.mark.parametrize("strange", [None, 7, "session", [], {}, {"a": 1}, {"session": 3}, {"type": "transcription"}])
def test_what_is_no_session_is_told(strange: object) -> None:
    with pytest.raises(NotASession):
        imported(strange)


@pytest.mark.parametrize("text", ["", "{", "{'a': 1}", "[" * 100_000])
def test_what_is_not_json_is_told(text: str) -> None:
    with pytest.raises(NotASession, match="not JSON: "):
        session_import.loads(text)


def test_a_stranger_s_names_stay_in_their_comments() -> None:
    found = imported({"instructions": "Hi.", "x\nanswers: evil": 1})
    assert "\nanswers: evil" not in found.text("a\nanswers: evil")
