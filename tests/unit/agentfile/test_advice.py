"""What an agent file says and hardly means."""

from typing import Any

import pytest

from ringside.agentfile.advice import Known, advise
from ringside.agentfile.agent import Agent
from ringside.agentfile.yaml_lines import dotted

KNOWN = Known(priced={"gpt-realtime-2.1"}, priced_transcription={"gpt-transcribe"})
SERVER = {"server_label": "crm", "tunnel_id": "t"}
RULE = {"name": "budget", "spent_today": 5, "reject": 480}


def told(known: Known = KNOWN, **fields: Any) -> list[str]:
    agent = Agent.model_validate({"name": "desk", "answers": ["default"], "instructions": "Hi.", **fields})
    return [f"{'!' if each.is_wrong else ''}{dotted(each.path)}: {each.text}" for each in advise(agent, known)]


def test_an_ordinary_agent_needs_none() -> None:
    assert told() == []
    assert told(tools=["hang_up"], limits={"max_cost": 2}, mcp_servers=[SERVER | {"approve": "all"}]) == []


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"mcp_servers": [SERVER]}, "mcp_servers.0: crm has no approve, so all calls of its tools are refused"),
        ({"transfer": {"desk": "tel:+14255550100"}}, "transfer: has no effect: tools does not list transfer"),
        ({"tools": ["hang_up"], "tool_choice": "none"}, "tool_choice: none: the model never uses the tools"),
        ({"tools": ["hang_up"], "tool_choice": "required"}, "tool_choice: required: the model calls a tool in every"),
        ({"parallel_tool_calls": True}, "parallel_tool_calls: has no effect: this agent has no tools"),
        (
            {"opening_hours": {"monday": "09:00-17:00"}},
            "opening_hours: has no effect: no rule of admission has outside",
        ),
        ({"headers": ["X-Tier"]}, "headers.0: X-Tier is not used in the instructions: {{header.X-Tier}}"),
        ({"limits": {"max_duration": 30, "warning": 30}}, "limits.warning: is not before max_duration"),
        ({"turn_detection": {"create_response": False}}, "turn_detection.create_response: the agent does not answer"),
        (
            {"turn_detection": {"type": "server_vad", "idle_timeout_ms": 1500}},
            "turn_detection.idle_timeout_ms: 1500 is",
        ),
        (
            {"admission": [{"name": "all", "reject": 603}, {"name": "friends", "callers": ["+1425"], "accept": True}]},
            "admission.1: is never reached: all, before it, applies to every call",
        ),
    ],
)
def test_what_has_no_effect_or_another_one_is_worth_a_look(fields: dict[str, Any], expected: str) -> None:
    found = told(**fields)
    assert len(found) == 1
    assert found[0].startswith(expected)


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"model": "gpt-realtime-2", "limits": {"max_cost": 2}}, "limits.max_cost"),
        ({"model": "gpt-realtime-2", "admission": [RULE]}, "admission.0.spent_today"),
        ({"transcription": {"model": "whisper-1"}, "limits": {"max_cost": 2}}, "limits.max_cost"),
    ],
)
def test_money_that_nobody_can_count_limits_nothing(fields: dict[str, Any], path: str) -> None:
    (found,) = told(**fields)
    assert found.startswith(f"!{path}: never holds, as ")
    assert told(**(fields | {"model": "gpt-realtime-2.1", "transcription": None})) == []


LISTED = Known(
    KNOWN.priced, KNOWN.priced_transcription, ["gpt-realtime-2.1", "gpt-transcribe", "gpt-4o", "gpt-realtime-9"]
)


@pytest.mark.parametrize(
    ("fields", "known", "expected"),
    [
        (
            {"model": "gpt-realtme"},
            KNOWN,
            "model: OpenAI documents no model gpt-realtme for Realtime sessions; did you mean",
        ),
        ({"model": "gpt-realtme"}, LISTED, "!model: OpenAI lists no model gpt-realtme for this key; did you mean"),
        ({"model": "gpt-4o"}, KNOWN, "!model: gpt-4o is not a model for Realtime sessions"),
        ({"model": "gpt-4o"}, LISTED, "!model: gpt-4o is not a model for Realtime sessions"),
        ({"model": "gpt-5.1-mini"}, KNOWN, "!model: gpt-5.1-mini is not a model for Realtime sessions"),
        ({"model": "gpt-live-1"}, KNOWN, "!model: gpt-live-1 is not a model for Realtime sessions"),
        ({"model": "whisper-1"}, KNOWN, "!model: whisper-1 is not a model for Realtime sessions"),
        ({"model": "gpt-realtime-2"}, LISTED, "model: OpenAI does not list gpt-realtime-2 for this key; did you mean"),
        (
            {"transcription": {"model": "wisper-1"}},
            KNOWN,
            "transcription.model: OpenAI documents no model wisper-1 for ",
        ),
        (
            {"transcription": {"model": "gpt-transcibe"}},
            LISTED,
            "!transcription.model: OpenAI lists no model gpt-transc",
        ),
        (
            {"transcription": {"model": "gpt-realtime-2.1"}},
            KNOWN,
            "!transcription.model: gpt-realtime-2.1 is not a model",
        ),
    ],
)
def test_a_model_that_is_hardly_meant(fields: dict[str, Any], known: Known, expected: str) -> None:
    (found,) = told(known, **fields)
    assert found.startswith(expected), found


def test_a_model_that_openai_lists_may_be_newer_than_the_documentation() -> None:
    assert told(LISTED, model="gpt-realtime-9") == []


@pytest.mark.parametrize(
    ("instructions", "named"),
    [
        ("Look up orders with order_status.", "order_status"),
        ("Then call hang_up in the same response.", "hang_up"),
        ("Keep it with the tool note.", "note"),
        ("Put them through: call transfer.", "transfer"),
    ],
)
def test_instructions_that_name_a_tool_which_is_not_there(instructions: str, named: str) -> None:
    assert told(instructions=instructions) == [
        f"instructions: name {named}, and tools does not list a tool of that name"
    ]


def test_instructions_may_name_what_there_is_and_speak_like_people() -> None:
    text = "Note it. Call back. See example_shop.com/order_status and {{local_date}}; write to a_b@example.com."
    assert told(instructions=text) == []
    assert told(instructions="Use hang_up.", tools=["hang_up"]) == []
    assert told(instructions="Use find_customer.", mcp_servers=[SERVER | {"approve": "all"}]) == []


def test_a_rule_for_forged_numbers_is_not_one_for_every_call() -> None:
    rules = [
        {"name": "forged", "attested": ["failed"], "reject": 603},
        {"name": "busy", "agent_calls": 1, "reject": 486},
    ]
    assert told(admission=rules) == []
