"""What the stand-in says and calls, fed by hand."""

import json
from typing import Any

import pytest

from infra.emulator.scripts.lines import Agent
from infra.emulator.session.conversation import Conversation
from infra.emulator.session.stand_in import WHO_I_AM, StandIn


def _function(name: str, **properties: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return {"type": "function", "name": name, "parameters": schema}


BOOK = _function(
    "book_table",
    day={"type": "string", "format": "date"},
    guests={"type": "integer", "minimum": 2},
    room={"anyOf": [{"$ref": "#/$defs/Room"}, {"type": "null"}]},
)
BOOK["parameters"]["$defs"] = {"Room": {"enum": ["hall", "garden"]}}
TOOLS = [
    _function("hang_up"),
    _function("transfer", to={"type": "string", "enum": ["sales", "support"]}),
    BOOK,
    {"type": "mcp", "server_label": "crm"},
]


class Talk:
    """A session in which somebody types."""

    def __init__(self, *tools: dict[str, Any]) -> None:
        self.conversation, self.stand_in = Conversation(), StandIn()
        self.session = {"tools": list(tools)}

    def hear(self, text: str, role: str = "user") -> Agent:
        item = {"id": f"item_{len(self.conversation.order)}", "type": "message", "role": role}
        self.conversation.add({**item, "content": [{"type": "input_text", "text": text}]})
        return self.stand_in.answer(None, self.conversation, self.session)


@pytest.mark.parametrize(
    ("instructions", "said"),
    [
        ("Say exactly this, in these words, and nothing else: \"It's Dana's line.\"", "It's Dana's line."),
        ("Say a short, friendly goodbye now. Do not call any tool.", "Thank you for calling. Goodbye."),
        ("The caller has been silent. Ask briefly whether they are still there.", "Are you still there?"),
        ("Greet the caller briefly and ask how you can help.", "Hello, how can I help you?"),
    ],
)
def test_instructions_for_one_response_are_obeyed_where_they_are_the_usual_ones(instructions: str, said: str) -> None:
    assert StandIn().answer(instructions, Conversation(), {"tools": TOOLS}).agent == said


def test_its_first_answer_says_what_it_is() -> None:
    talk = Talk()
    assert talk.hear("Do you do implants?").agent == WHO_I_AM
    assert talk.hear("Do you do implants?").agent != WHO_I_AM


def test_a_tool_is_called_when_its_name_is_said_with_arguments_that_fit_its_schema() -> None:
    called = Talk(*TOOLS).hear("Book a table for 5 in the garden").calls
    assert [call.name for call in called] == ["book_table"]
    arguments = called[0].arguments
    assert isinstance(arguments, dict)
    assert (arguments["guests"], arguments["room"]) == (5, "garden")
    assert len(arguments["day"]) == len("2026-12-01")


@pytest.mark.parametrize(
    ("said", "name", "arguments"),
    [
        ("I want to speak to a human", "transfer", {"to": "sales"}),
        ("Transfer me to support please", "transfer", {"to": "support"}),
        ("That's all, bye", "hang_up", {}),
    ],
)
def test_somebody_else_and_goodbye_are_understood(said: str, name: str, arguments: dict[str, str]) -> None:
    assert [(call.name, call.arguments) for call in Talk(*TOOLS).hear(said).calls] == [(name, arguments)]


@pytest.mark.parametrize("said", ["Book a table", "bye", "a human, please"])
def test_no_tool_is_called_that_the_session_does_not_offer(said: str) -> None:
    assert Talk().hear(said).calls == []


def test_a_tools_answer_is_read_out_and_keys_are_acknowledged() -> None:
    talk = Talk(*TOOLS)
    assert talk.hear("The caller pressed 12.", role="system").agent == "All right. The caller pressed 12."
    called = {"id": "item_c", "type": "function_call", "call_id": "call_1", "name": "book_table", "arguments": "{}"}
    talk.conversation.add(called)
    output = json.dumps({"booked": "x" * 400})
    talk.conversation.add({"id": "item_o", "type": "function_call_output", "call_id": "call_1", "output": output})
    said = talk.stand_in.answer(None, talk.conversation, talk.session).agent
    assert said is not None
    assert said.startswith('book_table answered: {"booked": "xxx')
    assert said.endswith("…")
