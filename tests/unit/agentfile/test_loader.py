"""The agent files: what they may say, and that every mistake is reported where it is."""

from pathlib import Path

import pytest

from infra.local.agents import DEMO_AGENTS
from ringside.agentfile.loader import load_agents
from ringside.agentfile.yaml_lines import AgentFileError
from tests.unit.agentfile.files import LINE, load, problems


def test_the_agents_that_ship_are_valid() -> None:
    found = load_agents(DEMO_AGENTS, {"opening_hours", "order_status"})
    assert [agent.name for agent in found] == ["concierge"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (LINE + "instrctions: hi\n", "desk.yaml:3: instrctions: there is no such field; did you mean instructions?"),
        ("instructions: hi\n", "desk.yaml:1: answers: is missing"),
        ('answers: ["+18005551212"]\n', "desk.yaml:1: instructions: is missing"),
        (
            "instructions: hi\nanswers:\n  - '+18005551212'\n  - 5551212x\n",
            'desk.yaml:4: answers.1: neither an international number (for example "+14255550112") nor default',
        ),
        (
            "answers: [18005551212]\ninstructions: hi\n",
            'desk.yaml:1: answers.0: YAML does not read 18005551212 as text; put it in quotes: "+18005551212"',
        ),
        ("answers: []\ninstructions: hi\n", "desk.yaml:1: answers: must not be empty"),
        (LINE + "tools: hang_up\n", "desk.yaml:3: tools: must be a list"),
        (LINE + "tools: [hang_up, hang_up]\n", "desk.yaml:3: tools: hang_up is listed twice"),
        (
            LINE + "limits:\n  silence: 12\n  slience: 12\n",
            "desk.yaml:5: limits.slience: there is no such field; did you mean silence?",
        ),
        (LINE + "limits: 12\n", "desk.yaml:3: limits: must be a mapping: limits: {max_duration: 12}"),
        (LINE + "name: clerk\n", "desk.yaml:3: name: must be desk, like the file"),
        (
            LINE + "turn_detection:\n  type: server_vad\n  eagerness: low\n",
            "desk.yaml:3: turn_detection: eagerness cannot be used with server_vad",
        ),
        (
            LINE + "greeting: hi\ngreeting_instructions: hi\n",
            "desk.yaml:4: greeting_instructions: give either greeting or greeting_instructions, not both",
        ),
        (
            LINE + "admission:\n  - name: spam\n    callers: ['+1900', '1976']\n    reject: 603\n",
            "desk.yaml:5: admission.0.callers.1: not a number or the beginning of one "
            '(for example "+1900"), nor an extension (for example ext:1001), anonymous or unknown',
        ),
        (
            LINE + "admission:\n  - name: all\n    callers: []\n    reject: 603\n",
            "desk.yaml:5: admission.0.callers: must not be empty",
        ),
        (
            LINE + "admission:\n  - name: undecided\n",
            "desk.yaml:4: admission.0: a rule needs either accept: true or reject: <SIP status>",
        ),
        (LINE + "voice: marin\nvoice: cedar\n", "desk.yaml:4: voice: is given twice"),
        (LINE + "limits: {silence: 1, silence: 2}\n", "desk.yaml:3: limits.silence: is given twice"),
        (LINE + "voice: !special marin\n", "desk.yaml:3: voice: the tag !special is not known"),
        (LINE + "voice: 2026-99-99\n", "desk.yaml:3: voice: 2026-99-99 is not a valid value: put it in quotes"),
        (LINE + "on: 1\n", "desk.yaml:3: a field's name must be text: put on in quotes"),
        (LINE + "[a, b]: 1\n", "desk.yaml:3: a field's name must be text"),
        (LINE + "<<: marin\n", "desk.yaml:3: <<: must name a mapping, or a list of mappings"),
        (LINE + "tools: &a [*a]\n", "desk.yaml:3: tools.0: contains itself"),
        ("answers: [\ninstructions: hi\n", "desk.yaml:3: not YAML: expected ',' or ']', but got '<stream end>'"),
        (LINE + 'voice: "\x07"\n', "desk.yaml:3: not YAML: special characters are not allowed"),
        (LINE + "---\nvoice: marin\n", "desk.yaml:3: not YAML: but found another document"),
        ("", "desk.yaml:1: an agent file must be a mapping of fields, such as answers: and instructions:"),
        ("- hi\n", "desk.yaml:1: an agent file must be a mapping of fields, such as answers: and instructions:"),
    ],
)
def test_a_mistake_is_told_with_file_line_and_field(tmp_path: Path, content: str, told: str) -> None:
    assert problems(tmp_path, content) == [told]


@pytest.mark.parametrize(
    "line",
    [
        "speed: 2",
        "speed: .nan",
        "limits: {max_duration: .inf}",
        "limits: {max_duration: 3501}",
        "noise_reduction: loud",
        "model: ''",
        "instructions: '  '",
        "transcription: {language: English}",
        "admission: [{name: n, reject: 999}]",
        "admission: [{name: n, accept: false}]",
    ],
)
def test_a_value_out_of_range_is_told_with_its_line(tmp_path: Path, line: str) -> None:
    content = f'answers: ["+18005551212"]\n{line}\n' + ("" if "instructions" in line else "instructions: hi\n")
    (told,) = problems(tmp_path, content)
    assert told.startswith(f"desk.yaml:2: {line.partition(':')[0]}")


def test_all_mistakes_of_a_file_are_told_at_once_by_line(tmp_path: Path) -> None:
    told = problems(tmp_path, "answers: [x, 5]\nspeed: fast\nvoice: {}\n")
    assert [line.split(": ")[0] for line in told] == [
        "desk.yaml:1",
        "desk.yaml:1",
        "desk.yaml:1",
        "desk.yaml:2",
        "desk.yaml:3",
    ]


def test_all_wrong_files_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(AgentFileError) as refused:
        load(tmp_path, desk="a: 1\n", good=LINE, night="- x\n")
    told = str(refused.value)
    assert "desk.yaml:1" in told
    assert "night.yaml:1" in told
    assert "good.yaml" not in told


def test_a_number_has_one_agent(tmp_path: Path) -> None:
    with pytest.raises(
        AgentFileError, match=r"night\.yaml:3: answers: \+18005551212 is already answered by desk\.yaml"
    ):
        load(tmp_path, desk=LINE, night='instructions: hi\nanswers:\n  - "+1 800 555 1212"\n')


def test_a_tool_that_nobody_wrote_is_told_with_those_there_are(tmp_path: Path) -> None:
    content = LINE + "tools:\n  - hang_up\n  - order_state\n"
    assert problems(tmp_path, content, tools={"order_status"}) == [
        "desk.yaml:5: tools: there is no tool named order_state; there are "
        "collect_digits, hang_up, note, order_status, transfer"
    ]


def test_tools_are_not_checked_where_they_are_not_known(tmp_path: Path) -> None:
    (agent,) = load(tmp_path, tools=None, desk=LINE + "tools: [anything]\n")
    assert agent.tools == ("anything",)


def test_a_few_lines_that_mean_billions_of_values_are_refused(tmp_path: Path) -> None:
    levels = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]\n" for n in range(1, 10))
    told = problems(tmp_path, f"l0: &l0 [x]\n{levels}")
    assert len(told) == 1
    assert told[0].endswith("is too large")


def test_a_file_that_is_not_utf_8_is_told_with_the_line(tmp_path: Path) -> None:
    (tmp_path / "desk.yaml").write_bytes(LINE.encode() + b"voice: \xff\n")
    with pytest.raises(AgentFileError, match=r"desk\.yaml:3: not YAML: not UTF-8"):
        load_agents(tmp_path)


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "desk.yaml").mkdir()
    with pytest.raises(AgentFileError, match=r"desk\.yaml:1: cannot be read: "):
        load_agents(tmp_path)


def test_a_file_that_ends_in_yml_is_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "night.yml").write_text(LINE)
    with pytest.raises(AgentFileError, match=r"night\.yml:1: agent files must end in \.yaml; rename this one"):
        load(tmp_path, desk=LINE)


def test_a_folder_without_agents_is_told(tmp_path: Path) -> None:
    with pytest.raises(AgentFileError, match="contains no agent file"):
        load_agents(tmp_path)
    with pytest.raises(AgentFileError, match="contains no agent file"):
        load_agents(tmp_path / "missing")


def test_a_file_called_what_no_agent_can_be_called_is_told(tmp_path: Path) -> None:
    (tmp_path / "Front Desk.yaml").write_text(LINE)
    with pytest.raises(AgentFileError, match=r"Front Desk\.yaml:1: name: "):
        load_agents(tmp_path)


# --- what agents share, and texts in files of their own ---


def test_agents_share_what_the_defaults_say(tmp_path: Path) -> None:
    defaults = "voice: cedar\ninstructions: Be kind.\nlimits: {silence: 5, max_duration: 90}\ntools: [hang_up]\n"
    (tmp_path / "_defaults.yaml").write_text(defaults)
    found = load(
        tmp_path,
        desk="answers: default\n",
        night="answers: '+14255550112'\nlimits: {silence: 9}\ntools: [note]\ninstructions: Be brief.\n",
    )
    desk, night = found.named("desk"), found.named("night")
    assert desk is not None
    assert night is not None
    assert (desk.voice, desk.instructions, desk.limits.silence, desk.tools) == ("cedar", "Be kind.", 5, ("hang_up",))
    assert (night.voice, night.instructions, night.tools) == ("cedar", "Be brief.", ("note",))
    assert (night.limits.silence, night.limits.max_duration) == (9, 90)


def test_an_agent_that_greets_by_itself_takes_no_greeting_from_the_defaults(tmp_path: Path) -> None:
    (tmp_path / "_defaults.yaml").write_text("greeting: Hello.\ninstructions_file: prompt.md\n")
    (agent,) = load(tmp_path, desk=LINE + "greeting_instructions: Greet in French.\n")
    assert (agent.greeting, agent.greeting_instructions) == (None, "Greet in French.")


@pytest.mark.parametrize(
    ("defaults", "told"),
    [
        ("voice: marine\n", "_defaults.yaml:1: voice: "),
        (
            "\nlimits:\n  slience: 5\n",
            "_defaults.yaml:3: limits.slience: there is no such field; did you mean silence?",
        ),
        ("answers: default\n", "_defaults.yaml:1: answers: belongs to one agent, not to all"),
        ("name: desk\n", "_defaults.yaml:1: name: belongs to one agent, not to all"),
        ("vioce: marin\n", "_defaults.yaml:1: vioce: there is no such field"),
        ("- a\n", "_defaults.yaml:1: an agent file must be a mapping of fields"),
    ],
)
def test_a_mistake_in_the_defaults_is_told_once_and_there(tmp_path: Path, defaults: str, told: str) -> None:
    (tmp_path / "_defaults.yaml").write_text(defaults)
    (tmp_path / "night.yaml").write_text("answers: '+14255550112'\ninstructions: Hi.\n")
    (found,) = problems(tmp_path, LINE)
    assert found.startswith(told)


def test_instructions_may_be_in_a_file_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "desk.md").write_text("You are Alex.\n\nIt is {{weekday}}.\n")
    (agent,) = load(tmp_path, desk="answers: default\ninstructions_file: prompts/desk.md\n")
    assert agent.instructions == "You are Alex.\n\nIt is {{weekday}}."


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("instructions_file: missing.md", "desk.yaml:2: instructions_file: missing.md cannot be read: No such file"),
        (
            "instructions_file: ../secret.md",
            "desk.yaml:2: instructions_file: ../secret.md is outside the agents' folder",
        ),
        ("instructions_file: /etc/passwd", "desk.yaml:2: instructions_file: /etc/passwd is outside the agents' folder"),
        ("instructions_file: .", "desk.yaml:2: instructions_file: . cannot be read: Is a directory"),
        ("instructions_file: empty.md", "desk.yaml:2: instructions_file: empty.md is empty"),
        ("instructions_file: latin.md", "desk.yaml:2: instructions_file: latin.md is not UTF-8"),
        ("instructions_file: fact.md", "fact.md:1: instructions: {{name}} is neither a call fact"),
        ("instructions_file: [a]", "desk.yaml:2: instructions_file: must be text"),
        ("instructions: a\ninstructions_file: fact.md", "desk.yaml:3: instructions_file: give either instructions or"),
    ],
)
def test_a_file_of_instructions_that_cannot_be_used_is_told(tmp_path: Path, content: str, told: str) -> None:
    (tmp_path / "empty.md").write_text(" \n")
    (tmp_path / "latin.md").write_bytes(b"Gr\xfc\xdfe")
    (tmp_path / "fact.md").write_text("Hello {{name}}.")
    found = problems(tmp_path, f"answers: default\n{content}\n")
    assert found[0].startswith(told), found


# --- files that would not be read ---


@pytest.mark.parametrize("name", ["night.yml", "night.YAML", "Night.Yml", "night.YML"])
def test_an_agent_file_with_another_ending_is_not_passed_over(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(LINE)
    assert problems(tmp_path, LINE) == [f"{name}:1: agent files must end in .yaml; rename this one"]


@pytest.mark.parametrize("name", ["shops/berlin.yaml", "a/b/c.yml", "more/desk.YAML"])
def test_an_agent_file_in_a_sub_folder_is_not_passed_over(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(parents=True)
    (tmp_path / name).write_text(LINE)
    (told,) = problems(tmp_path, LINE)
    assert told.startswith(f"{name}:1: agent files in sub-folders are not read; move this one to ")


@pytest.mark.parametrize("name", ["tests/desk.yaml", ".git/desk.yaml", "data/orders.yaml"])
def test_other_files_may_be_in_sub_folders(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(parents=True)
    (tmp_path / name).write_text("orders: [1]\n" if "orders" in name else LINE)
    (agent,) = load(tmp_path, desk=LINE)
    assert agent.name == "desk"


@pytest.mark.parametrize("name", ["front_desk", "desk-2", "a_b-c"])
def test_a_file_may_be_called_so(tmp_path: Path, name: str) -> None:
    (tmp_path / f"{name}.yaml").write_text(LINE)
    (agent,) = load_agents(tmp_path)
    assert agent.name == name


# --- schemas of Lambda tools, at their lines ---

TOOL = "lambda_tools:\n  - name: book-table\n    function: f\n    description: d\n    parameters:\n      type: object\n"


@pytest.mark.parametrize(
    ("properties", "told"),
    [
        ("a: {type: string, enum: [yes, no]}", ["enum.0: YAML reads yes as true", "enum.1: YAML reads no as false"]),
        ("a: {enum: [on, off]}", ["enum.0: YAML reads on as true", "enum.1: YAML reads off as false"]),
        (
            "a: {type: string, enum: [9:30, 10:00]}",
            ["enum.0: YAML reads 9:30 as 570", "enum.1: YAML reads 10:00 as 600"],
        ),
        ("a: {enum: [SE, NO, DK]}", ["enum.1: YAML reads NO as false"]),
        ("a: {type: string, default: 02134}", ['default: YAML reads 02134 as 1116; put it in quotes: "02134"']),
        ("a: {type: string, const: +4930}", ["const: YAML reads +4930 as 4930"]),
        ("a: {type: string, examples: [1.10]}", ["examples.0: 1.1 is not of type string; put it in quotes"]),
        ("a: {type: int}", ["type: int is not a type of JSON Schema; write integer"]),
    ],
)
def test_what_yaml_made_of_a_schema_is_told_with_what_was_written(
    tmp_path: Path, properties: str, told: list[str]
) -> None:
    found = problems(tmp_path, f"{LINE}{TOOL}      properties:\n        {properties}\n")
    start = "desk.yaml:10: lambda_tools.0.parameters.properties.a."
    assert [line[: len(start)] for line in found] == [start] * len(told)
    assert all(line.removeprefix(start).startswith(each) for line, each in zip(found, told, strict=True)), found


@pytest.mark.parametrize(
    "properties",
    [
        "a: {type: boolean, default: yes}",
        "a: {type: object, additionalProperties: no}",
        "a: {type: array, items: {}, uniqueItems: on}",
    ],
)
def test_a_word_that_means_true_or_false_may_say_so(tmp_path: Path, properties: str) -> None:
    load(tmp_path, desk=f"{LINE}{TOOL}      properties:\n        {properties}\n")


def test_instructions_that_are_surely_too_long_are_refused(tmp_path: Path) -> None:
    (told,) = problems(tmp_path, f"answers: default\ninstructions: {'word ' * 17_000}\n")
    assert (
        told
        == "desk.yaml:2: instructions: at least 17,000 tokens; OpenAI takes 16,384 for instructions and tools together"
    )
