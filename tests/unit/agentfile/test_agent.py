"""One agent: what follows from its file, and which fields have to fit together."""

from pathlib import Path

import pytest
import yaml

from ringside.agentfile.loader import load_agents
from ringside.agentfile.yaml_lines import AgentFileError
from tests.unit.agentfile.files import LINE, load, problems


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
        ("transfer: {sales: '+14255550100'}", "3: transfer.sales: write tel:+14255550100"),
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


@pytest.mark.parametrize("number", ["+1800555121", "+142555501123", "+49", "+999", "+12"])
def test_a_number_that_nobody_can_dial_is_refused(tmp_path: Path, number: str) -> None:
    (told,) = problems(tmp_path, f"answers: ['{number}']\ninstructions: Hi.\n")
    assert told.startswith("desk.yaml:1: answers.0: ")


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("tel:+1-425-555-0100", "tel:+14255550100"),
        ("tel:+14255550100;ext=12", "tel:+14255550100;ext=12"),
        ("TEL:+14255550100", "tel:+14255550100"),
        ("SIP:desk@pbx.example", "sip:desk@pbx.example"),
        ("sips:desk@pbx.example:5061;transport=tls", "sips:desk@pbx.example:5061;transport=tls"),
        ("sip:1001@10.0.0.1", "sip:1001@10.0.0.1"),
        ("sip:1001@[2001:db8::1]", "sip:1001@[2001:db8::1]"),
        ("sip:pbx.example", "sip:pbx.example"),
        ("sip:desk@pbx", "sip:desk@pbx"),
        ("sip:+14255550100@trunk.example;user=phone", "sip:+14255550100@trunk.example;user=phone"),
    ],
)
def test_a_transfer_goes_to_what_a_refer_may_name(tmp_path: Path, written: str, sent: str) -> None:
    (agent,) = load(tmp_path, desk=f"{LINE}tools: [transfer]\ntransfer: {{desk: '{written}'}}\n")
    assert agent.transfer["desk"].uri == sent


@pytest.mark.parametrize(
    "written",
    ["sip:1001", "sip:@@@", "sip:", "sip:desk@", "sip:@pbx.example", "sip:a@b@c", "tel:+1425", "tel:+14255550100;"],
)
def test_a_transfer_to_nowhere_is_refused(tmp_path: Path, written: str) -> None:
    (told,) = problems(tmp_path, f"{LINE}tools: [transfer]\ntransfer: {{desk: '{written}'}}\n")
    assert told.startswith("desk.yaml:4: transfer.desk: ")


SERVER = "mcp_servers:\n  - server_label: crm\n    server_url: https://mcp.example.com\n    "


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("allowed_tools: [a]\n    approve: [a, b]", "7: mcp_servers.0.approve: b is not in allowed_tools"),
        (
            "allowed_tools: {tool_names: [a]}\n    approve: {tool_names: [b]}",
            "7: mcp_servers.0.approve: b is not in allowed",
        ),
        ("approve: {read_only: false}", "6: mcp_servers.0.approve: read_only can only be true"),
        *(
            (
                f"authorization: '{token}'",
                "6: mcp_servers.0.authorization: an access token must not be in the file: write",
            )
            for token in ("${TOKEN}", "eyJhbGciOi.J9$x", "Bearer abc")
        ),
        ("authorization: {secret: '1 x'}", "6: mcp_servers.0.authorization.secret: "),
        ("headers: {X-Team: '${TEAM}'}", "6: mcp_servers.0.headers.X-Team: is sent as it is written"),
        *(
            (f"headers: {{{name}: abc}}", f"6: mcp_servers.0.headers.{name}: a secret must not be in the file")
            for name in ("Authorization", "X-Api-Key", "cookie")
        ),
    ],
)
def test_what_an_mcp_server_cannot_mean_is_refused(tmp_path: Path, content: str, told: str) -> None:
    (found,) = problems(tmp_path, f"{LINE}{SERVER}{content}\n")
    assert found.startswith(f"desk.yaml:{told}"), found


def test_a_refused_token_is_not_repeated(tmp_path: Path) -> None:
    told = problems(tmp_path, f"{LINE}{SERVER}authorization: 'Bearer abc.def'\n    headers: {{X-Key: hij.klm}}\n")
    assert len(told) == 2
    assert not [line for line in told if "abc" in line or "hij" in line]


def test_tools_that_are_read_only_need_no_approval_and_others_may_be_listed(tmp_path: Path) -> None:
    content = f"{LINE}{SERVER}approve: {{read_only: true, tool_names: [book]}}\n"
    (agent,) = load(tmp_path, desk=content)
    assert agent.mcp_servers[0].as_tool({})["require_approval"] == {"never": {"read_only": True}}
    assert agent.behaviour.approve_remote_tools == {"crm.book"}


def test_a_tool_is_required_only_of_an_agent_that_has_one(tmp_path: Path) -> None:
    (told,) = problems(tmp_path, LINE + "tool_choice: required\n")
    assert told == "desk.yaml:3: tool_choice: required needs at least one tool, and this agent has none"


def test_braces_with_a_backslash_are_text_everywhere(tmp_path: Path) -> None:
    content = "answers: default\ninstructions: 'Say \\{{name}} to {{caller}}.'\ngreeting: 'Hi \\{{name}}'\n"
    (agent,) = load(tmp_path, desk=content)
    assert agent.instructions_for("+14255550112", None, 0, {}) == 'Say {{name}} to "+14255550112".'
    assert '"Hi {{name}}"' in agent.behaviour.greeting


@pytest.mark.parametrize("tag", ["en", "zh-tw", "zh-TW", "pt-BR", "yue", "sr-Latn-RS"])
def test_a_language_may_have_a_region(tmp_path: Path, tag: str) -> None:
    (agent,) = load(tmp_path, desk=f"{LINE}transcription: {{language: {tag}}}\n")
    assert agent.transcription is not None
    assert agent.transcription.language == tag


@pytest.mark.parametrize("tag", ["english", "EN", "zh_TW", "e", "en-"])
def test_what_is_no_language_is_refused(tmp_path: Path, tag: str) -> None:
    (told,) = problems(tmp_path, f"{LINE}transcription: {{language: {tag}}}\n")
    assert "is not a language tag (for example en or zh-tw)" in told


def test_what_is_redacted_is_a_list_of_kinds_or_more_than_that(tmp_path: Path) -> None:
    (plain,) = load(tmp_path, desk=LINE)
    assert plain.redactor is None

    (listed,) = load(tmp_path, desk=LINE + "redact: [cards, emails]\n")
    assert listed.redactor is not None
    assert listed.redactor.text("4111 1111 1111 1111, a@b.example, +14155552671") == "[CARD], [EMAIL], +14155552671"

    more = "redact: {kinds: [phones], languages: [de], countries: [DE], patterns: {member: 'M-[0-9]{6}'}}\n"
    (own,) = load(tmp_path, desk=LINE + more)
    assert own.redactor is not None
    assert own.redactor.text("M-481516? null drei null neun null eins acht zwei null") == "[MEMBER]? [PHONE]"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("redact: [names]", "redact.0: must be"),
        ("redact: {countries: [XX]}", "XX is not a country"),
        ("redact: {patterns: {member: '('}}", "not a regular expression"),
        ("redact: {patterns: {Member No: x}}", "redact.patterns"),
    ],
)
def test_what_cannot_be_redacted_is_told_with_its_line(tmp_path: Path, content: str, told: str) -> None:
    assert told in "\n".join(problems(tmp_path, LINE + content + "\n"))


def test_a_transcript_is_kept_redacted_or_not_kept_at_all(tmp_path: Path) -> None:
    (kept,) = load(tmp_path, desk=LINE)
    assert (kept.keeps_words, kept.redactor, kept.retention_days) == (True, None, None)
    (redacted,) = load(tmp_path, desk=LINE + "transcript: redact\n")
    assert redacted.redactor is not None
    assert redacted.redactor.text("4111 1111 1111 1111, a@b.example") == "[CARD], [EMAIL]"
    (only,) = load(tmp_path, desk=LINE + "transcript: redact\nredact: [emails]\n")
    assert only.redactor is not None
    assert only.redactor.text("4111 1111 1111 1111, a@b.example") == "4111 1111 1111 1111, [EMAIL]"
    (none,) = load(tmp_path, desk=LINE + "transcript: none\nretention_days: 7\n")
    assert (none.keeps_words, none.retention_days) == (False, 7)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("transcript: never", "transcript: must be"),
        ("retention_days: 0", "retention_days: Input should be greater than or equal to 1"),
        (
            "transcript: none\nevents: {transcript: true}",
            "events: transcript is true, but transcript: none keeps no words",
        ),
        ("transcript: none\nanalysis: {summary: true}", "analysis: transcript: none keeps no words to analyse"),
    ],
)
def test_what_is_kept_is_checked(tmp_path: Path, line: str, problem: str) -> None:
    with pytest.raises(AgentFileError) as raised:
        load(tmp_path, desk=LINE + line + "\n")
    assert problem in str(raised.value)
