"""Scenarios played through the whole path of a call; what is broken in one is what its result says."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.local.template import REPOSITORY
from infra.scenarios import scripted
from infra.scenarios.outcome import Outcome, Result
from infra.scenarios.reading import find, read
from tests.unit.scenarios.files import BYE, END, HELLO, write

EXAMPLES = REPOSITORY / "docs" / "examples" / "agents"
SCRIPTED = [path for path in find([EXAMPLES]) if read(path).scenario.caller is None]
Change = tuple[str, str]

MUTATIONS: dict[str, tuple[str, list[Change], str]] = {
    "a hang-up is dropped": (
        "dental",
        [("    tool: {name: hang_up}\n", "")],
        "end: expected agent_hung_up, got caller_hung_up",
    ),
    "a tool answers something else": (
        "dental",
        [('then: {state: {times: ["2026-12-02 14:30"]}}', "then: {state: {times: []}}")],
        "state.booked: expected",
    ),
    "a booking is made twice": (
        "dental",
        [
            (
                "  - agent: You are booked",
                '  - tool: {name: book, arguments: {time: "2026-12-02 14:30", subject: check-up, '
                'customer_number: "481516"}}\n  - agent: You are booked',
            )
        ],
        "tools: book ran twice with equal arguments",
    ),
    "an argument is wrong": (
        "dental",
        [("arguments: {subject: check-up}", "arguments: {subject: teeth}")],
        "tools: free_times(subject=teeth) was refused",
    ),
    "keys are missing": ("dental", [('dtmf: "481516"', 'dtmf: "4815"')], "tools: expected collect_digits"),
    "a number is noted wrongly": (
        "night-keys",
        [('value: "12025550188"', 'value: "1202555018"')],
        "notes.number: expected 12025550188, got 1202555018",
    ),
    "the transfer is answered after all": (
        "nobody-picks-up",
        [("stays", "left")],
        "transfer.verdict: expected failed, got left",
    ),
    "OpenAI refuses the transfer": (
        "put-through",
        [("call: {", "transfers: {sales: refused}\ncall: {")],
        "transfer.verdict",
    ),
    "the line is still open": (
        "after-hours",
        [("15:05", "14:55")],
        "decision: expected reject with SIP 480 by the rule closed, got accept",
    ),
    "the caller is there after all": (
        "nobody-there",
        [("  - silence: 9\n  - agent: I cannot", "  - caller: Yes!\n  - agent: I cannot")],
        "end: expected silence, got caller_hung_up",
    ),
    "the caller hangs up early": (
        "nobody-picks-up",
        [("  - caller: Lee Park.", "  - hang_up: caller\n  - caller: Lee Park.")],
        "script: the call was over (caller_hung_up) before",
    ),
}
"""What is changed in an example, and what has to be said about it."""

CASES: dict[str, tuple[str, str]] = {
    "a fake that fails is an outcome": (
        "fakes: {book: {fails: the calendar is down}}\nscript:\n"
        + HELLO
        + "  - tool: {name: book, arguments: {time: '9'}}\n  - agent: It did not work.\n"
        + BYE
        + "expect: {tools: [{name: book, outcome: error, output: {error: {matches: the calendar is down}}}]}\n",
        "",
    ),
    "a fake that dawdles beyond the limit times out": (
        "fakes: {book: {returns: 1, seconds: 100}}\nscript:\n"
        + HELLO
        + "  - tool: {name: book, arguments: {time: '9'}}\n  - agent: One moment.\n  - agent: It took too long.\n"
        + BYE
        + "expect: {tools: [{name: book, outcome: timeout}], end: agent_hung_up}\n",
        "",
    ),
    "a caller who waits for a slow tool hears so": (
        "fakes: {look_up: {returns: [9], seconds: 6}}\nscript:\n"
        + HELLO
        + "  - tool: {name: look_up, arguments: {day: 1}}\n"
        "  - agent: One moment, please.\n  - agent: There is nine.\n"
        + BYE
        + "expect: {tools: [{name: look_up, output: [9]}], said: One moment, end: agent_hung_up}\n",
        "",
    ),
    "a fake without an answer for these arguments": (
        "fakes: {book: {when: [{arguments: {time: '10'}, returns: 1}]}}\nscript:\n"
        + HELLO
        + "  - tool: {name: book, arguments: {time: '9'}}\n  - agent: Hm.\n"
        + BYE
        + END,
        'the fake book has no answer for {"time": "9", "who": ""}: add one under when',
    ),
    "a fake that breaks is named with its line": (
        "fakes: broken.py\nscript:\n"
        + HELLO
        + "  - tool: {name: book, arguments: {time: '9'}}\n  - agent: Hm.\n"
        + BYE
        + END,
        "the fake book raised KeyError at broken.py:2",
    ),
    "a real tool runs where the file says so": (
        "real: [book]\nscript:\n"
        + HELLO
        + "  - tool: {name: book, arguments: {time: '9'}}\n  - agent: Hm.\n"
        + BYE
        + "expect: {tools: [{name: book, outcome: error, output: {error: {matches: RuntimeError}}}]}\n",
        "",
    ),
    "what is pending fails quietly": (
        "pending: later\nscript:\n" + HELLO + BYE + "expect: {end: silence}\n",
        "pending",
    ),
    "what is pending and passes is a failure": (
        "pending: later\nscript:\n" + HELLO + BYE + END,
        "pending: it passes now (later); take the line out",
    ),
    "the caller interrupts": (
        "script:\n  - agent: This is a very long greeting, of which nobody will ever hear the end.\n"
        "  - {caller: Stop!, interrupts: true}\n" + BYE + END,
        "",
    ),
    "a state that is not what it was": (
        "state: {n: 1}\nscript:\n"
        + HELLO
        + "  - caller: Hi.\n    then: {state: {n: 2}}\n"
        + BYE
        + "expect: {state: {n: 1}}\n",
        "state.n: expected 1, got 2",
    ),
}
"""A scenario of the agent `desk`, and what has to be said about it; nothing for one that passes."""


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Result]:
    """All of them, played together, by name."""
    mutated = tmp_path_factory.mktemp("mutated") / "agents"
    shutil.copytree(EXAMPLES, mutated)
    for path in mutated.glob("tests/*.scenario.yaml"):
        path.unlink()
    paths = {f"example {path.name}": path for path in SCRIPTED}
    for number, (name, (source, changes, _)) in enumerate(MUTATIONS.items()):
        text = (EXAMPLES / "tests" / f"{source}.scenario.yaml").read_text()
        for before, after in changes:
            assert before in text, name
            text = text.replace(before, after)
        paths[name] = mutated / "tests" / f"mutation-{number}.scenario.yaml"
        paths[name].write_text(text)
    desk = tmp_path_factory.mktemp("desk")
    for number, (name, (text, _)) in enumerate(CASES.items()):
        fake = "def book(state):\n    return state['nothing']\n"
        paths[name] = write(desk, "agent: desk\n" + text, f"case-{number}", broken=fake)
    results = scripted.play_all([read(path) for path in paths.values()], lambda result: None)
    by_name = dict(zip(paths, results, strict=True))
    return by_name.__getitem__


@pytest.mark.parametrize("path", SCRIPTED, ids=lambda path: path.name)
def test_every_example_agent_passes_its_scenarios(played: Callable[[str], Result], path: Path) -> None:
    result = played(f"example {path.name}")
    assert (result.outcome, [problem.text for problem in result.problems]) == (Outcome.PASSED, [])


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_scenario_that_should_fail_does_and_says_why(played: Callable[[str], Result], name: str) -> None:
    result, said = played(name), MUTATIONS[name][2]
    assert result.outcome is Outcome.FAILED
    assert any(problem.text.startswith(said) for problem in result.problems), result.problems


@pytest.mark.parametrize("name", CASES)
def test_fakes_limits_state_and_the_script_itself(played: Callable[[str], Result], name: str) -> None:
    result, said = played(name), CASES[name][1]
    texts = [problem.text for problem in result.problems]
    if said == "pending":
        assert (result.outcome, result.reason) == (Outcome.PENDING, "later")
    elif said:
        assert result.outcome is Outcome.FAILED
        assert any(text.startswith(said) for text in texts), texts
    else:
        assert (result.outcome, texts) == (Outcome.PASSED, []), result.call
