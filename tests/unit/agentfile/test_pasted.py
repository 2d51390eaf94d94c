"""What people paste from elsewhere is recognised, and answered once with what to write instead."""

from pathlib import Path

import pytest

from tests.unit.agentfile.files import LINE, problems

FUNCTION = """
  - type: function
    name: get_weather
    description: Get the current weather
    parameters: {type: object, properties: {city: {type: string}}}
"""
BETA = """
modalities: [text, audio]
instructions: Be kind.
voice: alloy
input_audio_format: pcm16
output_audio_format: pcm16
input_audio_transcription: {model: whisper-1}
turn_detection: {type: server_vad, threshold: 0.5}
temperature: 0.8
max_response_output_tokens: inf
"""
GA = """
type: realtime
model: gpt-realtime-2.1
output_modalities: [audio]
audio:
  input: {format: {type: audio/pcm, rate: 24000}, turn_detection: {type: semantic_vad}}
  output: {voice: marin}
reasoning: {effort: low}
"""


@pytest.mark.parametrize(
    ("content", "kind", "equivalents"),
    [
        (BETA, "beta", ["input_audio_transcription: transcription", "temperature: leave it out"]),
        (GA, "GA", ["audio: its parts are fields at the top level", "reasoning: reasoning_effort: low"]),
        ("session:" + BETA.replace("\n", "\n  "), "beta", ["session: write its fields at the top level"]),
    ],
)
def test_a_session_body_is_answered_once(tmp_path: Path, content: str, kind: str, equivalents: list[str]) -> None:
    (told,) = problems(tmp_path, content)
    assert f"this is a Realtime session body ({kind}); `ringside agents import session.json`" in told
    assert all(each in told for each in equivalents)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (
            f"tools:{FUNCTION}",
            "3: tools: lists names, not definitions: get_weather is a function of tools.py, or an entry",
        ),
        (
            "tools: [{type: function, function: {name: look_up}}]",
            "3: tools: lists names, not definitions: look_up is a",
        ),
        (
            "tools: [hang_up, {type: mcp, server_label: crm}]",
            "3: tools: lists names, not definitions: crm, an MCP server",
        ),
        ("tools: [{type: web_search}]", "3: tools: lists names, not definitions: web_search is not a tool of Realtime"),
        ("tools: [{name: hang_up}]", "3: tools: lists names, not definitions: hang_up is written as a name alone"),
        ("tools: {hang_up: {}, note: {}}", "3: tools: must be a list of names: [hang_up, note]"),
        (
            "mcp_servers: [{type: mcp, server_label: a, tunnel_id: t, require_approval: never}]",
            "3: mcp_servers.0.type: in an agent file: leave type out; require_approval: never is approve: all",
        ),
        (
            "mcp_servers: [{label: a, url: 'https://a.example', approve: all}]",
            "3: mcp_servers.0.label: in an agent file: label is server_label; url is server_url",
        ),
        (
            "mcp_servers: [{server_label: a, tunnel_id: t, require_approval: {never: {tool_names: [find]}}}]",
            "3: mcp_servers.0.require_approval: in an agent file: require_approval is approve: [find]",
        ),
        (
            "lambda_tools: [{type: function, strict: true, name: a, description: d}]",
            "3: lambda_tools.0.type: in an agent file: leave type out; leave strict out",
        ),
        ("noise_reduction: near_field", "3: noise_reduction: must be a mapping: noise_reduction: {type: near_field}"),
        ("turn_detection: server_vad", "3: turn_detection: must be a mapping: turn_detection: {type: server_vad}"),
        ("turn_detection: null", "3: turn_detection: cannot be turned off"),
        ("transcription: whisper-1", "3: transcription: must be a mapping: transcription: {model: whisper-1}"),
        ("prompt: pmpt_1", "3: prompt: write prompt: {id: pmpt_1}"),
        ("limits: 600", "3: limits: must be a mapping: limits: {max_duration: 600}"),
        ("admission: {callers: ['+1900'], reject: 603}", "3: admission: must be a list of rules"),
        ("opening_hours: 9-5", "3: opening_hours: must be a mapping of days"),
        (
            "tool_choice: {type: function, function: {name: a}}",
            "3: tool_choice: write tool_choice: {type: function, name: a}",
        ),
        ("tool_choice: any", "3: tool_choice: write tool_choice: required"),
        ("tool_choice: hang_up", "3: tool_choice: must be auto, none or required; for one tool, {type: function, name"),
        ("transfer: {sales: +14255550100}", "3: transfer.sales: write tel:+14255550100"),
        ("transfer: {sales: {uri: +1 425 555 0100}}", "3: transfer.sales.uri: write tel:+14255550100"),
        ("transfer: {sales: {number: '+14255550100'}}", "3: transfer.sales.number: is written uri: tel:+14255550100"),
        ("transfer: +14255550100", "3: transfer: must be a mapping of names: transfer: {desk: tel:+14255550100}"),
        (
            "transcription: {languages: [en, no]}",
            "3: transcription.languages.1: YAML does not read no as text; put it in",
        ),
        ("admission: [{name: n, callers: [+1900], reject: 603}]", "3: admission.0.callers.0: YAML does not read +1900"),
        ("opening_hours: {monday: 12:30}", "3: opening_hours.monday: "),
        (
            "allow_interruptions: true",
            "3: allow_interruptions: there is no such field; in an agent file: turn_detection",
        ),
        (
            "min_endpointing_delay: 0.5",
            "3: min_endpointing_delay: there is no such field; in an agent file: turn_detec",
        ),
        ("firstMessage: Hello", "3: firstMessage: there is no such field; in an agent file: greeting"),
        ("system_prompt: Be kind", "3: system_prompt: there is no such field; in an agent file: instructions"),
        ("timeZone: UTC", "3: timeZone: there is no such field; it is written time_zone"),
        ("max_output_token: 5", "3: max_output_token: there is no such field; did you mean max_output_tokens?"),
        ("temperature: 0.8", "3: temperature: there is no such field; in an agent file: leave it out"),
        (
            "turn_detection: {silence_duration: 500}",
            "3: turn_detection.silence_duration: there is no such field; did you",
        ),
    ],
)
def test_what_is_written_otherwise_elsewhere_is_answered_once(tmp_path: Path, content: str, told: str) -> None:
    found = problems(tmp_path, f"{LINE}{content}\n")
    (line,) = found
    assert line.startswith(f"desk.yaml:{told}")


@pytest.mark.parametrize("number", ["+18005551212", "18005551212"])
def test_a_number_without_quotes_is_told_to_have_some(tmp_path: Path, number: str) -> None:
    (told,) = problems(tmp_path, f"answers: [{number}]\ninstructions: Hi.\n")
    assert told == f'desk.yaml:1: answers.0: YAML does not read {number} as text; put it in quotes: "+18005551212"'
    assert problems(tmp_path, f"answers: {number}\ninstructions: Hi.\n") == [told.replace("answers.0", "answers")]


@pytest.mark.parametrize(
    "strange",
    [
        *("tools: [[a]]", "tools: [{}]", "tools: [{type: [x]}]", "mcp_servers: [a, {}]", "lambda_tools: {a: b}"),
        *("transfer: [a]", "transfer: {a: {to: [b]}}", "session: [{}]", "tool_choice: []", "turn_detection: [a]"),
        *("prompt: []", "noise_reduction: {a: {}}", "lambda_tools: [{function: {}}]"),
        "mcp_servers: [{type: mcp, require_approval: [a]}]",
    ],
)
def test_no_shape_is_too_strange_to_be_answered(tmp_path: Path, strange: str) -> None:
    assert problems(tmp_path, f"{LINE}{strange}\n")
