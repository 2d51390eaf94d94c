"""The agent files: what they may say, and that every mistake is reported where it is."""

from pathlib import Path

import pytest

from ringside.agentfile.loader import load_agents
from ringside.agentfile.yaml_lines import AgentFileError
from ringside.settings import SHIPPED
from tests.unit.agentfile.files import LINE, load, problems


def test_the_agents_that_ship_are_valid() -> None:
    found = load_agents(SHIPPED / "agents", {"opening_hours", "order_status"})
    assert [agent.name for agent in found] == ["concierge"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (LINE + "instrctions: hi\n", "desk.yaml:3: instrctions: there is no such field"),
        ("instructions: hi\n", "desk.yaml:1: answers: is missing"),
        ('answers: ["+18005551212"]\n', "desk.yaml:1: instructions: is missing"),
        (
            "instructions: hi\nanswers:\n  - '+18005551212'\n  - 5551212x\n",
            'desk.yaml:4: answers.1: neither an international number (for example "+14255550112") nor default',
        ),
        (
            "answers: [18005551212]\ninstructions: hi\n",
            "desk.yaml:1: answers.0: must be text; put a number or a date in quotes",
        ),
        ("answers: []\ninstructions: hi\n", "desk.yaml:1: answers: must not be empty"),
        (LINE + "tools: hang_up\n", "desk.yaml:3: tools: must be a list"),
        (LINE + "tools: [hang_up, hang_up]\n", "desk.yaml:3: tools: hang_up is listed twice"),
        (LINE + "limits:\n  silence: 12\n  slience: 12\n", "desk.yaml:5: limits.slience: there is no such field"),
        (LINE + "limits: 12\n", "desk.yaml:3: limits: must be a mapping of fields"),
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
        (LINE + "<<: {voice: marin}\n", "desk.yaml:3: <<: there is no such field"),
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
