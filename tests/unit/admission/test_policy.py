"""Admission: the first rule whose conditions all hold decides."""

import pytest

from ringside.admission.policy import NO_AGENT, Decision, decide, needs_counting
from ringside.admission.rules import Call, CallerLimit, Question, Rule

PREMIUM = Rule(name="premium", callers=("+1900", "+1976"), reject=603)


HIDDEN = Rule(name="hidden", callers=("anonymous",), reject=480)


FRIENDS = Rule(name="friends", callers=("+14255550112",), accept=True)


NOBODY = Rule(name="nobody else", reject=486)


def decided(rules: list[Rule], caller: str | None, *reached: bool, is_open: bool = True) -> Decision:
    """Decide, answering the questions in their order; fails if more or fewer are asked."""
    return asked(rules, caller, *reached, is_open=is_open)[0]


def asked(
    rules: list[Rule], caller: str | None, *reached: bool, is_open: bool = True
) -> tuple[Decision, list[Question]]:
    answers, questions = list(reached), []
    deciding = decide(rules, Call(caller, is_open))
    try:
        question = next(deciding)
        while True:
            questions.append(question)
            question = deciding.send(answers.pop(0))
    except StopIteration as done:
        assert answers == []
        return done.value, questions


def test_without_a_rule_everybody_is_let_in() -> None:
    assert decided([], "+14255550112") == Decision("accept", "no rule matched")
    assert decided([PREMIUM, HIDDEN], "+14255550112") == Decision("accept", "no rule matched")


@pytest.mark.parametrize("caller", ["+19005550100", "+19765550100", "+1900"])
def test_a_prefix_matches_every_number_that_begins_so(caller: str) -> None:
    assert decided([PREMIUM], caller) == Decision("reject", "premium", 603)


@pytest.mark.parametrize("caller", ["+1901", "+4419005550100", None])
def test_a_prefix_matches_nothing_else(caller: str | None) -> None:
    assert decided([PREMIUM], caller).verdict == "accept"


def test_anonymous_matches_callers_without_a_number_alone() -> None:
    assert decided([HIDDEN], None) == Decision("reject", "hidden", 480)
    assert decided([HIDDEN], "+14255550112").verdict == "accept"


def test_a_country_matches_the_callers_from_there() -> None:
    germans = Rule(name="germans", countries=("DE", "AT"), accept=True)
    verdicts = [decided([germans, NOBODY], caller).verdict for caller in ("+4930123456", "+14255550112", None)]
    assert verdicts == ["accept", "reject", "reject"]


def test_a_rule_without_conditions_matches_everyone() -> None:
    assert [decided([NOBODY], caller).sip_status for caller in ("+14255550112", None)] == [486, 486]


def test_the_first_rule_that_matches_decides() -> None:
    assert decided([FRIENDS, NOBODY], "+14255550112") == Decision("accept", "friends")
    assert decided([FRIENDS, NOBODY], "+14255550113") == Decision("reject", "nobody else", 486)
    assert decided([NOBODY, FRIENDS], "+14255550112").verdict == "reject"


def test_a_limit_decides_where_it_is_reached() -> None:
    busy = Rule(name="busy", agent_calls=2, reject=486)
    assert asked([busy], None, True) == (Decision("reject", "busy", 486), [Question("agent", 2)])
    assert asked([busy], None, False) == (Decision("accept", "no rule matched"), [Question("agent", 2)])


def test_all_conditions_of_a_rule_must_hold() -> None:
    picky = Rule(name="picky", callers=("+1",), caller_calls=CallerLimit(calls=3, minutes=10), reject=603)
    assert asked([picky], "+14255550112", True)[1] == [Question("caller", 3, 600)]
    assert asked([picky], "+4930123456") == (Decision("accept", "no rule matched"), [])
    both = Rule(name="both", monitors_full=True, stack_calls=9, reject=503)
    assert decided([both], None, True, False).verdict == "accept"
    assert decided([both], None, True, True).sip_status == 503
    assert decided([both], None, False).verdict == "accept"


def test_nothing_is_counted_for_a_call_that_is_decided_before() -> None:
    assert asked([NOBODY, Rule(name="busy", stack_calls=1, reject=486)], None)[1] == []


def test_a_set_of_rules_knows_whether_it_counts() -> None:
    assert not needs_counting([PREMIUM, HIDDEN])
    assert needs_counting([PREMIUM, Rule(name="poor", spent_today=5, reject=480)])


def test_a_rule_may_ask_whether_the_line_is_closed() -> None:
    closed = Rule(name="closed", outside_hours=True, reject=480)
    assert decided([closed], None, is_open=False) == Decision("reject", "closed", 480)
    assert decided([closed], None, is_open=True).verdict == "accept"


def test_a_decision_goes_into_the_record_whole_and_comes_back() -> None:
    assert NO_AGENT.as_item() == {"verdict": "reject", "rule": "no agent answers this number", "sip_status": 404}
    assert Decision.from_item(NO_AGENT.as_item()) == NO_AGENT
