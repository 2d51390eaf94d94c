"""The hard checks: what a call must have been."""

from typing import Any

import pytest

from infra.scenarios.expectations import check
from infra.scenarios.model import Scenario
from tests.unit.scenarios.calls import call, tool, turn

REPEATABLE = {"book": False, "look_up": True}


def problems(expect: dict[str, Any], *items: Any, state: Any = None, **facts: Any) -> list[str]:
    scenario = Scenario.model_validate({"agent": "desk", "script": [{"agent": "Hello."}], "expect": expect})
    return [problem.text for problem in check(scenario, call(*items, **facts), state or {}, REPEATABLE)]


def rejected(expect: dict[str, Any], **decision: Any) -> list[str]:
    scenario = Scenario.model_validate({"agent": "desk", "expect": {"decision": expect}})
    return [problem.text for problem in check(scenario, call(decision=decision), {}, REPEATABLE)]


END = {"end": "agent_hung_up"}


def test_a_tool_with_effects_that_is_called_twice_fails_without_a_word_in_the_file() -> None:
    (text,) = problems(END, tool("book", time="9"), tool("book", time="10"))
    assert text.startswith("tools: book ran 2 times, and it has effects")


def test_so_does_one_that_is_called_twice_alike_although_it_is_listed() -> None:
    expect = {"tools": [{"name": "book", "outcome": "ok", "arguments": {"time": "9"}, "output": {"booked": True}}]}
    first, again = tool("book", time="9", output={"booked": True}), tool("book", time="9", output={"booked": False})
    (text,) = problems(expect, first, again)
    assert "book ran twice with equal arguments" in text


def test_a_tool_with_effects_is_expected_exactly_once_and_a_repeatable_one_at_least_once() -> None:
    book, look_up = {"tools": [{"name": "book"}]}, {"tools": [{"name": "look_up"}]}
    assert problems(book, tool("book", time="9")) == []
    assert problems(look_up, tool("look_up"), tool("look_up")) == []
    assert "expected book exactly once, got 0 times" in problems(book)[0]
    assert "expected look_up at least once, got 0 times" in problems(look_up)[0]


def test_a_second_try_with_other_arguments_is_right_where_one_is_listed() -> None:
    expect = {"tools": [{"name": "book", "arguments": {"time": "10"}}]}
    assert problems(expect, tool("book", time="9"), tool("book", time="10")) == []


@pytest.mark.parametrize(
    ("times", "calls", "fits"),
    [(0, 0, True), (0, 1, False), (2, 2, True), ({"at_least": 2}, 3, True), ({"at_most": 1}, 2, False)],
)
def test_a_count_in_the_file_is_the_count(times: Any, calls: int, fits: bool) -> None:
    found = problems({"tools": [{"name": "book", "times": times}]}, *[tool("book", time="9")] * calls)
    assert (found == []) is fits


def test_a_tool_that_was_called_otherwise_is_shown() -> None:
    (text,) = problems({"tools": [{"name": "book", "arguments": {"time": "9"}}]}, tool("book", time="10"))
    assert text == 'tools: expected book with {"time": "9"} exactly once, got only book(time=10) [ok]'


def test_arguments_that_the_signature_refused_are_a_mistake_unless_they_are_expected() -> None:
    run = tool("book", "refused", '{"error": "The arguments are wrong"}', time="soon")
    assert "was refused" in problems(END, run)[0]
    assert problems({"tools": [{"name": "book", "outcome": "refused"}]}, run) == []


def test_what_must_never_happen_is_named_with_its_arguments() -> None:
    never = {"never": [{"name": "transfer", "arguments": {"to": "sales"}}]}
    assert problems(never, tool("transfer", to="support")) == []
    assert problems(never, tool("transfer", to="sales")) == ["never: transfer(to=sales) was called"]


def test_what_was_said_and_not_said_is_looked_for_in_the_agents_turns_alone() -> None:
    turns = turn("caller", "Is it half past two?"), turn("agent", "It is Half Past Two.")
    assert problems({"said": "half past two"}, *turns) == []
    assert problems({"said": [{"matches": "^It is"}]}, *turns) == []
    assert problems({"said": "Is it"}, *turns) == ['said: the agent never said "Is it"']
    assert problems({"unsaid": ["PAST"]}, *turns) == ['unsaid: the agent said "PAST"']


def test_the_transfer_the_notes_the_state_the_end_and_the_cost() -> None:
    transfer = {"target": "support", "verdict": "failed"}
    assert problems({"transfer": transfer}, transfer=transfer) == []
    assert problems({"transfer": {"verdict": "left"}}, transfer=transfer) == [
        "transfer.verdict: expected left, got failed"
    ]
    assert problems({"transfer": {"target": "support"}}) == ["transfer: expected one, and none was asked for"]
    assert problems({"transfer": "none"}, transfer=transfer) == ["transfer: expected none, got one to support"]
    assert problems({"notes": {"name": "Noor"}}) == ["notes.name: expected Noor, and there is none"]
    (text,) = problems({"state": {"booked": []}}, state={"booked": [{"time": "9"}]})
    assert text == 'state.booked: not expected: {"time": "9"}'
    assert problems({"end": "silence"}, end_detail="why") == ["end: expected silence, got agent_hung_up (why)"]
    assert problems({"max_cost": 0.1}, cost=0.25) == ["max_cost: expected at most 0.1, the call cost 0.2500"]


def test_an_end_that_nobody_wants_is_a_problem_without_a_word_in_the_file() -> None:
    assert problems({"said": "Hello"}, turn("agent", "Hello"), end_reason="supervision_lost") == [
        "end: supervision_lost"
    ]


def test_who_is_let_in_comes_first() -> None:
    assert rejected({"reject": 480, "rule": "closed"}, verdict="reject", rule="closed", sip_status=480) == []
    (text,) = rejected({"reject": 480, "rule": "closed"}, verdict="accept", rule="no rule matched", sip_status=None)
    assert text == "decision: expected reject with SIP 480 by the rule closed, got accept by the rule no rule matched"
    refused = {"verdict": "reject", "rule": "closed", "sip_status": 480}
    assert problems(END, decision=refused) == [
        "decision: the call was not let in: reject with SIP 480 by the rule closed"
    ]


def test_a_problem_names_the_line_that_shows_it() -> None:
    scenario = Scenario.model_validate({"agent": "desk", "script": [{"agent": "Hello."}], "expect": END})
    (problem,) = check(scenario, call(turn("agent", "Hi"), tool("book"), tool("book")), {}, REPEATABLE)
    assert problem.near == 2
