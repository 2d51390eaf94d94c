"""Scenario files: what is wrong with them is named with file, line and field, before anything runs."""

from pathlib import Path

import pytest

from infra.scenarios.reading import ScenarioError, find, read
from tests.unit.scenarios.files import BYE, END, FAKES, HELLO, write


def problems(folder: Path, text: str, **more: str) -> list[str]:
    path = write(folder, text, **more)
    with pytest.raises(ScenarioError) as raised:
        read(path)
    return [line.removeprefix(f"{path}:") for line in str(raised.value).splitlines()]


def test_a_file_is_read_with_its_agent_its_fakes_and_the_places_of_its_lines(tmp_path: Path) -> None:
    prepared = read(write(tmp_path, "agent: desk\n" + FAKES + "script:\n" + HELLO + BYE + END))
    assert prepared.agent is not None
    assert (prepared.agent.name, prepared.dialled, list(prepared.lines)) == ("desk", "+12025550110", [4, 5])
    assert sorted(prepared.fakes) == ["book", "look_up"]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("  - agnt: Hello.\n", "script.1: a line has one of caller, dtmf, silence, hang_up, agent, tool, tools"),
        ("  - dtmf: 012\n", 'script.1.dtmf: YAML does not read 012 as text; put it in quotes: "012"'),
        ("  - silence: 0\n", "script.1.silence: Input should be greater than 0"),
        (
            "  - caller: Hi\n    interupts: true\n",
            "script.1.interupts: there is no such field; did you mean interrupts?",
        ),
        (
            "  - tool: {name: cancel}\n",
            "script.1: desk has no tool cancel; it has book, hang_up, look_up, note, transfer",
        ),
    ],
)
def test_a_wrong_line_of_the_script_is_named(tmp_path: Path, line: str, problem: str) -> None:
    (found,) = problems(tmp_path, "agent: desk\n" + FAKES + "script:\n" + HELLO + line + BYE + END)
    assert found.split(": ", 1)[1] == problem


@pytest.mark.parametrize(
    ("top", "problem"),
    [
        (
            "agent: desk\ncall: {from: '12'}\n",
            '2: call.from: 12 is not an international number (for example "+12025550143")',
        ),
        ("agent: desk\ncall: {at: noon}\n", "2: call.at: noon is not a time"),
        ("agent: desk\ncall: {to: '+12025550111'}\n", "2: call.to: +12025550111 is answered by no agent, not by desk"),
        ("agent: nobody\n", "1: agent: there is no nobody.yaml in a folder above"),
        ("agent: desk\ntransfers: {support: left}\n", "2: transfers.support: desk has no such target; it has sales"),
        ("agent: desk\nreal: [cancel]\n", "2: real.0: desk has no tool cancel"),
        ("agent: desk\nrepeat: 2\npasses: 3\n", "1: passes is more than repeat (2)"),
        ("agent: desk\ncaller: {who: x, opens: y, wants: z}\n", "1: needs either a script or a caller"),
    ],
)
def test_a_wrong_field_is_named(tmp_path: Path, top: str, problem: str) -> None:
    found = problems(tmp_path, top + FAKES + "script:\n" + HELLO + BYE + END)
    assert any(line.startswith(problem) for line in found), found


def test_no_fake_no_run(tmp_path: Path) -> None:
    script = "script:\n" + HELLO + "  - tool: {name: book, arguments: {time: '9'}}\n" + BYE + END
    (found,) = problems(tmp_path, "agent: desk\n" + script)
    assert found == "1: book has no fake; give it one, or list it under real: to run the tool itself".replace(
        "1: ", "1: agent: "
    )
    assert "book" not in read(write(tmp_path, "agent: desk\nreal: [book]\n" + script)).fakes


@pytest.mark.parametrize(
    ("fakes", "problem"),
    [
        ("{bok: {returns: 1}}", "fakes.bok: a fake for a tool that the agent does not have: desk has no tool bok"),
        ("{hang_up: {returns: 1}}", "fakes.hang_up: hang_up is built in and needs no fake"),
        ("{book: {returns: 1, fails: no}}", "fakes.book.fails: YAML does not read no as text"),
        ("{book: {returns: 1, fails: 'no'}}", "fakes.book: returns and fails exclude each other"),
        ("{book: {}}", "fakes.book: needs returns, fails, when, function or seconds"),
        ("{book: {return: 1}}", "fakes.book.return: there is no such field; did you mean returns?"),
        ("nothing.py", "fakes: there is no file nothing.py beside the scenario"),
        ("calendar.py", "fakes: book: the tool has no argument day; it has time, who"),
        ("broken.py", "fakes: broken.py cannot be imported: ZeroDivisionError: division by zero"),
        ("{book: 'calendar.py:cancel'}", "fakes.book: calendar.py has no function cancel"),
    ],
)
def test_a_fake_that_cannot_be_one_is_refused(tmp_path: Path, fakes: str, problem: str) -> None:
    found = problems(
        tmp_path,
        f"agent: desk\nfakes: {fakes}\nscript:\n" + HELLO + BYE + END,
        calendar="def book(state, day):\n    return 1\n",
        broken="1 / 0\n",
    )
    assert any(line.startswith(f"2: {problem}") for line in found), found


def test_an_expectation_of_nothing_is_refused(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, "agent: desk\n" + FAKES + "script:\n" + HELLO + "expect: {}\n")
    assert found == "1: expect must say at least one thing, such as end: agent_hung_up"


def test_a_rejection_has_no_script(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, "agent: desk\nscript:\n" + HELLO + "expect: {decision: {reject: 486}}\n")
    assert found.startswith("1: expect.decision is a rejection")


def test_scenarios_are_found_below_a_folder_and_by_name(tmp_path: Path) -> None:
    path = write(tmp_path, "agent: desk\n")
    hidden = tmp_path / ".cache" / "old.scenario.yaml"
    hidden.parent.mkdir()
    hidden.write_text("")
    assert find([tmp_path, path]) == [path]
    with pytest.raises(ScenarioError, match="there is no such file or folder"):
        find([tmp_path / "none.scenario.yaml"])
    with pytest.raises(ScenarioError, match="scenario files must end in"):
        find([tmp_path / "desk.yaml"])
