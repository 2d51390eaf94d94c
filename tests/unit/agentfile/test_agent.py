"""One agent: what follows from its file, and which fields have to fit together."""

from pathlib import Path

import pytest
import yaml

from ringside.agentfile.loader import load_agents
from ringside.agentfile.yaml_lines import AgentFileError
from tests.unit.agentfile.files import LINE, load


def test_two_fields_make_an_agent(tmp_path: Path) -> None:
    (agent,) = load(tmp_path, desk=LINE)
    assert (agent.name, agent.answers, agent.instructions) == ("desk", ("+18005551212",), "Be kind.")
    assert agent.transcription is not None
    assert agent.limits.max_duration == 1800


@pytest.mark.parametrize(
    "written",
    ['["+1 (800) 555-1212"]', '["+1.800.555.1212"]', '"+1 800 555 1212"', "\n  - '+18005551212'"],
)
def test_numbers_are_normalised(tmp_path: Path, written: str) -> None:
    (agent,) = load(tmp_path, desk=f"answers: {written}\ninstructions: hi\n")
    assert agent.answers == ("+18005551212",)


def test_a_greeting_is_said_word_for_word(tmp_path: Path) -> None:
    (agent,) = load(tmp_path, desk=LINE + "greeting: Hello, this is Alex.\n")
    assert '"Hello, this is Alex."' in agent.behaviour.greeting


def test_a_greeting_may_be_instructed_or_left_to_the_model(tmp_path: Path) -> None:
    (instructed,) = load(tmp_path, desk=LINE + "greeting_instructions: Greet in French.\n")
    assert instructed.behaviour.greeting == "Greet in French."
    (left,) = load(tmp_path, desk=LINE)
    assert left.behaviour.greeting


def test_limits_become_behaviour(tmp_path: Path) -> None:
    (agent,) = load(tmp_path, desk=LINE + "limits: {silence: 7, silence_prompts: 1, max_duration: 90}\n")
    behaviour = agent.behaviour
    assert (behaviour.silence_after, behaviour.silence_prompts, behaviour.max_duration) == (7, 1, 90)


def test_transcription_can_be_turned_off(tmp_path: Path) -> None:
    (agent,) = load(tmp_path, desk=LINE + "transcription: null\n")
    assert agent.transcription is None


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("tools: [transfer]", "3: tools: tools lists transfer, but transfer: defines no targets"),
        (
            "admission: [{name: closed, outside_hours: true, reject: 480}]",
            "3: admission: a rule uses outside_hours, but opening_hours is not set",
        ),
        ("transfer: {sales: '+14255550100'}", "3: transfer.sales: neither a number (for example tel:+14255550100) nor"),
        ("transfer:\n  sales:\n    uri: +1425", "5: transfer.sales.uri: "),
        ("transfer: {sales: 'tel:4255550100'}", "3: transfer.sales: neither "),
        ("transfer: {sales: 'sip:a b@example.com'}", "3: transfer.sales: neither "),
        ("transfer: {sales: 'https://example.com'}", "3: transfer.sales: neither "),
        ("transfer: {Sales Team: 'tel:+14255550100'}", "3: transfer.Sales Team"),
        ("time_zone: Berlin", "3: time_zone: Berlin is not an IANA time zone (for example America/New_York)"),
        ("time_zone: ../../etc/passwd", "3: time_zone: "),
        ("opening_hours: {monday: 9-5}", "3: opening_hours.monday: 9-5 is not a time range"),
        ("digits: {terminator: '##'}", "3: digits.terminator: "),
        ("digits: {told: You pressed a key.}", "3: digits.told: "),
        ("limits: {max_cost: 0}", "3: limits.max_cost: "),
    ],
)
def test_what_does_not_fit_is_told_with_its_line(tmp_path: Path, content: str, told: str) -> None:
    (tmp_path / "desk.yaml").write_text(f"{LINE}{content}\n", encoding="utf-8")
    with pytest.raises(AgentFileError) as refused:
        load_agents(tmp_path)
    assert str(refused.value).startswith(f"{tmp_path}/desk.yaml:{told}"), refused.value


def test_a_lambda_tool_needs_a_name_of_its_own(tmp_path: Path) -> None:
    entry = "{name: order, function: f, description: d}"
    content = f"{LINE}lambda_tools:\n  - {entry}\n  - {entry}\n  - {{name: hang_up, function: f, description: d}}\n"
    (tmp_path / "desk.yaml").write_text(content, encoding="utf-8")
    with pytest.raises(AgentFileError) as refused:
        load_agents(tmp_path, set())
    assert [line.partition(": ")[2] for line in str(refused.value).splitlines()] == [
        "lambda_tools: the name order is already used",
        "lambda_tools: the name hang_up is already used",
    ]


def test_approved_servers_and_tools_reach_the_conversation(tmp_path: Path) -> None:
    servers = [
        {"server_label": "crm", "tunnel_id": "t", "approve": ["find", "list"]},
        {"server_label": "kb", "tunnel_id": "t", "approve": "all"},
        {"server_label": "ops", "tunnel_id": "t"},
    ]
    (tmp_path / "desk.yaml").write_text(LINE + yaml.safe_dump({"mcp_servers": servers}), encoding="utf-8")
    (agent,) = load_agents(tmp_path)
    assert agent.behaviour.approve_remote_tools == {"crm.find", "crm.list", "kb"}
