"""What `ringside doctor --last` says of calls that could not be read."""

from typing import Any

import pytest

from cli.doctor.last_calls import problems
from ringside.agentfile.agent import Agent
from ringside.agentfile.agents import Agents
from ringside.sip.trunk import Trunk

ALICE, SHOP = "+14255550112", "+493012345678"


def told(call: dict[str, Any], *rows: tuple[str, str], trunk: Trunk | None = None) -> list[tuple[str, str]]:
    shop = Agent.model_validate({"name": "shop", "answers": [SHOP], "instructions": "x"})
    kept = [{"name": name, "value": value} for name, value in rows]
    return list(problems({"sip_headers": kept, **call}, Agents({"shop": shop}), trunk or Trunk()))


def test_nothing_is_said_of_a_call_that_could_be_read() -> None:
    assert told({"agent": "shop", "caller": ALICE, "dialled": SHOP}, ("From", f"<sip:{ALICE}@c>")) == []
    assert told({"agent": "shop", "caller": "anonymous"}) == []


@pytest.mark.parametrize(("user", "plain"), [("14255550112", "E164"), ("03087654321", "DE")])
def test_digits_of_a_caller_are_a_setting(user: str, plain: str) -> None:
    call = {"agent": "shop", "caller": "unknown", "caller_shown": user}
    ((what, todo),) = told(call, ("From", f"<sip:{user}@c>"))
    assert (what, f"PlainNumbers={plain}" in todo) == ("a caller shows digits without a plus", True)


def test_a_name_is_for_the_carrier_to_mend() -> None:
    ((what, todo),) = told({"agent": "shop", "caller": "unknown", "caller_shown": "alice"}, ("From", "<sip:alice@c>"))
    assert "alice" in what
    assert "P-Asserted-Identity" in todo


@pytest.mark.parametrize(
    "row",
    [
        ("X-Dialled", SHOP),
        ("To", "<sip:proj_1@o?X-Dialled=%2B493012345678>"),
        ("To", f"<sip:proj_1@o;x-dialled={SHOP}>"),
    ],
)
def test_a_number_in_another_header_is_a_setting(row: tuple[str, str]) -> None:
    ((_, todo),) = told({"agent": None, "caller": ALICE, "dialled": None}, row)
    assert f"diallednumberheaders=x-dialled,{','.join(Trunk().dialled_in)}".lower() in todo.lower()


def test_a_number_that_nobody_answers_is_for_an_agent_file() -> None:
    ((what, todo),) = told({"agent": None, "caller": ALICE, "dialled": ALICE}, ("To", f"<sip:{ALICE}@c>"))
    assert (ALICE in what, "answers" in todo) == (True, True)


def test_a_number_with_an_anonymous_name_may_be_a_placeholder() -> None:
    call = {"agent": "shop", "caller": "+49199000000", "dialled": SHOP}
    ((_, todo),) = told(call, ("From", '"Anonymous" <sip:+49199000000@c>'))
    assert 'placeholders: ["+49199000000"]' in todo
